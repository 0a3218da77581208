import json
import os
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import BUILTIN, AvatarRecord, AvatarStore
from services.render.media.write import EncoderOptions
from services.render.settings import RenderSettings
from services.render.train.__main__ import command_line
from services.render.train.job import TrainingResult
from services.render.train.models import ModelRecord, ModelStore
from services.render.train.runner import _Request
from services.render.types import AvatarReport
from tests.fakes.media import blank, png
from tests.fakes.render_engine import FakeEngine

REPORT = AvatarReport(192, 128, 25, 30, 50, 1.0, 64.0, 0.5, ("side-view",), ("open",), 12, 3, 4)


def record(avatar_id: str = "ann", owner: str = "local", at: float = 1) -> AvatarRecord:
    return AvatarRecord(avatar_id, owner, "安 Ann", "fake", "1", "video", "00", REPORT, at)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AvatarStore:
    url = f"file://{tmp_path}/storage" if request.param == "folder" else f"memory://{uuid.uuid4()}"
    return AvatarStore(Storage(url), tmp_path / "cache")


def add(store: AvatarStore, made: AvatarRecord, content: str = "face") -> None:
    with store.making(made.owner) as folder:
        (folder / "engine").mkdir()
        (folder / "engine" / "face.json").write_text(content)
        store.add(made, folder)


def test_a_record_survives_being_written() -> None:
    assert AvatarRecord.from_json(record().to_json()) == record()


def test_an_avatar_is_found_with_its_files(store: AvatarStore) -> None:
    assert store.find("local", "ann") is None
    add(store, record())
    assert store.get("local", "ann") == record()
    assert (store.folder(record()) / "engine" / "face.json").read_text() == "face"
    assert store.storage.read(store.key("local", "ann", "engine/face.json")) == b"face"


def test_a_new_preparation_replaces_the_old_one_whole(store: AvatarStore) -> None:
    add(store, record(), "old")
    add(store, record(at=2), "new")
    assert store.get("local", "ann").created_at == 2
    assert (store.folder(record(at=2)) / "engine" / "face.json").read_text() == "new"
    assert not [p for p in store.folder(record(at=2)).parent.iterdir() if p.name.startswith(".")]


def test_a_preparation_that_fails_leaves_nothing(store: AvatarStore) -> None:
    def fail() -> None:
        with store.making("local") as folder:
            (folder / "half").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.list("local") == []
    assert list((store._base / "local").iterdir()) == []


def test_what_a_killed_process_left_is_swept_after_a_day(store: AvatarStore) -> None:
    add(store, record())
    base = store.folder(record()).parent
    for name, age_s in ((".part-old", 90000), (".part-new", 60)):
        (base / name / "engine").mkdir(parents=True)
        os.utime(base / name, (time.time() - age_s,) * 2)
    store.sweep()
    assert sorted(p.name for p in base.iterdir()) == [".part-new", "ann"]


def test_listing_has_the_builtin_first_then_the_newest(store: AvatarStore) -> None:
    for made in (record("old", at=1), record("new", at=3), record("mid", at=2), record(BUILTIN, BUILTIN, 9)):
        add(store, made)
    assert [r.avatar_id for r in store.list("local")] == [BUILTIN, "new", "mid", "old"]
    assert [r.avatar_id for r in store.list("eve")] == [BUILTIN]


def test_deleting(store: AvatarStore) -> None:
    add(store, record())
    add(store, record(BUILTIN, BUILTIN))
    store.delete("local", "ann")
    assert store.find("local", "ann") is None
    assert store.storage.list("avatars/local/ann") == []
    for owner, avatar, reason in (
        ("local", "ann", "unknown-id"),
        ("local", BUILTIN, "builtin-stays"),
        (BUILTIN, BUILTIN, "builtin-stays"),
    ):
        with pytest.raises(HuashengError, match=reason):
            store.delete(owner, avatar)


@pytest.mark.parametrize("bad", ["../x", "a/b", "A", "", "-a", "a" * 70, "a.b", "a\n"])
def test_names_that_could_leave_the_folder_are_refused(store: AvatarStore, bad: str) -> None:
    if bad:  # empty means the built-in one
        with pytest.raises(HuashengError, match="bad-request"):
            store.get("local", bad)
    with pytest.raises(HuashengError, match="bad-request"):
        store.list(bad + "/..")


def test_a_bucket_is_fetched_again_on_another_machine_and_after_a_change(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4()}"
    here, there = (AvatarStore(Storage(url), tmp_path / n) for n in ("here", "there"))
    add(here, record(), "first")
    assert (there.folder(record()) / "engine" / "face.json").read_text() == "first"
    add(here, record(at=2), "second")
    assert (there.folder(there.get("local", "ann")) / "engine" / "face.json").read_text() == "second"
    assert fsspec.filesystem("memory")


