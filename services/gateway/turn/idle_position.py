"""Where the avatar's idle loop is on the user's screen, so that an answer's video starts on the frame shown there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

LEAD_S = 0.4
"""Time from choosing the first frame until it is on the screen, about: the first fragment is drawn, encoded and sent,
and the player starts. A page that receives it earlier waits for its loop to get there."""


@dataclass(frozen=True)
class IdlePosition:
    """A loop that was on ``frame`` at ``asked_at`` (``time.monotonic()``) and runs on at ``fps``."""

    frame: int
    fps: float
    asked_at: float = field(default_factory=time.monotonic)
    lead_s: float = LEAD_S

    def at(self, now: float) -> int:
        """The frame shown ``lead_s`` after ``now``. Counts on past the loop's end: the renderer knows its length."""
        return self.frame + round(max(0.0, now - self.asked_at + self.lead_s) * self.fps)
