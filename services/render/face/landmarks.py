"""Tracks one face through a video: MediaPipe's 468-point face mesh (Kartynnik et al. 2019), run by LiteRT.

Points are in pixels of the picture. z has the scale of x; a smaller z is nearer to the camera.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face.detector import TILE_SHARES, DetectedFace, Detector, iou
from services.render.face.litert import LiteRtModel

Points = npt.NDArray[np.float32]
"""Shape (468, 3)."""

INPUT_SIDE = 192
POINT_COUNT = 468
MIN_PRESENCE = 0.5
RIGHT_EYE, LEFT_EYE = 33, 263
VIEWS = ((1.5, 0.0), (1.36, 0.06), (1.62, -0.06))
"""Ratio of crop size to face size and extra roll (radians) of the predictions that are averaged: a single one
jitters."""
RIVAL_WIDTH = 0.6
"""Smallest width of a rival, a second face of similar size, as a share of the widest face."""
CHECK_EVERY = 25
"""Frames between two runs of the detector on the whole picture."""


class FaceMesh:
    """Not thread-safe: one per worker."""

    def __init__(self, weights: Path) -> None:
        self._model = LiteRtModel(weights / "face_landmark.tflite")

    def predict(
        self, picture: npt.NDArray[np.uint8], centre: npt.NDArray[np.float64], size: float, roll: float
    ) -> Points | None:
        """Points of the face in a square of ``size`` pixels around ``centre``, turned by ``roll``, or None."""
        total = np.zeros((POINT_COUNT, 3))
        for scale, extra_roll in VIEWS:
            cos, sin = np.cos(roll + extra_roll), np.sin(roll + extra_roll)
            pixel_scale = size * scale / INPUT_SIDE
            crop_to_picture = np.array(
                [[cos * pixel_scale, -sin * pixel_scale, 0.0], [sin * pixel_scale, cos * pixel_scale, 0.0]]
            )
            crop_to_picture[:, 2] = centre - crop_to_picture[:, :2] @ (INPUT_SIDE / 2, INPUT_SIDE / 2)
            crop = cv2.warpAffine(
                picture,
                crop_to_picture,
                (INPUT_SIDE, INPUT_SIDE),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            outputs = self._model.run(crop[None, ..., ::-1].astype(np.float32) / 255)
            presence = 1 / (1 + np.exp(-float(outputs["conv2d_31"].ravel()[0])))
            if presence < MIN_PRESENCE:
                return None
            points = outputs["conv2d_21"].reshape(POINT_COUNT, 3).astype(np.float64)
            total[:, :2] += points[:, :2] @ crop_to_picture[:, :2].T + crop_to_picture[:, 2]
            total[:, 2] += points[:, 2] * pixel_scale
        return (total / len(VIEWS)).astype(np.float32)


def _crop_of_mesh(points: Points) -> tuple[npt.NDArray[np.float64], float, float]:
    eye_axis = points[LEFT_EYE, :2] - points[RIGHT_EYE, :2]
    roll = float(np.arctan2(eye_axis[1], eye_axis[0]))
    cos, sin = np.cos(-roll), np.sin(-roll)
    flat = points[:, :2] @ np.array([[cos, -sin], [sin, cos]]).T
    low, high = flat.min(0), flat.max(0)
    centre = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]) @ ((low + high) / 2)
    return centre, float((high - low).max()), roll


def _crop_of_face(face: DetectedFace) -> tuple[npt.NDArray[np.float64], float, float]:
    eye_axis = face.points[1] - face.points[0]
    x0, y0, x1, y1 = face.box
    # the detector's box ends at the brows, but the mesh needs the forehead
    return (
        np.array([(x0 + x1) / 2, (y0 + y1) / 2]),
        max(x1 - x0, y1 - y0) * 1.1,
        float(np.arctan2(eye_axis[1], eye_axis[0])),
    )


def rivals(faces: list[DetectedFace]) -> int:
    """Number of the faces of similar size: the widest and those that are nearly as wide."""
    widest = max((f.width for f in faces), default=0.0)
    return sum(f.width >= RIVAL_WIDTH * widest for f in faces)


class FaceFinder:
    """Finds faces in single pictures. Not thread-safe."""

    def __init__(self, weights: Path) -> None:
        self._detector = Detector(weights)
        self._mesh = FaceMesh(weights)

    def faces(self, picture: npt.NDArray[np.uint8], quickly: bool = False) -> list[DetectedFace]:
        """All faces of a BGR picture, see ``Detector.detect``; ``quickly`` leaves out the smallest tiles: most of the
        work."""
        return self._detector.detect(picture, TILE_SHARES[:2] if quickly else TILE_SHARES)

    def mesh(self, picture: npt.NDArray[np.uint8], faces: list[DetectedFace]) -> Points | None:
        """Points of the widest of the faces that were found in this picture."""
        widest = max(faces, key=lambda f: f.width)
        points = self._mesh.predict(picture, *_crop_of_face(widest))
        return None if points is None else self._mesh.predict(picture, *_crop_of_mesh(points))


class Tracker:
    """Tracks the mesh of the one person in a sequence of pictures."""

    def __init__(self, weights: Path, thorough_every: int = 1) -> None:
        """While nobody is there, one of ``thorough_every`` pictures is searched for small faces as well: that takes
        twenty times as long as following a face."""
        self._detector = Detector(weights)
        self._mesh = FaceMesh(weights)
        self._thorough_every, self._quick_left = thorough_every, 0
        self._points: Points | None = None
        self._count = 0
        self.rivals = 0
        """Largest number of faces of similar size in one picture, when more than one."""
        self.rival_pictures = 0
        self.checked_pictures = 0
        self.face_pictures = 0
        """Of these, pictures with a face."""

    def restart(self) -> None:
        """Forget where the face was: a new scene begins."""
        self._points, self._quick_left = None, 0

    def next(self, picture: npt.NDArray[np.uint8]) -> Points | None:
        """Points of the face in the next BGR picture, or None."""
        if self._count % CHECK_EVERY == 0 or self._points is None:
            self._detect(picture)
        self._count += 1
        if self._points is None:
            return None
        self._points = self._mesh.predict(picture, *_crop_of_mesh(self._points))
        if self._points is None:  # it moved too fast to track: detect it again
            self.restart()
            self._detect(picture)
            if self._points is not None:
                self._points = self._mesh.predict(picture, *_crop_of_mesh(self._points))
        return self._points

    def _detect(self, picture: npt.NDArray[np.uint8]) -> None:
        quickly = self._points is None and self._quick_left > 0
        faces = self._detector.detect(picture, () if quickly else TILE_SHARES)
        self._quick_left = self._quick_left - 1 if quickly else self._thorough_every - 1
        self.checked_pictures += 1
        if not faces:
            return
        self.face_pictures += 1
        if (similar := rivals(faces)) > 1:
            self.rivals = max(self.rivals, similar)
            self.rival_pictures += 1
        if self._points is not None:
            low, high = self._points[:, :2].min(0), self._points[:, :2].max(0)
            if any(iou((*low, *high), f.box) > 0.2 for f in faces):
                return  # tracking still matches a detection
        face = max(faces, key=lambda f: f.width)
        self._points = self._mesh.predict(picture, *_crop_of_face(face))
