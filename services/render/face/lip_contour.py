"""Puts the mesh's inner lips where the lips end, where the mesh takes teeth for lip.

Teeth are brighter and paler than this person's lips are in the same picture. Where such pixels go on beyond the inner
contour, the contour is moved outwards to their end; it is never moved inwards, and where lips meet nothing changes.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.shape import Array

LIPS = tuple(
    (list(outer[1:-1]), list(inner[1:-1]))
    for outer, inner in ((pt.UPPER_OUTER, pt.UPPER_INNER), (pt.LOWER_OUTER, pt.LOWER_INNER))
)
DEPTHS = np.linspace(0.2, 1, 17)
"""Where a lip is looked at, from its outer to its inner contour."""
OWN = (DEPTHS > 0.25) & (DEPTHS < 0.65)
"""The part of them that is lip even where the inner contour is not at its rim."""
MOST = 12
"""Steps of ``DEPTHS`` by which the contour is moved at most."""
PALER, AND_BRIGHTER = 0.15, 0.4
"""Least part of the lips' redness that teeth lack, and least sum of it and of half of what they are brighter by."""
LEAST_RED = 14.0
"""Redness, in levels over grey, that lips are taken to have at least: in a grey picture nothing is told apart."""

DOUBT = (0.012, 0.0)
"""Reach, in eye distances, over the upper and the lower contour that is not believed: the upper lip throws a shadow on
the teeth, so that their end is less sure."""


def beyond(picture: npt.NDArray[np.uint8], mesh: Array) -> Array:
    """How far teeth reach beyond the inner contour of a BGR picture, upper and lower, in pixels, shape (2, 9)."""
    eyes = [mesh[list(c), :2].mean(0) for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS)]
    unit = float(np.linalg.norm(eyes[1] - eyes[0]))
    out = np.zeros((2, len(LIPS[0][0])), np.float32)
    around = mesh[[*pt.UPPER_OUTER, *pt.LOWER_OUTER], :2]
    x0, y0 = np.maximum(0, np.floor(around.min(0)).astype(int) - 3)
    x1, y1 = np.ceil(around.max(0)).astype(int) + 4
    part = picture[y0 : max(y0, y1), x0 : max(x0, x1)]
    if min(part.shape[:2]) < 4:
        return out
    colours = cv2.cvtColor(part, cv2.COLOR_BGR2YCrCb)[..., :2].astype(np.float32)
    for k, (outer, inner) in enumerate(LIPS):
        a, b = mesh[outer, :2], mesh[inner, :2]
        at = (a + DEPTHS[:, None, None] * (b - a) - (x0, y0)).astype(np.float32)
        seen = cv2.remap(colours, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        bright, red = np.median(seen[OWN][:, 1:-1].reshape(-1, 2), axis=0).tolist()
        paler = (red - seen[..., 1]) / max(LEAST_RED, red - 128)
        brighter = seen[..., 0] / max(20.0, bright) - 1
        teeth = ((paler > PALER) & (brighter > 0) & (paler + brighter / 2 > AND_BRIGHTER))[::-1]
        # the contour itself may lie on a shadow between two teeth
        steps, later = (np.cumprod(t, axis=0).sum(0) for t in (teeth, teeth[2:]))
        steps = np.where(later > 0, np.maximum(steps, later + 2), steps)
        length: Array = np.linalg.norm(b - a, axis=1)
        out[k] = np.maximum(0, np.minimum(steps, MOST) * (DEPTHS[1] - DEPTHS[0]) * length - DOUBT[k] * unit)
    return out


def at_the_rim(meshes: Array, reach: Array) -> Array:
    """Meshes (n, 468, 3) of a clip with the inner contours moved by ``reach`` (n, 2, 9) of their frames."""
    n, points = len(reach), reach.shape[2]
    frames = np.pad(reach, [(2, 2), (0, 0), (0, 0)], mode="edge")
    steady = np.median([frames[k : k + n] for k in range(5)], axis=0)
    line = np.pad(steady, [(0, 0), (0, 0), (1, 1)])
    even = np.median([line[..., k : k + points] for k in range(3)], axis=0)
    line = np.pad(even, [(0, 0), (0, 0), (1, 1)], mode="edge")
    even = 0.25 * line[..., :-2] + 0.5 * line[..., 1:-1] + 0.25 * line[..., 2:]
    out: Array = meshes.copy()
    for k, (outer, inner) in enumerate(LIPS):
        out_of = meshes[:, outer] - meshes[:, inner]
        length = np.maximum(1e-3, np.linalg.norm(out_of[..., :2], axis=2))
        out[:, inner] += out_of * (even[:, k] / length)[..., None].astype(np.float32)
    return out
