"""Draws an avatar's idle loop: what is shown while nobody speaks, and what a live stream begins and ends on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from services.render.engines.base import RenderEngine
from services.render.types import Frame, SessionConfig

LOOP_VERSION = 2
"""Changes when loops of before no longer look like live pictures; they are written again from the prepared avatar."""
_SAMPLE_RATE_HZ = 16000


def idle_pictures(
    engine: RenderEngine, avatar: Path, start: int, seconds: float, max_side_px: int = 0
) -> Iterator[Frame]:
    """The loop from position ``start`` on, for so long; ``avatar`` is the engine's own folder of it."""
    # phonemes are promised and never come: nothing has to be heard to know that the mouth rests
    config = SessionConfig(_SAMPLE_RATE_HZ, has_phonemes=True, start_frame=start, max_side_px=max_side_px, idle=True)
    session = engine.open_session(avatar, config)
    try:
        left = round(seconds * _SAMPLE_RATE_HZ)
        while left > 0:
            samples = np.zeros(min(left, _SAMPLE_RATE_HZ // 2), np.float32)
            left -= samples.size
            yield from (p for p in session.push(samples) if isinstance(p, Frame))
        yield from (p for p in session.finish() if isinstance(p, Frame))
    finally:
        session.close()
