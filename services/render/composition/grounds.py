"""What is behind a person, as planar pictures of the composed picture's size."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from services.common.media.pictures import read_picture
from services.render.composition.blend import BLACK, GREY, blurred, flat
from services.render.composition.geometry import Geometry, Size
from services.render.media.picture import Bgr
from services.render.media.planes import Bytes, planes
from services.render.media.read import MAX_SOURCE_SIDE, probe, read_frames
from services.render.media.write import to_yuv

STRONGEST = 0.06
"""Deviation of the strongest blur, in shares of the picture's short side."""
BARS, DARKER = 0.05, 0.75
"""Deviation of the blur beside a picture that does not fill the frame, in the same shares, and its light."""
KEPT_BYTES = 48 << 20
"""Memory for the pictures of a film, so that a short one is decoded once."""


class Ground(Protocol):
    """Behind the person."""

    def picture(self, number: int, drawn: Bytes, mask: Bytes | None) -> Bytes:
        """What is behind picture ``number`` of the video, which may be changed. ``drawn`` is the source's cut as it is
        placed, or the whole drawn picture; ``mask`` is where the person is in it."""


class Still:
    """The same picture all the time."""

    def __init__(self, picture: Bytes) -> None:
        self._picture = picture

    def picture(self, number: int, drawn: Bytes, mask: Bytes | None) -> Bytes:  # noqa: ARG002
        """See ``Ground``."""
        return self._picture.copy()


class Blurred:
    """The source's own ground, out of focus."""

    def __init__(self, geometry: Geometry, strength: float) -> None:
        self._geometry = geometry
        self._deviation = max(0.5, STRONGEST * strength * min(geometry.size))

    def picture(self, number: int, drawn: Bytes, mask: Bytes | None) -> Bytes:  # noqa: ARG002
        """See ``Ground``. Beside a cut that does not fill the frame it goes on as its edges are."""
        size = self._geometry.size
        if self._geometry.fills:
            return blurred(drawn, size, self._deviation, mask)
        return blurred(_covering(drawn, size), size, max(self._deviation, BARS * min(size)), _cover_mask(mask, size))


class Bars:
    """The source itself, large, blurred and darker, beside a picture that does not fill the frame."""

    def __init__(self, size: Size) -> None:
        self._size = size
        luma = BLACK + (np.arange(256) - BLACK) * DARKER
        self._darker = np.clip(luma, 0, 255).astype(np.uint8)

    def picture(self, number: int, drawn: Bytes, mask: Bytes | None) -> Bytes:  # noqa: ARG002
        """See ``Ground``."""
        out = blurred(_covering(drawn, self._size), self._size, BARS * min(self._size))
        luma = planes(out)[0]
        luma[:] = cv2.LUT(luma, self._darker)
        return out


class Film:
    """A film from its start, again and again, by the video's own clock."""

    def __init__(self, path: Path, size: Size, fps: float) -> None:
        """Raises what ``probe`` raises."""
        info = probe(path)
        self._path, self._size = path, size
        self._max_side = max(round(max(info.width, info.height) * _cover_scale((info.width, info.height), size)), 2)
        self._ratio = Fraction(info.fps) / Fraction(fps).limit_denominator(1001)
        self._kept: list[Bytes] = []
        self._room = KEPT_BYTES // (size[0] * size[1] * 3 // 2)
        self._count: int | None = None
        """Pictures of the film; unknown before its end was seen."""
        self._at, self._now = -1, flat(*size, (BLACK, GREY, GREY))
        self._pictures = self._read()

    def picture(self, number: int, drawn: Bytes, mask: Bytes | None) -> Bytes:  # noqa: ARG002
        """See ``Ground``. Raises ``corrupt-media``."""
        wanted = int((number + Fraction(1, 2)) * self._ratio)
        while True:
            place = wanted % self._count if self._count else wanted
            if place < len(self._kept):
                return self._kept[place].copy()
            if place < self._at:
                self._pictures, self._at = self._read(), -1
            while self._at < place:
                if (found := next(self._pictures, None)) is None:
                    self._count = self._at + 1
                    break
                self._at, self._now = self._at + 1, found
                if self._at == len(self._kept) < self._room:
                    self._kept.append(found)
            else:
                return self._now.copy()

    def _read(self) -> Iterator[Bytes]:
        for _, picture in read_frames(self._path, max_side=self._max_side):
            yield cover(picture, self._size)


def read_ground(path: Path, name: str, size: Size) -> Still:
    """A picture behind the person. Raises what ``read_picture`` raises."""
    rgb = read_picture(path, name, MAX_SOURCE_SIDE)
    return Still(cover(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8), size))


def cover(picture: Bgr, size: Size) -> Bytes:
    """A BGR picture as a planar one of ``size``, cut in the middle where its form differs."""
    height, width = picture.shape[:2]
    scale = _cover_scale((width, height), size)
    w, h = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    x, y = (width - w) // 2, (height - h) // 2
    part = np.ascontiguousarray(picture[y : y + h, x : x + w])
    if (w, h) != size:
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return to_yuv(np.asarray(part, np.uint8))


def _cover_scale(of: Size, size: Size) -> float:
    return max(size[0] / of[0], size[1] / of[1])


def _covering(drawn: Bytes, size: Size) -> Bytes:
    """The middle part of a planar picture that has the form of ``size``."""
    height, width = drawn.shape[0] * 2 // 3, drawn.shape[1]
    w, h = _covering_size((width, height), size)
    out = np.empty((h * 3 // 2, w), np.uint8)
    x, y = (width - w) // 4 * 2, (height - h) // 4 * 2
    for plane, to, k in zip(planes(drawn), planes(out), (1, 2, 2), strict=True):
        to[:] = plane[y // k : (y + h) // k, x // k : (x + w) // k]
    return out


def _cover_mask(mask: Bytes | None, size: Size) -> Bytes | None:
    if mask is None:
        return None
    height, width = mask.shape
    w, h = _covering_size((width, height), size)
    x, y = (width - w) // 4 * 2, (height - h) // 4 * 2
    return mask[y : y + h, x : x + w]


def _covering_size(of: Size, size: Size) -> Size:
    scale = _cover_scale(of, size)
    w, h = (max(2, min(whole, round(side / scale / 2) * 2)) for whole, side in zip(of, size, strict=True))
    return w, h
