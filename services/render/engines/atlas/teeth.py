"""Rows of teeth and a tongue of our own making, as pictures lit by the light of a face.

Sizes follow mean tooth dimensions (Wheeler's Dental Anatomy), as seen from the front, where the arch turns away. A row
is drawn on a plane: across in eye distances from the middle, down from the biting edge. 1 mm is 0.016 eye distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from services.render.engines.atlas.light import Light, yuv
from services.render.face.shape import Array

ENAMEL = np.array([0.86, 0.78, 0.64], np.float32)
"""Reflectance, linear RGB."""
MUCOSA = np.array([0.56, 0.22, 0.19], np.float32)
FLESH = np.array([0.52, 0.14, 0.125], np.float32)
"""The tongue and what lies behind it: light reaches them over other flesh."""
HALF = 0.46
"""A row reaches this far to each side."""


@dataclass(frozen=True)
class Row:
    """A picture on the plane of a row of teeth or of the tongue."""

    pixels: Array
    """Shape (h, w, 4): Y - 16, U - 128, V - 128 (so that shading is a product), and coverage 0 to 1; float32."""
    per_unit: float
    """Pixels per eye distance."""
    top: float
    """Where the first pixel row lies, in eye distances below the biting edge."""

    def at(self, across: Array, down: Array) -> Array:
        """The row's pixels at places of its plane, shape (..., 4); nothing outside."""
        k = self.per_unit
        x, y = (across + HALF) * k - 0.5, (down - self.top) * k - 0.5
        return np.asarray(cv2.remap(self.pixels, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR))


UPPER = (
    (0.128, 0.0, 0.020, 4.0),
    (0.098, -0.012, 0.024, 3.0),
    (0.084, -0.002, 0.030, 1.7),
    (0.066, -0.014, 0.024, 2.0),
    (0.046, -0.018, 0.02, 2.0),
    (0.03, -0.02, 0.02, 2.0),
)
"""Teeth from the middle: width, where the edge lies, how far its corners are rounded off and how abruptly."""
LOWER = (
    (0.082, 0.0, 0.008, 5.0),
    (0.088, 0.0, 0.010, 4.0),
    (0.086, -0.006, 0.026, 1.8),
    (0.064, 0.008, 0.02, 2.0),
    (0.048, 0.014, 0.02, 2.0),
    (0.03, 0.016, 0.02, 2.0),
)
UPPER_HEIGHT, LOWER_HEIGHT = 0.165, 0.135
SMILE_ARC = 0.16
"""The edges rise this much times the square of the distance from the middle."""


def reflect(light: Light, reflectance: Array) -> Array:
    """Colour of a thing in the light, linear RGB; in a grey picture it is grey."""
    grey = reflectance @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    coloured = grey[..., None] + light.colour * (reflectance - grey[..., None])
    return np.asarray(coloured * np.array(light.white, np.float32), dtype=np.float32)


