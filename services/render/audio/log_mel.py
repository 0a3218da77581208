"""Sound as a mouth model sees it: log-mel bands at 100 Hz, relative to how loud this speaker has been so far.

Everything is causal but for the window itself, so a stream in pieces gives the same numbers as the whole.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

RATE = 16_000
HOP = 160
WINDOW = 400
BANDS = 40
START_LEVEL = -1.5
"""Level (log10 of mean band power) taken for speech before any is heard."""
RISE, FALL = 0.03, 0.0005
"""Part of the way that the level follows a louder, and a softer, frame."""


@cache
def _filters() -> Array:
    f = np.fft.rfftfreq(512, 1 / RATE)
    edges = 700 * (
        10 ** (np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), BANDS + 2) / 2595) - 1
    )
    up = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - f) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(up, down)), dtype=np.float32)


def log_mel(x: Array) -> Array:
    """Band powers (log10) of samples at ``RATE``; frame k is centred on sample ``k * HOP + WINDOW / 2``."""
    n = (len(x) - WINDOW) // HOP + 1
    if n <= 0:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP][:n] * np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, 512, axis=1)) ** 2
    return np.asarray(np.log10(power @ _filters().T + 1e-5), dtype=np.float32)


class Levelled:
    """Log-mel frames less the speaker's running level, kept between calls."""

    def __init__(self) -> None:
        self._level = START_LEVEL
        self._rest = np.zeros(WINDOW // 2, np.float32)  # so that frame k is centred on sample k * HOP

    def push(self, x: Array) -> Array:
        """Frames completed by the samples, shape (n, BANDS + 1); the last column is the level itself."""
        self._rest = np.concatenate([self._rest, x])
        mel = log_mel(self._rest)
        self._rest = self._rest[len(mel) * HOP :]
        out = np.empty((len(mel), BANDS + 1), np.float32)
        for k, frame in enumerate(mel):
            loud = float(frame[4:32].mean())
            if loud > self._level:
                self._level += RISE * (loud - self._level)
            elif loud > self._level - 1.5:  # silence says nothing about how loud the speaker is
                self._level += FALL * (loud - self._level)
            out[k, :BANDS] = frame - self._level
            out[k, BANDS] = self._level
        return out
