import threading
from dataclasses import replace
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarRecord, AvatarStore
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


def test_a_record_survives_being_written() -> None:
    assert AvatarRecord.from_json(record().to_json()) == record()


def preparer(tmp_path: Path) -> tuple[Preparer, FakeEngine, Path]:
    store = AvatarStore(Storage(f"file://{tmp_path}/storage"))
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


@pytest.mark.parametrize("data", GARBAGE)
def test_a_damaged_record_hides_no_other_model_and_can_be_deleted(tmp_path: Path, data: bytes) -> None:
    models = ModelStore(Storage(f"file://{tmp_path}"))
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

    request = _Request(Engine(), "local", "t", name, tmp_path / "v.mp4", 100, "", None)  # type: ignore[arg-type]
    parsed = command_line().parse_args(request.arguments(tmp_path / "made", tmp_path / "work", tmp_path / "avatar"))
    assert (parsed.name, parsed.steps, parsed.video, parsed.lines) == (name, 100, tmp_path / "v.mp4", True)
