"""A file that is read while it is written: the video of a running job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO


class Abandoned(Exception):
    """The file will not be completed; what was read of it is not a valid video."""


class ProgressiveFile:
    """Bytes appended by one writer and read by any number of readers at the same time, all on one event loop.

    Readers have their own handle: they can finish after the file was moved to its final name.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("wb", buffering=0)
        self.size = 0
        self.is_playable = False
        self._state = "open"
        self._changed = asyncio.Event()

    def append(self, data: bytes, is_playable: bool) -> None:
        """Add bytes; ``is_playable`` once a picture is among them. Raises ``OSError`` when the disk is full."""
        self._file.write(data)
        self.size += len(data)
        self.is_playable = self.is_playable or is_playable
        self._wake()

    def close(self, complete: bool) -> None:
        """End the file. Readers end as well, or fail with ``Abandoned`` when it is not complete."""
        if self._state == "open":
            self._file.close()
            self._state = "complete" if complete else "abandoned"
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def follow(self, chunk: int = 256 * 1024) -> AsyncIterator[bytes]:
        """All bytes from the start, as they are appended. Raises ``Abandoned``; at once when the file is closed."""
        if self._state != "open":
            raise Abandoned
        # opened now: the file may be moved to its final name before the first byte is read
        return self._read(self.path.open("rb"), chunk)

    async def _read(self, f: IO[bytes], chunk: int) -> AsyncIterator[bytes]:
        at = 0
        with f:
            while True:
                changed = self._changed
                if self._state == "abandoned":
                    raise Abandoned
                if at < self.size:
                    data = f.read(min(chunk, self.size - at))
                    at += len(data)
                    yield data
                elif self._state == "complete":
                    return
                else:
                    await changed.wait()
