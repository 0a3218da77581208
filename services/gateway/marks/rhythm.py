"""The audible mark of GB 45438-2025 for sound alone: tones in the rhythm of "AI" in Morse code, "·- ··"."""

from __future__ import annotations

import numpy as np

TONE_HZ, LEVEL = 800.0, 0.2
"""The tones' pitch and their peak (1 is full scale), about as loud as the speech after them."""
DOT_S = 0.09
"""Length of a short tone; a long one has three, the pause within a letter one, between letters three."""
RAMP_S = 0.006
"""Rise and fall of a tone, so that it does not click."""
AFTER_S = 0.35
"""Silence before what is said."""
_LETTERS = (".-", "..")


def rhythm(sample_rate_hz: int) -> bytes:
    """The tones as 16-bit mono PCM."""
    parts = []
    for n, letter in enumerate(_LETTERS):
        if n:
            parts.append(_silence(3 * DOT_S, sample_rate_hz))
        for k, sign in enumerate(letter):
            if k:
                parts.append(_silence(DOT_S, sample_rate_hz))
            parts.append(_tone(DOT_S if sign == "." else 3 * DOT_S, sample_rate_hz))
    parts.append(_silence(AFTER_S, sample_rate_hz))
    return np.round(np.concatenate(parts) * 32767).astype("<i2").tobytes()


def _silence(seconds: float, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.zeros(round(seconds * rate))


def _tone(seconds: float, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    t = np.arange(round(seconds * rate)) / rate
    ramp = np.clip(np.minimum(t, t[-1] - t) / RAMP_S, 0, 1)
    return np.asarray(LEVEL * ramp * np.sin(2 * np.pi * TONE_HZ * t))