def preparer(tmp_path: Path) -> tuple[Preparer, FakeEngine, Path]:
    store = AvatarStore(Storage(f"file://{tmp_path}/storage"), tmp_path / "cache")
    (tmp_path / "a.png").write_bytes(png(blank(256)))
    return (
        Preparer(store, EncoderOptions()),
        FakeEngine(None, SharedSettings(weights_dir=tmp_path), RenderSettings()),
        tmp_path / "a.png",
    )


def test_two_callers_at_once_prepare_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, engine, source = preparer(tmp_path)
    monkeypatch.setattr(FakeEngine, "prepare_s", 0.2)
    monkeypatch.setattr(FakeEngine, "prepared", 0)
    found: list[AvatarRecord] = []

    def one() -> None:
        found.append(made.prepare(engine, source, "local", "ann", "Ann", lambda *_: None, lambda: False))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert FakeEngine.prepared == 1
    assert found[0] == found[1] == found[2]


def test_a_caller_that_waits_for_another_can_be_cancelled(tmp_path: Path) -> None:
    made, engine, source = preparer(tmp_path)
    with made.store.lock("local", "ann"), pytest.raises(HuashengError, match="cancelled"):
        made.prepare(engine, source, "local", "ann", "Ann", lambda *_: None, lambda: True)


def test_an_idle_loop_of_the_wrong_length_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, engine, source = preparer(tmp_path)
    whole = FakeEngine.prepare

    def short(*args: object) -> AvatarReport:
        return replace(whole(*args), fps=50)

    monkeypatch.setattr(FakeEngine, "prepare", short)
    with pytest.raises(HuashengError, match="engine-failed"):
        made.prepare(engine, source, "local", "ann", "Ann", lambda *_: None, lambda: False)
    assert made.store.list("local") == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, engine, source = preparer(tmp_path)

    def full(*args: object) -> AvatarReport:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FakeEngine, "prepare", full)
    with pytest.raises(OSError, match="space"):
        made.prepare(engine, source, "local", "ann", "Ann", lambda *_: None, lambda: False)
    assert list((tmp_path / "storage/avatars/local").iterdir()) == []


GARBAGE = [b"", b"{broken", b"[]", b"null", b'{"name": "x"}', b"\xff\xfe\x00", b"\x00" * 64]


@pytest.mark.parametrize("data", [*GARBAGE, b'{"created_at": "when"}'])
def test_a_damaged_record_hides_no_other_avatar_and_can_be_deleted(store: AvatarStore, data: bytes) -> None:
    add(store, record("good"))
    add(store, record("bad"))
    if data.startswith(b'{"created_at"'):
        data = json.dumps({**json.loads(record("bad").to_json()), **json.loads(data)}).encode()
    store.storage.put("avatars/local/bad/avatar.json", data)
    assert [r.avatar_id for r in store.list("local")] == ["good"]
    with pytest.raises(HuashengError, match="unknown-id"):
        store.get("local", "bad")
    store.delete("local", "bad")
    with pytest.raises(HuashengError, match="unknown-id"):
        store.delete("local", "bad")
    assert not store.storage.exists("avatars/local/bad/avatar.json")
    assert [r.avatar_id for r in store.list("local")] == ["good"]


@pytest.mark.parametrize("data", GARBAGE)
def test_a_damaged_record_hides_no_other_model_and_can_be_deleted(tmp_path: Path, data: bytes) -> None:
    models = ModelStore(Storage(f"file://{tmp_path}"), tmp_path / "cache")
    result = TrainingResult({"opening_corr": 0.1}, {"opening_corr": 0.5}, ("short-clip",), 40.0, None)
    good = ModelRecord("good", "local", "我", "fake", "ann", "good", 100, result, "00", 1.0)
    models.storage.put("models/local/good/model.json", good.to_json())
    models.storage.put("models/local/bad/model.json", data)
    assert models.list("local") == [good]
    assert models.delete("local", "bad") == ""
    assert models.delete("local", "good") == "good"
    with pytest.raises(HuashengError, match="unknown-id"):
        models.delete("local", "bad")


@pytest.mark.parametrize("name", ["-me", "--steps", "-", "a b", "=x"])
def test_no_name_becomes_an_option_of_the_trainer(tmp_path: Path, name: str) -> None:
    class Engine:
        device, trainer = "cpu", "module:train"

    request = _Request(Engine(), "local", "t", name, tmp_path / "v.mp4", 100, "")  # type: ignore[arg-type]
    parsed = command_line().parse_args(request.arguments(tmp_path / "made", tmp_path / "work", tmp_path / "avatar"))
    assert (parsed.name, parsed.steps, parsed.video, parsed.lines) == (name, 100, tmp_path / "v.mp4", True)
