"""Smooth warps from matching points: thin-plate splines (Bookstein 1989) on a coarse grid, then upsampled."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Rect = tuple[int, int, int, int]
"""Left, top, width, height; all even."""

STIFFNESS = 2e-3
"""Regularisation: allows the spline to miss points, because points closer than the grid would fold it."""


BLOCK_ROWS = 256
"""Rows of a kernel per block, so that a block fits the processor's cache."""


class ThinPlateSpline:
    """Splines through one set of target points. Values interpolated in one call share the solution."""

    def __init__(self, rect: Rect, target: Array, step: int) -> None:
        """``target`` (p, 2) in pixels of the picture; nodes every ``step`` pixels of ``rect``."""
        self.rect, self.step = rect, step
        x, y, width, height = rect
        self._scale = float(max(width, height))
        self._origin = np.array([x, y], np.float32)
        self.columns, self.rows = -(-width // step), -(-height // step)
        grid = _grid(self.columns, self.rows, step)
        self.nodes = grid + self._origin
        points = (target - self._origin) / self._scale
        nodes = grid / self._scale
        count = len(points)
        system = np.zeros((count + 3, count + 3))
        _kernel(points, points, system[:count, :count])
        system[:count, :count] += STIFFNESS * np.eye(count)
        system[:count, count], system[:count, count + 1 :] = 1, points
        system[count, :count], system[count + 1 :, :count] = 1, points.T
        self._system = system
        self._node_kernel = np.empty((len(nodes), count + 3), np.float32)
        _kernel(nodes, points, self._node_kernel[:, :count])
        self._node_kernel[:, count], self._node_kernel[:, count + 1 :] = 1, nodes

    def interpolate(self, values: Array) -> Array:
        """Values at the points, shape (p, c), interpolated at the nodes, shape (rows, columns, c)."""
        right_side = np.concatenate([values, np.zeros((3, values.shape[1]))])
        _, coefficients = cv2.solve(self._system, right_side)  # twice as fast as numpy's
        return np.asarray((self._node_kernel @ coefficients.astype(np.float32)).reshape(self.rows, self.columns, -1))


@lru_cache(maxsize=16)
def _grid(columns: int, rows: int, step: int) -> Array:
    """Positions of the nodes relative to the rectangle's corner, shape (rows * columns, 2); cached, do not modify."""
    x, y = ((np.arange(n, dtype=np.float32) + 0.5) * step - 0.5 for n in (columns, rows))
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def _kernel(a: Array, b: Array, out: Array) -> None:
    """Write r² log r² of the distances between points ``a`` (n, 2) and ``b`` (p, 2) to ``out`` (n, p)."""
    right = np.concatenate([-2 * b, np.ones_like(b[:, :1]), (b**2).sum(1, keepdims=True)], 1).T
    left = np.concatenate([a, (a**2).sum(1, keepdims=True), np.ones_like(a[:, :1])], 1)
    for k in range(0, len(a), BLOCK_ROWS):
        d = left[k : k + BLOCK_ROWS] @ right
        np.maximum(d, 1e-10, out=d)
        np.multiply(d, cv2.log(d), out=out[k : k + BLOCK_ROWS])


def upsample(coarse: Array, step: int, width: int, height: int) -> Array:
    """Node values (rows, columns, c) as one value per pixel."""
    size = (coarse.shape[1] * step, coarse.shape[0] * step)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[:height, :width])
