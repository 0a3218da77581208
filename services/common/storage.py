"""Storage by URL: a shared folder (``file://``) or a bucket (``s3://bucket/prefix``).

Keys are made by our own code from ids, never from names that users give. Finished results leave through ``publish``.
What a bucket's server does wrong is raised as ``storage-down``, ``storage-refused`` or ``disk-full`` by every method.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from services.common.digest import sha256_of, sha256_of_file
from services.common.errors import HuashengError
from services.common.settings import SharedSettings

if TYPE_CHECKING:
    from services.common.bucket.objects import Bucket, Stored

T = TypeVar("T")
R = TypeVar("R")
_KEY = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
AT_ONCE = 8
"""Requests to a bucket that one ``each`` makes at the same time."""
REPLACED = 3
"""How often a file may be replaced while it is fetched before it counts as missing."""


class Storage:
    """Files under one root URL, addressed by key (``avatars/ab12/idle.mp4``).

    ``settings`` are those of a bucket; without them they come from the environment.
    """

    def __init__(self, url: str, settings: SharedSettings | None = None) -> None:
        scheme, _, place = url.partition("://")
        self.is_local = scheme == "file"
        if self.is_local:
            self.root = str(Path(place).expanduser().absolute())
            self._base = f"file://{self.root}"
            return
        from services.common.bucket.cache import LocalCache  # boto3 costs 0.3 s and 30 MB, only where it is used
        from services.common.bucket.objects import Bucket

        settings = settings or SharedSettings()
        parts = urlsplit(url)
        self.root = place.rstrip("/")
        self._base = f"s3://{self.root}"
        self.bucket: Bucket = Bucket(parts.netloc, parts.path, settings)
        self.scratch = settings.storage_cache_dir / "work"
        """Folder for what is being made: on this machine, seen by no other."""
        self.copies = LocalCache(settings.storage_cache_dir / "copies", settings.storage_cache_mb * 2**20)

    def check(self, writes: bool = True) -> None:
        """Use the storage once as it will be used. Raises ``storage-refused``, ``storage-down`` and ``disk-full``."""
        if self.is_local:
            _check_folder(Path(self.root), writes)
            return
        self.bucket.reach()
        for folder in (self.scratch, self.copies.folder):
            _check_folder(folder, writes=True)
        if writes:
            key = f"checks/{secrets.token_hex(8)}"
            self.put(key, b"can this be written, read and deleted?")
            self.read(key)
            self.bucket.delete(key)

    def path(self, key: str) -> str:
        """Path of a file in a folder. Raises ``ValueError`` for a key that could leave the root."""
        return f"{self.root}/{_checked(key)}"

    def uri(self, key: str) -> str:
        """Full URI, as services pass it to each other."""
        return f"{self._base}/{_checked(key)}"

    def key(self, uri: str) -> str:
        """The key of a URI of this storage. Raises ``unknown-id`` for URIs elsewhere: foreign files stay unread."""
        key = uri.removeprefix(f"{self._base}/")
        if key == uri or not _KEY.fullmatch(key) or ".." in key.split("/") or self._leads_out(key):
            raise HuashengError("unknown-id", kind="file", id=uri.rsplit("/", 1)[-1][:100])
        return key

    def _leads_out(self, key: str) -> bool:
        # a link that somebody else put into the folder
        return self.is_local and not Path(self.path(key)).resolve().is_relative_to(Path(self.root).resolve())

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        if self.is_local:
            return Path(self.path(key)).exists()
        with contextlib.suppress(FileNotFoundError):
            self._stat(key)
            return True
        return False

    def size(self, key: str) -> int:
        """Size in bytes. Raises ``FileNotFoundError``."""
        return Path(self.path(key)).stat().st_size if self.is_local else self._stat(key).bytes

    def _stat(self, key: str) -> Stored:
        return self.bucket.stat(_checked(key))

    def open(self, key: str, start: int = 0, length: int | None = None) -> IO[bytes]:
        """Open for reading from byte ``start``; of a bucket no more than ``length`` bytes are asked for.

        Raises ``FileNotFoundError``.
        """
        if not self.is_local:
            return self.bucket.open(_checked(key), start, length)
        handle = io.FileIO(self.path(key))
        handle.seek(start)
        return handle

    def read(self, key: str) -> bytes:
        """The whole content. Raises ``FileNotFoundError``."""
        with self.open(key) as f:
            return f.read()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """``work`` of every item, in their order: with a bucket several at a time, since each waits for its server."""
        things = list(items)
        if self.is_local or len(things) < 2:
            return [work(item) for item in things]
        with ThreadPoolExecutor(min(AT_ONCE, len(things))) as pool:
            return list(pool.map(work, things))

    def list(self, prefix: str) -> list[str]:
        """Keys right under a prefix, sorted; empty when there is no such folder. Not for what a turn or a job needs: a
        bucket lists slowly, and bills it. Some servers also name folders that are empty by now."""
        if not self.is_local:
            return sorted(self.bucket.children(_checked(prefix)))
        try:
            return sorted(f"{prefix}/{p.name}" for p in Path(self.path(prefix)).iterdir())
        except FileNotFoundError:
            return []

    def delete(self, key: str) -> None:
        """Delete a file or folder; missing is fine."""
        if not self.is_local:
            self.bucket.delete(_checked(key))
            self.bucket.delete_below(key)
            return
        path = Path(self.path(key))
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A local file to read: the file itself in a folder, of a bucket a copy of its current version, which is kept
        for the next time. Raises ``FileNotFoundError``."""
        if self.is_local:
            yield Path(self.path(key))
            return
        name = _checked(key).rsplit("/", 1)[-1]
        with contextlib.ExitStack() as held:
            for left in reversed(range(REPLACED)):
                tag = self._stat(key).etag

                def fill(folder: Path, tag: str = tag) -> None:
                    self.bucket.download(key, folder / name, tag)

                try:
                    folder = held.enter_context(self.copy(f"{key}\n{tag}", fill))
                    break
                except FileNotFoundError:  # it was replaced just now
                    if not left:
                        raise
            yield folder / name

    @contextlib.contextmanager
    def copy(self, version: str, fill: Callable[[Path], None]) -> Iterator[Path]:
        """The folder with what ``fill(folder)`` fetches from the bucket; ``version`` names it, so that another version
        is fetched anew. It stays while the block runs. Raises what ``fill`` does."""
        try:
            with self.copies.holding(sha256_of(f"{self._base}\n{version}", digits=40), fill) as folder:
                yield folder
        except OSError as e:
            raise _named(e) from e

    def fetch(self, keys: dict[str, Path]) -> None:
        """Write objects of a bucket to local files. Raises ``FileNotFoundError``."""
        for folder in {path.parent for path in keys.values()}:
            folder.mkdir(parents=True, exist_ok=True)
        self.each(lambda item: self.bucket.download(_checked(item[0]), item[1]), keys.items())

    def put(self, key: str, data: bytes) -> None:
        """Write a small file whole or not at all."""
        if not self.is_local:
            self.bucket.put(_checked(key), data)
            return
        with self.writing(key) as f:
            f.write_bytes(data)

    def put_json(self, key: str, value: Any) -> None:
        """Write JSON whole or not at all."""
        self.put(key, json.dumps(value, ensure_ascii=False).encode())

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """A local path to write to; the file appears under ``key`` only when the block ends well.

        Raises ``disk-full``. Nothing is left behind after an error.
        """
        key = _checked(key)
        folder = Path(self.path(key)).parent if self.is_local else self.scratch
        temporary = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(prefix=".part-", suffix="-" + key.rsplit("/", 1)[-1], dir=folder)
            os.close(handle)
            temporary = Path(made)
            yield temporary
            if self.is_local:
                with temporary.open("rb") as f:
                    os.fsync(f.fileno())
                temporary.chmod(0o644)
                temporary.replace(self.path(key))
            else:
                self.bucket.upload(temporary, key)
        except OSError as e:
            raise _named(e) from e
        finally:
            if temporary:
                temporary.unlink(missing_ok=True)

    def take(self, key: str, finished: Path) -> None:
        """Put a finished local file in its place, whole or not at all: moved or copied into a folder, uploaded from
        where it lies to a bucket. It is gone afterwards. Raises ``disk-full``."""
        if not self.is_local:
            self.bucket.upload(finished, _checked(key))
            finished.unlink()
            return
        with self.writing(key) as out:
            move(finished, out)

    def publish(self, key: str, finished: Path, metadata: dict[str, Any]) -> dict[str, Any]:
        """The one way out for finished audio and video: whole, checksummed, described by ``<key>.json``.

        ``finished`` is taken as by ``take``. Returns the metadata with ``bytes`` and ``sha256``.
        """
        described = {
            **metadata,
            "bytes": finished.stat().st_size,
            "sha256": sha256_of_file(finished),
            "generated_by": "huasheng",
        }
        self.take(key, finished)
        self.put_json(key + ".json", described)
        return described


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key) or ".." in key.split("/"):
        raise ValueError(f"bad storage key {key!r}")
    return key


def _named(error: OSError) -> Exception:
    return HuashengError("disk-full") if error.errno == errno.ENOSPC else error


def _check_folder(folder: Path, writes: bool) -> None:
    try:
        if writes:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".part-check-") as f:
                f.write(b"can this be written?")
        elif folder.exists():
            next(folder.iterdir(), None)
    except OSError as e:
        if e.errno == errno.ENOSPC:
            raise HuashengError("disk-full") from e
        raise HuashengError("storage-refused", cause="folder-denied", folder=folder, error=e.strerror) from e


def move(source: Path, target: Path) -> None:
    """Move a file over another, also between file systems and between two mounts of the same one."""
    try:
        source.replace(target)
    except OSError as e:
        if e.errno != errno.EXDEV:  # the device number does not decide it: two container volumes on one disk share one
            raise
        shutil.copyfile(source, target)
        source.unlink()
