"""Randomly augmented pictures for one step: frame, reference, depth. One generator makes all random choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from services.render.engines.joygen.depth import FACE_SIDE
from services.render.engines.joygen.train.material import HALF, TrainingData

MIN_FRAME_DISTANCE = 5
"""Smallest distance of frame and reference, in frames: a nearer one would show the target mouth."""
MIN_CROP_AREA = 0.8
"""Smallest share of the area in a random crop."""
COLOUR_JITTER, GREY_PROBABILITY, DEPTH_SHIFT = 0.1, 0.1, 0.02
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Batch:
    """Pictures RGB in -1..1, (B, 3, 256, 256)."""

    real: Tensor
    reference: Tensor
    depth: Tensor
    """Black where the network must work without depth."""
    sound: Tensor
    """Shape (B, 50, 384)."""


def face_tensors(material: TrainingData, frames: list[int]) -> Tensor:
    """Faces as network input, RGB in -1..1, shape (n, 3, 256, 256)."""
    faces = np.ascontiguousarray(material.faces[frames][..., ::-1])
    return torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1


def depth_tensors(material: TrainingData, frames: list[int]) -> Tensor:
    """Depth of the lips as network input, shape (n, 3, 256, 256); black without the 3D face."""
    out = torch.full((len(frames), 3, FACE_SIDE, FACE_SIDE), -1.0)
    if material.depth is not None:
        out[:, :, HALF:] = torch.from_numpy(material.depth[frames]).float()[:, None] / 127.5 - 1
    return out


def sample_batch(material: TrainingData, count: int, depth_probability: float, rng: torch.Generator) -> Batch:
    """A batch of ``count`` frames; ``depth_probability`` of them (by chance) with depth."""
    frames, references = [], []
    for _ in range(count):
        frame = int(material.train[_random_index(len(material.train), rng)])
        distant = material.train[np.abs(material.train - frame) >= MIN_FRAME_DISTANCE]
        frames.append(frame)
        references.append(int(distant[_random_index(len(distant), rng)]))
    real, reference, depth = (
        face_tensors(material, frames),
        face_tensors(material, references),
        depth_tensors(material, frames),
    )
    for i in range(count):
        if _uniform(rng) < depth_probability:
            across, down = (round((2 * _uniform(rng) - 1) * DEPTH_SHIFT * FACE_SIDE) for _ in range(2))
            depth[i] = _shift(depth[i], across, down)
        else:
            depth[i] = -1
        pictures = _jitter_colour(torch.stack([real[i], reference[i]]), rng)
        stack = _random_crop(torch.cat([pictures.flatten(0, 1), depth[i]])[None], rng)[0]
        real[i], reference[i], depth[i] = stack[:3], stack[3:6], stack[6:]
    return Batch(real, reference, depth, torch.from_numpy(material.sound[frames]))


def _uniform(rng: torch.Generator) -> float:
    return float(torch.rand((), generator=rng))


def _random_index(count: int, rng: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=rng))


def _shift(image: Tensor, across: int, down: int) -> Tensor:
    out = torch.roll(image, (down, across), (1, 2))
    rows = slice(0, down) if down > 0 else slice(FACE_SIDE + down, FACE_SIDE)
    columns = slice(0, across) if across > 0 else slice(FACE_SIDE + across, FACE_SIDE)
    out[:, rows] = -1
    out[:, :, columns] = -1
    return out


def _jitter_colour(images: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation by up to a tenth, sometimes grey; the same for all pictures of ``images``."""
    images = (images + 1) / 2
    brightness, contrast, saturation = (1 + COLOUR_JITTER * (2 * _uniform(rng) - 1) for _ in range(3))
    images = (images * brightness).clamp(0, 1)
    grey = sum(w * images[:, c] for c, w in enumerate(LUMA_WEIGHTS))
    assert isinstance(grey, Tensor)
    mean = grey.mean((1, 2))[:, None, None, None]
    images = (mean + (images - mean) * contrast).clamp(0, 1)
    grey = (images * torch.tensor(LUMA_WEIGHTS)[:, None, None]).sum(1, keepdim=True)
    if _uniform(rng) < GREY_PROBABILITY:
        saturation = 0.0
    return (grey + (images - grey) * saturation).clamp(0, 1) * 2 - 1


def _random_crop(images: Tensor, rng: torch.Generator) -> Tensor:
    """A square of 80 to 100 % of the area, brought back to the whole size."""
    side = round(FACE_SIDE * (MIN_CROP_AREA + (1 - MIN_CROP_AREA) * _uniform(rng)) ** 0.5)
    left, top = (_random_index(FACE_SIDE - side + 1, rng) for _ in range(2))
    crop = images[:, :, top : top + side, left : left + side]
    return F.interpolate(crop, (FACE_SIDE, FACE_SIDE), mode="bilinear", antialias=True)
