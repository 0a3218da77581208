"""Finds faces: MediaPipe's short-range BlazeFace (Bazarevsky et al. 2019), run by LiteRT.

The model's input is 128×128 pixels, so it misses faces narrower than about a tenth of the picture. A picture without a
detection is therefore searched again in overlapping square tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face.litert import LiteRtModel

INPUT_SIDE = 128
MIN_SCORE = 0.6
SAME_FACE_IOU = 0.3
"""Boxes with a larger intersection over union are the same face."""
TILE_SHARES = (1.0, 0.5, 0.3)
"""Sides of the search tiles, as shares of the picture's short side."""


@dataclass(frozen=True)
class DetectedFace:
    """A detected face, in pixels of the picture."""

    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    points: npt.NDArray[np.float64]
    """Shape (6, 2): right eye, left eye, nose tip, mouth, right ear, left ear (right is the person's own)."""

    @property
    def width(self) -> float:
        """Width of the box."""
        return self.box[2] - self.box[0]

    @property
    def roll(self) -> float:
        """Tilt of the eyes to the right, in radians; half a turn for a face that is upside down."""
        across = self.points[1] - self.points[0]
        return float(np.arctan2(across[1], across[0]))


def _anchors() -> npt.NDArray[np.float64]:
    cells = []
    for size, per_cell in ((16, 2), (8, 6)):
        y, x = np.mgrid[:size, :size]
        centre = np.stack([(x + 0.5) / size, (y + 0.5) / size], -1).reshape(-1, 1, 2)
        cells.append(np.repeat(centre, per_cell, axis=1).reshape(-1, 2))
    return np.concatenate(cells)


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height)


def _non_max_suppression(faces: list[DetectedFace]) -> list[DetectedFace]:
    kept: list[DetectedFace] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(iou(face.box, k.box) < SAME_FACE_IOU for k in kept):
            kept.append(face)
    return kept


class Detector:
    """Not thread-safe: one per worker."""

    def __init__(self, weights: Path) -> None:
        self._model = LiteRtModel(weights / "face_detection_short_range.tflite")
        self._anchors = _anchors()

    def detect(
        self, picture: npt.NDArray[np.uint8], tile_shares: tuple[float, ...] = TILE_SHARES
    ) -> list[DetectedFace]:
        """All faces of a BGR picture, highest score first. Tiles are searched only when the whole picture has none."""
        height, width = picture.shape[:2]
        faces = self._detect_in(picture, 0, 0, max(height, width))
        for tile_share in tile_shares:
            if faces:
                break
            side = int(min(height, width) * tile_share)
            if side < 48:
                break
            step = max(1, side // 2)
            for y in range(0, max(1, height - side + step), step):
                for x in range(0, max(1, width - side + step), step):
                    faces += self._detect_in(picture, min(x, max(0, width - side)), min(y, max(0, height - side)), side)
        return _non_max_suppression(faces)

    def _detect_in(self, picture: npt.NDArray[np.uint8], x: int, y: int, side: int) -> list[DetectedFace]:
        tile = picture[y : y + side, x : x + side]
        scale = INPUT_SIDE / side
        resized = cv2.resize(
            tile,
            (max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale))),
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        )
        canvas = np.zeros((1, INPUT_SIDE, INPUT_SIDE, 3), np.float32)
        canvas[0, : resized.shape[0], : resized.shape[1]] = resized[..., ::-1] / 127.5 - 1
        outputs = self._model.run(canvas)
        regression, logits = outputs["regressors"][0], outputs["classificators"][0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        faces = []
        for index in np.flatnonzero(scores > MIN_SCORE):
            centre = regression[index, :2] / INPUT_SIDE + self._anchors[index]
            half_size = regression[index, 2:4] / INPUT_SIDE / 2
            points = regression[index, 4:].reshape(6, 2) / INPUT_SIDE + self._anchors[index]
            a, b = (centre - half_size) * side, (centre + half_size) * side
            faces.append(
                DetectedFace(
                    float(scores[index]),
                    (float(a[0] + x), float(a[1] + y), float(b[0] + x), float(b[1] + y)),
                    points * side + (x, y),
                )
            )
        return _non_max_suppression(faces)
