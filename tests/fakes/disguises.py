"""A clip's person as others look or hold themselves: a microphone before the mouth, a beard, glasses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.common.settings import SharedSettings
from services.render.face import points as pt
from services.render.face.landmarks import Points, Tracker
from services.render.media.read import read_frames
from tests.fakes import media

Picture = npt.NDArray[np.uint8]
BEARD = [*pt.JAW, 435, 410, 322, 391, 164, 165, 92, 186, 215]
"""Points around what a beard covers, moustache included."""
FIRM = [33, 263, 1, 4, 6, 168, 197, 133, 362]
"""Points that move with the head alone."""


def disguised(clip: Path, side: int, seconds: float, paint: Callable[[Picture, Points, float], Picture]) -> bytes:
    """The clip's first seconds as an MP4, each picture painted on: ``paint(picture, mesh, time)``."""
    tracker = Tracker(SharedSettings().weights_dir / "face-mesh")

    def pictures() -> Iterator[Picture]:
        for t, picture in read_frames(clip, Fraction(25), side, seconds):
            mesh = tracker.next(picture)
            assert mesh is not None
            yield paint(picture, mesh, t)

    return media.video(pictures())


def microphone(held_s: tuple[float, float]) -> Callable[[Picture, Points, float], Picture]:
    """A grey ball that comes up to the lower lip and the chin, is held there, whatever the head does, and goes."""
    first: list[Points] = []

    def paint(picture: Picture, mesh: Points, t: float) -> Picture:
        first[:] = first or [mesh]
        wide = float(np.ptp(first[0][:, 0]))
        up = min(1.0, min(t - held_s[0], held_s[1] - t) / 0.2)
        if up > 0:
            x, y = first[0][14, :2] + (0, wide * (0.2 + 0.8 * (1 - up)))
            cv2.circle(picture, (int(x), int(y)), int(0.2 * wide), (150, 150, 152), -1, cv2.LINE_AA)
        return picture

    return paint


def beard_and_glasses() -> Callable[[Picture, Points, float], Picture]:
    """Short dark hair that stays where it grows, and a dark frame around the eyes."""
    first: list[tuple[Points, npt.NDArray[np.float32]]] = []

    def paint(picture: Picture, mesh: Points, _t: float) -> Picture:
        h, w = picture.shape[:2]
        first[:] = first or [(mesh, strands_of(h, w))]
        at_first, strands = first[0]
        moved, _ = cv2.estimateAffinePartial2D(at_first[FIRM, :2], mesh[FIRM, :2])
        strands = cv2.warpAffine(strands, moved, (w, h), borderMode=cv2.BORDER_REFLECT)
        face, lips = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
        cv2.fillPoly(face, [np.round(cv2.convexHull(mesh[BEARD, :2])).astype(np.int32)], 1)
        cv2.fillPoly(lips, [np.round(mesh[list(pt.OUTER_RING), :2]).astype(np.int32)], 1)
        hair = cv2.GaussianBlur(face, (0, 0), 5) * (1 - cv2.GaussianBlur(lips, (0, 0), 1.2)) * strands
        out = (picture + (np.array([30, 38, 52]) - picture) * 0.85 * hair[..., None]).astype(np.uint8)
        for outer, inner in ((33, 133), (263, 362)):
            x, y = mesh[[outer, inner], :2].mean(0)
            around = int(0.95 * np.linalg.norm(mesh[outer, :2] - mesh[inner, :2]))
            cv2.circle(out, (int(x), int(y)), around, (20, 20, 20), 3, cv2.LINE_AA)
        return out

    return paint


def strands_of(h: int, w: int) -> npt.NDArray[np.float32]:
    """Upright streaks of a pixel's width, 0.25 to 1."""
    noise = cv2.filter2D(np.random.default_rng(1).normal(0, 1, (2 * h, 2 * w)), -1, np.full((9, 1), 1 / 9))
    return np.clip(0.55 + 0.9 * cv2.resize(noise, (w, h), interpolation=cv2.INTER_AREA), 0.25, 1).astype(np.float32)
