"""Finds frames in which something is in front of the mouth: the skin around it does not look as it does otherwise (a
microphone, a cup), or what is in the lips' place does not have their colour but the skin's: a hand.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.shape import Array

SKIN = (
    *pt.JAW[3:-3],
    175,
    199,
    200,
    201,
    421,
    18,
    164,
    167,
    393,
    206,
    426,
    205,
    425,
    207,
    427,
    212,
    432,
    202,
    422,
    204,
    424,
    210,
    430,
)
"""Points of the lower face that are skin (or beard) in every frame."""
UPPER = (184, 74, 73, 72, 11, 302, 303, 304, 408)
LOWER = (77, 90, 180, 85, 16, 315, 404, 320, 307)
"""Points in the middle of the lips."""
POINTS = (*SKIN, *UPPER, *LOWER)
LEAST = 30.0
"""Difference (levels of 255) that light and talking alone can make."""
LEAST_COLOUR = 8.0
"""The same of hue and saturation alone, which shadows leave as they are; talking and turning make up to 6.5."""
OFTEN = 2.7
"""A covered mouth also differs this much more than the clip's frames commonly do."""
NEAR = 0.6
"""Part of that from which a frame beside a covered one is covered too: what covers the mouth comes and goes."""
COLOURED = 8.0
"""Difference of lips and skin in hue and saturation (levels) from which they are told apart."""
SKINLIKE = 0.15
"""Part of the usual difference under which what is in a lip's place is no lip; talking leaves 0.2 and more."""
MOMENT, BETWEEN = 2, 4
"""Frames for which a lip must be gone, and frames between two covered ones that are covered too."""


def look(picture: npt.NDArray[np.uint8], mesh: Array) -> Array:
    """Colour (CIELAB in bytes) of ``POINTS`` in a BGR picture, less the skin's median; shape (len(POINTS), 3).

    Of the skin's own points only lightness is less its median.
    """
    p = mesh[list(POINTS), :2]
    low, high = np.floor(p.min(0)).astype(int) - 8, np.ceil(p.max(0)).astype(int) + 8
    x0, y0 = np.clip(low, 0, None)
    part = picture[y0 : max(y0 + 2, high[1]), x0 : max(x0 + 2, high[0])]
    if part.shape[0] < 2 or part.shape[1] < 2:
        return np.zeros((len(POINTS), 3), np.float32)
    k = 64 / max(part.shape[:2])
    small = cv2.resize(part, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float32)
    at = np.clip(((p - (x0, y0)) * k).astype(int), 0, (lab.shape[1] - 1, lab.shape[0] - 1))
    colours = lab[at[:, 1], at[:, 0]]
    skin = np.median(colours[: len(SKIN)], axis=0)
    colours[:, 0] -= skin[0]
    colours[len(SKIN) :, 1:] -= skin[1:]
    return np.asarray(colours)


def covered(looks: Array, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which good frames have a covered mouth, from the looks (n, len(POINTS), 3) of all."""
    out = np.zeros(len(good), bool)
    if good.sum() < 8:
        return out
    skin = looks[:, : len(SKIN)]
    apart = skin[good] - np.median(skin[good], axis=0)
    colour = apart[..., 1:] - np.median(apart[..., 1:], axis=1, keepdims=True)  # of the light: on all points alike
    strange = np.zeros(len(good))
    strange[good] = np.maximum(_strange(apart, LEAST), _strange(colour, LEAST_COLOUR))
    out |= strange > 1
    out |= _gone(looks[:, len(SKIN) : len(SKIN) + len(UPPER), 1:], good)
    out |= _gone(looks[:, len(SKIN) + len(UPPER) :, 1:], good)
    for i in range(1, len(out)):
        out[i] |= out[i - 1] and strange[i] > NEAR
    for i in range(len(out) - 2, -1, -1):
        out[i] |= out[i + 1] and strange[i] > NEAR
    hidden = np.flatnonzero(out)
    for a, b in pairwise(hidden.tolist()):
        if b - a <= BETWEEN + 1:
            out[a:b] = True
    return out & good


def _strange(apart: Array, least: float) -> Array:
    """How far frames (n, p, channels) are from the usual one; over 1 is not talking. The worst third tells."""
    per_point = np.linalg.norm(apart, axis=2)
    difference = np.sort(per_point, axis=1)[:, -per_point.shape[1] // 3 :].mean(1)
    return np.asarray(difference / max(least, OFTEN * float(np.median(difference))))


def _gone(lip: Array, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Frames in which the points of a lip (n, p, 2) have the colour of skin for a moment."""
    usual: Array = np.median(lip[good], axis=0)
    square = (usual**2).sum(1)
    if np.sqrt(np.median(square)) < COLOURED:
        return np.zeros(len(good), bool)
    left = np.median((lip * usual).sum(2) / np.maximum(1.0, square), axis=1)
    none = np.concatenate([[False] * (MOMENT - 1), good & (left < SKINLIKE), [False] * (MOMENT - 1)])
    begins = np.lib.stride_tricks.sliding_window_view(none, MOMENT).all(1)
    return np.asarray(np.convolve(begins, np.ones(MOMENT), "valid") > 0)
