"""A z-buffer in plain torch, for CPU and CUDA, many meshes of one topology at once.

Which pixels a triangle covers is decided on whole numbers: corners are rounded to sixteenths of a pixel (as graphics
hardware and nvdiffrast do) and the edge functions of Pineda (1988) are evaluated exactly, so the result is the same on
every device. Depth inside a triangle is perspective-correct (1 / z is linear on the picture).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

SUBPIXELS = 16
"""Steps per pixel to which corners are rounded."""
CHUNK_PAIRS = 1 << 22
"""Pairs of triangle and pixel per pass; bounds the memory to some hundred megabytes."""


class Raster(NamedTuple):
    """The nearest surface at each pixel."""

    depth: Tensor
    """Shape (B, H, W), float32: z, and 0 where nothing is."""
    covered: Tensor
    """Shape (B, H, W), bool."""


def rasterise(places: Tensor, z: Tensor, triangles: Tensor, height: int, width: int) -> Raster:
    """Draw meshes; both sides of a triangle count.

    ``places`` (B, V, 2): column and row, pixel centres at halves; ``z`` (B, V) distances (> 0, triangles with others
    are left out); ``triangles`` (T, 3) int64. A pixel is covered when its centre is inside a triangle or on its edge.
    """
    batch, device = len(places), places.device
    corners = (places.double() * SUBPIXELS).round().long()[:, triangles].reshape(-1, 3, 2)  # (B T, 3, 2)
    depths = z.double()[:, triangles].reshape(-1, 3)
    mesh = torch.arange(batch, device=device).repeat_interleave(len(triangles))
    limit = torch.tensor([width, height], device=device)
    half = SUBPIXELS // 2
    low = torch.div(corners.amin(1) - half + SUBPIXELS - 1, SUBPIXELS, rounding_mode="floor").clamp(min=0)
    high = torch.minimum(torch.div(corners.amax(1) - half, SUBPIXELS, rounding_mode="floor"), limit - 1)
    area = _cross(corners[:, 0], corners[:, 1], corners[:, 2])
    visible = ((high >= low).all(1) & (area != 0) & (depths > 0).all(1)).nonzero()[:, 0]
    corners, depths, mesh, low, area = corners[visible], depths[visible], mesh[visible], low[visible], area[visible]
    span = high[visible] - low + 1
    counts = span[:, 0] * span[:, 1]
    buffer = torch.full((batch * height * width,), torch.inf, dtype=torch.float64, device=device)
    for part in _chunks(counts):
        number = counts[part]
        which = torch.arange(part.start, part.stop, device=device).repeat_interleave(number)
        rank = torch.arange(len(which), device=device) - (number.cumsum(0) - number).repeat_interleave(number)
        column = low[which, 0] + rank % span[which, 0]
        row = low[which, 1] + torch.div(rank, span[which, 0], rounding_mode="floor")
        centre = torch.stack([column, row], 1) * SUBPIXELS + half
        a, b, c = corners[which].unbind(1)
        sign = area[which].sign()
        edges = torch.stack([_cross(b, c, centre), _cross(c, a, centre), _cross(a, b, centre)], 1) * sign[:, None]
        inside = (edges >= 0).all(1).nonzero()[:, 0]
        which, edges = which[inside], edges[inside].double()
        inverse = (edges / depths[which]).sum(1) / edges.sum(1)
        pixel = (mesh[which] * height + row[inside]) * width + column[inside]
        buffer.scatter_reduce_(0, pixel, 1 / inverse, "amin")
    buffer = buffer.reshape(batch, height, width)
    covered = buffer.isfinite()
    return Raster(torch.where(covered, buffer, 0).float(), covered)


def _cross(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Twice the signed area of triangles of whole-number corners (n, 2)."""
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])


def _chunks(counts: Tensor) -> list[slice]:
    """Runs of triangles with about ``CHUNK_PAIRS`` pairs each."""
    if not len(counts):
        return []
    group = torch.div(counts.cumsum(0) - 1, CHUNK_PAIRS, rounding_mode="floor")
    starts = [0, *((group.diff() != 0).nonzero()[:, 0] + 1).tolist(), len(counts)]
    return [slice(a, b) for a, b in pairwise(starts)]
