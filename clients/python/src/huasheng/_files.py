"""Files on their way: an upload that counts and rewinds, a download that resumes and appears whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from huasheng.errors import ConnectionFailedError

FileInput = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes themselves, or a file that is open for reading in binary."""
OnBytes = Callable[[int, int | None], object]
"""Called with the bytes so far and the total (None while unknown)."""


class Upload:
    """A file to be sent from where it stands; what httpx's multipart encoder reads from."""

    def __init__(self, name: str, file: IO[bytes], on_bytes: OnBytes | None, fields: dict[str, str]) -> None:
        self.name, self.fields = name, fields
        self._file, self._on_bytes = file, on_bytes
        self.check: Callable[[], object] = lambda: None
        """Called before every piece; raises when the time is over."""
        try:
            self._start = file.tell()
            self.total: int | None = file.seek(0, os.SEEK_END) - self._start
            file.seek(self._start)
        except (OSError, ValueError, AttributeError):
            self._start, self.total = 0, None
        self._sent = 0

    @property
    def can_rewind(self) -> bool:
        """Whether it can be sent once more."""
        return self.total is not None or self._sent == 0

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        self.check()
        data = self._file.read(size)
        self._sent += len(data)
        if self._on_bytes and data:
            self._on_bytes(self._sent, self.total)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of a file that begins where this one stood."""
        if self.total is None:
            raise io.UnsupportedOperation("cannot go back in this file")
        base = self._start if whence == os.SEEK_SET else 0
        self._sent = self._file.seek(base + offset, whence) - self._start
        return self._sent

    def tell(self) -> int:
        """Bytes from where it began."""
        return self._sent


@contextlib.contextmanager
def open_upload(
    file: FileInput, name: str | None, on_bytes: OnBytes | None, fields: dict[str, str] | None = None
) -> Iterator[Upload]:
    """The file to send. What is opened here is closed here. Raises ``OSError``, ``TypeError``."""
    if isinstance(file, bytes):
        yield Upload(name or "upload", io.BytesIO(file), on_bytes, fields or {})
    elif isinstance(file, str | os.PathLike):
        with Path(file).open("rb") as opened:
            yield Upload(name or Path(file).name, opened, on_bytes, fields or {})
    elif isinstance(file, io.TextIOBase):
        raise TypeError("open the file in binary mode: open(path, 'rb')")
    else:
        own = getattr(file, "name", None)
        yield Upload(name or (Path(own).name if isinstance(own, str) else "upload"), file, on_bytes, fields or {})


class PartFile:
    """A download under a temporary name beside its final one; leaves nothing behind unless it is finished."""

    def __init__(self, path: Path, on_bytes: OnBytes | None) -> None:
        self.path = path
        self._on_bytes = on_bytes
        self._part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        self._etag = ""
        self.size, self.total = 0, None  # type: int, int | None

    def __enter__(self) -> Self:
        self._file = self._part.open("xb")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def headers(self) -> dict[str, str]:
        """What to ask for: the rest, provided it is still the same file; else all."""
        whole = {"Accept-Encoding": "identity"}  # bytes as stored, so that they can be counted
        if self.size and self._etag:
            return whole | {"Range": f"bytes={self.size}-", "If-Range": self._etag}
        return whole

    def begin(self, response: httpx.Response) -> None:
        """Look at an answer: it goes on, or starts over. Raises ``ConnectionFailedError`` for a part not asked for."""
        if response.status_code == 206:
            unit, _, span = response.headers.get("content-range", "").partition(" ")
            begins, _, total = span.partition("/")
            if unit != "bytes" or begins.partition("-")[0] != str(self.size) or total != str(self.total):
                self._start_over()
                raise ConnectionFailedError(f"{self.path.name}: another part than the one asked for was sent")
            return
        self._start_over()
        etag = response.headers.get("etag", "")
        self._etag = "" if etag.startswith("W/") else etag
        length = response.headers.get("content-length", "")
        self.total = int(length) if length.isdigit() else None

    def _start_over(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size, self.total, self._etag = 0, None, ""

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ``OSError``."""
        self._file.write(data)
        self.size += len(data)
        if self._on_bytes:
            self._on_bytes(self.size, self.total)

    def finish(self) -> None:
        """All is there: give it its name. Raises ``ConnectionFailedError`` when bytes are missing, ``OSError``."""
        if self.total is not None and self.size != self.total:
            raise ConnectionFailedError(f"{self.path.name}: {self.size} of {self.total} bytes came")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all. Raises ``OSError``."""
    with PartFile(path, None) as part:
        part.write(data)
        part.finish()
