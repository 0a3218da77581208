"""The sound of an answer: it waits for its pictures, and is kept a while longer to recognise its echo."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

KEPT_US = 1_500_000
"""Played sound that is kept."""


class SpokenSound:
    """16-bit mono PCM by its media time. ``rate_hz`` must be set before any is added."""

    def __init__(self) -> None:
        self.rate_hz = 0
        self.length_us = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._sent: deque[tuple[int, bytes]] = deque()

    def add(self, pcm: bytes) -> None:
        """Sound waits for its pictures: sent alone it would fill the client's buffer, and hold them up."""
        self._waiting.append((self.length_us, pcm))
        self.length_us += len(pcm) * 500_000 // self.rate_hz

    def take(self, until_us: int) -> Iterator[tuple[int, bytes]]:
        """What begins by then and was not taken before, with its time in microseconds."""
        while self._waiting and self._waiting[0][0] <= until_us:
            self._sent.append(self._waiting.popleft())
            yield self._sent[-1]

    def forget(self, position_us: int) -> None:
        """What lies longer before what is heard now is kept no longer."""
        while self._sent and self._sent[0][0] < position_us - KEPT_US:
            self._sent.popleft()

    def around(self, position_us: int) -> bytes:
        """What was sent up to that time and a little after."""
        return b"".join(pcm for at, pcm in self._sent if at <= position_us + 300_000)
