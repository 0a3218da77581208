"""Where the player of a live conversation is: what the gateway must know, to send no more than fits and to keep in the
conversation what was heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from huasheng import live

Playback = Literal["real-time", "instant", "own"]
REPORT_S = 0.2
"""Time between two reports."""


class Playhead:
    """A player's position within the answer of the moment.

    ``real-time``: as a player would that plays what came without a pause. ``instant``: all that came was played.
    ``own``: the caller has a player and says where it is.
    """

    def __init__(self, playback: Playback, clock: Callable[[], float] = time.monotonic) -> None:
        self._playback, self._clock = playback, clock
        self.gen = 0
        self._sent_us = 0
        """End of what came."""
        self._end_us: int | None = None
        self._position_us = 0.0
        self._at: float | None = None
        """When the position was true; None while nothing is played."""
        self._reported: tuple[int, bool] | None = None
        self._report_at = 0.0
        self._is_over = True

    def follow(self, item: live.LiveEvent | live.Media) -> None:
        """Something came."""
        match item:
            case live.Turn():
                self._begin(item.gen)
            case live.Media() if item.gen == self.gen and not self._is_over:
                self._move()
                self._sent_us = max(self._sent_us, item.pts_us)
                if self._at is None and self._sent_us > 0 and self._playback != "own":
                    self._at = self._clock()
            case live.End() if item.gen == self.gen:
                self._move()
                self._sent_us = self._end_us = item.duration_us
            case live.Hold():
                self._move()
                self._at = None
            case live.Resume() if not self._is_over:
                self._at = self._clock()
            case live.Interrupted():
                self._is_over = True

    def _begin(self, gen: int) -> None:
        self.gen, self._sent_us, self._end_us, self._position_us = gen, 0, None, 0.0
        self._at, self._reported, self._is_over = None, None, False

    def _move(self) -> None:
        if self._at is None:
            return
        now = self._clock()
        moved = self._sent_us if self._playback == "instant" else self._position_us + (now - self._at) * 1e6
        self._position_us, self._at = min(moved, self._sent_us), now

    def position_us(self) -> int:
        """What was heard of the answer of the moment, in microseconds."""
        self._move()
        return round(self._position_us)

    def set_position(self, us: int, is_end: bool) -> None:
        """The caller's own player is there."""
        self._position_us, self._is_over = us, is_end

    def report(self) -> dict[str, Any] | None:
        """A message for the gateway, when one is due."""
        now = self._clock()
        if self._playback == "own" or self._is_over or now - self._report_at < REPORT_S:
            return None
        us = self.position_us()
        is_end = self._end_us is not None and us >= self._end_us
        if self._reported == (us, is_end):
            return None
        self._reported, self._report_at, self._is_over = (us, is_end), now, is_end
        return {"type": "played", "gen": self.gen, "us": us, "is_end": is_end}
