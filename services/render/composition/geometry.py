"""Where the drawn person goes in the composed picture: what is cut out, how large it is drawn, where it is put.

Lengths are pixels unless they are called shares (of a picture's width or height, from the upper left corner).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from services.render.face.warp import Rect
from services.render.media.planes import Bytes, planes

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in shares."""
Size = tuple[int, int]
"""Width and height."""

HAIR, CHIN, SIDES = 0.45, 0.1, 0.08
"""Room around the measured face that a cut keeps, in shares of the face's height (above, below) and width (each side):
the measured face ends at the forehead."""
FACE_HEIGHT = 0.42
"""Height in the cut at which the middle of the face lies, where there is room."""
NO_FACE = (0.4, 0.2, 0.6, 0.5)
"""Taken for the face where none was measured."""
SAME = 2
"""Pixels by which a cut and the picture to fill may differ and still count as of one form."""


@dataclass(frozen=True)
class Geometry:
    """One avatar in one form of picture."""

    source: Size
    """The avatar's own size."""
    size: Size
    """The composed picture's size."""
    crop: Box
    """The part of the source that is shown."""
    fitted: Size
    """Size of that part in the composed picture; smaller than ``size`` on one axis where the forms differ."""
    max_side_px: int
    """Longest side that the source is to be drawn at; 0 for its own size."""

    @property
    def fills(self) -> bool:
        """Whether the cut covers the whole picture."""
        return self.fitted == self.size

    def place(self, at_bottom: bool) -> tuple[int, int]:
        """Left and upper edge of the fitted part: in the middle, or standing on the lower edge."""
        left, over = (self.size[0] - self.fitted[0]) // 4 * 2, self.size[1] - self.fitted[1]
        return left, over if at_bottom else over // 4 * 2

    def rect(self, drawn: Size) -> Rect:
        """The rectangle of a picture drawn at this size that becomes the fitted part."""
        left, top, right, bottom = self.crop
        sides = (right - left) * drawn[0], (bottom - top) * drawn[1]
        w, h = (
            fit if abs(side - fit) <= SAME and fit <= whole else min(_even(side), whole)
            for side, fit, whole in zip(sides, self.fitted, drawn, strict=True)
        )
        # cut or padded by a pixel around the same middle
        x = (left + right) / 2 * drawn[0] - w / 2
        y = (top + bottom) / 2 * drawn[1] - h / 2
        return _start(x, w, drawn[0]), _start(y, h, drawn[1]), w, h

    def cut(self, picture: Bytes) -> Bytes:
        """The fitted part of a planar picture, as a new one."""
        x, y, w, h = self.rect((picture.shape[1], picture.shape[0] * 2 // 3))
        out = np.empty((self.fitted[1] * 3 // 2, self.fitted[0]), np.uint8)
        for plane, to, k in zip(planes(picture), planes(out), (1, 2, 2), strict=True):
            _scaled(plane[y // k : (y + h) // k, x // k : (x + w) // k], to)
        return out

    def cut_mask(self, mask: Bytes, drawn: Size) -> Bytes:
        """The fitted part of a mask (H, W) of the source's size, for a picture that is drawn at this size."""
        x, y, w, h = self.rect(drawn)
        across, down = mask.shape[1] / drawn[0], mask.shape[0] / drawn[1]
        columns, rows = (round(x * across), round((x + w) * across)), (round(y * down), round((y + h) * down))
        out = np.empty((self.fitted[1], self.fitted[0]), np.uint8)
        _scaled(mask[slice(*rows), slice(*columns)], out)
        return out

    def box(self, part: Box, at_bottom: bool) -> Box:
        """Where a part of the source, in shares of it, lies in the composed picture, in shares of that."""
        x, y = self.place(at_bottom)
        left, top, right, bottom = self.crop
        across, down = self.fitted[0] / (right - left), self.fitted[1] / (bottom - top)
        xs = [(x + (v - left) * across) / self.size[0] for v in part[::2]]
        ys = [(y + (v - top) * down) / self.size[1] for v in part[1::2]]
        return xs[0], ys[0], xs[1], ys[1]


def geometry(source: Size, size: Size, crop: Box | None, face: Box | None, limit_px: int = 0) -> Geometry:
    """How a source of this size fills a picture of that size.

    ``crop`` None is the largest cut of the picture's form around the ``face``; ``limit_px`` is the longest side that
    may be drawn (0: the source's own).
    """
    shown = crop or _around(face or NO_FACE, source, size)
    w, h = (shown[2] - shown[0]) * source[0], (shown[3] - shown[1]) * source[1]
    scale = min(size[0] / w, size[1] / h)
    fitted = (_fit(w * scale, size[0]), _fit(h * scale, size[1]))
    return Geometry(source, size, shown, fitted, _max_side(source, shown, fitted, limit_px))


def _around(face: Box, source: Size, size: Size) -> Box:
    """The largest cut of the form of ``size``; larger, and of another form, where the head does not fit into it."""
    width, height = face[2] - face[0], face[3] - face[1]
    head = (
        max(0.0, face[0] - SIDES * width),
        max(0.0, face[1] - HAIR * height),
        min(1.0, face[2] + SIDES * width),
        min(1.0, face[3] + CHIN * height),
    )
    most = min(source[0] / size[0], source[1] / size[1])
    w = max(most * size[0] / source[0], head[2] - head[0])
    h = max(most * size[1] / source[1], head[3] - head[1])
    left = _between((face[0] + face[2]) / 2 - w / 2, head[2] - w, head[0], 1 - w)
    top = _between((face[1] + face[3]) / 2 - FACE_HEIGHT * h, head[3] - h, head[1], 1 - h)
    return left, top, min(1.0, left + w), min(1.0, top + h)


def _between(wanted: float, least: float, most: float, end: float) -> float:
    """``wanted``, moved so that the head is inside, and the cut inside the picture."""
    return max(0.0, min(max(min(wanted, most), least), end))


def _max_side(source: Size, crop: Box, fitted: Size, limit_px: int) -> int:
    longest = max(source)
    limit = min(limit_px or longest, longest)
    scale = max(fitted[0] / ((crop[2] - crop[0]) * source[0]), fitted[1] / ((crop[3] - crop[1]) * source[1]))
    side = math.ceil(min(1.0, scale) * longest - 1e-6)
    while side < limit and not _covers(source, crop, fitted, side):  # sides are rounded down to even numbers
        side += 1
    return min(side, limit) if min(side, limit) < longest else 0


def _covers(source: Size, crop: Box, fitted: Size, side: int) -> bool:
    drawn = [int(n * side / max(source)) // 2 * 2 for n in source]
    parts = (crop[2] - crop[0]) * drawn[0], (crop[3] - crop[1]) * drawn[1]
    return all(part >= fit - SAME and whole >= fit for part, fit, whole in zip(parts, fitted, drawn, strict=True))


def _fit(length: float, whole: int) -> int:
    return whole if length >= whole - SAME else max(2, _even(length))


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _start(wanted: float, length: int, whole: int) -> int:
    return int(max(0, min(round(wanted / 2) * 2, whole - length)))


def _scaled(part: Bytes, to: Bytes) -> None:
    h, w = to.shape
    if part.shape == (h, w):
        to[:] = part
        return
    smaller = part.shape[0] >= h and part.shape[1] >= w
    cv2.resize(part, (w, h), to, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
