"""The storage as a folder: what only folders do. The rest is in tests/contract/test_storage.py."""

import errno
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/store")


def test_a_full_disk_is_named_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e, storage.writing("videos/a.mp4"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert e.value.slug == "disk-full"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HuashengError, match="storage-refused") as e:
        Storage(f"file://{tmp_path}/file/store").check()
    assert f"{tmp_path}/file/store cannot be used: Not a directory" in e.value.text("detail", "en")
    Storage(f"file://{tmp_path}/store").check(writes=False)
    assert not (tmp_path / "store").exists(), "who only reads makes nothing"


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
