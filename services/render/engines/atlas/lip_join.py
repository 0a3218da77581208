"""Closes the lips of a picture that shows them apart.

One smooth warp cannot do it: between closed lips there is no room for the teeth that were between them. So the upper
and the lower lip are warped separately, each as if the other one followed, and joined along the line where they meet.
"""

from __future__ import annotations

import cv2
import numpy as np

from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.media.planes import Patch

EXCESS_OPENING = (0.03, 0.07)
"""Opening of the picture minus the target opening, in eye distances: joining starts at the first and is full at the
second value."""
CLOSED_OPENING = (0.03, 0.075)
"""Target opening, in eye distances, up to which lips are joined fully, and above which they are not joined."""
TEETH_INSET = 0.014
"""Width of the strip along the lip contour that may belong to the teeth, in eye distances."""

_CONTROL_INDEX = {int(p): k for k, p in enumerate(pt.CONTROL)}
UPPER_INNER = np.array([_CONTROL_INDEX[p] for p in pt.UPPER_INNER[1:-1]])
LOWER_INNER = np.array([_CONTROL_INDEX[p] for p in pt.LOWER_INNER[1:-1]])
UPPER_OUTER = np.array([_CONTROL_INDEX[p] for p in pt.UPPER_OUTER[1:-1]])
LOWER_OUTER = np.array([_CONTROL_INDEX[p] for p in pt.LOWER_OUTER[1:-1]])


def join_share(target: float, shown: float) -> float:
    """Share, 0 to 1, by which the lips of a picture with opening ``shown`` must be joined for opening ``target``."""
    excess = np.clip((shown - target - EXCESS_OPENING[0]) / (EXCESS_OPENING[1] - EXCESS_OPENING[0]), 0, 1)
    return float(excess * np.clip((CLOSED_OPENING[1] - target) / (CLOSED_OPENING[1] - CLOSED_OPENING[0]), 0, 1))


def lip_sources(target: Array, source: Array, eye_distance: float, ratio: float) -> tuple[Array, Array]:
    """Source points for the warp of the upper lip and for that of the lower lip.

    ``target`` and ``source`` (p, 2) are the control points in both pictures, ``eye_distance`` is that of the source in
    pixels, and ``ratio`` is the scale of the source over that of the target.
    """
    out = []
    for inner, outer, other_inner, other_outer in (
        (UPPER_INNER, UPPER_OUTER, LOWER_INNER, LOWER_OUTER),
        (LOWER_INNER, LOWER_OUTER, UPPER_INNER, UPPER_OUTER),
    ):
        points = source.copy()
        outward = source[outer] - source[inner]
        length = np.maximum(1e-3, np.linalg.norm(outward, axis=1, keepdims=True))
        points[inner] = source[inner] + outward / length * np.minimum(TEETH_INSET * eye_distance, 0.4 * length)
        points[other_inner] = points[inner] + ratio * (target[other_inner] - target[inner])
        points[other_outer] = points[inner] + ratio * (target[other_outer] - target[inner])
        out.append(points)
    return out[0], out[1]


def join_lips(warped: Patch, upper: Patch, lower: Patch, target: Array, eye_distance: float, share: float) -> Patch:
    """The patch with its lips joined by ``share``; ``target`` (p, 2) are the control points in picture pixels."""
    x0, y0, w, h = warped.rect
    lips = target[[*UPPER_INNER, *LOWER_INNER]] - (x0, y0)
    reach = 0.22 * eye_distance
    left, top = (np.maximum(0, np.floor((lips.min(0) - reach) / 2) * 2)).astype(int)
    right, bottom = np.minimum((w, h), (np.ceil((lips.max(0) + reach) / 2) * 2).astype(int))
    if right - left < 4 or bottom - top < 4:
        return warped
    seam = (target[UPPER_INNER] + target[LOWER_INNER]) / 2 - (x0, y0)
    order = np.argsort(seam[:, 0])
    columns = np.arange(left, right)
    rows = np.arange(top, bottom)[:, None]
    below = rows - np.interp(columns, seam[order, 0], seam[order, 1])[None]
    softness = max(0.6, 0.008 * eye_distance)
    lower_share = np.clip(0.5 + below / (2 * softness), 0, 1)
    corners = lips[:, 0].min(), lips[:, 0].max()
    fade = 0.08 * eye_distance
    across = np.clip((columns - corners[0]) / fade + 0.5, 0, 1) * np.clip((corners[1] - columns) / fade + 0.5, 0, 1)
    # away from the seam both halves agree with the whole warp, or are unreliable
    near = np.clip((reach - np.abs(below)) / (0.5 * reach), 0, 1)
    weight = (across[None] * near * share).astype(np.float32)
    crease = 1 - 0.3 * np.exp(-((below / (1.6 * softness)) ** 2)) * across[None]

    luma, chroma = warped.luma.copy(), warped.chroma.copy()
    window = (slice(top, bottom), slice(left, right))
    joined = (upper.luma[window] + lower_share * (lower.luma[window].astype(np.float32) - upper.luma[window])) * crease
    pixels = luma[window]
    pixels[:] = np.clip(pixels + weight * (joined - pixels), 0, 255)
    size = ((right - left) // 2, (bottom - top) // 2)
    half = cv2.resize(np.dstack([weight, lower_share]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    window = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    colour = upper.chroma[window] + half[..., 1:] * (lower.chroma[window].astype(np.float32) - upper.chroma[window])
    pixels = chroma[window]
    pixels[:] = np.clip(pixels + half[..., :1] * (colour - pixels), 0, 255)
    return Patch(warped.rect, luma, chroma)
