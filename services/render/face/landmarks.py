"""Follows one face through a video: MediaPipe's 468-point face mesh (Kartynnik et al. 2019), run by LiteRT.

Points are in pixels of the picture; z has the scale of x, smaller is nearer to the camera.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face.detector import Detector, Face, overlap
from services.render.face.litert import Model

Points = npt.NDArray[np.float32]
"""Shape (468, 3)."""

SIDE = 192
POINTS = 468
MIN_PRESENCE = 0.5
RIGHT_EYE, LEFT_EYE = 33, 263
VIEWS = ((1.5, 0.0), (1.36, 0.06), (1.62, -0.06))
"""Crop size over face size and extra turn (radians) of the looks that are averaged: one look alone jitters."""
RIVAL = 0.6
"""A second face is a rival when it is at least this wide, as a part of the widest."""
CHECK_EVERY = 25
"""Frames between two looks of the detector at the whole picture."""


class FaceMesh:
    """Not thread-safe: one per worker."""

    def __init__(self, weights: Path) -> None:
        self._model = Model(weights / "face_landmark.tflite")

    def fit(
        self, picture: npt.NDArray[np.uint8], centre: npt.NDArray[np.float64], size: float, turn: float
    ) -> Points | None:
        """Points of the face in a square of ``size`` pixels around ``centre``, turned by ``turn``, or None."""
        total = np.zeros((POINTS, 3))
        for grow, extra in VIEWS:
            c, s = np.cos(turn + extra), np.sin(turn + extra)
            k = size * grow / SIDE
            forward = np.array([[c * k, -s * k, 0.0], [s * k, c * k, 0.0]])  # crop to picture
            forward[:, 2] = centre - forward[:, :2] @ (SIDE / 2, SIDE / 2)
            crop = cv2.warpAffine(
                picture,
                forward,
                (SIDE, SIDE),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            out = self._model.run(crop[None, ..., ::-1].astype(np.float32) / 255)
            presence = 1 / (1 + np.exp(-float(out["conv2d_31"].ravel()[0])))
            if presence < MIN_PRESENCE:
                return None
            p = out["conv2d_21"].reshape(POINTS, 3).astype(np.float64)
            total[:, :2] += p[:, :2] @ forward[:, :2].T + forward[:, 2]
            total[:, 2] += p[:, 2] * k
        return (total / len(VIEWS)).astype(np.float32)


def _square(points: Points) -> tuple[npt.NDArray[np.float64], float, float]:
    d = points[LEFT_EYE, :2] - points[RIGHT_EYE, :2]
    turn = float(np.arctan2(d[1], d[0]))
    c, s = np.cos(-turn), np.sin(-turn)
    flat = points[:, :2] @ np.array([[c, -s], [s, c]]).T
    low, high = flat.min(0), flat.max(0)
    centre = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ ((low + high) / 2)
    return centre, float((high - low).max()), turn


def _square_of(face: Face) -> tuple[npt.NDArray[np.float64], float, float]:
    d = face.points[1] - face.points[0]
    x0, y0, x1, y1 = face.box
    # the detector's box ends at the brows: the mesh wants the forehead as well
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, y1 - y0) * 1.1, float(np.arctan2(d[1], d[0]))


class Tracker:
    """Gives one picture after another the mesh of the one person in it."""

    def __init__(self, weights: Path) -> None:
        self._detector = Detector(weights)
        self._mesh = FaceMesh(weights)
        self._last: Points | None = None
        self._count = 0
        self.rivals = 0
        """Most faces of similar size seen in one picture, when more than one."""
        self.rival_pictures = 0
        self.checked_pictures = 0

    def next(self, picture: npt.NDArray[np.uint8]) -> Points | None:
        """Points of the face in the next BGR picture, or None."""
        if self._count % CHECK_EVERY == 0 or self._last is None:
            self._check(picture)
        self._count += 1
        if self._last is None:
            return None
        self._last = self._mesh.fit(picture, *_square(self._last))
        if self._last is None:  # moved too fast for following: look for it again at once
            self._check(picture)
            if self._last is not None:
                self._last = self._mesh.fit(picture, *_square(self._last))
        return self._last

    def _check(self, picture: npt.NDArray[np.uint8]) -> None:
        faces = self._detector.faces(picture)
        self.checked_pictures += 1
        if not faces:
            return
        widest = max(f.width for f in faces)
        similar = [f for f in faces if f.width >= RIVAL * widest]
        if len(similar) > 1:
            self.rivals = max(self.rivals, len(similar))
            self.rival_pictures += 1
        if self._last is not None:
            low, high = self._last[:, :2].min(0), self._last[:, :2].max(0)
            if any(overlap((*low, *high), f.box) > 0.2 for f in faces):
                return  # following goes well
        face = max(faces, key=lambda f: f.width)
        self._last = self._mesh.fit(picture, *_square_of(face))
