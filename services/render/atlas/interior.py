"""The inside of a mouth that is open wider than any picture of this person shows.

What the nearest picture does show (mostly upper teeth) is kept at its own size under the upper lip, since teeth do not
stretch; below it, or from the lip on when the picture is of a closed mouth, a soft cavity with a row of upper teeth and
a tongue is painted in the light of this face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from services.render.atlas.planes import Patch
from services.render.geometry import points as pt
from services.render.geometry.shape import Array

NEEDED = (1.2, 1.6)
"""How much wider than the pictures the mouth must be for the interior to be painted: from not at all to wholly."""
SHOWN = 0.08
"""Opening of a picture, in eye distances, from which it shows teeth worth keeping."""
TEETH = 0.085
"""Height of the painted upper teeth."""
TOOTH_EDGES = np.array([0.0, 0.115, 0.205, 0.285, 0.35])
"""Where the painted teeth meet, from the middle."""


@dataclass(frozen=True)
class Lips:
    """The inner lips of one picture in its own upright frame: origin at their middle, unit the eye distance."""

    origin: Array
    axes: Array
    """Shape (2, 2): columns are right and down, in pixels per unit."""
    upper: Array
    """Shape (11, 2), from the person's right to left."""
    lower: Array

    @classmethod
    def of(cls, points: Array, unit: float, roll: float) -> Lips:
        """From a mesh in pixels (468, 2+)."""
        c, s = np.cos(roll) * unit, np.sin(roll) * unit
        axes = np.array([[c, -s], [s, c]], np.float32)
        up, low = points[list(pt.UPPER_INNER), :2], points[list(pt.LOWER_INNER), :2]
        origin = (up + low).mean(0) / 2
        back = np.linalg.inv(axes).T
        return cls(origin, axes, (up - origin) @ back, (low - origin) @ back)

    def curves(self, x: Array) -> tuple[Array, Array]:
        """Height of the upper and of the lower inner lip at ``x``."""
        up, low = np.interp(x, *_rising(self.upper)), np.interp(x, *_rising(self.lower))
        return up, np.maximum(low, up)

    @property
    def half(self) -> float:
        """Half the width between the inner corners."""
        return max(1e-3, float(np.ptp(self.upper[:, 0])) / 2)


def _rising(curve: Array) -> tuple[Array, Array]:
    return np.maximum.accumulate(curve[:, 0]), curve[:, 1]


def need(wanted: float, shown: float) -> float:
    """How much of the interior must be painted for an opening, given the opening that the pictures show, 0 to 1."""
    if wanted < 0.05:
        return 0.0
    t = (wanted / max(shown, 0.03) - NEEDED[0]) / (NEEDED[1] - NEEDED[0])
    return float(np.clip(t, 0, 1))


