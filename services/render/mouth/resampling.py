"""Resampling of a stream with 1 ms of delay, whatever the sizes of its pieces.

Libraries hold back tens of milliseconds, depending on how the pieces fall; the mouth cannot wait for that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

TAPS = 16
"""Samples of the slower rate on each side of an output sample."""


class Resampler:
    """Windowed-sinc interpolation from ``rate`` to ``to`` Hz."""

    def __init__(self, rate: int, to: int) -> None:
        self._step = rate / to
        self._cut = min(1.0, to / rate)
        self._reach = int(np.ceil(TAPS / self._cut))
        self._kept = np.zeros(self._reach, np.float32)
        self._first = -self._reach  # number of the first input sample kept
        self._done = 0  # output samples given

    def push(self, x: Array, last: bool = False) -> Array:
        """Output that the samples complete; ``last`` takes silence to follow."""
        if last:
            x = np.concatenate([x, np.zeros(self._reach, np.float32)])
        self._kept = np.concatenate([self._kept, x])
        end = self._first + len(self._kept)
        count = max(0, int(np.floor((end - 1 - self._reach) / self._step)) + 1 - self._done)
        at = (self._done + np.arange(count)) * self._step
        base = np.floor(at).astype(np.int64)
        offsets = np.arange(1 - self._reach, self._reach + 1)
        away = offsets[None] - (at - base)[:, None]
        window = np.cos(np.pi / 2 * np.clip(away / self._reach, -1, 1)) ** 2
        kernel = self._cut * np.sinc(self._cut * away) * window
        out = (self._kept[base[:, None] + offsets[None] - self._first] * kernel).sum(1)
        self._done += count
        drop = max(0, int(np.floor(self._done * self._step)) - self._reach - self._first)
        self._kept, self._first = self._kept[drop:], self._first + drop
        return np.asarray(out, dtype=np.float32)
