"""Copies of a bucket's files on this machine: bounded, never stale, never removed under somebody's eyes."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.common.bucket.cache import STALE_S, USE, LocalCache


def fill(size: int = 10, calls: list[str] | None = None) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "file").write_bytes(bytes(size))
        if calls is not None:
            calls.append(folder.name)

    return write


def entries(cache: LocalCache) -> set[str]:
    return {p.name for p in cache.folder.iterdir()}


def use(cache: LocalCache, name: str, size: int = 10) -> None:
    with cache.holding(name, fill(size)) as folder:
        assert (folder / "file").stat().st_size == size
    # times of files are coarse
    os.utime(cache.folder / name / USE, (time.time(), next(_clock)))


_clock = iter(range(1_800_000_000, 1_900_000_000))


def test_an_entry_is_fetched_once(tmp_path: Path) -> None:
    cache, calls = LocalCache(tmp_path, 100), list[str]()
    for _ in range(3):
        with cache.holding("a", fill(calls=calls)) as folder:
            assert (folder / "file").read_bytes() == bytes(10)
    assert len(calls) == 1
    assert entries(cache) == {"a"}


def test_those_unused_for_longest_go_first(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 30)
    for name in ("a", "b", "c", "a", "d"):
        use(cache, name)
    assert entries(cache) == {"a", "c", "d"}
    use(cache, "e", 25)
    assert entries(cache) == {"e"}
    use(cache, "f", 50)
    assert entries(cache) == {"f"}, "one that is larger than the whole is kept while it is the newest"
    use(cache, "g")
    assert entries(cache) == {"g"}


def test_an_entry_in_use_stays(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 20)
    with cache.holding("a", fill()) as folder, cache.holding("a", fill()):
        for name in ("b", "c", "d"):
            use(cache, name)
        assert entries(cache) == {"a", "d"}
        assert (folder / "file").read_bytes() == bytes(10)
    use(cache, "e")
    assert "a" not in entries(cache)


def test_another_process_keeps_its_entry_too_until_it_is_killed(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 10)
    use(cache, "a")
    code = (
        "import sys; from pathlib import Path; from services.common.bucket.cache import LocalCache\n"
        f"with LocalCache(Path({str(tmp_path)!r}), 10).holding('a', None): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        use(cache, "b")
        assert entries(cache) == {"a", "b"}
        other.kill()
    use(cache, "c")
    assert entries(cache) == {"c"}


def test_an_entry_that_came_anew_while_the_old_one_was_evicted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two evict at once: the slower one has opened the old entry when the faster has removed it and it is back."""
    cache, lock = LocalCache(tmp_path, 10), fcntl.flock
    use(cache, "a")
    with contextlib.ExitStack() as stack:

        def slow(handle: Any, how: int) -> None:
            if how & fcntl.LOCK_EX:
                monkeypatch.setattr(fcntl, "flock", lock)
                cache.evict(0)
                stack.enter_context(cache.holding("a", fill()))
            lock(handle, how)

        monkeypatch.setattr(fcntl, "flock", slow)
        cache.evict(0)
        assert (tmp_path / "a" / "file").exists()


def test_many_threads_find_what_they_hold(tmp_path: Path) -> None:
    """Room for two of five: entries go and come all the time, and none under its holder."""
    cache, wrong = LocalCache(tmp_path, 20), list[object]()

    def work(seed: int) -> None:
        for n in range(60):
            name = "abcde"[(n * (seed + 1)) % 5]

            def write(folder: Path, name: str = name) -> None:
                (folder / "file").write_text(name * 10)

            try:
                with cache.holding(name, write) as folder:
                    time.sleep(0.0005)
                    if (folder / "file").read_text() != name * 10:
                        wrong.append(name)
            except Exception as e:
                wrong.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    cache.evict(0)
    assert not entries(cache)


def test_what_fails_leaves_nothing_and_what_was_killed_is_swept(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 100)

    def broken(folder: Path) -> None:
        (folder / "half").write_bytes(b"x")
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError), cache.holding("a", broken):
        pass
    assert not entries(cache)
    for name, age in ((".part-old", STALE_S + 60), (".part-new", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    use(cache, "b")
    assert entries(cache) == {"b", ".part-new"}


def test_a_full_disk_is_emptied_of_copies_first(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 1000)
    for name in ("a", "b"):
        use(cache, name)
    tries = 0

    def full_once(folder: Path) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fill()(folder)

    with cache.holding("c", full_once):
        assert entries(cache) == {"c"}


def test_an_entry_without_its_lock_file_is_made_anew(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, 100)
    (tmp_path / "a").mkdir()
    use(cache, "a")
