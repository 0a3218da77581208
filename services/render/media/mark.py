"""The visible mark: words burned into pictures before they are encoded, so that no copy of the video is without them.

The words are masks that ``tools/mark_glyphs.py`` drew once. They stand light on a dark plate, which is readable on any
ground, in the upper left corner: players have their controls and captions below, and no mouth is there.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.media.planes import planes
from services.render.types import Image

WORDS = {"zh": "AI生成", "en": "AI-generated"}
"""What is written, by the name of its mask."""
GLYPHS = Path(__file__).with_name("mark")
"""Folder of the masks."""
CAP_PX = 128
"""Height of a capital letter in the masks, in pixels."""
START_S = 2.5
"""How long the large words stand, in seconds; GB 45438-2025 wants 2 s at least."""
LARGE, SMALL = 0.055, 0.03
"""Height of a capital letter, in shares of the picture's short side; GB 45438-2025 wants 0.05 at the start."""
EDGE = 0.04
"""Distance from the picture's edges, in the same shares."""
PLATE, INK = 0.6, 235
"""How much of the ground the plate hides; brightness of the letters."""
DARK, GREY = 16, 128
"""The plate's brightness, and the value of a chroma plane without colour."""

_Weights = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class MarkOptions:
    """What a video's mark is like."""

    language: str
    """BCP 47; the words are Chinese or, for any other, English."""
    throughout: bool = False
    """Whether small words follow the large ones."""


@dataclass(frozen=True)
class _Stamp:
    """A rectangle to put over a plane: new = (old * keep + add) / 256, both uint16 (h, w)."""

    y: int
    x: int
    keep: _Weights
    add: _Weights

    def put(self, plane: npt.NDArray[np.uint8]) -> None:
        """Change ``plane`` (H, W) in place."""
        h, w = self.keep.shape
        part = plane[self.y : self.y + h, self.x : self.x + w]
        part[:] = (part * self.keep + self.add) >> 8


@dataclass(frozen=True)
class _Words:
    """The stamps of one size of the words, for both forms of a picture."""

    full: _Stamp
    luma: _Stamp
    chroma: _Stamp


class VisibleMark:
    """Marks the pictures of one video, which all have the same size."""

    def __init__(self, options: MarkOptions, width: int, height: int, fps: float) -> None:
        language = "zh" if options.language.lower().startswith("zh") else "en"
        self._frames = math.ceil(START_S * fps)
        self._large = _words(language, LARGE, width, height)
        self._small = _words(language, SMALL, width, height) if options.throughout else None

    def on(self, image: Image, number: int) -> Image:
        """The picture with the words, as a copy; itself where it has none. ``number`` counts the video's pictures."""
        words = self._large if number < self._frames else self._small
        if words is None:
            return image
        image = image.copy()  # an engine may show the same stored picture again
        if image.ndim == 3:
            for channel in range(3):
                words.full.put(image[..., channel])
            return image
        luma, *chroma = planes(image)
        words.luma.put(luma)
        for plane in chroma:
            words.chroma.put(plane)
        return image


@functools.lru_cache(maxsize=16)
def _words(language: str, share: float, width: int, height: int) -> _Words:
    short = min(width, height)
    cap = max(6, math.ceil(share * short))
    mask = _mask(language)
    scale = cap / CAP_PX
    pad, edge = 2 * round(cap / 4), 2 * round(EDGE * short / 2)  # even, as the chroma planes need it
    room_w, room_h = width - 2 * edge - 2 * pad, height - 2 * edge - 2 * pad
    scale = min(scale, room_w / mask.shape[1], room_h / mask.shape[0])  # a picture with very unlike sides
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    glyphs = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    w, h = (2 * math.ceil((n + 2 * pad) / 2) for n in size)
    ink = np.zeros((h, w), np.float32)
    ink[pad : pad + size[1], pad : pad + size[0]] = glyphs
    plate = PLATE * _rounded(w, h, pad)
    # the chroma planes are half as large
    halves = [cv2.resize(part, (w // 2, h // 2), interpolation=cv2.INTER_AREA) for part in (ink, plate)]
    return _Words(
        full=_stamp(edge, edge, ink, plate, dark=0, light=255),
        luma=_stamp(edge, edge, ink, plate, dark=DARK, light=INK),
        chroma=_stamp(edge // 2, edge // 2, *halves, dark=GREY, light=GREY),
    )


def _stamp(
    y: int, x: int, ink: npt.NDArray[np.float32], plate: npt.NDArray[np.float32], *, dark: int, light: int
) -> _Stamp:
    keep = (1 - plate) * (1 - ink)
    add = plate * (1 - ink) * dark + ink * light
    rounding = 128  # half of what the division by 256 would cut off
    return _Stamp(y, x, np.round(256 * keep).astype(np.uint16), np.round(256 * add + rounding).astype(np.uint16))


def _rounded(width: int, height: int, radius: int) -> npt.NDArray[np.float32]:
    """A rectangle with round corners: 1 inside, 0 outside, soft at the edge."""
    across = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
    down = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
    distance = np.hypot(np.maximum(across, 0)[None], np.maximum(down, 0)[:, None])
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1), np.float32)


def _mask(language: str) -> npt.NDArray[np.uint8]:
    found = cv2.imread(str(GLYPHS / f"{language}.png"), cv2.IMREAD_GRAYSCALE)
    assert found is not None  # part of the program
    return np.asarray(found, np.uint8)
