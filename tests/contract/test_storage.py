"""What a storage keeps to, as a folder and as a bucket of a real S3 server."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Storage(f"file://{tmp_path}/store")
    server = request.getfixturevalue("s3")
    made: Storage = server.storage(server.new_url(), tmp_path / "cache")
    return made


def test_it_can_be_checked(storage: Storage) -> None:
    storage.check()
    storage.check(writes=False)
    assert storage.list("checks") == []


def test_keys_cannot_leave_the_root(storage: Storage) -> None:
    for key in ("../x", "a/../../x", "/etc/passwd", "", "a//b", ".hidden", "a/.b", "a\\b", "a\0b", "a\n"):
        for use in (storage.path, storage.uri, storage.exists, storage.read, storage.delete, storage.list):
            with pytest.raises(ValueError, match="bad storage key"):
                use(key)
        with pytest.raises(ValueError, match="bad storage key"):
            storage.put(key, b"")
        with pytest.raises(ValueError, match="bad storage key"), storage.writing(key):
            pass


def test_uri_and_key_are_inverse_and_foreign_uris_are_refused(storage: Storage) -> None:
    assert storage.key(storage.uri("assets/ab/source")) == "assets/ab/source"
    for uri in ("file:///etc/passwd", storage.uri("a").replace("/a", "/../a"), "s3://other/x", "s3://media/other/x"):
        with pytest.raises(HuashengError, match="unknown-id"):
            storage.key(uri)


def test_what_is_written_is_there_whole(storage: Storage) -> None:
    storage.put("a/one", b"1")
    with storage.writing("a/two") as out:
        out.write_bytes(b"22")
    assert (storage.read("a/one"), storage.read("a/two"), storage.size("a/two")) == (b"1", b"22", 2)
    assert storage.exists("a/one")
    assert not storage.exists("a/three")
    with storage.local("a/two") as path:
        assert path.read_bytes() == b"22"
        assert path.name == "two"
    storage.put("a/one", b"")
    assert storage.read("a/one") == b""
    with storage.local("a/one") as path:
        assert path.read_bytes() == b"", "a replaced file is not served from an older copy"


@pytest.mark.parametrize("use", ["read", "size", "open", "local"])
def test_what_is_missing_is_not_found(storage: Storage, use: str) -> None:
    with pytest.raises(FileNotFoundError):
        if use == "local":
            with storage.local("a/none") as path:
                path.read_bytes()
        else:
            getattr(storage, use)("a/none")


def test_a_part_of_a_file(storage: Storage) -> None:
    storage.put("a", bytes(range(200)))
    with storage.open("a", 100, 50) as f:
        assert f.read(50) == bytes(range(100, 150))
    with storage.open("a", 190) as f:
        assert f.read() == bytes(range(190, 200))


def test_nothing_appears_when_writing_fails(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), storage.writing("videos/a.mp4") as out:
        out.write_bytes(b"half")
        raise RuntimeError
    assert not storage.exists("videos/a.mp4")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_large_file_is_published_whole_and_described(storage: Storage, tmp_path: Path) -> None:
    """In a bucket: in parts, of which the last is a small one."""
    finished, content = tmp_path / "done.mp4", os.urandom(11 * 2**20 + 7)
    finished.write_bytes(content)
    described = storage.publish("videos/a.mp4", finished, {"job_id": "j1"})
    assert not finished.exists()
    assert described["sha256"] == hashlib.sha256(content).hexdigest()
    assert json.loads(storage.read("videos/a.mp4.json"))["job_id"] == "j1"
    with storage.local("videos/a.mp4") as path:
        assert path.read_bytes() == content
    with storage.open("videos/a.mp4", 6 * 2**20) as f:
        assert f.read() == content[6 * 2**20 :]


def test_list_and_delete(storage: Storage) -> None:
    assert storage.list("a") == []
    for key in ("a/one", "a/two", "a/three/x", "a/three/y", "ab/one"):
        storage.put(key, key.encode())
    assert storage.list("a") == ["a/one", "a/three", "a/two"]
    assert storage.each(storage.read, ["a/two", "a/one"]) == [b"a/two", b"a/one"]
    storage.delete("a/one")
    assert storage.list("a") == ["a/three", "a/two"]
    storage.delete("a")
    storage.delete("a")
    assert not [key for key in storage.list("a") if storage.list(key) or (storage.exists(key) and storage.is_local)]
    assert storage.read("ab/one") == b"ab/one", "a neighbour of the same beginning stays"


def test_each_raises_what_the_work_does(storage: Storage) -> None:
    storage.put("a", b"")
    with pytest.raises(FileNotFoundError):
        storage.each(storage.read, ["a", "b", "a"])
