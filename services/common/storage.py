"""Storage by URL on fsspec: a shared folder (``file://``) or a bucket (``s3://``, with the ``s3`` extra installed).

Keys are made by our own code from ids, never from names that users give. Finished results leave through ``publish``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import fsspec

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError

_KEY = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")


class Storage:
    """Files under one root URL, addressed by key (``avatars/ab12/idle.mp4``)."""

    def __init__(self, url: str) -> None:
        self.fs, root = fsspec.core.url_to_fs(url)
        self.root: str = root.rstrip("/")
        self.is_local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    def path(self, key: str) -> str:
        """Path within the file system. Raises ``ValueError`` for a key that could leave the root."""
        if not _KEY.fullmatch(key) or ".." in key.split("/"):
            raise ValueError(f"bad storage key {key!r}")
        return f"{self.root}/{key}"

    def uri(self, key: str) -> str:
        """Full URI, as services pass it to each other."""
        return str(self.fs.unstrip_protocol(self.path(key)))

    def key(self, uri: str) -> str:
        """The key of a URI of this storage. Raises ``unknown-id`` for URIs elsewhere: foreign files stay unread."""
        path = str(self.fs._strip_protocol(uri))
        key = path.removeprefix(self.root + "/")
        if key == path or not _KEY.fullmatch(key) or ".." in key.split("/"):
            raise HuashengError("unknown-id", kind="file", id=uri.rsplit("/", 1)[-1])
        return key

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return bool(self.fs.exists(self.path(key)))

    def size(self, key: str) -> int:
        """Size in bytes. Raises ``FileNotFoundError``."""
        return int(self.fs.size(self.path(key)))

    def open(self, key: str) -> IO[bytes]:
        """Open for reading. Raises ``FileNotFoundError``."""
        handle: IO[bytes] = self.fs.open(self.path(key), "rb")
        return handle

    def read(self, key: str) -> bytes:
        """The whole content."""
        with self.open(key) as f:
            return f.read()

    def list(self, prefix: str) -> list[str]:
        """Keys right under a prefix, sorted; empty when there is no such folder."""
        try:
            found = self.fs.ls(self.path(prefix), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(str(p).removeprefix(self.root + "/") for p in found)

    def delete(self, key: str) -> None:
        """Delete a file or folder; missing is fine."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm(self.path(key), recursive=True)

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A local copy to read: the file itself in a folder, a temporary one from a bucket."""
        if self.is_local:
            yield Path(self.path(key))
            return
        with tempfile.TemporaryDirectory() as d:
            copy = Path(d) / key.rsplit("/", 1)[1]
            self.fs.get(self.path(key), str(copy))
            yield copy

    def put(self, key: str, data: bytes) -> None:
        """Write a small file whole or not at all."""
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
        path = self.path(key)
        folder = Path(path).parent if self.is_local else None
        temporary = None
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(prefix=".part-", suffix="-" + key.rsplit("/", 1)[-1], dir=folder)
            os.close(handle)
            temporary = Path(made)
            yield temporary
            if self.is_local:
                with temporary.open("rb") as f:
                    os.fsync(f.fileno())
                temporary.chmod(0o644)
                temporary.replace(path)
            else:
                self.fs.put(str(temporary), path)
        except OSError as e:
            if e.errno == errno.ENOSPC:
                raise HuashengError("disk-full") from e
            raise
        finally:
            if temporary:
                temporary.unlink(missing_ok=True)

    def publish(self, key: str, finished: Path, metadata: dict[str, Any]) -> dict[str, Any]:
        """The one way out for finished audio and video: whole, checksummed, described by ``<key>.json``.

        ``finished`` is moved or copied into place. Returns the metadata with ``bytes`` and ``sha256``.
        """
        described = {
            **metadata,
            "bytes": finished.stat().st_size,
            "sha256": sha256_of_file(finished),
            "generated_by": "huasheng",
        }
        with self.writing(key) as out:
            move(finished, out)
        self.put_json(key + ".json", described)
        return described


def move(source: Path, target: Path) -> None:
    """Move a file over another, also between file systems and between two mounts of the same one."""
    try:
        source.replace(target)
    except OSError as e:
        if e.errno != errno.EXDEV:  # the device number does not decide it: two container volumes on one disk share one
            raise
        shutil.copyfile(source, target)
        source.unlink()
