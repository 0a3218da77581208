"""Takes a ground of one colour (green or blue screen) out by its colour, with its reflections on the person.

Works on the two colour planes alone (a colour-difference key): bright and dark places of a screen have one direction
there, and only differ in length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.composition.refine import Floats
from services.render.media.planes import Bytes, planes
from services.render.media.write import to_bgr, to_yuv

EDGE = 0.06
"""Width of the upper and side edges that are looked at, in shares of the picture; the sides down to two thirds."""
BIN = 8
"""Values of a colour plane that count as one colour."""
LEAST = 14.0
"""Least distance of the ground's colour from grey, in values of the colour planes."""
CLEAR = 0.12
"""Share of the ground's colour in a pixel up to which it is all person."""
EVEN = 0.85
"""What counts as all ground, in shares of the colour of the weakest places along the edges."""
NARROW = 1.0
"""How strongly colours beside the ground's own direction count against it."""
SPILL = 0.5
"""Colour towards the ground that a person's own colours may have, in shares of their colour across it."""


@dataclass(frozen=True)
class Screen:
    """The ground's colour, as a direction in the colour planes."""

    u: float
    v: float
    """Unit vector."""
    strength: float
    """Distance of the ground from grey."""
    full: float = EVEN
    """Share of that from which a pixel is all ground."""

    def along(self, u: Bytes, v: Bytes) -> tuple[Floats, Floats]:
        """Colour towards the ground's and across it, of every pixel of the colour planes."""
        du, dv = (np.asarray(plane, np.float32) - np.float32(128) for plane in (u, v))
        return du * np.float32(self.u) + dv * np.float32(self.v), dv * np.float32(self.u) - du * np.float32(self.v)


def find_screen(pictures: Iterable[Bytes], colour: int) -> Screen:
    """The ground of some planar pictures; its ``colour`` is 0xRRGGBB, or 0 for what is most frequent along the edges.

    Raises ``no-key-colour`` where that is too grey.
    """
    edges = [_edges(picture) for picture in pictures]
    luma, u, v = (np.concatenate([e[k] for e in edges]) for k in range(3))
    if colour:
        rgb = [colour >> 16 & 255, colour >> 8 & 255, colour & 255]
        patch = to_yuv(np.tile(np.array(rgb[::-1], np.uint8), (2, 2, 1)))
        typical = [float(plane[0, 0]) for plane in planes(patch)]
    else:
        bins = (u.astype(np.int32) // BIN) * 64 + v // BIN
        most = np.bincount(bins).argmax()
        typical = [float(np.median(plane[bins == most])) for plane in (luma, u, v)]
    du, dv = typical[1] - 128, typical[2] - 128
    strength = float(np.hypot(du, dv))
    if strength < LEAST:
        raise HuashengError("no-key-colour", colour=_name(typical))
    screen = Screen(du / strength, dv / strength, strength)
    ground = _share(screen, u, v)
    ground = ground[ground > 0.5]  # the person may touch the edge
    weakest = float(np.percentile(ground, 2)) if ground.size else 1.0
    return Screen(screen.u, screen.v, strength, max(2 * CLEAR, EVEN * min(1.0, weakest)))


def _edges(picture: Bytes) -> tuple[npt.NDArray[np.uint8], ...]:
    """The three planes' values along the upper and the side edges, luma at every second pixel."""
    luma, u, v = planes(picture)
    h, w = u.shape
    rows, columns = max(1, round(EDGE * h)), max(1, round(EDGE * w))

    def taken(plane: Bytes) -> npt.NDArray[np.uint8]:
        sides = plane[: h * 2 // 3]
        parts = (plane[:rows], sides[:, :columns], sides[:, w - columns :])
        return np.concatenate([p.reshape(-1) for p in parts])

    return taken(luma[::2, ::2]), taken(u), taken(v)


def _name(yuv: list[float]) -> str:
    patch = np.empty((3, 2), np.uint8)
    for plane, value in zip(planes(patch), yuv, strict=True):
        plane[:] = round(value)
    blue, green, red = to_bgr(patch)[0, 0].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _share(screen: Screen, u: Bytes, v: Bytes) -> Floats:
    """How much of the ground's colour each pixel has, 1 for the ground itself."""
    towards, across = screen.along(u, v)
    return np.asarray((towards - NARROW * np.abs(across)) / screen.strength, np.float32)


def key_masks(pictures: Iterable[Bytes], screen: Screen) -> Iterator[Bytes]:
    """Masks (H, W), 255 where the person is, of planar pictures."""
    for picture in pictures:
        luma, u, v = planes(picture)
        ground = (_share(screen, u, v) - CLEAR) / np.float32(screen.full - CLEAR)
        small = np.asarray(np.clip(1 - ground, 0, 1), np.float32)
        whole = cv2.resize(small, (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_CUBIC)
        yield np.asarray(np.clip(whole * 255 + 0.5, 0, 255), np.uint8)


def without_spill(picture: Bytes, screen: Screen) -> None:
    """Take the ground's light off a planar picture of the person, in place."""
    _, u, v = planes(picture)
    towards, across = screen.along(u, v)
    excess = cv2.max(towards - np.float32(SPILL) * np.abs(across), 0.0)
    u[:] = np.clip(u - excess * np.float32(screen.u), 0, 255)
    v[:] = np.clip(v - excess * np.float32(screen.v), 0, 255)