def paint(over: Patch, lips: Lips, picture: Patch, there: Lips, share: float, skin: Array) -> Patch:
    """``over`` with the interior between ``lips`` painted.

    ``picture`` and ``there`` are the picture of this person that shows most, and its lips; ``skin`` (3,) is the face's
    mean Y, U, V around the mouth.
    """
    x0, y0, w, h = over.rect
    ring = np.concatenate([lips.upper, lips.lower]) @ lips.axes.T + lips.origin - (x0, y0)
    left, top = (np.maximum(0, np.floor(ring.min(0) / 2) * 2)).astype(int)
    right, bottom = np.minimum((w, h), (np.ceil(ring.max(0) / 2) * 2).astype(int))
    if right - left < 4 or bottom - top < 4:
        return over
    px, py = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
    local = (np.stack([px, py], -1) - (lips.origin - np.array([x0, y0]))) @ np.linalg.inv(lips.axes).T
    x, y = local[..., 0], local[..., 1]
    up, low = lips.curves(x)
    edge = max(1.3 / float(np.linalg.norm(lips.axes[:, 0])), 0.022)  # lips are round: no hard line
    alpha = np.clip((y - up) / edge, 0, 1) * np.clip((low - y) / edge, 0, 1) * (np.abs(x) < lips.half) * share
    inside = _cavity(x, y, up, low, lips.half, skin)
    own = _own_teeth(x, y, up, lips, picture, there)
    if own is not None:
        colour, cover = own
        inside = inside + cover[..., None] * (colour - inside)
    else:
        colour, cover = _painted_teeth(x, y, up, low, lips.half, skin)
        inside = inside + cover[..., None] * (colour - inside)
    shade = 1 - 0.4 * np.exp(-np.maximum(0, y - up) / 0.02)  # the lip's shadow
    inside[..., 0] *= shade

    luma, chroma = over.luma.copy(), over.chroma.copy()
    part = luma[top:bottom, left:right]
    part[:] = np.clip(part + alpha * (inside[..., 0] - part), 0, 255)
    size = ((right - left) // 2, (bottom - top) // 2)
    half = cv2.resize(np.dstack([alpha, inside[..., 1:]]), size, interpolation=cv2.INTER_AREA)
    part = chroma[top // 2 : bottom // 2, left // 2 : right // 2]
    part[:] = np.clip(part + half[..., :1] * (half[..., 1:] - part), 0, 255)
    return Patch(over.rect, luma, chroma)


def _step(x: Array, a: float, b: float) -> Array:
    t = np.clip((x - a) / (b - a), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _cavity(x: Array, y: Array, up: Array, low: Array, half: float, skin: Array) -> Array:
    """Dark and warm, lighter towards the lower lip where the tongue lies; shape (.., 3)."""
    light = float(skin[0])
    u = x / half
    height = np.maximum(low - up, 1e-3)
    v = (y - up) / height
    out = np.empty((*x.shape, 3))
    out[..., 0] = 16 + (light - 16) * (0.10 + 0.05 * v)
    warm = np.array([skin[1] - 128, skin[2] - 128])
    out[..., 1:] = 128 + 0.35 * warm + (0, 5)
    tongue = _step(v, 0.42, 0.85) * (1 - _step(np.abs(u), 0.35, 0.8)) * _step(height, 0.06, 0.16)
    flesh = np.array([16 + (light - 16) * 0.42, *(128 + 0.7 * warm + (0, 9))])
    out += (0.85 * tongue)[..., None] * (flesh - out)
    return out


def _own_teeth(x: Array, y: Array, up: Array, lips: Lips, picture: Patch, there: Lips) -> tuple[Array, Array] | None:
    """What the picture shows under the upper lip, unstretched, and how far it covers; None if it shows nothing."""
    if float((there.lower[3:8, 1] - there.upper[3:8, 1]).mean()) < SHOWN:
        return None
    across = x * there.half / lips.half
    up_there, low_there = there.curves(across)
    height = np.maximum(low_there - up_there, 1e-3)
    down = y - up
    inset = 0.012  # the rim of the lip belongs to the lip
    at = np.stack([across, up_there + np.minimum(down + inset, height * 0.9)], -1) @ there.axes.T + there.origin
    at = (at - picture.rect[:2]).astype(np.float32)
    luma = cv2.remap(picture.luma, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    chroma = cv2.remap(picture.chroma, (at - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = 1 - _step(down / height, 0.6, 0.9)
    return np.dstack([luma, chroma]).astype(np.float64), cover


def _painted_teeth(x: Array, y: Array, up: Array, low: Array, half: float, skin: Array) -> tuple[Array, Array]:
    """A soft row of upper teeth behind the upper lip."""
    light = float(skin[0])
    u = np.clip(np.abs(x) / half, 0, 1)
    height = np.maximum(low - up, 1e-3)
    # they hang from the skull, not from the lip: the lip's arch covers the sides less than the row curves away
    row = np.minimum(TEETH * (1 - 0.35 * u**2), 0.5 * height)
    down = y - up
    cover = 1 - _step(down / np.maximum(row, 1e-3), 0.8, 1.06)
    cover = cover * (1 - _step(u, 0.72, 0.95)) * _step(height, 0.03, 0.09)
    gaps = np.min(np.abs(np.abs(x)[..., None] - TOOTH_EDGES), axis=-1)
    bright = (1.06 - 0.4 * u**2) * (1 - 0.10 * np.exp(-((gaps / 0.008) ** 2)))
    bright = bright * (0.86 + 0.14 * np.clip(down / np.maximum(row, 1e-3), 0, 1))
    out = np.empty((*x.shape, 3))
    out[..., 0] = 16 + (light - 16) * bright
    out[..., 1] = 128 + 0.35 * (skin[1] - 128)
    out[..., 2] = 128 + 0.3 * (skin[2] - 128)
    return out, 0.9 * cover
