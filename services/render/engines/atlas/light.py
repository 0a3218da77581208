"""Estimates the light on a face from the whites of the eyes and the skin, to light the interior of the mouth.

Teeth and mucosa have similar colours in everyone. Light, exposure and saturation differ between pictures (an old
photograph, an oil painting). Colours here are linear RGB; 1 is full scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from services.render.clip.frames import Reader
from services.render.engines.atlas.face import Face
from services.render.face.shape import Array, eye_opening
from services.render.face.warp import Rect
from services.render.media.planes import cut

EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
CHEEKS = (205, 425, 50, 280, 199, 187, 411)
MIN_EYE_PIXELS = 12
"""Smallest number of eye-white pixels for a reliable estimate."""
FULL_COLOUR_WARMTH = 0.2
"""Log of red over blue of the skin, relative to the light, at which a picture counts as fully coloured."""
REBLUR_SIGMA = 1.0


@dataclass(frozen=True)
class Light:
    """Light and image properties estimated from the pictures of a face."""

    white: tuple[float, float, float]
    """Colour of a white surface in the mouth, linear RGB."""
    colour: float
    """Saturation of the picture, 0 (grey) to 1."""
    blur: float
    """Standard deviation of the blur at the sharpest edges, in eye distances."""
    grain: float
    """Standard deviation of the noise, in levels of 255."""

    def save(self, path: Path) -> None:
        """Write as ``.npz``."""
        np.savez(path, white=self.white, colour=self.colour, blur=self.blur, grain=self.grain)

    @classmethod
    def load(cls, path: Path) -> Light:
        """Read what ``save`` wrote."""
        with np.load(path) as data:
            r, g, b = data["white"].tolist()
            return cls((r, g, b), float(data["colour"]), float(data["blur"]), float(data["grain"]))


SAMPLED_FRAMES = 5
"""Number of frames that are measured."""


def estimate_light(face: Face, store: Path) -> Light:
    """Median light of the stored frames with the widest open eyes."""
    openness = eye_opening(face.meshes, face.scale) * (face.strength > 0)
    frames = np.argsort(-openness, kind="stable")[:SAMPLED_FRAMES].tolist()
    reader = Reader(store)
    try:
        lights = []
        for i in sorted(frames):
            picture = reader.frame(i)
            rect = _face_rect(face.meshes[i], picture.shape[1], picture.shape[0] * 2 // 3)
            patch = cut(picture, rect)
            colour = cv2.resize(patch.chroma, rect[2:], interpolation=cv2.INTER_LINEAR)
            mesh = face.meshes[i] - (*rect[:2], 0)
            lights.append(light_of_picture(rgb(np.dstack([patch.luma, colour])), mesh, float(face.scale[i])))
    finally:
        reader.close()
    return median_light(lights)


def _face_rect(mesh: Array, width: int, height: int) -> Rect:
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    x0, y0 = (int(max(0, v) // 2 * 2) for v in low)
    x1, y1 = (int(min(limit, v + 2) // 2 * 2) for v, limit in zip(high, (width, height), strict=True))
    return x0, y0, max(2, x1 - x0), max(2, y1 - y0)


def light_of_picture(picture: Array, mesh: Array, eye_distance: float) -> Light:
    """Light of an RGB picture (levels of 255) with open eyes; mesh and eye distance in pixels."""
    levels = linear(picture)
    skin = _skin(levels, mesh, eye_distance)
    skin_luma = float(luma(skin))
    eye = _eye_white(levels, mesh)
    # without eyes only a quarter of the skin's hue counts as light; most of it is pigment
    white = skin / skin_luma * 0.25 + 0.75
    exposure = 1.25 * skin_luma
    if eye is not None:
        eye_luma = float(luma(eye))
        # eyes are small and in shadow: they show the colour of the light better than its strength
        white = 0.35 * white + 0.65 * eye / max(eye_luma, 1e-4)
        exposure = float(np.sqrt(exposure * np.clip(eye_luma * 1.15, 0.7 * exposure, 1.6 * exposure)))
    white = white / luma(white) * np.clip(exposure, 0.02, 0.85)
    warmth = np.log(max(skin[0], 1e-4) / max(skin[2], 1e-4)) - np.log(white[0] / white[2])
    r, g, b = white.tolist()
    grey = luma(picture)
    return Light(
        (r, g, b),
        float(np.clip(warmth / FULL_COLOUR_WARMTH, 0, 1)),
        _blur(grey, mesh) / eye_distance,
        _grain(grey, mesh),
    )


def median_light(lights: list[Light]) -> Light:
    """Median of several estimates."""
    r, g, b = np.median([x.white for x in lights], axis=0).tolist()
    rest = np.median([(x.colour, x.blur, x.grain) for x in lights], axis=0).tolist()
    return Light((r, g, b), rest[0], rest[1], rest[2])


def linear(levels: Array) -> Array:
    """Levels of 255 as linear light."""
    return np.asarray(np.clip(levels / 255, 0, 1) ** 2.2, dtype=np.float32)


def luma(colour: Array) -> Array:
    """Brightness of linear RGB (..., 3)."""
    return np.asarray(colour @ np.array([0.2126, 0.7152, 0.0722], np.float32))


def rgb(levels: Array) -> Array:
    """RGB levels of 255 from BT.709 Y, U, V levels (..., 3), limited range."""
    y = (levels[..., 0].astype(np.float32) - 16) * (255 / 219)
    u, v = ((levels[..., k].astype(np.float32) - 128) * (255 / 224) for k in (1, 2))
    return np.asarray(np.clip(np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], -1), 0, 255))


def yuv(colour: Array) -> Array:
    """Linear RGB (..., 3) as BT.709 Y, U, V levels, limited range."""
    v = np.clip(colour, 0, 1) ** (1 / 2.2)
    y = luma(v)
    u, w = (v[..., 2] - y) / 1.8556, (v[..., 0] - y) / 1.5748
    return np.asarray(np.stack([16 + 219 * y, 128 + 224 * u, 128 + 224 * w], -1), dtype=np.float32)


def _skin(picture: Array, mesh: Array, eye_distance: float) -> Array:
    radius = max(1, int(0.05 * eye_distance))
    samples = []
    for p in CHEEKS:
        x, y = int(mesh[p, 0]), int(mesh[p, 1])
        patch = picture[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1].reshape(-1, 3)
        if len(patch):
            samples.append(np.median(patch, axis=0))
    return np.asarray(np.median(samples, axis=0) if samples else np.full(3, 0.3), dtype=np.float32)


def _eye_white(picture: Array, mesh: Array) -> Array | None:
    """Colour of the eye whites; None when too few pixels are visible."""
    samples = []
    for ring in EYES:
        outline = mesh[list(ring), :2]
        x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int), 0)
        x1, y1 = np.ceil(outline.max(0)).astype(int) + 1
        crop = picture[y0:y1, x0:x1]
        if crop.size == 0:
            continue
        mask = np.zeros(crop.shape[:2], np.uint8)
        centre = outline.mean(0)
        cv2.fillPoly(mask, [np.round((centre + 0.8 * (outline - centre) - (x0, y0)) * 16).astype(np.int32)], 1, shift=4)
        inside = crop[mask > 0]
        if len(inside) >= MIN_EYE_PIXELS:
            lumas = luma(inside)
            low, high = np.percentile(lumas, (60, 92))
            samples.append(inside[(lumas >= low) & (lumas <= high)])
    pixels = np.concatenate(samples) if samples else np.zeros((0, 3), np.float32)
    if len(pixels) < MIN_EYE_PIXELS:
        return None
    # lids are redder than the white between them
    redness = pixels[:, 0] / np.maximum(pixels[:, 2], 1e-4)
    return np.asarray(np.median(pixels[redness <= np.median(redness)], axis=0), dtype=np.float32)


def _blur(grey: Array, mesh: Array) -> float:
    """Blur of the sharpest edges of the face in pixels, from the loss of gradient on reblurring (Zhuo and Sim 2011)."""
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = high.astype(int)
    crop = grey[y0:y1, x0:x1]
    if min(crop.shape) < 8:
        return 1.0
    blurred = cv2.GaussianBlur(crop, (0, 0), REBLUR_SIGMA)
    before, after = (np.hypot(cv2.Sobel(p, cv2.CV_32F, 1, 0), cv2.Sobel(p, cv2.CV_32F, 0, 1)) for p in (crop, blurred))
    edges = before > np.percentile(before, 98)
    if not edges.any():
        return 1.0
    ratio = np.percentile(before[edges] / np.maximum(after[edges], 1e-3), 60)
    return float(np.clip(REBLUR_SIGMA / np.sqrt(max(ratio**2 - 1, 1e-3)), 0.5, 8))


def _grain(grey: Array, mesh: Array) -> float:
    """Noise by the median absolute Laplacian response on the cheeks (Immerkær 1996)."""
    cheeks = mesh[list(CHEEKS), :2]
    x0, y0 = np.maximum(cheeks.min(0), 0).astype(int)
    x1, y1 = cheeks.max(0).astype(int)
    crop = grey[y0:y1, x0:x1]
    if min(crop.shape) < 8:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.clip(np.median(np.abs(cv2.filter2D(crop, cv2.CV_32F, kernel))) / 0.6745 / 6, 0, 6))
