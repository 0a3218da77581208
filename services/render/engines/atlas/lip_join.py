"""Brings the lips of a picture together that shows them apart.

One smooth warp cannot: between lips that meet there is no room for the teeth that were between them. So the upper and
the lower lip are warped each on their own, as if the other followed, and are joined along the line where they meet.
"""

from __future__ import annotations

import cv2
import numpy as np

from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.media.planes import Patch

APART = (0.03, 0.07)
"""Opening of the picture, less the wanted one, from which lips need joining: not at all, wholly."""
CLOSED = (0.03, 0.075)
"""Wanted opening up to which they are joined wholly, and over which not at all."""
INSET = 0.014
"""The rim of a lip that may belong to the teeth, in eye distances."""

_PLACE = {int(p): k for k, p in enumerate(pt.CONTROL)}
UPPER = np.array([_PLACE[p] for p in pt.UPPER_INNER[1:-1]])
LOWER = np.array([_PLACE[p] for p in pt.LOWER_INNER[1:-1]])
UPPER_RIM = np.array([_PLACE[p] for p in pt.UPPER_OUTER[1:-1]])
LOWER_RIM = np.array([_PLACE[p] for p in pt.LOWER_OUTER[1:-1]])


def need(wanted: float, shown: float) -> float:
    """How far lips must be joined for an opening, in a picture that shows another, 0 to 1."""
    apart = np.clip((shown - wanted - APART[0]) / (APART[1] - APART[0]), 0, 1)
    return float(apart * np.clip((CLOSED[1] - wanted) / (CLOSED[1] - CLOSED[0]), 0, 1))


def halves(target: Array, source: Array, unit: float, ratio: float) -> tuple[Array, Array]:
    """Source points for the warp of the upper lip, and for that of the lower one.

    ``target`` and ``source`` (p, 2) are the control points in both pictures, ``unit`` the source's eye distance in
    pixels and ``ratio`` its scale over the target's.
    """
    out = []
    for own, own_rim, other, other_rim in ((UPPER, UPPER_RIM, LOWER, LOWER_RIM), (LOWER, LOWER_RIM, UPPER, UPPER_RIM)):
        values = source.copy()
        into = source[own_rim] - source[own]
        length = np.maximum(1e-3, np.linalg.norm(into, axis=1, keepdims=True))
        values[own] = source[own] + into / length * np.minimum(INSET * unit, 0.4 * length)
        values[other] = values[own] + ratio * (target[other] - target[own])
        values[other_rim] = values[own] + ratio * (target[other_rim] - target[own])
        out.append(values)
    return out[0], out[1]


def join(whole: Patch, upper: Patch, lower: Patch, target: Array, unit: float, share: float) -> Patch:
    """The patch with its lips joined by ``share``; ``target`` (p, 2) are the control points in picture pixels."""
    x0, y0, w, h = whole.rect
    ring = target[[*UPPER, *LOWER]] - (x0, y0)
    reach = 0.22 * unit
    left, top = (np.maximum(0, np.floor((ring.min(0) - reach) / 2) * 2)).astype(int)
    right, bottom = np.minimum((w, h), (np.ceil((ring.max(0) + reach) / 2) * 2).astype(int))
    if right - left < 4 or bottom - top < 4:
        return whole
    line = (target[UPPER] + target[LOWER]) / 2 - (x0, y0)
    order = np.argsort(line[:, 0])
    x = np.arange(left, right)
    y = np.arange(top, bottom)[:, None]
    below = y - np.interp(x, line[order, 0], line[order, 1])[None]
    soft = max(0.6, 0.008 * unit)
    lower_share = np.clip(0.5 + below / (2 * soft), 0, 1)
    ends = ring[:, 0].min(), ring[:, 0].max()
    fade = 0.08 * unit
    across = np.clip((x - ends[0]) / fade + 0.5, 0, 1) * np.clip((ends[1] - x) / fade + 0.5, 0, 1)
    # away from the line both halves agree with the whole, or are not to be trusted
    near = np.clip((reach - np.abs(below)) / (0.5 * reach), 0, 1)
    weight = (across[None] * near * share).astype(np.float32)
    crease = 1 - 0.3 * np.exp(-((below / (1.6 * soft)) ** 2)) * across[None]

    luma, chroma = whole.luma.copy(), whole.chroma.copy()
    cut = (slice(top, bottom), slice(left, right))
    joined = (upper.luma[cut] + lower_share * (lower.luma[cut].astype(np.float32) - upper.luma[cut])) * crease
    part = luma[cut]
    part[:] = np.clip(part + weight * (joined - part), 0, 255)
    size = ((right - left) // 2, (bottom - top) // 2)
    half = cv2.resize(np.dstack([weight, lower_share]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    cut = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    colour = upper.chroma[cut] + half[..., 1:] * (lower.chroma[cut].astype(np.float32) - upper.chroma[cut])
    part = chroma[cut]
    part[:] = np.clip(part + half[..., :1] * (colour - part), 0, 255)
    return Patch(whole.rect, luma, chroma)
