"""Takes a face out of a planar picture as restorers want it (the FFHQ alignment), and brings what they changed back.

Only the difference is brought back: what a restorer leaves as it is stays as it was, whatever the sizes, and all of the
picture outside the mask stays to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.render.media.picture import Bgr
from services.render.media.planes import Bytes, planes
from services.render.restore.network import Floats

TEMPLATE = np.array(
    [(192.98, 239.95), (318.90, 240.19), (256.63, 314.02), (201.26, 371.41), (313.09, 371.15)], np.float64
)
"""Where FFHQ's alignment has the eyes, the tip of the nose and the corners of the mouth in a picture of 512 pixels; as
GFPGAN and those after it were trained."""
TEMPLATE_SIDE = 512
FEATHER = 0.07
"""Width of the mask's soft rim, which lies within the face, as a share of the side."""
GRID = 64
"""Side of the small pictures whose colours are compared: detail must not count."""
GAIN = (0.5, 2.0)
"""Limits of the correction of contrast."""
LUMA = (0.2126, 0.7152, 0.0722)
"""BT.709: shares of red, green and blue."""


@dataclass(frozen=True)
class Place:
    """Where a face is in a picture."""

    turn: npt.NDArray[np.float64]
    """Shape (2, 3): from the picture to a square of ``native`` pixels, turned and shifted, hardly scaled."""
    native: int
    """Side of that square: the face at the picture's own size."""
    side: int
    """Side of the square that the restorer takes."""
    rim: npt.NDArray[np.float32]
    """Shape (n, 2): outline of the face in the picture."""


def place(five: npt.NDArray[np.float32], rim: npt.NDArray[np.float32], side: int) -> Place:
    """``five`` points as in ``TEMPLATE`` and the face's outline, both in pixels of the picture."""
    template = TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]
    points = five[:, 0].astype(np.float64) + 1j * five[:, 1]
    from_centre = points - points.mean()
    factor = complex(np.vdot(from_centre, template - template.mean()) / np.vdot(from_centre, from_centre).real)
    native = max(16, round(TEMPLATE_SIDE / abs(factor)))
    scale = native / TEMPLATE_SIDE
    factor *= scale
    shift = (template.mean() + 0.5 + 0.5j) * scale - 0.5 - 0.5j - factor * points.mean()
    turn = np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
    return Place(turn, native, side, rim)


def face_of(picture: Bgr, where: Place) -> Floats:
    """The aligned face (3, side, side), RGB from -1 to 1."""
    native = (where.native, where.native)
    cut = cv2.warpAffine(picture, where.turn, native, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    face = _sized(cut, where.side)[..., ::-1]
    return np.ascontiguousarray(face.transpose(2, 0, 1).astype(np.float32) / np.float32(127.5) - 1)


def mask_of(where: Place) -> Floats:
    """Shape (side, side): 1 within the face, and 0 from its outline on."""
    scale = where.side / where.native
    rim = where.rim @ where.turn[:, :2].T + where.turn[:, 2]
    inside = np.zeros((where.side, where.side), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.round((rim + 0.5) * scale - 0.5).astype(np.int32)), 1)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    ramp = np.clip(cv2.distanceTransform(inside, cv2.DIST_L2, 5) / (FEATHER * where.side), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def steady(face: Floats, restored: Floats, mask: Floats) -> Floats:
    """``restored`` with the colours that the face has along the mask's rim: no seam shows, and no flicker."""
    small = cv2.resize(mask, (GRID, GRID), interpolation=cv2.INTER_AREA)
    weight = small * (1 - small)
    if (total := float(weight.sum())) < 1:
        return restored
    out = np.empty_like(restored)
    for channel, (before, after) in enumerate(zip(face, restored, strict=True)):
        (mean, spread), (new_mean, new_spread) = (_colour(c, weight / total) for c in (before, after))
        gain = float(np.clip(spread / max(new_spread, 1e-3), *GAIN))
        out[channel] = (after - new_mean) * gain + mean
    return np.clip(out, -1, 1)


def _colour(channel: Floats, weight: Floats) -> tuple[float, float]:
    """Mean and spread."""
    small = cv2.resize(channel, (GRID, GRID), interpolation=cv2.INTER_AREA)
    mean = float((small * weight).sum())
    return mean, math.sqrt(float(((small - mean) ** 2 * weight).sum()))


def add_change(picture: Bytes, change: Floats, where: Place) -> None:
    """Add what changed in the aligned face (3, side, side), in its unit and already masked, to a planar picture."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    left, top = (np.floor(where.rim.min(0)) // 2 * 2).astype(int).clip(0)
    right, bottom = np.minimum((np.ceil(where.rim.max(0)) // 2 * 2 + 2).astype(int), (width, height))
    if right <= left or bottom <= top:
        return
    sized = _sized(np.dstack(_yuv_change(change)), where.native)
    shifted = where.turn.copy()
    shifted[:, 2] += where.turn[:, :2] @ (left, top)
    size = (int(right - left), int(bottom - top))
    brought = cv2.warpAffine(sized, shifted, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    halves = cv2.resize(brought[..., 1:], (size[0] // 2, size[1] // 2), interpolation=cv2.INTER_AREA)
    luma, u, v = planes(picture)
    _add(luma[top:bottom, left:right], brought[..., 0])
    half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    _add(u[half], halves[..., 0])
    _add(v[half], halves[..., 1])


def _yuv_change(change: Floats) -> tuple[Floats, Floats, Floats]:
    """A difference in RGB of -1 to 1 as one in BT.709 of limited range."""
    red, green, blue = change
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    chroma = np.float32(112 / 2)
    return (
        np.asarray(luma * np.float32(219 / 2), np.float32),
        np.asarray((blue - luma) * (chroma / (1 - LUMA[2])), np.float32),
        np.asarray((red - luma) * (chroma / (1 - LUMA[0])), np.float32),
    )


def _add(plane: Bytes, change: Floats) -> None:
    plane[:] = np.clip(np.rint(plane + change), 0, 255).astype(np.uint8)


def _sized(picture: npt.NDArray[np.uint8] | Floats, side: int) -> cv2.typing.MatLike:
    if picture.shape[0] == side:
        return picture
    how = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_CUBIC
    return cv2.resize(picture, (side, side), interpolation=how)
