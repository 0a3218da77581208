"""Pictures on top of the video, each in its box and for its time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.common.media.pictures import read_rgba
from services.render.composition.blend import half
from services.render.composition.geometry import Box, Size
from services.render.media.planes import Bytes, planes
from services.render.media.read import MAX_SOURCE_SIDE
from services.render.media.write import to_yuv

_Weights = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Overlay:
    """One picture, ready to be put on."""

    x: int
    y: int
    keep: tuple[_Weights, _Weights]
    """256ths of what is beneath that remain, in the luma plane and in the chroma planes."""
    add: tuple[_Weights, _Weights, _Weights]
    """256ths of the picture's own planes, rounding included."""
    start_us: int
    end_us: float

    def is_shown(self, time_us: int) -> bool:
        """Whether it is seen in a picture of that time."""
        return self.start_us <= time_us <= self.end_us

    def put(self, picture: Bytes, mask: Bytes | None) -> None:
        """Put it into a planar picture, and into the picture's mask, in place."""
        keeps = (self.keep[0], self.keep[1], self.keep[1])
        for plane, keep, add, k in zip(planes(picture), keeps, self.add, (1, 2, 2), strict=True):
            _stamp(plane, self.x // k, self.y // k, keep, add)
        if mask is not None:
            _stamp(mask, self.x, self.y, self.keep[0], (256 - self.keep[0]) * np.uint16(255) + np.uint16(128))


def _stamp(plane: Bytes, x: int, y: int, keep: _Weights, add: _Weights) -> None:
    h, w = keep.shape
    part = plane[y : y + h, x : x + w]
    part[:] = (part * keep + add) >> 8


def read_overlay(path: Path, name: str, *, size: Size, box: Box, opacity: float, start_us: int, end_us: int) -> Overlay:
    """The picture of a file, fitted whole into the middle of its box. Raises what ``read_rgba`` raises."""
    rgba = read_rgba(path, name, MAX_SOURCE_SIDE).astype(np.float32)
    width, height = (box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1]
    scale = min(width / rgba.shape[1], height / rgba.shape[0])
    w, h = (max(1, round(n * scale)) for n in rgba.shape[1::-1])
    cover = rgba[..., 3:] / 255
    premultiplied = np.dstack([rgba[..., 2::-1] * cover, cover])  # what is see-through has no colour of its own
    small = cv2.resize(premultiplied, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = round(box[0] * size[0] + (width - w) / 2), round(box[1] * size[1] + (height - h) / 2)
    # the chroma planes want even places and sides
    left, top = max(0, min(x, size[0] - w)), max(0, min(y, size[1] - h))
    before = (left % 2, top % 2)
    sides = [math.ceil((n + b) / 2) * 2 for n, b in zip((w, h), before, strict=True)]
    whole = np.zeros((sides[1], sides[0], 4), np.float32)
    whole[before[1] : before[1] + h, before[0] : before[0] + w] = small
    alpha = whole[..., 3]
    bgr = np.clip(whole[..., :3] / np.maximum(alpha[..., None], 1e-4) + 0.5, 0, 255).astype(np.uint8)
    mask = np.round(alpha * opacity * 255).astype(np.uint8)
    luma, u, v = planes(to_yuv(bgr))
    covers = mask.astype(np.float32) / 255, half(mask).astype(np.float32) / 255
    return Overlay(
        x=left - before[0],
        y=top - before[1],
        keep=(_parts(1 - covers[0]), _parts(1 - covers[1])),
        add=(_own(luma, covers[0]), _own(u, covers[1]), _own(v, covers[1])),
        start_us=start_us,
        end_us=end_us or math.inf,
    )


def _parts(share: npt.NDArray[np.floating[Any]]) -> _Weights:
    return np.round(256 * share).astype(np.uint16)


def _own(plane: Bytes, cover: npt.NDArray[np.floating[Any]]) -> _Weights:
    """What the overlay adds, with half of what the division by 256 would cut off."""
    return ((256 - _parts(1 - cover)) * plane.astype(np.uint16) + np.uint16(128)).astype(np.uint16)
