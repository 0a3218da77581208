"""Picture resizing as matrices: ``rows @ picture @ columns.T``, on any device, in one step from crop to crop.

``bicubic_matrix`` is Pillow's filter (a = -0.5, widened for downsampling), ``lanczos_matrix`` is OpenCV's
``INTER_LANCZOS4`` (eight taps, never widened). The networks' training pictures were made with these two. Pillow resizes
rows first, and rounds and clips to whole levels before columns; callers that do the same differ from it by at most one
level.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


def bicubic_matrix(count: int, size: int, start: int, stop: int) -> Matrix:
    """Rows ``start`` to ``stop`` of the matrix (size, count) that resizes ``count`` samples to ``size``.

    Rows outside 0 to ``size`` are zero, as cropping outside a picture gives black.
    """
    scale = count / size
    widening = max(1.0, scale)
    index = np.arange(start, stop)
    centre = (index + 0.5) * scale
    first = np.floor(centre - 2 * widening + 0.5).astype(int)
    taps = first[:, None] + np.arange(int(np.ceil(4 * widening)) + 1)
    distance = np.abs((taps + 0.5 - centre[:, None]) / widening)
    weights = np.where(
        distance < 1,
        (1.5 * distance - 2.5) * distance * distance + 1,
        np.where(distance < 2, ((-0.5 * distance + 2.5) * distance - 4) * distance + 2, 0),
    )
    weights *= (taps >= 0) & (taps < count) & ((index >= 0) & (index < size))[:, None]
    total = weights.sum(1, keepdims=True)
    return _spread(weights / np.where(total == 0, 1, total), taps, count)


@lru_cache(maxsize=512)
def lanczos_matrix(count: int, size: int) -> Matrix:
    """The matrix (size, count) that resizes ``count`` samples to ``size``; edges are repeated outwards."""
    position = (np.arange(size) + 0.5) * (count / size) - 0.5
    first = np.floor(position).astype(int) - 3
    taps = first[:, None] + np.arange(8)
    distance = position[:, None] - taps
    weights = np.sinc(distance) * np.sinc(distance / 4)
    return _spread(weights / weights.sum(1, keepdims=True), np.clip(taps, 0, count - 1), count)


def _spread(weights: npt.NDArray[np.float64], taps: npt.NDArray[np.int_], count: int) -> Matrix:
    out = np.zeros((len(weights), count), np.float32)
    row = np.broadcast_to(np.arange(len(weights))[:, None], taps.shape)
    np.add.at(out, (row, np.clip(taps, 0, count - 1)), weights)
    return out
