"""Sounds that are not speech, of the kinds that a microphone and a telephone bring."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.audio import Samples

_RATE_HZ = 16_000
_Wave = npt.NDArray[np.float64]


def _time(seconds: float) -> _Wave:
    return np.arange(int(seconds * _RATE_HZ)) / _RATE_HZ


def _clicks(t: _Wave, rng: np.random.Generator) -> _Wave:
    x = np.zeros(t.size)
    for at in rng.integers(0, t.size - 200, int(8 * t[-1])):
        x[at : at + 160] += rng.normal(0, 0.5, 160) * np.exp(-np.arange(160) / 30)
    return x


def _keys(t: _Wave) -> _Wave:
    """Dialled digits."""
    pairs = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477), (770, 1209)]
    at = (t / 0.4).astype(int) % len(pairs)
    low, high = np.array(pairs)[at].T
    return 0.2 * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)) * (t % 0.4 < 0.2)


def _strings(t: _Wave) -> _Wave:
    """A scale with overtones and vibrato."""
    f = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12])[(t / 0.5).astype(int) % 8] / 12)
    phase = 2 * np.pi * np.cumsum(f * (1 + 0.003 * np.sin(2 * np.pi * 5.5 * t))) / _RATE_HZ
    return sum(0.3 / h * np.sin(h * phase) for h in range(1, 12)) * np.minimum(1, 10 * (t % 0.5))


def _piano(t: _Wave) -> _Wave:
    chord = [220 * 2 ** (n / 12) for n in (0, 4, 7, 12)]
    return sum(0.15 * np.sin(2 * np.pi * f * t) for f in chord) * np.exp(-3 * (t % 0.5))


def _voice(t: _Wave) -> _Wave:
    """Somebody who hums: the voice without words, which takes in a voice activity detection."""
    phase = np.cumsum(150 + 20 * np.sin(2 * np.pi * 3 * t)) / _RATE_HZ
    vowel = sum(a * np.sin(2 * np.pi * h * phase) for h, a in ((1, 1.0), (2, 0.8), (4, 0.7), (5, 0.8), (8, 0.5)))
    return 0.1 * vowel * (np.sin(4 * np.pi * t) > -0.3)


def not_speech(seconds: float = 4.0) -> dict[str, Samples]:
    """The kinds by name, 16 kHz."""
    t, rng = _time(seconds), np.random.default_rng(3)
    brown = np.cumsum(rng.normal(0, 1, t.size))
    brown -= np.convolve(brown, np.ones(800) / 800, "same")
    kinds = {
        "silence": np.zeros(t.size),
        "quiet hiss": rng.normal(0, 0.01, t.size),
        "hiss": rng.normal(0, 0.05, t.size),
        "loud hiss": rng.normal(0, 0.3, t.size),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * t) + 0.1 * np.sin(2 * np.pi * 150 * t),
        "wind": 0.3 * brown / np.abs(brown).max() * (1 + np.sin(2 * np.pi * 0.7 * t)),
        "clicks": _clicks(t, rng),
        "knocks": 0.5 * rng.normal(0, 1, t.size) * np.exp(-12 * (t % 1.3)),
        "dialled digits": _keys(t),
        "ringing": 0.3 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 20 * t) > 0) * (t % 2 < 1),
        "fax": 0.3 * np.sin(2 * np.pi * (1650 * t + np.cumsum(200 * np.sign(np.sin(100 * np.pi * t))) / _RATE_HZ)),
        "piano": _piano(t),
        "strings": _strings(t),
        "humming": _voice(t),
    }
    return {name: np.clip(x, -1, 1).astype(np.float32) for name, x in kinds.items()}
