"""Picture resizing as matrices: ``rows @ picture @ columns.T``, on any device, in one step from crop to crop.

``bicubic`` is Pillow's (a = -0.5, widened when it makes smaller), ``lanczos`` OpenCV's ``INTER_LANCZOS4`` (eight taps,
never widened): the two with which the networks' training pictures were made. Pillow goes across first and rounds and
clips to whole levels before it goes down; callers who do so too differ from it by one level at most.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


def bicubic(count: int, size: int, start: int, stop: int) -> Matrix:
    """Rows ``start`` to ``stop`` of the matrix (size, count) that resizes ``count`` samples to ``size``.

    Rows outside 0 to ``size`` are zero, as cropping outside a picture gives black.
    """
    scale = count / size
    grow = max(1.0, scale)
    at = np.arange(start, stop)
    centre = (at + 0.5) * scale
    first = np.floor(centre - 2 * grow + 0.5).astype(int)
    taps = first[:, None] + np.arange(int(np.ceil(4 * grow)) + 1)
    t = np.abs((taps + 0.5 - centre[:, None]) / grow)
    weights = np.where(t < 1, (1.5 * t - 2.5) * t * t + 1, np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0))
    weights *= (taps >= 0) & (taps < count) & ((at >= 0) & (at < size))[:, None]
    total = weights.sum(1, keepdims=True)
    return _spread(weights / np.where(total == 0, 1, total), taps, count)


@lru_cache(maxsize=512)
def lanczos(count: int, size: int) -> Matrix:
    """The matrix (size, count) that resizes ``count`` samples to ``size``; edges are repeated outwards."""
    place = (np.arange(size) + 0.5) * (count / size) - 0.5
    first = np.floor(place).astype(int) - 3
    taps = first[:, None] + np.arange(8)
    t = place[:, None] - taps
    weights = np.sinc(t) * np.sinc(t / 4)
    return _spread(weights / weights.sum(1, keepdims=True), np.clip(taps, 0, count - 1), count)


def _spread(weights: npt.NDArray[np.float64], taps: npt.NDArray[np.int_], count: int) -> Matrix:
    out = np.zeros((len(weights), count), np.float32)
    row = np.broadcast_to(np.arange(len(weights))[:, None], taps.shape)
    np.add.at(out, (row, np.clip(taps, 0, count - 1)), weights)
    return out
