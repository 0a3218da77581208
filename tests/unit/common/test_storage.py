import errno
import hashlib
import json
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/store")


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/passwd", "", "a//b", ".hidden", "a/.b", "a\\b", "a\0b", "a\n"]
)
def test_keys_cannot_leave_the_root(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="bad storage key"):
        storage.path(key)


def test_uri_and_key_are_inverse_and_foreign_uris_are_refused(storage: Storage) -> None:
    assert storage.key(storage.uri("assets/ab/source")) == "assets/ab/source"
    for uri in ("file:///etc/passwd", storage.uri("a").replace("/a", "/../a"), "s3://other/x"):
        with pytest.raises(HuashengError) as e:
            storage.key(uri)
        assert e.value.slug == "unknown-id"


def test_nothing_appears_when_writing_fails(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), storage.writing("videos/a.mp4") as out:
        out.write_bytes(b"half")
        raise RuntimeError
    assert not storage.exists("videos/a.mp4")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_full_disk_is_named_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e, storage.writing("videos/a.mp4"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert e.value.slug == "disk-full"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_publish_moves_whole_files_with_checksum_and_metadata(storage: Storage, tmp_path: Path) -> None:
    finished = tmp_path / "done.mp4"
    finished.write_bytes(b"video" * 1000)
    described = storage.publish("videos/a.mp4", finished, {"job_id": "j1"})
    assert storage.read("videos/a.mp4") == b"video" * 1000
    assert described["sha256"] == hashlib.sha256(b"video" * 1000).hexdigest()
    assert json.loads(storage.read("videos/a.mp4.json"))["job_id"] == "j1"


def test_list_and_delete(storage: Storage) -> None:
    storage.put("a/one", b"1")
    storage.put("a/two", b"2")
    assert storage.list("a") == ["a/one", "a/two"]
    storage.delete("a")
    storage.delete("a")
    assert storage.list("a") == []


def test_publish_works_across_mounts(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = tmp_path / "done.mp4"
    finished.write_bytes(b"video")
    real = Path.replace

    def across(self: Path, target: Path) -> Path:  # as between two container volumes, whatever the device numbers say
        if self == finished:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", across)
    storage.publish("videos/a.mp4", finished, {})
    assert storage.read("videos/a.mp4") == b"video"
    assert not finished.exists()
