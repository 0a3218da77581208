"""Finds frames in which something covers the mouth.

Either the skin around the mouth looks unlike the other frames (a microphone, a cup), or the lips have the colour of
skin (a hand).
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
_INNER = ~np.isin(SKIN, pt.JAW)
"""Those within the face. On its outline the mesh is off by a few pixels as the head turns or the jaw drops. There it
sees the neck's shadow or the background, which are lighter or darker, though seldom of another hue."""
UPPER = (184, 74, 73, 72, 11, 302, 303, 304, 408)
LOWER = (77, 90, 180, 85, 16, 315, 404, 320, 307)
"""Points in the middle of the lips."""
POINTS = (*SKIN, *UPPER, *LOWER)
MIN_DIFFERENCE = 45.0
"""Difference (levels of 255) that light and talking alone can cause; the shadow under a wide open lower lip makes 37.
Nearly all of it is lightness: what is not of the colour of skin is found by its hue."""
MIN_COLOUR_DIFFERENCE = 8.0
"""The same for hue and saturation, which shadows do not change; talking and turning cause up to 6.5."""
USUAL_RATIO, USUAL_COLOUR_RATIO = 3.5, 2.7
"""Smallest ratio of an occluded frame's difference to the clip's median difference; the same for hue and saturation."""
NEIGHBOUR_SHARE = 0.6
"""Share of that threshold for frames next to an occluded one: an object moves in and out gradually."""
MIN_LIP_CONTRAST = 8.0
"""Smallest difference of lips and skin in hue and saturation (levels) at which they can be distinguished."""
MAX_SKIN_SHARE = 0.15
"""Share of the usual lip contrast below which a lip is hidden; talking leaves 0.2 and more."""
MIN_HIDDEN_FRAMES, MAX_GAP_FRAMES = 3, 4
"""Smallest number of frames for which a lip is hidden, and largest gap between occluded frames that is filled."""


def lip_colours(picture: npt.NDArray[np.uint8], mesh: Array) -> Array:
    """Colour (CIELAB in bytes) of ``POINTS`` in a BGR picture minus the median of the skin; shape (len(POINTS), 3).

    For the skin's points, the median is subtracted from lightness only.
    """
    points = mesh[list(POINTS), :2]
    low, high = np.floor(points.min(0)).astype(int) - 8, np.ceil(points.max(0)).astype(int) + 8
    x0, y0 = np.clip(low, 0, None)
    crop = picture[y0 : max(y0 + 2, high[1]), x0 : max(x0 + 2, high[0])]
    if crop.shape[0] < 2 or crop.shape[1] < 2:
        return np.zeros((len(POINTS), 3), np.float32)
    scale = 64 / max(crop.shape[:2])
    resized = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(resized, cv2.COLOR_BGR2LAB).astype(np.float32)
    indices = np.clip(((points - (x0, y0)) * scale).astype(int), 0, (lab.shape[1] - 1, lab.shape[0] - 1))
    colours = lab[indices[:, 1], indices[:, 0]]
    skin = np.median(colours[: len(SKIN)], axis=0)
    colours[:, 0] -= skin[0]
    colours[len(SKIN) :, 1:] -= skin[1:]
    return np.asarray(colours)


def occluded_frames(colours: Array, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the good frames with an occluded mouth, from ``lip_colours`` (n, len(POINTS), 3) of all frames."""
    occluded = np.zeros(len(good), bool)
    if good.sum() < 8:
        return occluded
    skin = colours[:, : len(SKIN)]
    skin_difference = skin[good] - np.median(skin[good], axis=0)
    # a change of the light moves all points alike
    hue_difference = skin_difference[..., 1:] - np.median(skin_difference[..., 1:], axis=1, keepdims=True)
    difference = np.zeros(len(good))
    difference[good] = np.maximum(
        _relative_difference(skin_difference[:, _INNER], MIN_DIFFERENCE, USUAL_RATIO),
        _relative_difference(hue_difference, MIN_COLOUR_DIFFERENCE, USUAL_COLOUR_RATIO),
    )
    occluded |= difference > 1
    occluded |= _lip_hidden(colours[:, len(SKIN) : len(SKIN) + len(UPPER), 1:], good)
    occluded |= _lip_hidden(colours[:, len(SKIN) + len(UPPER) :, 1:], good)
    for i in range(1, len(occluded)):
        occluded[i] |= occluded[i - 1] and difference[i] > NEIGHBOUR_SHARE
    for i in range(len(occluded) - 2, -1, -1):
        occluded[i] |= occluded[i + 1] and difference[i] > NEIGHBOUR_SHARE
    indices = np.flatnonzero(occluded)
    for a, b in pairwise(indices.tolist()):
        if b - a <= MAX_GAP_FRAMES + 1:
            occluded[a:b] = True
    return occluded & good


def _relative_difference(deviation: Array, minimum: float, usual_ratio: float) -> Array:
    """Deviation of frames (n, p, channels) over its threshold, from the worst third of the points; above 1:
    occluded."""
    per_point = np.linalg.norm(deviation, axis=2)
    difference = np.sort(per_point, axis=1)[:, -per_point.shape[1] // 3 :].mean(1)
    return np.asarray(difference / max(minimum, usual_ratio * float(np.median(difference))))


def _lip_hidden(lip: Array, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the frames in which the points of a lip (n, p, 2) have the colour of skin."""
    median_colour: Array = np.median(lip[good], axis=0)
    contrast = (median_colour**2).sum(1)
    if np.sqrt(np.median(contrast)) < MIN_LIP_CONTRAST:
        return np.zeros(len(good), bool)
    lip_share = np.median((lip * median_colour).sum(2) / np.maximum(1.0, contrast), axis=1)
    hidden = np.concatenate(
        [[False] * (MIN_HIDDEN_FRAMES - 1), good & (lip_share < MAX_SKIN_SHARE), [False] * (MIN_HIDDEN_FRAMES - 1)]
    )
    starts = np.lib.stride_tricks.sliding_window_view(hidden, MIN_HIDDEN_FRAMES).all(1)
    return np.asarray(np.convolve(starts, np.ones(MIN_HIDDEN_FRAMES), "valid") > 0)
