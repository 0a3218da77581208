"""Which pixels of an avatar's own pictures are the person: MediaPipe's selfie segmentation, run by LiteRT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from services.common import weights
from services.common.errors import HuashengError
from services.render.composition.geometry import Box
from services.render.composition.refine import Floats, Settled, grid_size, refined, steady
from services.render.face.litert import LiteRtModel
from services.render.media.picture import Bgr
from services.render.media.planes import Bytes

WEIGHTS = "person-mask"
VERSION = 1
"""Changes when masks are made in another way; those of before are made again."""
SIDE = 256
"""Sides of the network's input."""
HEAD = 2.6
"""Side of the square around the head that is looked at for itself, in sides of the face: hair wants more than the
pixels that it has in the whole picture."""
NEAR = 0.75
"""Share of the picture's short side from which that square shows no more than the whole picture does."""
NOTCHES = 7
"""Size, on the grid, of the notches and teeth along hair that are none."""
SPECK = 0.015
"""Share of the picture's area under which a part apart from the head is none of the person, nor a hole a hole."""


class Segmenter:
    """Finds the person in single pictures. Not thread-safe."""

    def __init__(self, weights_dir: Path) -> None:
        """Raises ``person-mask-unavailable`` without the network's weights."""
        try:
            folder = weights.folder(WEIGHTS, weights_dir)
            self._model = LiteRtModel(folder / "selfie_segmentation.tflite")
        except (weights.WeightsError, ImportError) as e:
            cause = e.cause if isinstance(e, weights.WeightsError) else {"cause": "does-not-load", "text": str(e)}
            raise HuashengError("person-mask-unavailable", **cause) from e

    def find(self, picture: Bgr, face: Box) -> Floats:
        """How much of each place of the grid (see ``refine``) is the person, 0 to 1."""
        height, width = picture.shape[:2]
        size = grid_size(width, height)
        out = cv2.resize(self._run(picture), size, interpolation=cv2.INTER_LINEAR)
        side = HEAD * max((face[2] - face[0]) * width, (face[3] - face[1]) * height)
        if side < NEAR * min(width, height):
            self._look_closer(picture, face, side, out)
        smooth = cv2.medianBlur(np.asarray(out * 255 + np.float32(0.5), np.uint8), NOTCHES)
        return _without_specks(smooth.astype(np.float32) / np.float32(255), face)

    def _run(self, picture: Bgr) -> Floats:
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        (found,) = self._model.run(small[None, ..., ::-1].astype(np.float32) / np.float32(255)).values()
        return np.asarray(found[0, ..., 0], np.float32)

    def _look_closer(self, picture: Bgr, face: Box, side: float, out: cv2.typing.MatLike) -> None:
        """Put what is found in the square around the head into the mask of the whole picture, with soft seams."""
        height, width = picture.shape[:2]
        x, y = (face[0] + face[2]) / 2 * width, (face[1] + face[3]) / 2 * height
        left, top = max(0, round(x - side / 2)), max(0, round(y - side / 2))
        right, bottom = min(width, round(x + side / 2)), min(height, round(y + side / 2))
        found = self._run(picture[top:bottom, left:right])
        scale = out.shape[1] / width
        a, b, c, d = (round(v * scale) for v in (left, top, right, bottom))
        part = out[b:d, a:c]
        inner = cv2.resize(found, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
        seam = max(4, part.shape[0] // 8)
        across, down = (
            _ramp(n, at_start, at_end, seam)
            for n, at_start, at_end in (
                (part.shape[1], left == 0, right == width),
                (part.shape[0], top == 0, bottom == height),
            )
        )
        weight = down[:, None] * across[None]
        part[:] = part + weight * (inner - part)


def _ramp(length: int, at_start: bool, at_end: bool, seam: int) -> Floats:
    """0 to 1 over ``seam`` places at both ends, but not where the picture itself ends."""
    out = np.ones(length, np.float32)
    rise = np.linspace(0, 1, min(seam, length // 2), dtype=np.float32)
    if not at_start:
        out[: len(rise)] = rise
    if not at_end:
        out[length - len(rise) :] = np.minimum(out[length - len(rise) :], rise[::-1])
    return out


def _without_specks(mask: Floats, face: Box) -> Floats:
    """The mask without small parts that are not joined to the person, and without small holes in it."""
    height, width = mask.shape
    least = SPECK * height * width
    out = mask.copy()
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.3).astype(np.uint8))
    middle = labels[int((face[1] + face[3]) / 2 * (height - 1)), int((face[0] + face[2]) / 2 * (width - 1))]
    for n in range(1, count):
        if n != middle and stats[n, cv2.CC_STAT_AREA] < least:
            out[cv2.dilate((labels == n).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask < 0.7).astype(np.uint8), connectivity=4)
    for n in range(1, count):
        x, y, w, h = stats[n, : cv2.CC_STAT_AREA]
        inside = x > 0 and y > 0 and x + w < width and y + h < height
        if inside and stats[n, cv2.CC_STAT_AREA] < least / 4:
            out[labels == n] = 1
    return out


def person_masks(pictures: Iterable[Bgr], segmenter: Segmenter, face: Box) -> Iterator[Bytes]:
    """Masks (H, W), 255 where the person is, of pictures that follow each other."""
    settled = Settled()
    for picture, mask in steady((p, segmenter.find(p, face)) for p in pictures):
        yield settled.next(picture, refined(picture, mask))