def row(light: Light, per_unit: float, upper: bool) -> Row:
    """The upper or the lower teeth with their gum, at ``per_unit`` pixels per eye distance."""
    fine = 3
    k = per_unit * fine
    top, bottom = (-0.26, 0.05) if upper else (-0.05, 0.22)
    x = (np.arange(int(2 * HALF * per_unit) * fine) + 0.5) / k - HALF
    y = (np.arange(int((bottom - top) * per_unit) * fine) + 0.5)[:, None] / k + top
    if not upper:
        y = -y  # drawn upside down
    teeth, height = (UPPER, UPPER_HEIGHT) if upper else (LOWER, LOWER_HEIGHT)
    edges = np.cumsum([0.0, *(t[0] for t in teeth)])
    a = np.abs(x)
    n = np.clip(np.searchsorted(edges, a, side="right") - 1, 0, len(teeth) - 1)
    sizes = np.array(teeth)[n]
    t = np.clip(2 * (a - edges[n]) / sizes[:, 0] - 1, -1, 1)
    arc = -SMILE_ARC * x**2 * (1 if upper else 0.3)
    end = arc + sizes[:, 1] - sizes[:, 2] * np.abs(t) ** sizes[:, 3]
    neck = arc - height * (1 - 0.25 * a / HALF) + 0.022 * t**2  # the gum's scallops
    soft = 0.008
    cover = np.clip((end - y) / soft + 0.5, 0, 1) * (a < edges[-1])
    depth = (end - y) / height  # 0 at the edge, 1 at the neck

    shade = (1 - 0.10 * t**2) * (1 - 0.55 * np.clip(a / 0.4, 0, 1) ** 1.7)
    shade = shade * (0.86 + 0.14 * np.clip(depth / 0.25, 0, 1)) * (1 - 0.16 * np.clip(depth - 0.35, 0, 1))
    between = np.minimum(1 + t, 1 - t) * sizes[:, 0] / 2
    shade = shade * (1 - 0.42 * np.exp(-((between / 0.0065) ** 2)))
    shade = shade * (1 + 0.07 * np.exp(-(((t + 0.15) / 0.3) ** 2)) * np.exp(-(((depth - 0.45) / 0.22) ** 2)))
    warmer = np.array([1.0, 0.95, 0.84])  # towards the neck, where enamel is thin, and to the sides
    yellow = np.clip(0.75 * (depth - 0.3) + 0.5 * a, 0, 1)[..., None]
    enamel = ENAMEL * (1 + yellow * (warmer - 1)) * shade[..., None]
    gum = MUCOSA * 0.62 * (1 - 0.5 * np.clip(a / 0.4, 0, 1) ** 1.7)[:, None]
    share = np.clip((neck - y) / 0.012 + 0.5, 0, 1)[..., None]
    # little but light from lips and tongue reaches the lower teeth
    reflectance = (enamel + share * (gum - enamel)) * (np.ones(3) if upper else np.array([0.74, 0.62, 0.54]))
    return _finished(reflectance, cover, light, per_unit, fine, top)


def tongue(light: Light, per_unit: float) -> Row:
    """The tongue behind the lower teeth, on the plane of their edges."""
    top, bottom = -0.2, 0.22
    x = (np.arange(int(2 * HALF * per_unit)) + 0.5) / per_unit - HALF
    y = (np.arange(int((bottom - top) * per_unit)) + 0.5)[:, None] / per_unit + top
    u = np.abs(x) / 0.30
    back = -0.10 + 0.12 * u**2.4
    down = y - back
    cover = np.clip(down / 0.07, 0, 1) * np.clip((1.05 - u) / 0.3, 0, 1)
    cover = cover * cover * (3 - 2 * cover)
    shade = (0.32 + 0.5 * np.clip(down / 0.16, 0, 1)) * (1 - 0.4 * np.clip(u, 0, 1) ** 2)
    shade = shade * (1 - 0.14 * np.exp(-((x / 0.02) ** 2)) * np.clip(down / 0.06, 0, 1))
    flesh = FLESH * shade[..., None]
    wet = np.exp(-(((np.abs(x) - 0.075) / 0.05) ** 2)) * np.exp(-(((down - 0.11) / 0.025) ** 2))
    return _finished(flesh + 0.035 * wet[..., None], cover, light, per_unit, 1, top)


def _finished(reflectance: Array, cover: Array, light: Light, per_unit: float, fine: int, top: float) -> Row:
    colour = yuv(reflect(light, reflectance.astype(np.float32))) - (16, 128, 128)
    picture = np.dstack([colour * cover[..., None], cover]).astype(np.float32)
    if fine > 1:
        size = (picture.shape[1] // fine, picture.shape[0] // fine)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(picture, (0, 0), float(np.clip(light.blur, 0.004, 0.02)) * per_unit + 0.3)
    if light.grain > 0.3:
        noise = np.random.default_rng(0).normal(0, light.grain, picture.shape[:2]).astype(np.float32)
        picture[..., 0] += 0.7 * noise * picture[..., 3]
    return Row(picture, per_unit, top)
