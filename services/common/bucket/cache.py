"""Copies of a bucket's files on this machine: up to so many bytes, those unused for longest go first.

An entry is a folder under a name that holds the version of what is in it, so that one that is there is never stale.
Whoever uses an entry holds a shared lock (``flock``) on its file ``.use``, and an entry is only removed under an
exclusive one: that keeps threads and processes apart, and a process that is killed leaves no lock behind.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from services.common.metrics import COPIES

log = logging.getLogger("huasheng.storage")
USE = ".use"
STALE_S = 86_400
"""Age from which on an unfinished copy is what a killed process left; a younger one may be another's work."""
_LOCKS = 64


def _is_same(path: Path, handle: int) -> bool:
    """Whether the file that was opened is still the one at ``path``: a lock on another one protects nothing."""
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


class LocalCache:
    """The entries in ``folder``, together at most ``most_bytes`` beyond what is in use."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._filling = [threading.Lock() for _ in range(_LOCKS)]

    @contextlib.contextmanager
    def holding(self, name: str, fill: Callable[[Path], None]) -> Iterator[Path]:
        """The folder of the entry ``name``, made by ``fill(folder)`` where there is none; it stays while the block
        runs. Raises what ``fill`` does, and then nothing is left of it; ``OSError`` when the disk is full."""
        handle = self._held(name)
        COPIES.labels("there" if handle is not None else "fetched").inc()
        while handle is None:  # more than once where another process evicts it before it is used
            self._fill(name, fill)
            handle = self._held(name)
        try:
            yield self.folder / name
        finally:
            os.close(handle)

    def _held(self, name: str) -> int | None:
        """A handle with the shared lock on an entry; None when there is no such entry."""
        use = self.folder / name / USE
        try:
            handle = os.open(use, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            os.utime(handle)
            if _is_same(use, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # it was evicted between the two lines
        return None

    def _fill(self, name: str, fill: Callable[[Path], None]) -> None:
        with self._filling[hash(name) % _LOCKS]:
            entry = self.folder / name
            if (entry / USE).exists():
                return
            if entry.is_dir() and not (entry / USE).exists():  # somebody has been at it by hand
                shutil.rmtree(entry, ignore_errors=True)
            try:
                self._make(entry, fill)
            except OSError as e:
                if e.errno != errno.ENOSPC:
                    raise
                self.evict(0)
                self._make(entry, fill)
            self.evict(self.most_bytes, spared=entry)

    def _make(self, entry: Path, fill: Callable[[Path], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
        try:
            fill(part)
            (part / USE).write_text(str(sum(p.stat().st_size for p in part.rglob("*") if p.is_file())))
            with contextlib.suppress(FileExistsError):
                part.rename(entry)
        except OSError as e:
            if e.errno != errno.ENOTEMPTY:  # another process was quicker
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def evict(self, most_bytes: int, spared: Path | None = None) -> None:
        """Remove entries that nobody uses until ``most_bytes`` are left, and what killed processes left unfinished."""
        entries = []
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError, ValueError):  # another process evicts too
                if not entry.name.startswith("."):
                    use = entry / USE
                    entries.append((use.stat().st_mtime, int(use.read_text()), entry))
                elif time.time() - entry.stat().st_mtime > STALE_S:
                    shutil.rmtree(entry, ignore_errors=True)
        total = sum(size for _, size, _ in entries)
        for _, size, entry in sorted(entries):
            if total <= most_bytes:
                return
            if entry != spared and self._remove(entry):
                COPIES.labels("evicted").inc()
                total -= size

    @staticmethod
    def _remove(entry: Path) -> bool:
        """Whether the entry is gone; False for one in use."""
        try:
            with (entry / USE).open() as use:
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is_same(entry / USE, use.fileno()):
                    return False  # another evicted it, and what is there now is a newer one
                gone = entry.with_name(f".gone-{entry.name}-{os.getpid()}-{threading.get_ident()}")
                entry.rename(gone)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        shutil.rmtree(gone, ignore_errors=True)
        return True
