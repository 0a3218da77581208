"""A bucket over a network that breaks, a server that hangs, and files that change while they are read."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from services.common.bucket.cache import LocalCache
from services.common.errors import HuashengError
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.s3_server import KEYS, READER, S3Server

PART = 5 * 2**20


async def test_a_download_that_breaks_goes_on_where_it_broke(s3: S3Server, tmp_path: Path) -> None:
    url, content = s3.new_url(), os.urandom(3 * 2**20)
    s3.storage(url, tmp_path / "a").put("x", content)
    async with CuttingProxy(s3.port, [0, 1 << 20, 1 << 19]) as proxy:
        storage = s3.storage(url, tmp_path / "b", s3_endpoint=proxy.url, s3_attempts=3)

        def read() -> None:
            with storage.local("x") as path:
                assert path.read_bytes() == content
            with storage.open("x", 100, 1000) as f:
                assert f.read() == content[100:1100]

        await asyncio.to_thread(read)
        assert proxy.connections >= 4


async def test_a_download_that_breaks_for_good_leaves_nothing(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    s3.storage(url, tmp_path / "a").put("x", os.urandom(3 * 2**20))
    async with CuttingProxy(s3.port, [1 << 18] * 20) as proxy:
        storage = s3.storage(url, tmp_path / "b", s3_endpoint=proxy.url)

        def read() -> None:
            with pytest.raises(HuashengError, match="storage-down"), storage.local("x"):
                pass

        await asyncio.to_thread(read)
        assert not list((tmp_path / "b").rglob("*.*")) and not list((tmp_path / "b" / "copies").iterdir())


async def test_a_download_never_mixes_two_versions(s3: S3Server, tmp_path: Path) -> None:
    url, old, new = s3.new_url(), os.urandom(2**20), os.urandom(2**20)
    s3.storage(url, tmp_path / "a").put("x", old)
    async with CuttingProxy(s3.port, [1 << 19]) as proxy:
        storage = s3.storage(url, tmp_path / "b", s3_endpoint=proxy.url)

        def read() -> None:
            reader = storage.open("x")
            first = reader.read(1000)
            s3.storage(url, tmp_path / "a").put("x", new)
            with pytest.raises(FileNotFoundError):
                first += reader.read()
            with storage.local("x") as path:
                assert path.read_bytes() == new

        await asyncio.to_thread(read)


async def test_an_upload_that_fails_in_the_middle_leaves_nothing(s3: S3Server, tmp_path: Path) -> None:
    url, finished = s3.new_url(), tmp_path / "big"
    finished.write_bytes(os.urandom(4 * PART))
    async with CuttingProxy(s3.port, [800, 0, 0, 0]) as proxy:  # it is begun, and no part gets through
        storage = s3.storage(url, tmp_path / "b", s3_endpoint=proxy.url, s3_attempts=1)

        def write() -> None:
            with pytest.raises(HuashengError, match="storage-down"):
                storage.take("x", finished)

        await asyncio.to_thread(write)
    assert finished.exists(), "it can be tried again"
    assert s3.started_uploads() == []
    assert storage_keys(s3, url, tmp_path) == {}


def storage_keys(s3: S3Server, url: str, tmp_path: Path) -> dict[str, object]:
    return dict(s3.storage(url, tmp_path / "look").bucket.below(""))


def test_a_server_that_hangs_is_given_up(s3: S3Server, tmp_path: Path) -> None:
    storage = s3.storage(s3.new_url(), tmp_path, s3_timeout_s=0.3)
    storage.put("x", b"")
    s3.freeze()
    try:
        with pytest.raises(HuashengError, match="storage-down") as e:
            storage.read("x")
        assert e.value.params["cause"] == "bucket-slow"
        assert e.value.retryable
    finally:
        s3.thaw()


def test_what_may_not_be_written_is_named(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3.new_url()
    s3.storage(url, tmp_path / "a").put("x", b"1")
    for name, value in READER.items():
        monkeypatch.setenv(name, value)
    storage = s3.storage(url, tmp_path / "b")
    storage.check(writes=False)
    assert storage.read("x") == b"1"
    for write in (lambda: storage.put("y", b""), lambda: storage.delete("x"), storage.check):
        with pytest.raises(HuashengError, match="storage-refused") as e:
            write()
        assert "AccessDenied" in e.value.text("detail", "zh")


def test_machines_see_each_other_at_once(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    here, there = (s3.storage(url, tmp_path / n) for n in ("here", "there"))
    assert there.list("a") == []
    here.put("a/x", b"1")
    assert there.list("a") == ["a/x"]
    with there.local("a/x") as path:
        assert path.read_bytes() == b"1"
    here.put("a/x", b"2")
    with there.local("a/x") as path:
        assert path.read_bytes() == b"2"
    here.delete("a/x")
    assert not there.exists("a/x")
    with pytest.raises(FileNotFoundError), there.local("a/x"):
        pass


def test_copies_stay_within_their_limit(s3: S3Server, tmp_path: Path) -> None:
    storage = s3.storage(s3.new_url(), tmp_path, storage_cache_mb=1)
    assert isinstance(storage.copies, LocalCache)
    for name in "abcd":
        storage.put(name, name.encode() * 400_000)

    def read(name: str) -> None:
        with storage.local(name) as path:
            assert path.read_bytes() == name.encode() * 400_000

    threads = [threading.Thread(target=read, args=(name,)) for name in "abcdabcd"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    read("a")
    assert sum(p.stat().st_size for p in storage.copies.folder.rglob("*") if p.is_file()) <= 2**20


@pytest.mark.parametrize(
    ("url", "environment", "settings", "reason", "why"),
    [
        ("s3://nobody-made-it", {}, {}, "storage-refused", "has no bucket nobody-made-it"),
        ("s3://A..B/x", {}, {}, "storage-refused", "A..B"),
        ("s3://media", {"AWS_SECRET_ACCESS_KEY": "wrong"}, {}, "storage-refused", "(SignatureDoesNotMatch)"),
        ("s3://media", {"AWS_ACCESS_KEY_ID": "nobody"}, {}, "storage-refused", "(InvalidAccessKeyId)"),
        ("s3://media", dict.fromkeys(KEYS, ""), {}, "storage-refused", "there are no keys for the bucket"),
        ("s3://media", {"AWS_PROFILE": "none"}, {}, "storage-refused", "none"),
        ("s3://media", {}, {"s3_endpoint": "http://127.0.0.1:9"}, "storage-down", "cannot be reached"),
        ("s3://media", {}, {"s3_endpoint": "http://no-such-host.invalid"}, "storage-down", "cannot be reached"),
    ],
)
def test_what_is_set_up_wrongly_is_named(
    s3: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    environment: dict[str, str],
    settings: dict[str, str],
    reason: str,
    why: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(HuashengError, match=reason) as e:
        s3.storage(url, tmp_path, s3_attempts=1, **settings).check()
    assert why in e.value.text("detail", "en")
    assert "?" not in e.value.text("detail", "zh")


def test_a_token_file_that_is_not_there_is_named(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity of a platform, set up by halves."""
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/huasheng")
    with pytest.raises(HuashengError, match="storage-refused") as e:
        s3.storage("s3://media", tmp_path / "cache").check()
    assert str(tmp_path / "token") in e.value.text("detail", "en")
