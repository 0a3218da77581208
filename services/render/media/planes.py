"""Planar YUV 4:2:0 pictures: views of the planes, cutting, warping and blending a rectangle of them.

A picture is uint8 of shape (H * 3 / 2, W). A patch is a rectangle of it: luma (h, w) and chroma (h / 2, w / 2, 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face.warp import Array, Rect, upsample

Bytes = npt.NDArray[np.uint8]

DETAIL_EXPONENT = 3.0
"""Exponent on the weights of two patches for fine detail: the heavier one dominates."""


@dataclass(frozen=True)
class Patch:
    """A rectangle cut from a picture."""

    rect: Rect
    luma: Bytes
    chroma: Bytes


def planes(picture: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Views of Y (H, W), U and V (H / 2, W / 2)."""
    h, w = picture.shape[0] * 2 // 3, picture.shape[1]
    quarter = h * w // 4
    flat = picture.reshape(-1)
    u = flat[h * w : h * w + quarter].reshape(h // 2, w // 2)
    return picture[:h], u, flat[h * w + quarter :].reshape(h // 2, w // 2)


def resized(picture: Bytes, width: int, height: int) -> Bytes:
    """The picture in another size (even sides); itself where it has that size."""
    if picture.shape == (height * 3 // 2, width):
        return picture
    parts = zip(planes(picture), (1, 2, 2), strict=True)
    small = [cv2.resize(p, (width // k, height // k), interpolation=cv2.INTER_AREA) for p, k in parts]
    return np.concatenate([p.reshape(-1) for p in small]).reshape(height * 3 // 2, width)


def cut(picture: Bytes, rect: Rect) -> Patch:
    """A copy of a rectangle."""
    x, y, w, h = rect
    luma, u, v = planes(picture)
    half = (slice(y // 2, (y + h) // 2), slice(x // 2, (x + w) // 2))
    return Patch(rect, luma[y : y + h, x : x + w].copy(), np.dstack([u[half], v[half]]))


def crop(patch: Patch, rect: Rect) -> Patch:
    """A view of a part of a patch; ``rect`` in picture coordinates."""
    x, y, w, h = rect
    dx, dy = x - patch.rect[0], y - patch.rect[1]
    half = (slice(dy // 2, (dy + h) // 2), slice(dx // 2, (dx + w) // 2))
    return Patch(rect, patch.luma[dy : dy + h, dx : dx + w], patch.chroma[half])


def paste(picture: Bytes, patch: Patch) -> None:
    """Write a patch into a picture, in place."""
    x, y, w, h = patch.rect
    luma, u, v = planes(picture)
    luma[y : y + h, x : x + w] = patch.luma
    half = (slice(y // 2, (y + h) // 2), slice(x // 2, (x + w) // 2))
    u[half], v[half] = patch.chroma[..., 0], patch.chroma[..., 1]


def warp(source: Patch, coarse: Array, step: int, rect: Rect) -> Patch:
    """``source`` resampled to ``rect``: ``coarse`` holds the picture coordinates to sample at each node of ``rect``."""
    _, _, w, h = rect
    x0, y0 = source.rect[:2]
    source_points = coarse - np.array([x0, y0], np.float32)
    luma = cv2.remap(
        source.luma, upsample(source_points, step, w, h), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    half = upsample((source_points - 0.5) / 2, step // 2, w // 2, h // 2)
    chroma = cv2.remap(source.chroma, half, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Patch(rect, luma, chroma)


def mix(patches: list[tuple[float, Patch]], detail: float) -> Patch:
    """Weighted mean of one or two patches of one rectangle; weights sum to 1. ``detail`` is a size in pixels.

    A mean would blur finer detail. So the fine band comes almost fully from the heavier patch (bands are mixed
    separately, cf. Burt and Adelson 1983), and a gain restores its contrast.
    """
    if len(patches) == 1:
        return patches[0][1]
    (weight, first), (_, second) = patches
    luma = cv2.addWeighted(first.luma, weight, second.luma, 1 - weight, 0, dtype=cv2.CV_32F)
    chroma = cv2.addWeighted(first.chroma, weight, second.chroma, 1 - weight, 0)
    detail_weight = weight**DETAIL_EXPONENT / (weight**DETAIL_EXPONENT + (1 - weight) ** DETAIL_EXPONENT)
    detail_luma = cv2.addWeighted(first.luma, detail_weight, second.luma, 1 - detail_weight, 0, dtype=cv2.CV_32F)
    gain = 1 / float(np.hypot(detail_weight, 1 - detail_weight))
    # low band of the even mixture, fine band of the dominated one
    luma = cv2.GaussianBlur(cv2.addWeighted(luma, 1, detail_luma, -gain, 0), (0, 0), detail) + gain * detail_luma
    return Patch(first.rect, _to_uint8(luma), chroma)


def downsample(patch: Patch, size: tuple[int, int]) -> Array:
    """All three planes downsampled to ``size`` (columns, rows), float32 (rows, columns, 3)."""
    luma = cv2.resize(patch.luma, size, interpolation=cv2.INTER_AREA)
    chroma = cv2.resize(patch.chroma, size, interpolation=cv2.INTER_AREA)
    return np.dstack([luma, chroma]).astype(np.float32)


def blend(under: Patch, over: Patch, alpha: Array, shift: Array, step: int, gain: float = 1.0) -> Patch:
    """``gain * over + shift`` composited on ``under`` with ``alpha``; shift (.., 3) and alpha (rows, columns) at
    nodes."""
    _, _, w, h = under.rect
    factor = np.float32(gain)
    luma_alpha = upsample(alpha, step, w, h)
    luma = under.luma + luma_alpha * (factor * over.luma + upsample(shift[..., 0], step, w, h) - under.luma)
    chroma_alpha = upsample(alpha, step // 2, w // 2, h // 2)[..., None]
    chroma = under.chroma + chroma_alpha * (
        factor * over.chroma + upsample(shift[..., 1:], step // 2, w // 2, h // 2) - under.chroma
    )
    return Patch(under.rect, _to_uint8(luma), _to_uint8(chroma))


def _to_uint8(x: Array) -> Bytes:
    return np.asarray(cv2.convertScaleAbs(np.maximum(x, 0)))
