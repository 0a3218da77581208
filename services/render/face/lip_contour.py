"""Corrects the mesh's inner lip contour where the mesh mistakes teeth for lip.

Teeth are brighter and paler than the person's lips in the same picture. Where such pixels extend beyond the inner
contour, the contour moves outwards to their end. It never moves inwards, and closed lips do not change.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.shape import Array

LIP_CURVES = tuple(
    (list(outer[1:-1]), list(inner[1:-1]))
    for outer, inner in ((pt.UPPER_OUTER, pt.UPPER_INNER), (pt.LOWER_OUTER, pt.LOWER_INNER))
)
DEPTHS = np.linspace(0.2, 1, 17)
"""Sample positions across a lip, from its outer (0) to its inner contour (1)."""
LIP_DEPTHS = (DEPTHS > 0.25) & (DEPTHS < 0.65)
"""The samples that are certainly lip, even where the inner contour is wrong."""
MAX_STEPS = 12
"""Largest move of the contour, in steps of ``DEPTHS``."""
MIN_PALENESS, MIN_TOOTH_SCORE = 0.15, 0.4
"""Smallest share of the lips' redness that teeth lack, and smallest sum of that share and half the relative
brightness."""
MIN_REDNESS = 14.0
"""Smallest assumed redness of lips, in levels above grey: in a grey picture teeth cannot be told from lips."""

TOLERANCE = (0.012, 0.0)
"""Reach that is ignored at the upper and the lower contour, in eye distances: the upper lip shades the teeth, which
makes their end less certain."""


def teeth_reach(picture: npt.NDArray[np.uint8], mesh: Array) -> Array:
    """Reach of the teeth beyond the upper and lower inner contour of a BGR picture, in pixels, shape (2, 9)."""
    eyes = [mesh[list(c), :2].mean(0) for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS)]
    eye_distance = float(np.linalg.norm(eyes[1] - eyes[0]))
    out = np.zeros((2, len(LIP_CURVES[0][0])), np.float32)
    lips = mesh[[*pt.UPPER_OUTER, *pt.LOWER_OUTER], :2]
    x0, y0 = np.maximum(0, np.floor(lips.min(0)).astype(int) - 3)
    x1, y1 = np.ceil(lips.max(0)).astype(int) + 4
    crop = picture[y0 : max(y0, y1), x0 : max(x0, x1)]
    if min(crop.shape[:2]) < 4:
        return out
    colours = cv2.cvtColor(crop, cv2.COLOR_BGR2YCrCb)[..., :2].astype(np.float32)
    for lip, (outer, inner) in enumerate(LIP_CURVES):
        outer_points, inner_points = mesh[outer, :2], mesh[inner, :2]
        sample_points = (outer_points + DEPTHS[:, None, None] * (inner_points - outer_points) - (x0, y0)).astype(
            np.float32
        )
        samples = cv2.remap(colours, sample_points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lip_luma, redness = np.median(samples[LIP_DEPTHS][:, 1:-1].reshape(-1, 2), axis=0).tolist()
        paleness = (redness - samples[..., 1]) / max(MIN_REDNESS, redness - 128)
        brightness = samples[..., 0] / max(20.0, lip_luma) - 1
        teeth = ((paleness > MIN_PALENESS) & (brightness > 0) & (paleness + brightness / 2 > MIN_TOOTH_SCORE))[::-1]
        # the contour itself may lie on a shadow between two teeth
        steps, steps_past_gap = (np.cumprod(t, axis=0).sum(0) for t in (teeth, teeth[2:]))
        steps = np.where(steps_past_gap > 0, np.maximum(steps, steps_past_gap + 2), steps)
        thickness: Array = np.linalg.norm(inner_points - outer_points, axis=1)
        out[lip] = np.maximum(
            0, np.minimum(steps, MAX_STEPS) * (DEPTHS[1] - DEPTHS[0]) * thickness - TOLERANCE[lip] * eye_distance
        )
    return out


def move_lip_contour(meshes: Array, reach: Array) -> Array:
    """Meshes (n, 468, 3) of a clip with the inner contours moved outwards by ``reach`` (n, 2, 9), smoothed in time."""
    n, points = len(reach), reach.shape[2]
    frames = np.pad(reach, [(2, 2), (0, 0), (0, 0)], mode="edge")
    steady = np.median([frames[k : k + n] for k in range(5)], axis=0)
    padded = np.pad(steady, [(0, 0), (0, 0), (1, 1)])
    smoothed = np.median([padded[..., k : k + points] for k in range(3)], axis=0)
    padded = np.pad(smoothed, [(0, 0), (0, 0), (1, 1)], mode="edge")
    smoothed = 0.25 * padded[..., :-2] + 0.5 * padded[..., 1:-1] + 0.25 * padded[..., 2:]
    out: Array = meshes.copy()
    for lip, (outer, inner) in enumerate(LIP_CURVES):
        outward = meshes[:, outer] - meshes[:, inner]
        length = np.maximum(1e-3, np.linalg.norm(outward[..., :2], axis=2))
        out[:, inner] += outward * (smoothed[:, lip] / length)[..., None].astype(np.float32)
    return out
