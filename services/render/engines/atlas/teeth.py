"""Synthetic textures of teeth and tongue, lit by the light of a face.

Sizes follow mean tooth dimensions (Wheeler's Dental Anatomy) as seen from the front, where the arch turns away. A row
is drawn on a plane: x from the middle, y down from the biting edge, in eye distances. 1 mm is 0.016 eye distances.
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
"""Reflectance of the tongue and of what lies behind it; light reaches them by way of other tissue."""
HALF_WIDTH = 0.46
"""Half the width of a row, in eye distances."""


@dataclass(frozen=True)
class PlaneTexture:
    """A texture on the plane of a row of teeth or of the tongue."""

    pixels: Array
    """Shape (h, w, 4): Y - 16, U - 128, V - 128 (so that shading is a product), and coverage 0 to 1; float32."""
    per_unit: float
    """Pixels per eye distance."""
    top: float
    """Position of the first pixel row, in eye distances below the biting edge."""

    def sample(self, across: Array, down: Array) -> Array:
        """Pixels at points of the plane, shape (..., 4); zero outside the texture."""
        per_unit = self.per_unit
        x, y = (across + HALF_WIDTH) * per_unit - 0.5, (down - self.top) * per_unit - 0.5
        return np.asarray(cv2.remap(self.pixels, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR))


UPPER = (
    (0.128, 0.0, 0.020, 4.0),
    (0.098, -0.012, 0.024, 3.0),
    (0.084, -0.002, 0.030, 1.7),
    (0.066, -0.014, 0.024, 2.0),
    (0.046, -0.018, 0.02, 2.0),
    (0.03, -0.02, 0.02, 2.0),
)
"""Teeth from the middle outwards: width, offset of the edge, depth of its rounded corners, and exponent of the
rounding."""
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
"""Rise of the biting edges: this factor times the square of the distance from the middle."""


def lit_colour(light: Light, reflectance: Array) -> Array:
    """Colour of a surface in the light, linear RGB; grey in a grey picture."""
    grey = reflectance @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    coloured = grey[..., None] + light.colour * (reflectance - grey[..., None])
    return np.asarray(coloured * np.array(light.white, np.float32), dtype=np.float32)


def tooth_row(light: Light, per_unit: float, upper: bool) -> PlaneTexture:
    """The upper or the lower teeth with their gum, at ``per_unit`` pixels per eye distance."""
    oversampling = 3
    resolution = per_unit * oversampling
    top, bottom = (-0.26, 0.05) if upper else (-0.05, 0.22)
    x = (np.arange(int(2 * HALF_WIDTH * per_unit) * oversampling) + 0.5) / resolution - HALF_WIDTH
    y = (np.arange(int((bottom - top) * per_unit) * oversampling) + 0.5)[:, None] / resolution + top
    if not upper:
        y = -y  # drawn upside down
    teeth, height = (UPPER, UPPER_HEIGHT) if upper else (LOWER, LOWER_HEIGHT)
    edges = np.cumsum([0.0, *(t[0] for t in teeth)])
    distance = np.abs(x)
    tooth = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, len(teeth) - 1)
    shapes = np.array(teeth)[tooth]
    across_tooth = np.clip(2 * (distance - edges[tooth]) / shapes[:, 0] - 1, -1, 1)
    arc = -SMILE_ARC * x**2 * (1 if upper else 0.3)
    end = arc + shapes[:, 1] - shapes[:, 2] * np.abs(across_tooth) ** shapes[:, 3]
    neck = arc - height * (1 - 0.25 * distance / HALF_WIDTH) + 0.022 * across_tooth**2  # the gum's scallops
    softness = 0.008
    coverage = np.clip((end - y) / softness + 0.5, 0, 1) * (distance < edges[-1])
    depth = (end - y) / height  # 0 at the edge, 1 at the neck

    shade = (1 - 0.10 * across_tooth**2) * (1 - 0.55 * np.clip(distance / 0.4, 0, 1) ** 1.7)
    shade = shade * (0.86 + 0.14 * np.clip(depth / 0.25, 0, 1)) * (1 - 0.16 * np.clip(depth - 0.35, 0, 1))
    gap_distance = np.minimum(1 + across_tooth, 1 - across_tooth) * shapes[:, 0] / 2
    shade = shade * (1 - 0.42 * np.exp(-((gap_distance / 0.0065) ** 2)))
    shade = shade * (1 + 0.07 * np.exp(-(((across_tooth + 0.15) / 0.3) ** 2)) * np.exp(-(((depth - 0.45) / 0.22) ** 2)))
    warm_tint = np.array([1.0, 0.95, 0.84])  # towards the neck, where enamel is thin, and to the sides
    yellowness = np.clip(0.75 * (depth - 0.3) + 0.5 * distance, 0, 1)[..., None]
    enamel = ENAMEL * (1 + yellowness * (warm_tint - 1)) * shade[..., None]
    gum = MUCOSA * 0.62 * (1 - 0.5 * np.clip(distance / 0.4, 0, 1) ** 1.7)[:, None]
    gum_share = np.clip((neck - y) / 0.012 + 0.5, 0, 1)[..., None]
    # the lower teeth get mostly light that lips and tongue reflect
    reflectance = (enamel + gum_share * (gum - enamel)) * (np.ones(3) if upper else np.array([0.74, 0.62, 0.54]))
    return _lit_texture(
        reflectance=reflectance, coverage=coverage, light=light, per_unit=per_unit, oversampling=oversampling, top=top
    )


def tongue(light: Light, per_unit: float) -> PlaneTexture:
    """The tongue behind the lower teeth, on the plane of their edges."""
    top, bottom = -0.2, 0.22
    x = (np.arange(int(2 * HALF_WIDTH * per_unit)) + 0.5) / per_unit - HALF_WIDTH
    y = (np.arange(int((bottom - top) * per_unit)) + 0.5)[:, None] / per_unit + top
    across = np.abs(x) / 0.30
    back_edge = -0.10 + 0.12 * across**2.4
    below_edge = y - back_edge
    coverage = np.clip(below_edge / 0.07, 0, 1) * np.clip((1.05 - across) / 0.3, 0, 1)
    coverage = coverage * coverage * (3 - 2 * coverage)
    shade = (0.32 + 0.5 * np.clip(below_edge / 0.16, 0, 1)) * (1 - 0.4 * np.clip(across, 0, 1) ** 2)
    shade = shade * (1 - 0.14 * np.exp(-((x / 0.02) ** 2)) * np.clip(below_edge / 0.06, 0, 1))
    flesh = FLESH * shade[..., None]
    highlight = np.exp(-(((np.abs(x) - 0.075) / 0.05) ** 2)) * np.exp(-(((below_edge - 0.11) / 0.025) ** 2))
    return _lit_texture(
        reflectance=flesh + 0.035 * highlight[..., None],
        coverage=coverage,
        light=light,
        per_unit=per_unit,
        oversampling=1,
        top=top,
    )


def _lit_texture(
    reflectance: Array, coverage: Array, light: Light, per_unit: float, oversampling: int, top: float
) -> PlaneTexture:
    colour = yuv(lit_colour(light, reflectance.astype(np.float32))) - (16, 128, 128)
    picture = np.dstack([colour * coverage[..., None], coverage]).astype(np.float32)
    if oversampling > 1:
        size = (picture.shape[1] // oversampling, picture.shape[0] // oversampling)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(picture, (0, 0), float(np.clip(light.blur, 0.004, 0.02)) * per_unit + 0.3)
    if light.grain > 0.3:
        noise = np.random.default_rng(0).normal(0, light.grain, picture.shape[:2]).astype(np.float32)
        picture[..., 0] += 0.7 * noise * picture[..., 3]
    return PlaneTexture(picture, per_unit, top)
