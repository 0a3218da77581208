"""Finds frames in which something is in front of the mouth: the skin around it does not look as it does otherwise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.render.geometry import points as pt
from services.render.geometry.shape import Array

SKIN = (*pt.JAW[3:-3], 175, 199, 200, 201, 421, 18, 164, 167, 393, 206, 426, 205, 425, 207, 427, 212, 432, 202, 422, 204, 424, 210, 430)  # fmt: skip  # noqa: E501
"""Points of the lower face that are skin (or beard) in every frame."""
LEAST = 30.0
"""Difference (levels of 255) that light and talking alone can make."""
OFTEN = 2.7
"""A covered mouth also differs this much more than the clip's frames commonly do."""


def look(picture: npt.NDArray[np.uint8], mesh: Array) -> Array:
    """Colour of the skin points in a BGR picture, less its mean lightness; shape (len(SKIN), 3)."""
    p = mesh[list(SKIN), :2]
    low, high = np.floor(p.min(0)).astype(int) - 8, np.ceil(p.max(0)).astype(int) + 8
    x0, y0 = np.clip(low, 0, None)
    part = picture[y0 : max(y0 + 2, high[1]), x0 : max(x0 + 2, high[0])]
    if part.shape[0] < 2 or part.shape[1] < 2:
        return np.zeros((len(SKIN), 3), np.float32)
    k = 64 / max(part.shape[:2])
    small = cv2.resize(part, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float32)
    at = np.clip(((p - (x0, y0)) * k).astype(int), 0, (lab.shape[1] - 1, lab.shape[0] - 1))
    colours = lab[at[:, 1], at[:, 0]]
    colours[:, 0] -= np.median(colours[:, 0])
    return np.asarray(colours)


def covered(looks: Array, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which good frames have a covered mouth, from the looks (n, len(SKIN), 3) of all."""
    out = np.zeros(len(good), bool)
    if good.sum() < 8:
        return out
    usual = np.median(looks[good], axis=0)
    # the points differ most where the hand is: the worst third decides
    per_point = np.linalg.norm(looks[good] - usual, axis=2)
    difference = np.sort(per_point, axis=1)[:, -per_point.shape[1] // 3 :].mean(1)
    out[good] = difference > max(LEAST, OFTEN * float(np.median(difference)))
    return out
