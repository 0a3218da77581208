"""Where the avatar's idle loop is on the person's screen, so that an answer's video starts on the frame shown there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

LEAD_S = 0.4
"""From telling the renderer its first frame until that frame is on the screen, about: drawing and encoding the first
fragment, its way to the page, the player's start. A page that gets it earlier waits for its loop to arrive."""


@dataclass(frozen=True)
class Idle:
    """A loop that was on ``frame`` at ``asked_at`` (``time.monotonic()``) and runs on at ``fps``."""

    frame: int
    fps: float
    asked_at: float = field(default_factory=time.monotonic)

    def at(self, now: float) -> int:
        """The frame shown ``LEAD_S`` after ``now``, counted on past the loop's end: whoever draws knows its length."""
        return self.frame + round(max(0.0, now - self.asked_at + LEAD_S) * self.fps)
