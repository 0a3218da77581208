"""The store of avatars, in a folder and in a bucket of a real S3 server."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.render.avatars.store import BUILTIN, AvatarRecord, AvatarStore
from services.render.train.job import TrainingResult
from services.render.train.models import ModelRecord, ModelStore
from services.render.types import AvatarReport
from tests.fakes.s3_server import S3Server

REPORT = AvatarReport(192, 128, 25, 30, 50, 1.0, 64.0, 0.5, ("side-view",), ("open",), 12, 3, 4)


def record(avatar_id: str = "ann", owner: str = "local", at: float = 1) -> AvatarRecord:
    return AvatarRecord(avatar_id, owner, "安 Ann", "fake", "1", "video", "00", REPORT, at)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AvatarStore:
    if request.param == "folder":
        return AvatarStore(Storage(f"file://{tmp_path}/storage"))
    server = request.getfixturevalue("s3")
    return AvatarStore(server.storage(server.new_url(), tmp_path / "cache"))


def add(store: AvatarStore, made: AvatarRecord, content: str = "face") -> AvatarRecord:
    with store.making(made.owner) as folder:
        (folder / "engine").mkdir()
        (folder / "engine" / "face.json").write_text(content)
        (folder / "source").write_text("source of " + content)
        return store.add(made, folder)


def face(store: AvatarStore, of: AvatarRecord) -> str:
    with store.engine_files(of) as files:
        return (files / "face.json").read_text()


def test_an_avatar_is_found_with_its_files(store: AvatarStore) -> None:
    assert store.find("local", "ann") is None
    made = add(store, record())
    assert store.get("local", "ann") == made
    assert replace(made, files={}) == record()
    assert face(store, made) == "face"
    assert store.storage.read(store.key("local", "ann", "engine/face.json")) == b"face"
    with store.source(made) as source:
        assert source.read_text() == "source of face"


def test_files_of_a_record_of_before_are_found(store: AvatarStore) -> None:
    made = replace(add(store, record()), files={})
    store.rewrite(made)
    assert face(store, store.get("local", "ann")) == "face"


def test_a_new_preparation_replaces_the_old_one_whole(store: AvatarStore) -> None:
    add(store, record(), "old")
    made = add(store, record(at=2), "new")
    assert store.get("local", "ann") == made
    assert face(store, made) == "new"
    assert not [p for p in (store._base / "local").iterdir() if p.name.startswith(".")]


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
    base = store._base / "local"
    for name, age_s in ((".part-old", 90000), (".part-new", 60)):
        (base / name / "engine").mkdir(parents=True)
        os.utime(base / name, (time.time() - age_s,) * 2)
    store.sweep()
    assert sorted(p.name for p in base.iterdir() if p.name != "ann") == [".part-new"]


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
    assert not [k for k in store.storage.list("avatars/local/ann") if store.storage.exists(k)]
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


def test_another_machine_fetches_what_it_has_not_and_what_has_changed(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    here, there = (AvatarStore(s3.storage(url, tmp_path / n)) for n in ("here", "there"))
    add(here, record(), "first")
    first = there.get("local", "ann")
    assert face(there, first) == "first"
    add(here, record(at=2), "second")
    assert face(there, there.get("local", "ann")) == "second"
    assert face(there, first) == "first", "who draws the old one goes on with it"


def test_two_preparations_are_never_mixed(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    here, there = (AvatarStore(s3.storage(url, tmp_path / n)) for n in ("here", "there"))
    add(here, record(), "first")
    first = there.get("local", "ann")
    here.storage.put(here.key("local", "ann", "engine/face.json"), b"second")  # its record follows
    with pytest.raises(HuashengError, match="storage-down"):
        face(there, first)
    here.storage.delete(here.key("local", "ann", "engine/face.json"))
    with pytest.raises(HuashengError, match="storage-down"):
        face(there, first)


def test_a_model_is_fetched_where_it_is_not(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    here, there = (ModelStore(s3.storage(url, tmp_path / n)) for n in ("here", "there"))
    result = TrainingResult({"opening_corr": 0.1}, {"opening_corr": 0.5}, ("short-clip",), 40.0, None)
    made = ModelRecord("me_steps1", "local", "我", "fake", "ann", "me", 1, result, "00", 1.0)
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_text(name)
    here.add(made, tmp_path, ("a.bin", "b.bin"))
    assert there.list("local") == [made]
    with there.local(made, ("a.bin", "b.bin")) as folder:
        assert sorted(p.read_text() for p in folder.glob("*.bin")) == ["a.bin", "b.bin"]
    with there.local(made, ("a.bin",)) as path:
        assert path.read_text() == "a.bin"
    here.delete("local", "me_steps1")
    with pytest.raises(HuashengError, match="bad-model"), there.local(replace(made, sha256="01"), ("a.bin",)):
        pass


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
