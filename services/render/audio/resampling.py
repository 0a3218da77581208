"""Resampling of a stream with 1 ms of delay, whatever the sizes of its pieces.

Libraries hold back tens of milliseconds, depending on how the pieces fall; the mouth cannot wait for that.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

TAPS = 16
"""Samples of the slower rate on each side of an output sample."""


class Resampler:
    """Windowed-sinc interpolation from ``rate`` to ``to`` Hz, polyphase: the kernels of all phases are made once."""

    def __init__(self, rate: int, to: int) -> None:
        common = math.gcd(rate, to)
        self._step, self._phases = rate // common, to // common  # the n-th output lies at n * step / phases
        cut = min(1.0, to / rate)
        self._reach = math.ceil(TAPS / cut)
        self._offsets = np.arange(1 - self._reach, self._reach + 1)
        away = self._offsets[None] - (np.arange(self._phases) / self._phases)[:, None]
        window = np.cos(np.pi / 2 * np.clip(away / self._reach, -1, 1)) ** 2
        self._kernels = (cut * np.sinc(cut * away) * window).astype(np.float32)
        self._kept = np.zeros(self._reach, np.float32)
        self._first = -self._reach  # number of the first input sample kept
        self._done = 0  # output samples given

    def push(self, x: Array, last: bool = False) -> Array:
        """Output that the samples complete; ``last`` takes silence to follow."""
        if last:
            x = np.concatenate([x, np.zeros(self._reach, np.float32)])
        self._kept = np.concatenate([self._kept, x])
        end = self._first + len(self._kept)
        count = max(0, (end - 1 - self._reach) * self._phases // self._step + 1 - self._done)
        base, phase = np.divmod((self._done + np.arange(count)) * self._step, self._phases)
        taps = self._kept[base[:, None] + (self._offsets - self._first)]
        out = np.einsum("nk,nk->n", taps, self._kernels[phase])
        self._done += count
        drop = max(0, self._done * self._step // self._phases - self._reach - self._first)
        self._kept, self._first = self._kept[drop:], self._first + drop
        return np.asarray(out, dtype=np.float32)
