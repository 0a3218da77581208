"""Smooth warps from matching points: thin-plate splines (Bookstein 1989) on a coarse grid, then upsampled."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Rect = tuple[int, int, int, int]
"""Left, top, width, height; all even."""

STIFFNESS = 2e-3
"""How far the spline may miss a point for smoothness; points closer than the grid would fold it otherwise."""


class Plate:
    """Splines through one set of target points; any number of value sets shares the factorisation."""

    def __init__(self, rect: Rect, target: Array, step: int) -> None:
        """``target`` (p, 2) in pixels of the picture; nodes every ``step`` pixels of ``rect``."""
        self.rect, self.step = rect, step
        x, y, w, h = rect
        self._unit = float(max(w, h))
        self._origin = np.array([x, y], np.float32)
        self.columns, self.rows = -(-w // step), -(-h // step)
        gx = (np.arange(self.columns) + 0.5) * step - 0.5 + x
        gy = (np.arange(self.rows) + 0.5) * step - 0.5 + y
        nodes = np.stack(np.meshgrid(gx, gy), -1).reshape(-1, 2).astype(np.float32)
        self.nodes = nodes
        p = (target - self._origin) / self._unit
        q = (nodes - self._origin) / self._unit
        n = len(p)
        k = np.zeros((n + 3, n + 3))
        k[:n, :n] = _kernel(p, p) + STIFFNESS * np.eye(n)
        k[:n, n], k[:n, n + 1 :] = 1, p
        k[n, :n], k[n + 1 :, :n] = 1, p.T
        self._solved = np.linalg.inv(k)[:, :n]
        self._reach = np.concatenate([_kernel(q, p), np.ones((len(q), 1), np.float32), q], 1)

    def spread(self, values: Array) -> Array:
        """Values at the points, shape (p, c), spread over the nodes, shape (rows, columns, c)."""
        bends = (self._solved @ values).astype(np.float32)
        return np.asarray((self._reach @ bends).reshape(self.rows, self.columns, -1))


def _kernel(a: Array, b: Array) -> Array:
    d = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    d = np.maximum(d, 1e-10)
    return np.asarray(d * np.log(d), dtype=np.float32)


def dense(coarse: Array, step: int, width: int, height: int) -> Array:
    """Node values (rows, columns, c) as one value per pixel."""
    size = (coarse.shape[1] * step, coarse.shape[0] * step)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[:height, :width])
