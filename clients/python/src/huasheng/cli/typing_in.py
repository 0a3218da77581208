"""Lines from stdin beside an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from concurrent.futures import CancelledError

MOST_LINES = 16
LONGEST = 100_000
"""Bytes without a line break after which a line ends all the same."""


class Lines:
    """What is typed or piped in, a line at a time.

    A thread reads the file itself: one that waits in ``sys.stdin`` keeps Python from ending.
    """

    def __init__(self, fd: int = 0) -> None:
        self._fd, self._loop = fd, asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(MOST_LINES)
        threading.Thread(target=self._read, daemon=True, name="stdin").start()

    async def next(self) -> str | None:
        """The next line that has words; None at the end."""
        return await self._lines.get()

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(RuntimeError, CancelledError):  # the loop is over
            while data := os.read(self._fd, 4096):
                *whole, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST:
                    whole, rest = [*whole, rest], b""
                for line in whole:
                    self._put(line)
            self._put(rest)
            self._hand_over(None)

    def _put(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").strip():
            self._hand_over(text)

    def _hand_over(self, text: str | None) -> None:
        asyncio.run_coroutine_threadsafe(self._lines.put(text), self._loop).result()
