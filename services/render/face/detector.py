"""Finds faces: MediaPipe's short-range BlazeFace (Bazarevsky et al. 2019), run by LiteRT.

The model sees 128×128 pixels, so a face narrower than about a tenth of the picture is missed; a picture without a find
is therefore searched again in overlapping square tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face.litert import Model

SIDE = 128
MIN_SCORE = 0.6
SAME_FACE = 0.3
"""Boxes that overlap more than this (intersection over union) are the same face."""
TILE_SHARES = (1.0, 0.5, 0.3)
"""Sides of the search tiles, as parts of the picture's short side."""


@dataclass(frozen=True)
class Face:
    """A found face, in pixels of the picture searched."""

    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    points: npt.NDArray[np.float64]
    """Shape (6, 2): right eye, left eye, nose tip, mouth, right ear, left ear (right is the person's own)."""

    @property
    def width(self) -> float:
        """Width of the box."""
        return self.box[2] - self.box[0]


def _anchors() -> npt.NDArray[np.float64]:
    cells = []
    for size, per_cell in ((16, 2), (8, 6)):
        y, x = np.mgrid[:size, :size]
        centre = np.stack([(x + 0.5) / size, (y + 0.5) / size], -1).reshape(-1, 1, 2)
        cells.append(np.repeat(centre, per_cell, axis=1).reshape(-1, 2))
    return np.concatenate(cells)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def _distinct(faces: list[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(overlap(face.box, k.box) < SAME_FACE for k in kept):
            kept.append(face)
    return kept


class Detector:
    """Not thread-safe: one per worker."""

    def __init__(self, weights: Path) -> None:
        self._model = Model(weights / "face_detection_short_range.tflite")
        self._anchors = _anchors()

    def faces(self, picture: npt.NDArray[np.uint8]) -> list[Face]:
        """All faces of a BGR picture, the surest first; tiles are searched only when the whole shows none."""
        h, w = picture.shape[:2]
        found = self._search(picture, 0, 0, max(h, w))
        for share in TILE_SHARES:
            if found:
                break
            side = int(min(h, w) * share)
            if side < 48:
                break
            step = max(1, side // 2)
            for y in range(0, max(1, h - side + step), step):
                for x in range(0, max(1, w - side + step), step):
                    found += self._search(picture, min(x, max(0, w - side)), min(y, max(0, h - side)), side)
        return _distinct(found)

    def _search(self, picture: npt.NDArray[np.uint8], x: int, y: int, side: int) -> list[Face]:
        part = picture[y : y + side, x : x + side]
        scale = SIDE / side
        small = cv2.resize(
            part,
            (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))),
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        )
        canvas = np.zeros((1, SIDE, SIDE, 3), np.float32)
        canvas[0, : small.shape[0], : small.shape[1]] = small[..., ::-1] / 127.5 - 1
        out = self._model.run(canvas)
        raw, logits = out["regressors"][0], out["classificators"][0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        faces = []
        for i in np.flatnonzero(scores > MIN_SCORE):
            centre = raw[i, :2] / SIDE + self._anchors[i]
            half = raw[i, 2:4] / SIDE / 2
            points = raw[i, 4:].reshape(6, 2) / SIDE + self._anchors[i]
            a, b = (centre - half) * side, (centre + half) * side
            faces.append(
                Face(
                    float(scores[i]),
                    (float(a[0] + x), float(a[1] + y), float(b[0] + x), float(b[1] + y)),
                    points * side + (x, y),
                )
            )
        return _distinct(faces)
