"""Depth map of the 3D face as network input: grey inside the lips, black outside, in the 256×256 box.

The steps and their rounding are JoyGen's: depth over the whole face is scaled to 255 (near) ... 0 (far), mapped from
the 224×224 crop to the pixels of the picture, cropped to the box, masked by the polygon of the lips, and resized.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from services.render.engines.joygen.align import LIPS, Box, Crop
from services.render.engines.joygen.bfm import SIDE, Bfm, project
from services.render.engines.joygen.rasteriser import Raster, rasterise
from services.render.engines.joygen.resample import bicubic_matrix, lanczos_matrix

FACE_SIDE = 256
"""Side of the box as the network sees it."""


@dataclass(frozen=True)
class Placement:
    """Where a frame's crop and box are."""

    crop: Crop
    box: Box


def grey_depth(raster: Raster) -> Tensor:
    """Depth as whole levels (B, H, W), float32: 255 at the nearest covered pixel, 0 at the farthest and outside."""
    near = torch.where(raster.covered, raster.depth, torch.inf).amin((1, 2), keepdim=True)
    far = torch.where(raster.covered, raster.depth, -torch.inf).amax((1, 2), keepdim=True)
    levels = 255 - (raster.depth - near) / (far - near + 1e-8) * 255
    return torch.where(raster.covered, levels.floor(), 0)


def lip_depth(bfm: Bfm, coefficients: Tensor, placements: list[Placement]) -> Tensor:
    """Depth of the lips (B, 256, 256), float32, 0 to 255, of coefficients (B, 257); the upper half is black."""
    vertices = bfm.vertices(coefficients)
    levels = grey_depth(rasterise(project(vertices), vertices[..., 2], bfm.triangles, SIDE, SIDE))
    lips = bfm.lips(vertices, LIPS).cpu().numpy()
    return torch.stack([_depth_in_box(*args) for args in zip(levels, lips, placements, strict=True)])


def _depth_in_box(levels: Tensor, lips: np.ndarray, placement: Placement) -> Tensor:
    crop, (x0, y0, x1, y1) = placement.crop, placement.box
    width, height = crop.scaled

    def to_device(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).to(levels.device)

    # the crop is a window of the scaled picture, black elsewhere: only the window's columns of the matrices matter
    rows = _window(bicubic_matrix(height, crop.height, y0, y1), crop.top)
    columns = _window(bicubic_matrix(width, crop.width, x0, x1), crop.left)
    resized_columns = (
        (levels @ to_device(columns).T).round().clamp(0, 255)
    )  # Pillow's passes: across first, whole levels between
    resized = (to_device(rows) @ resized_columns).round().clamp(0, 255)
    # a diverged fit must not overflow the integers of the polygon
    polygon = np.trunc(np.clip(np.nan_to_num(crop.to_picture(lips) - (x0, y0)), -1e4, 1e4)).astype(np.int32)
    mask = cv2.fillPoly(np.zeros((y1 - y0, x1 - x0), np.uint8), [polygon], 1)
    masked = resized * to_device(mask)
    face_depth = (
        to_device(lanczos_matrix(y1 - y0, FACE_SIDE)) @ masked @ to_device(lanczos_matrix(x1 - x0, FACE_SIDE)).T
    )
    face_depth = face_depth.round().clamp(0, 255)
    face_depth[: FACE_SIDE // 2] = 0
    return face_depth


def _window(matrix: np.ndarray, start: int) -> np.ndarray:
    """Columns ``start`` to ``start + 224``; those outside the matrix are zero."""
    out = np.zeros((len(matrix), SIDE), np.float32)
    low, high = max(0, start), min(matrix.shape[1], start + SIDE)
    if high > low:
        out[:, low - start : high - start] = matrix[:, low:high]
    return out
