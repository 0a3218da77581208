"""Puts a drawn face back: mask of the lower face, and blending into a planar YUV picture.

The mask is upstream's: face parts by BiSeNet (Yu et al. 2018) in a square around the box, kept inside the box and in
the square's lower half, softened by a Gaussian. JoyGen takes all parts of the face; MuseTalk 1.5 takes the jaw: skin
grown downwards so that an opening chin has room, drawn in at the cheeks, without the nose. Without the parser's weights
outlines of our own face mesh take the place of the parts. Where the mask is zero not one bit of the picture changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.render.engines.joygen.align import LIPS, Box
from services.render.face.points import FACE_OVAL
from services.render.face.shape import Array
from services.render.media.planes import Patch, cut, paste
from services.render.media.write import to_bgr, to_yuv
from services.render.types import Image

MASK_SIDE = 128
"""Side of a stored mask: it is so soft that nothing is lost."""
EXPAND = 1.2
"""Side of the square that a stored mask covers, in boxes."""
PARSE_SIDE = 512
PARTS = (1, 13)
"""First and last class of the parser that belongs to the face: skin, brows, eyes, glasses, ears, nose, mouth, lips."""
SKIN, NOSE, MOUTH = 1, 10, (11, 12, 13)
"""Classes of the parser; those of the mouth are its inside and the lips."""
CONE, TAIL = 21, 12
"""Rows of the shape by which skin is grown: the lower half of a cone this high, then a straight end."""
CHEEKS = 90
"""Pixels of ``PARSE_SIDE`` beside the middle where the cheeks begin; upstream's default."""
CHEEK, TIMES = (35, 3), 2
"""Ellipse by which cheeks are drawn in, and how often."""
NOSE_POINTS = (168, 6, 122, 351, 129, 358, 48, 278, 64, 294, 98, 327, 97, 326, 2)
"""Mesh points whose hull is the nose."""

Mask = npt.NDArray[np.uint8]
Parse = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
"""BGR picture (512, 512, 3) -> class of each pixel (512, 512)."""


def face_parts(classes: Mask) -> Mask:
    """JoyGen's region, 0 or 255, of the parser's classes (512, 512)."""
    return ((classes >= PARTS[0]) & (classes <= PARTS[1])).astype(np.uint8) * 255


def jaw_parts(classes: Mask) -> Mask:
    """MuseTalk 1.5's region (its mode ``jaw``), 0 or 255, of the parser's classes (512, 512)."""
    grown = cv2.dilate((classes == SKIN).astype(np.uint8) * 255, _growth())
    drawn_in = cv2.erode(grown, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, CHEEK), iterations=TIMES)
    middle = PARSE_SIDE // 2
    region = drawn_in
    region[:, middle - CHEEKS + 1 : middle + CHEEKS] = grown[:, middle - CHEEKS + 1 : middle + CHEEKS]
    region[classes == NOSE] = 0
    region[np.isin(classes, MOUTH)] = 255
    return np.asarray(region, np.uint8)


