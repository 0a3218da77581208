"""Whether a clip can teach a mouth: a voice in it, and the mouth moving with that voice."""

from __future__ import annotations

import numpy as np

from services.common.errors import HuashengError
from services.render.audio.log_mel import RATE, Array
from services.render.audio.whisper import PER_S, WhisperEncoder

NO_SPEECH = 0.6
"""Whisper's own probability of no speech: speech of the tests stays under 0.5, music and noise are over 0.7."""
REACH = 20
"""Largest offset looked for, in features (20 ms)."""
OFFSET_MS = 100.0
"""Offset over which a warning is due."""
IN_SYNC = 0.22
"""Mean correlation of the general estimate with the real mouth, at the best offset, under which sound and mouth are
likely not each other's; unrelated ones reach .10 to .15."""


def voice_in(x: Array, name: str, encoder: WhisperEncoder) -> None:
    """Raises ``clip-without-speech`` when no part of 30 s has words in it."""
    parts = [x[k : k + 30 * RATE] for k in range(0, len(x), 30 * RATE)]
    if min(encoder.no_speech(p) for p in parts if len(p) > RATE) >= NO_SPEECH:
        raise HuashengError("clip-without-speech", name=name)


def offset(guess: Array, real: Array) -> tuple[int, float]:
    """By how many features the real mouth is ahead of the general estimate, and their correlation then.

    Both are (n, 2); the correlation is the mean of opening and width, a negative one counting as 0.
    """
    best = (0, -1.0)
    for lag in range(-REACH, REACH + 1):
        a, b = guess[max(0, lag) : len(guess) + min(0, lag)], real[max(0, -lag) : len(real) - max(0, lag)]
        both = [_correlation(a[:, c], b[:, c]) for c in range(2)]
        value = float(np.mean(np.maximum(0, both)))
        if value > best[1]:
            best = (lag, value)
    return best


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / power if power > 1e-9 else 0.0


def offset_warnings(lag: int, correlation: float) -> list[str]:
    """Warnings that an estimated offset gives."""
    if correlation < IN_SYNC:
        return ["out-of-sync"]
    return ["sound-offset"] if abs(lag) * 1000 / PER_S >= OFFSET_MS else []
