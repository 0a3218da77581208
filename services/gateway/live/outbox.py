"""What a live session sends: events and media, kept until the client has played what came after them, so that a lost
connection can be taken up again without a gap."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque

from services.common.errors import HuashengError
from services.gateway.live.frames import PICTURE, MediaFrame
from services.gateway.live.messages import Event, Played

AHEAD_US = 4_000_000
"""Media that may be sent beyond what the client has played."""
MAX_WAITING = 2000
"""Messages that may wait for the socket, or are kept for a lost connection."""


class Outbox:
    """Bounded by time (media) and number (events). For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[Event | MediaFrame] = deque()
        self._kept: deque[Event | MediaFrame] = deque()
        self._changed = asyncio.Condition()
        self._sequence = 0
        self.generation = 0
        self.played_us = 0
        self._played_at = time.monotonic()
        self._is_playing = False

    async def event(self, message: Event) -> None:
        """Send an event. Raises ``live-slow`` when the client takes none."""
        async with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise HuashengError("live-slow")
            message.seq = self._next_sequence()
            self._add(message)

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence - 1

    def _add(self, item: Event | MediaFrame) -> None:
        self._waiting.append(item)
        self._kept.append(item)
        if len(self._kept) > MAX_WAITING:
            self._kept.popleft()
        self._changed.notify_all()

    async def media(self, kind: int, generation: int, pts_us: int, data: bytes, is_key: bool = False) -> None:
        """Send media; waits until it is no more than ``AHEAD_US`` ahead. That of an older generation is dropped."""
        async with self._changed:
            await self._changed.wait_for(lambda: generation != self.generation or pts_us <= self.played_us + AHEAD_US)
            if generation != self.generation:
                return
            self._add(MediaFrame(kind, generation, self._next_sequence(), pts_us, data, is_key))

    async def begin(self, generation: int) -> None:
        """A new generation: media of older ones is dropped, sent or not."""
        async with self._changed:
            self.generation, self.played_us, self._is_playing = generation, 0, False
            self._kept = deque(m for m in self._kept if not isinstance(m, MediaFrame))
            self._waiting = deque(m for m in self._waiting if not isinstance(m, MediaFrame))
            self._changed.notify_all()

    async def acknowledge(self, played: Played, is_end: bool = False) -> None:
        """The client has played so far: what lies before is kept no longer, except from the last key picture on."""
        if played.gen != self.generation:
            return
        async with self._changed:
            self._is_playing = not is_end and played.us > self.played_us
            self.played_us, self._played_at = max(self.played_us, played.us), time.monotonic()
            media = [f for f in self._kept if isinstance(f, MediaFrame)]
            keys = [f.pts_us for f in media if f.is_key and f.kind == PICTURE and f.pts_us <= self.played_us]
            first = keys[-1] if keys else self.played_us
            over = [f.sequence for f in itertools.takewhile(lambda f: f.pts_us < first, media)]
            while over and _sequence(self._kept[0]) <= over[-1]:  # events before it have come as well
                self._kept.popleft()
            self._changed.notify_all()

    def position_us(self) -> int:
        """What the client plays about now: its last report, and the time since."""
        passed = time.monotonic() - self._played_at if self._is_playing else 0.0
        return self.played_us + round(min(passed, 0.5) * 1e6)

    async def next(self) -> str | bytes:
        """The next message for the socket."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._waiting))
            item = self._waiting.popleft()
        return item.encoded() if isinstance(item, MediaFrame) else item.model_dump_json()

    async def take_up(self, last_seq: int) -> None:
        """After a lost connection: send again what was kept and came after ``last_seq``.

        With -1 the client knows nothing any more: everything that is kept.
        """
        async with self._changed:
            self._waiting = deque(item for item in self._kept if _sequence(item) > last_seq)
            self._changed.notify_all()


def _sequence(item: Event | MediaFrame) -> int:
    return item.sequence if isinstance(item, MediaFrame) else item.seq