def _growth() -> Mask:
    side = CONE + TAIL
    rows = np.arange(side)[:, None]
    reach = np.minimum(rows, CONE - 1) - CONE // 2
    return (np.abs(np.arange(side)[None] - side // 2) <= reach).astype(np.uint8)


@dataclass(frozen=True)
class Style:
    """How one network's faces are pasted."""

    expand: float
    """Side of the square in which the face is parsed, in boxes."""
    blur: float
    """Size of the softening, in squares."""
    region: Callable[[Mask], Mask]


JOYGEN, MUSETALK = Style(EXPAND, 0.1, face_parts), Style(1.5, 0.05, jaw_parts)


def square(box: Box, expand: float = EXPAND) -> Box:
    """The square around a box; may leave the picture."""
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    half = int(max(x1 - x0, y1 - y0) // 2 * expand)
    return x - half, y - half, x + half, y + half


def cut_out(picture: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
    """A part of a BGR picture; what lies outside of it is black."""
    x0, y0, x1, y1 = box
    h, w = picture.shape[:2]
    part = picture[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    return np.asarray(
        cv2.copyMakeBorder(
            part, max(0, -y0), max(0, y1 - max(h, y0)), max(0, -x0), max(0, x1 - max(w, x0)), cv2.BORDER_CONSTANT
        ),
        np.uint8,
    )


def mask_of(picture: npt.NDArray[np.uint8], box: Box, mesh: Array, parse: Parse | None, style: Style = JOYGEN) -> Mask:
    """The mask (128, 128) of the square around the box; ``mesh`` (468, 2 or 3) in pixels of the picture."""
    around = square(box, style.expand)
    left, top = around[:2]
    side = around[2] - left
    if parse is None:
        classes = outlines(mesh[:, :2] - (left, top), PARSE_SIDE / side)
    else:
        small = cv2.resize(cut_out(picture, around), (PARSE_SIDE, PARSE_SIDE), interpolation=cv2.INTER_AREA)
        classes = parse(small.astype(np.uint8))
    face = cv2.resize(style.region(classes), (side, side), interpolation=cv2.INTER_CUBIC)
    x0, y0, x1, y1 = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    kept = np.zeros_like(face)
    kept[max(y0, side // 2) : y1, x0:x1] = face[max(y0, side // 2) : y1, x0:x1]
    reach = int(style.blur * side // 2 * 2) + 1
    soft = cv2.GaussianBlur(kept, (reach, reach), 0)
    # outside of the box nothing is pasted, so the smaller square holds all that counts
    inner = square(box)
    edge = inner[0] - left
    soft = soft[edge : edge + inner[2] - inner[0], edge : edge + inner[2] - inner[0]]
    return np.asarray(cv2.resize(soft, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def outlines(points: Array, scale: float) -> Mask:
    """Classes (512, 512) as the parser gives them, of a mesh (468, 2) times ``scale``: skin, nose and mouth."""
    places = np.rint(points * scale).astype(np.int32)
    out = np.zeros((PARSE_SIDE, PARSE_SIDE), np.uint8)
    cv2.fillPoly(out, [places[list(FACE_OVAL)]], SKIN)
    cv2.fillPoly(out, [cv2.convexHull(places[list(NOSE_POINTS)])], NOSE)
    cv2.fillPoly(out, [places[list(LIPS)]], MOUTH[0])
    return out


def blend(picture: Image, face: npt.NDArray[np.uint8], box: Box, mask: Mask, strength: float = 1.0) -> Image:
    """A copy of the YUV picture with ``face`` (256, 256, 3; BGR) in the box, as far as mask and ``strength`` say."""
    width, height = picture.shape[1], picture.shape[0] * 2 // 3
    around = square(box)
    x0, y0 = max(0, around[0]) // 2 * 2, max(0, around[1]) // 2 * 2
    x1, y1 = min(width, -(-around[2] // 2) * 2), min(height, -(-around[3] // 2) * 2)
    out = picture.copy()
    if x1 <= x0 or y1 <= y0:
        return out
    rect = (x0, y0, x1 - x0, y1 - y0)
    old = cut(picture, rect)
    bgr = to_bgr(_flat(old)).copy()
    # in the patch's coordinates; parts of the box outside the picture are cut off
    a, b, c, d = (box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0)
    placed = cv2.resize(face, (c - a, d - b), interpolation=cv2.INTER_LINEAR)
    top, left = max(0, b), max(0, a)
    bottom, right = min(bgr.shape[0], d), min(bgr.shape[1], c)
    bgr[top:bottom, left:right] = placed[top - b : bottom - b, left - a : right - a]
    new = cut(to_yuv(bgr), (0, 0, rect[2], rect[3]))
    soft = cv2.resize(mask, (around[2] - around[0],) * 2, interpolation=cv2.INTER_LINEAR)
    inside = np.zeros((rect[3], rect[2]), np.float32)
    dx, dy = around[0] - x0, around[1] - y0
    part = soft[max(0, -dy) : max(0, -dy) + rect[3] - max(0, dy), max(0, -dx) : max(0, -dx) + rect[2] - max(0, dx)]
    inside[max(0, dy) : max(0, dy) + part.shape[0], max(0, dx) : max(0, dx) + part.shape[1]] = part
    weight = inside * (strength / 255)
    half = cv2.resize(weight, (rect[2] // 2, rect[3] // 2), interpolation=cv2.INTER_AREA)[..., None]
    paste(out, Patch(rect, _mixed(old.luma, new.luma, weight), _mixed(old.chroma, new.chroma, half)))
    return out


def _mixed(old: npt.NDArray[np.uint8], new: npt.NDArray[np.uint8], weight: Array) -> npt.NDArray[np.uint8]:
    return np.rint(old + weight * (new.astype(np.float32) - old)).astype(np.uint8)


def _flat(patch: Patch) -> Image:
    """A patch as a picture of its own."""
    h, w = patch.luma.shape
    chroma = np.moveaxis(patch.chroma, 2, 0).reshape(-1)
    return np.concatenate([patch.luma.reshape(-1), chroma]).reshape(h * 3 // 2, w)
