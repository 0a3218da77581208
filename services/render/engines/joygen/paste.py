"""Pastes a drawn face: masks the lower face and blends it into a planar YUV picture.

The mask is upstream's: face parts by BiSeNet (Yu et al. 2018) in a square around the box, limited to the box and to the
lower half of the square, and blurred by a Gaussian. JoyGen uses all parts of the face. MuseTalk 1.5 uses the jaw: skin
dilated downwards to make room for an opening chin, eroded at the cheeks, without the nose. Without the parser's
weights, outlines of our own face mesh replace the parts. Where the mask is zero, the picture does not change.
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
from services.render.media.planes import Patch, cut, paste, planes
from services.render.media.write import to_bgr, to_yuv
from services.render.types import Image

MASK_SIDE = 128
"""Side of a stored mask, pixels; the mask is so smooth that this loses nothing."""
EXPAND = 1.2
"""Side of the square that a stored mask covers, in boxes."""
PARSE_SIDE = 512
FACE_CLASSES = (1, 13)
"""First and last class of the parser that belongs to the face: skin, brows, eyes, glasses, ears, nose, mouth, lips."""
SKIN, NOSE, MOUTH = 1, 10, (11, 12, 13)
"""Classes of the parser; those of the mouth are its inside and the lips."""
CONE_ROWS, TAIL_ROWS = 21, 12
"""Rows of the dilation kernel for skin: the lower half of a cone of this height, then a straight end."""
CHEEK_OFFSET = 90
"""Pixels of ``PARSE_SIDE`` beside the middle where the cheeks begin; upstream's default."""
CHEEK_ELLIPSE, CHEEK_EROSIONS = (35, 3), 2
"""Ellipse by which cheeks are eroded, and the number of erosions."""
NOSE_POINTS = (168, 6, 122, 351, 129, 358, 48, 278, 64, 294, 98, 327, 97, 326, 2)
"""Mesh points whose hull is the nose."""

Mask = npt.NDArray[np.uint8]
Parse = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
"""BGR picture (512, 512, 3) -> class of each pixel (512, 512)."""


def face_region(classes: Mask) -> Mask:
    """JoyGen's region, 0 or 255, of the parser's classes (512, 512)."""
    return ((classes >= FACE_CLASSES[0]) & (classes <= FACE_CLASSES[1])).astype(np.uint8) * 255


def jaw_region(classes: Mask) -> Mask:
    """MuseTalk 1.5's region (its mode ``jaw``), 0 or 255, of the parser's classes (512, 512)."""
    dilated = cv2.dilate((classes == SKIN).astype(np.uint8) * 255, _dilation_kernel())
    eroded = cv2.erode(dilated, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, CHEEK_ELLIPSE), iterations=CHEEK_EROSIONS)
    middle = PARSE_SIDE // 2
    region = eroded
    region[:, middle - CHEEK_OFFSET + 1 : middle + CHEEK_OFFSET] = dilated[
        :, middle - CHEEK_OFFSET + 1 : middle + CHEEK_OFFSET
    ]
    region[classes == NOSE] = 0
    region[np.isin(classes, MOUTH)] = 255
    return np.asarray(region, np.uint8)


