"""The light that falls on a face, as the inside of its mouth would show it: read from the eyes' whites and the skin.

Teeth and mucosa have much the same colours in everyone; what differs from picture to picture is the light, the exposure
and how much colour there is at all (an old photograph, an oil painting). Colours here are linear RGB, 1 is full scale.
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
LEAST_PIXELS = 12
"""Pixels of eye white under which they are not trusted."""
SKIN_WARMTH = 0.2
"""Log of red over blue of skin, over that of the light, from which a picture is one in full colour."""
REBLUR = 1.0


@dataclass(frozen=True)
class Light:
    """What the pictures of a face say about the light in its mouth."""

    white: tuple[float, float, float]
    """What a white thing would look like there, linear RGB."""
    colour: float
    """How colourful the picture is, 0 (grey) to 1."""
    blur: float
    """Spread of the picture's sharpest edges, in eye distances."""
    grain: float
    """Standard deviation of its noise, in levels of 255."""

    def save(self, path: Path) -> None:
        """Write as ``.npz``."""
        np.savez(path, white=self.white, colour=self.colour, blur=self.blur, grain=self.grain)

    @classmethod
    def load(cls, path: Path) -> Light:
        """Read what ``save`` wrote."""
        with np.load(path) as data:
            r, g, b = data["white"].tolist()
            return cls((r, g, b), float(data["colour"]), float(data["blur"]), float(data["grain"]))


LOOKS = 5
"""Frames that are looked at."""


def of_store(face: Face, store: Path) -> Light:
    """From the stored frames with the widest open eyes."""
    wide = eye_opening(face.meshes, face.scale) * (face.strength > 0)
    best = np.argsort(-wide, kind="stable")[:LOOKS].tolist()
    reader = Reader(store)
    try:
        found = []
        for i in sorted(best):
            picture = reader.frame(i)
            rect = _around(face.meshes[i], picture.shape[1], picture.shape[0] * 2 // 3)
            patch = cut(picture, rect)
            colour = cv2.resize(patch.chroma, rect[2:], interpolation=cv2.INTER_LINEAR)
            mesh = face.meshes[i] - (*rect[:2], 0)
            found.append(measure(rgb(np.dstack([patch.luma, colour])), mesh, float(face.scale[i])))
    finally:
        reader.close()
    return together(found)


def _around(mesh: Array, width: int, height: int) -> Rect:
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    x0, y0 = (int(max(0, v) // 2 * 2) for v in low)
    x1, y1 = (int(min(limit, v + 2) // 2 * 2) for v, limit in zip(high, (width, height), strict=True))
    return x0, y0, max(2, x1 - x0), max(2, y1 - y0)


def measure(picture: Array, mesh: Array, unit: float) -> Light:
    """From an RGB picture (levels of 255) with open eyes, its mesh in pixels and the eye distance in pixels."""
    levels = linear(picture)
    skin = _skin(levels, mesh, unit)
    bright = float(luma(skin))
    eye = _eye_white(levels, mesh)
    # without eyes to go by, the light takes a little of the skin's colour, which is mostly the skin's own
    white = skin / bright * 0.25 + 0.75
    level = 1.25 * bright
    if eye is not None:
        own = float(luma(eye))
        # eyes lie in shadow and are small: they say more about the colour of the light than about its strength
        white = 0.35 * white + 0.65 * eye / max(own, 1e-4)
        level = float(np.sqrt(level * np.clip(own * 1.15, 0.7 * level, 1.6 * level)))
    white = white / luma(white) * np.clip(level, 0.02, 0.85)
    warmth = np.log(max(skin[0], 1e-4) / max(skin[2], 1e-4)) - np.log(white[0] / white[2])
    r, g, b = white.tolist()
    grey = luma(picture)
    return Light((r, g, b), float(np.clip(warmth / SKIN_WARMTH, 0, 1)), _blur(grey, mesh) / unit, _grain(grey, mesh))


def together(lights: list[Light]) -> Light:
    """The median of several."""
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


def _skin(picture: Array, mesh: Array, unit: float) -> Array:
    r = max(1, int(0.05 * unit))
    found = []
    for p in CHEEKS:
        x, y = int(mesh[p, 0]), int(mesh[p, 1])
        spot = picture[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1].reshape(-1, 3)
        if len(spot):
            found.append(np.median(spot, axis=0))
    return np.asarray(np.median(found, axis=0) if found else np.full(3, 0.3), dtype=np.float32)


def _eye_white(picture: Array, mesh: Array) -> Array | None:
    """The eye whites' colour, None where too little of them shows."""
    found = []
    for ring in EYES:
        p = mesh[list(ring), :2]
        x0, y0 = np.maximum(np.floor(p.min(0)).astype(int), 0)
        x1, y1 = np.ceil(p.max(0)).astype(int) + 1
        part = picture[y0:y1, x0:x1]
        if part.size == 0:
            continue
        mask = np.zeros(part.shape[:2], np.uint8)
        middle = p.mean(0)
        cv2.fillPoly(mask, [np.round((middle + 0.8 * (p - middle) - (x0, y0)) * 16).astype(np.int32)], 1, shift=4)
        inside = part[mask > 0]
        if len(inside) >= LEAST_PIXELS:
            light = luma(inside)
            low, high = np.percentile(light, (60, 92))
            found.append(inside[(light >= low) & (light <= high)])
    pixels = np.concatenate(found) if found else np.zeros((0, 3), np.float32)
    if len(pixels) < LEAST_PIXELS:
        return None
    # lids are redder than the white between them
    redness = pixels[:, 0] / np.maximum(pixels[:, 2], 1e-4)
    return np.asarray(np.median(pixels[redness <= np.median(redness)], axis=0), dtype=np.float32)


def _blur(grey: Array, mesh: Array) -> float:
    """Spread of the sharpest edges of the face in pixels: how much they lose when blurred again (Zhuo and Sim 2011)."""
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = high.astype(int)
    part = grey[y0:y1, x0:x1]
    if min(part.shape) < 8:
        return 1.0
    again = cv2.GaussianBlur(part, (0, 0), REBLUR)
    before, after = (np.hypot(cv2.Sobel(p, cv2.CV_32F, 1, 0), cv2.Sobel(p, cv2.CV_32F, 0, 1)) for p in (part, again))
    strong = before > np.percentile(before, 98)
    if not strong.any():
        return 1.0
    ratio = np.percentile(before[strong] / np.maximum(after[strong], 1e-3), 60)
    return float(np.clip(REBLUR / np.sqrt(max(ratio**2 - 1, 1e-3)), 0.5, 8))


def _grain(grey: Array, mesh: Array) -> float:
    """Noise by the median absolute Laplacian response on the cheeks (Immerkær 1996)."""
    p = mesh[list(CHEEKS), :2]
    x0, y0 = np.maximum(p.min(0), 0).astype(int)
    x1, y1 = p.max(0).astype(int)
    part = grey[y0:y1, x0:x1]
    if min(part.shape) < 8:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.clip(np.median(np.abs(cv2.filter2D(part, cv2.CV_32F, kernel))) / 0.6745 / 6, 0, 6))
