"""What a live session sends: events, and media that is kept until the client has played it, so that a lost connection
can be taken up again without a gap."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from pydantic import BaseModel

from services.common.errors import HuashengError
from services.gateway.live.messages import PICTURE, MediaFrame, Played

AHEAD_US = 4_000_000
"""Media that may be sent beyond what the client has played."""
MAX_WAITING = 2000
"""Messages that may wait for the socket."""


class Outbox:
    """Bounded by time (media) and number (events). For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[BaseModel | MediaFrame] = deque()
        self._kept: deque[MediaFrame] = deque()
        self._changed = asyncio.Condition()
        self._sequence = 0
        self.generation = 0
        self.played_us = 0
        self._played_at = time.monotonic()
        self._is_playing = False

    async def event(self, message: BaseModel) -> None:
        """Send an event. Raises ``live-slow`` when the client takes none."""
        async with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise HuashengError("live-slow")
            self._waiting.append(message)
            self._changed.notify_all()

    async def media(self, kind: int, generation: int, pts_us: int, data: bytes, is_key: bool = False) -> None:
        """Send media; waits until it is no more than ``AHEAD_US`` ahead. That of an older generation is dropped."""
        async with self._changed:
            await self._changed.wait_for(lambda: generation != self.generation or pts_us <= self.played_us + AHEAD_US)
            if generation != self.generation:
                return
            frame = MediaFrame(kind, generation, self._sequence, pts_us, data, is_key)
            self._sequence += 1
            self._waiting.append(frame)
            self._kept.append(frame)
            self._changed.notify_all()

    async def begin(self, generation: int) -> None:
        """A new generation: media of older ones is dropped, sent or not."""
        async with self._changed:
            self.generation, self.played_us, self._is_playing = generation, 0, False
            self._kept.clear()
            self._waiting = deque(m for m in self._waiting if not isinstance(m, MediaFrame))
            self._changed.notify_all()

    async def acknowledge(self, played: Played, is_end: bool = False) -> None:
        """The client has played so far: what lies before is kept no longer, except from the last key picture on."""
        if played.gen != self.generation:
            return
        async with self._changed:
            self._is_playing = not is_end and played.us > self.played_us
            self.played_us, self._played_at = max(self.played_us, played.us), time.monotonic()
            keys = [f.pts_us for f in self._kept if f.is_key and f.kind == PICTURE and f.pts_us <= self.played_us]
            first = keys[-1] if keys else self.played_us
            while self._kept and self._kept[0].pts_us < first:
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

        With -1 the client knows nothing any more: everything from the last key picture before its position.
        """
        async with self._changed:
            events = [m for m in self._waiting if not isinstance(m, MediaFrame)]
            self._waiting = deque([*events, *(f for f in self._kept if f.sequence > last_seq)])
            self._changed.notify_all()