def _dilation_kernel() -> Mask:
    side = CONE_ROWS + TAIL_ROWS
    rows = np.arange(side)[:, None]
    reach = np.minimum(rows, CONE_ROWS - 1) - CONE_ROWS // 2
    return (np.abs(np.arange(side)[None] - side // 2) <= reach).astype(np.uint8)


@dataclass(frozen=True)
class PasteStyle:
    """Parameters for pasting the faces of one network."""

    expand: float
    """Side of the square in which the face is parsed, in boxes."""
    blur: float
    """Size of the blur kernel, as a share of the square's side."""
    region: Callable[[Mask], Mask]


JOYGEN, MUSETALK = PasteStyle(EXPAND, 0.1, face_region), PasteStyle(1.5, 0.05, jaw_region)


def square_around(box: Box, expand: float = EXPAND) -> Box:
    """The square around a box; may leave the picture."""
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    half = int(max(x1 - x0, y1 - y0) // 2 * expand)
    return x - half, y - half, x + half, y + half


def crop_padded(picture: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
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


def face_mask(
    picture: npt.NDArray[np.uint8], box: Box, mesh: Array, parse: Parse | None, style: PasteStyle = JOYGEN
) -> Mask:
    """The mask (128, 128) of the square around the box; ``mesh`` (468, 2 or 3) in pixels of the picture."""
    outer = square_around(box, style.expand)
    left, top = outer[:2]
    side = outer[2] - left
    if parse is None:
        classes = mesh_classes(mesh[:, :2] - (left, top), PARSE_SIDE / side)
    else:
        resized = cv2.resize(crop_padded(picture, outer), (PARSE_SIDE, PARSE_SIDE), interpolation=cv2.INTER_AREA)
        classes = parse(resized.astype(np.uint8))
    face = cv2.resize(style.region(classes), (side, side), interpolation=cv2.INTER_CUBIC)
    x0, y0, x1, y1 = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    inside = np.zeros_like(face)
    inside[max(y0, side // 2) : y1, x0:x1] = face[max(y0, side // 2) : y1, x0:x1]
    kernel_size = int(style.blur * side // 2 * 2) + 1
    blurred = cv2.GaussianBlur(inside, (kernel_size, kernel_size), 0)
    # nothing is pasted outside the box, so the smaller square is enough
    inner = square_around(box)
    margin = inner[0] - left
    blurred = blurred[margin : margin + inner[2] - inner[0], margin : margin + inner[2] - inner[0]]
    return np.asarray(cv2.resize(blurred, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def mesh_classes(points: Array, scale: float) -> Mask:
    """Classes (512, 512) as the parser gives them, of a mesh (468, 2) times ``scale``: skin, nose and mouth."""
    places = np.rint(points * scale).astype(np.int32)
    out = np.zeros((PARSE_SIDE, PARSE_SIDE), np.uint8)
    cv2.fillPoly(out, [places[list(FACE_OVAL)]], SKIN)
    cv2.fillPoly(out, [cv2.convexHull(places[list(NOSE_POINTS)])], NOSE)
    cv2.fillPoly(out, [places[list(LIPS)]], MOUTH[0])
    return out


def paste_face(picture: Image, face: npt.NDArray[np.uint8], box: Box, mask: Mask, strength: float = 1.0) -> Image:
    """A copy of the YUV picture with ``face`` (256, 256, 3; BGR) in the box, as far as mask and ``strength`` say."""
    width, height = picture.shape[1], picture.shape[0] * 2 // 3
    outer = square_around(box)
    x0, y0 = max(0, outer[0]) // 2 * 2, max(0, outer[1]) // 2 * 2
    x1, y1 = min(width, -(-outer[2] // 2) * 2), min(height, -(-outer[3] // 2) * 2)
    out = picture.copy()
    if x1 <= x0 or y1 <= y0:
        return out
    rect = (x0, y0, x1 - x0, y1 - y0)
    old_patch = cut(picture, rect)
    bgr = to_bgr(_to_picture(old_patch)).copy()
    # in the patch's coordinates; parts of the box outside the picture are cut off
    box_left, box_top, box_right, box_bottom = (box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0)
    resized_face = cv2.resize(face, (box_right - box_left, box_bottom - box_top), interpolation=cv2.INTER_LINEAR)
    top, left = max(0, box_top), max(0, box_left)
    bottom, right = min(bgr.shape[0], box_bottom), min(bgr.shape[1], box_right)
    bgr[top:bottom, left:right] = resized_face[top - box_top : bottom - box_top, left - box_left : right - box_left]
    new_patch = cut(to_yuv(bgr), (0, 0, rect[2], rect[3]))
    soft_mask = cv2.resize(mask, (outer[2] - outer[0],) * 2, interpolation=cv2.INTER_LINEAR)
    alpha = np.zeros((rect[3], rect[2]), np.float32)
    dx, dy = outer[0] - x0, outer[1] - y0
    mask_part = soft_mask[
        max(0, -dy) : max(0, -dy) + rect[3] - max(0, dy), max(0, -dx) : max(0, -dx) + rect[2] - max(0, dx)
    ]
    alpha[max(0, dy) : max(0, dy) + mask_part.shape[0], max(0, dx) : max(0, dx) + mask_part.shape[1]] = mask_part
    weight = alpha * (strength / 255)
    chroma_weight = cv2.resize(weight, (rect[2] // 2, rect[3] // 2), interpolation=cv2.INTER_AREA)[..., None]
    paste(
        out,
        Patch(
            rect,
            _lerp(old_patch.luma, new_patch.luma, weight),
            _lerp(old_patch.chroma, new_patch.chroma, chroma_weight),
        ),
    )
    return out


def _lerp(old: npt.NDArray[np.uint8], new: npt.NDArray[np.uint8], weight: Array) -> npt.NDArray[np.uint8]:
    return np.rint(old + weight * (new.astype(np.float32) - old)).astype(np.uint8)


def _to_picture(patch: Patch) -> Image:
    """A patch as a picture of its own."""
    h, w = patch.luma.shape
    chroma = np.moveaxis(patch.chroma, 2, 0).reshape(-1)
    return np.concatenate([patch.luma.reshape(-1), chroma]).reshape(h * 3 // 2, w)


def resize_yuv(picture: Image, width: int, height: int) -> Image:
    """A YUV picture in another size (even sides)."""
    if picture.shape == (height * 3 // 2, width):
        return picture
    parts = zip(planes(picture), (1, 2, 2), strict=True)
    resized = [cv2.resize(p, (width // k, height // k), interpolation=cv2.INTER_AREA) for p, k in parts]
    return np.concatenate([p.reshape(-1) for p in resized]).reshape(height * 3 // 2, width)
