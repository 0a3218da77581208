"""Whether a mouth is hidden in a single picture: a mask, a label, a blurred box.

``occlusion`` compares the frames of a film with each other; what is there in all of them, or in a portrait, it cannot
see. Here the lips are compared with the skin around them, and the lower face with the upper one. Measured on pictures
of seven people, one of them nearly without colour: lips are at least 14 levels darker than the skin around them; the
hues of the lower and upper face differ by 6.5 at most. Plain masks of six colours: 0 to 6, and 7 to 50.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.occlusion import LOWER, SKIN, UPPER
from services.render.face.shape import Array

CHEEKS = (50, 280, 101, 330, 118, 347, 117, 346, 36, 266, 9, 151, 108, 337, 6, 197, 195)
"""Points of the upper face that are skin: cheeks, forehead, nose."""
INWARD = 0.2
"""How far towards the mouth the points of the lower face are looked at; those on its outline may miss it."""
WIDTH = 128
"""Pixels across the face at which colours are read."""
LEAST_DARKER, LEAST_HUE = 7.0, 2.5
"""Lips that are neither this much darker than the skin around them, nor this much different in hue and saturation, are
none (levels of CIELAB in bytes)."""
FOREIGN_HUE = 9.0
"""Difference in hue and saturation from which the lower face is not of the skin of the upper one; a beard makes less,
and shows lips."""
PALER = 3.0
"""How much less red than the skin of the upper face lips are never."""


def hides_mouth(picture: npt.NDArray[np.uint8], mesh: Array) -> bool:
    """Whether something is before the whole mouth of a BGR picture with a face's mesh (468, 3)."""
    scale = WIDTH / max(1.0, float(np.ptp(mesh[:, 0])))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.blur(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), (3, 3))
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.uint8)
    points = mesh[:, :2] * scale
    mouth = points[list(pt.OUTER_RING)].mean(0)
    skin = points[list(SKIN)]
    upper, lower, lips = (
        _colour(lab, at) for at in (points[list(CHEEKS)], skin + INWARD * (mouth - skin), points[[*UPPER, *LOWER]])
    )
    if np.isnan([upper, lower, lips]).any():
        return False
    is_plain = lips[0] - lower[0] > -LEAST_DARKER and float(np.linalg.norm(lips[1:] - lower[1:])) < LEAST_HUE
    is_foreign = float(np.linalg.norm(lower[1:] - upper[1:])) > FOREIGN_HUE and lips[1] < upper[1] - PALER
    return bool(is_plain or is_foreign)


def _colour(lab: npt.NDArray[np.uint8], points: Array) -> Array:
    """Median colour at the points (n, 2) that lie within the picture, shape (3,); not a number for none."""
    at = points.astype(int)
    at = at[((at >= 0) & (at < (lab.shape[1], lab.shape[0]))).all(1)]
    if not len(at):
        return np.full(3, np.nan)
    return np.asarray(np.median(lab[at[:, 1], at[:, 0]].astype(np.float32), axis=0))
