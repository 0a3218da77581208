"""Sounds like somebody who talks: syllables, words and pauses, whose places are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.common.audio import Samples, to_pcm16

SPAN_S, GAP_S = 1.5, 1.5
"""Speech and silence follow each other so."""


def talk(seconds: float, rate: int = 24000, level: float = 0.2, seed: int = 0) -> Samples:
    """Speech first: a voiced sound with overtones that moves, four syllables a second, then silence, and again."""
    t = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    pitch = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * t)) / rate
    voice = sum(np.sin(h * pitch + rng.uniform(0, 6)) / h**0.7 for h in range(1, 20))
    syllables = 0.35 + 0.65 * np.sin(np.pi * ((4 * t) % 1)) ** 2
    speaks = (t % (SPAN_S + GAP_S)) < SPAN_S
    x = voice * syllables * speaks + rng.normal(0, 0.02, t.size) * speaks
    return np.asarray(x / np.abs(x).max() * level, np.float32)


def write_pcm(path: Path, samples: Samples) -> Path:
    """A file of 16-bit samples."""
    path.write_bytes(to_pcm16(samples))
    return path
