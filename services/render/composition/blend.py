"""Puts one planar picture over another by a mask, and keeps the ground's colours out of the edges of what is on top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.render.media.planes import Bytes, planes

BLOCKS = 128
"""Blocks along the picture's short side, for each of which the person's own colour is estimated."""
REACH = 5
"""Sides of the windows, in blocks, in which it is."""
SOLID = 240
"""Mask from which a place shows the person's own colours only."""
_NEXT_TO_NONE, _NEXT_TO_ALL = np.array([1]), np.array([254])
BLACK, GREY = 16, 128
"""A planar picture's luma of black, and its chroma without colour."""


def half(mask: Bytes) -> Bytes:
    """The mask at the size of the chroma planes."""
    return np.asarray(cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Part:
    """A mask at the size of one plane, and its edge: the few places where it is neither none nor all."""

    mask: Bytes
    edge: npt.NDArray[np.intp]
    """Where that is, counted along the rows."""
    share: npt.NDArray[np.int32]
    """The mask there."""

    @classmethod
    def of(cls, mask: Bytes) -> Part:
        """Of a mask (h, w)."""
        edge = np.flatnonzero(cv2.inRange(mask, _NEXT_TO_NONE, _NEXT_TO_ALL) > 0)
        return cls(mask, edge, mask.reshape(-1)[edge].astype(np.int32))

    def mixed(self, under: npt.NDArray[np.uint8], over: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Of the values of two planes at the edge."""
        back = under.astype(np.int32)
        return np.asarray(back + ((over - back) * self.share + 127) // 255, np.uint8)


@dataclass(frozen=True)
class Cover:
    """A mask (h, w), 255 where a picture covers what is beneath."""

    mask: Bytes

    @cached_property
    def parts(self) -> tuple[Part, Part, Part]:
        """At the sizes of the three planes."""
        small = Part.of(half(self.mask))
        return Part.of(self.mask), small, small


def put_over(picture: Bytes, over: Bytes, cover: Cover | None, at: tuple[int, int]) -> None:
    """Put ``over``, a planar picture with its cover (None: all), into a larger one, in place; ``at`` is even (x, y)."""
    x, y = at
    parts: tuple[Part | None, ...] = cover.parts if cover else (None,) * 3
    for under, top, part, k in zip(planes(picture), planes(over), parts, (1, 2, 2), strict=True):
        h, w = top.shape
        region = under[y // k : y // k + h, x // k : x // k + w]
        if part is None:
            region[:] = top
            continue
        mixed = part.mixed(region.reshape(-1)[part.edge], top.reshape(-1)[part.edge])
        out = region if region.flags.c_contiguous else np.ascontiguousarray(region)
        cv2.copyTo(top, part.mask, out)
        out.reshape(-1)[part.edge] = mixed
        if out is not region:
            region[:] = out


def without_ground(picture: Bytes, cover: Cover) -> None:
    """Give the edges of the person her own colours, in place, where a picture shows a mixture with its ground.

    They are taken from the nearest places that are all person. The less of a pixel is the person, the more of them.
    """
    height, width = cover.mask.shape
    step = max(1, min(width, height) // BLOCKS)
    size = (-(-width // step), -(-height // step))
    for plane, part in zip(planes(picture), cover.parts, strict=True):
        h, w = plane.shape
        small = _smaller(part.mask, size)
        solid = np.asarray(small >= SOLID, np.float32)
        colours = _smaller(plane, size).astype(np.float32)
        inside, weight = colours * solid, solid
        for _ in range(2):
            inside, weight = cv2.blur(inside, (REACH, REACH)), cv2.blur(weight, (REACH, REACH))
        own = np.where(weight > 1e-3, inside / np.maximum(weight, 1e-3), colours)
        near = cv2.resize(np.asarray(own + 0.5, np.uint8), (w, h), interpolation=cv2.INTER_LINEAR)
        flat_plane = plane.reshape(-1)
        flat_plane[part.edge] = part.mixed(near.reshape(-1)[part.edge], flat_plane[part.edge])


def _smaller(plane: Bytes, size: tuple[int, int]) -> Bytes:
    """A plane scaled to (width, height), most of the way by a whole number, which is many times as quick."""
    h, w = plane.shape
    whole = min(w // size[0], h // size[1])
    step = next((k for k in (8, 4, 2) if k <= whole), 1)
    if step > 1:
        plane = plane[: h // step * step, : w // step * step]
        plane = np.asarray(cv2.resize(plane, (w // step, h // step), interpolation=cv2.INTER_AREA), np.uint8)
    if plane.shape == size[::-1]:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def flat(width: int, height: int, yuv: tuple[int, int, int]) -> Bytes:
    """A planar picture of one colour."""
    out = np.empty((height * 3 // 2, width), np.uint8)
    for plane, value in zip(planes(out), yuv, strict=True):
        plane[:] = value
    return out


def blurred(picture: Bytes, size: tuple[int, int], deviation: float, without: Bytes | None = None) -> Bytes:
    """A planar picture scaled to ``size`` and blurred; ``deviation`` in pixels of the result.

    Where ``without`` (H, W) is 255 nothing is taken: what is around spreads in.
    """
    out = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
    step = max(1.0, deviation / 2)  # computed small: what is lost would be blurred away
    small_size = (max(4, round(size[0] / step)), max(4, round(size[1] / step)))
    sigma = max(0.1, deviation * small_size[0] / size[0])
    parts = [_smaller(p, small_size) for p in planes(picture)]
    small = np.dstack(parts).astype(np.float32)
    if without is None:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.float32)
    else:
        gone = _smaller(without, small_size)
        free = 1 - np.minimum(cv2.dilate(gone, np.ones((3, 3), np.uint8)).astype(np.float32) / 128, 1)
        small = _spread(small, free, sigma)
    found = cv2.split(np.asarray(np.clip(small + 0.5, 0, 255), np.uint8))
    for part, to in zip(found, planes(out), strict=True):
        cv2.resize(part, (to.shape[1], to.shape[0]), to, interpolation=cv2.INTER_LINEAR)
    return out


def _spread(small: Any, free: Any, sigma: float) -> Any:
    """The blur of what is free; where nothing is near, of what is farther away."""
    size = (small.shape[1], small.shape[0])
    known = np.dstack([small * free[..., None], free])
    total: Any = 0.0
    for share in (1.0, 1e-2, 1e-4):
        near = cv2.GaussianBlur(known, (0, 0), sigma)
        total = total + share * cv2.resize(near, size, interpolation=cv2.INTER_LINEAR)
        smaller = (max(2, known.shape[1] // 3), max(2, known.shape[0] // 3))
        known = cv2.resize(known, smaller, interpolation=cv2.INTER_AREA)
    return (total[..., :3] + 1e-7 * small) / (total[..., 3:] + 1e-7)
