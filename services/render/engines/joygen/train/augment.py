"""Pictures for one step, varied by chance: frame, reference, depth. All chance is one generator's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from services.render.engines.joygen.depth import FACE_SIDE
from services.render.engines.joygen.train.material import HALF, TrainingData

APART = 5
"""Frames that frame and reference are apart at least: a nearer one would show the mouth that is to be drawn."""
SMALLEST = 0.8
"""Least part of the area that is cut out."""
COLOUR, GREY, SHIFT = 0.1, 0.1, 0.02
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Batch:
    """Pictures RGB in -1..1, (B, 3, 256, 256)."""

    real: Tensor
    reference: Tensor
    depth: Tensor
    """Black where the network is to do without."""
    sound: Tensor
    """Shape (B, 50, 384)."""


def pictures(material: TrainingData, frames: list[int]) -> Tensor:
    """Faces as the network sees them."""
    faces = np.ascontiguousarray(material.faces[frames][..., ::-1])
    return torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1


def depths(material: TrainingData, frames: list[int]) -> Tensor:
    """Depth of the lips as the network sees it; black without the 3D face."""
    out = torch.full((len(frames), 3, FACE_SIDE, FACE_SIDE), -1.0)
    if material.depth is not None:
        out[:, :, HALF:] = torch.from_numpy(material.depth[frames]).float()[:, None] / 127.5 - 1
    return out


def draw(material: TrainingData, count: int, depth_part: float, dice: torch.Generator) -> Batch:
    """A batch of ``count`` frames; ``depth_part`` of them (by chance) with depth."""
    frames, others = [], []
    for _ in range(count):
        frame = int(material.learn[_below(len(material.learn), dice)])
        far = material.learn[np.abs(material.learn - frame) >= APART]
        frames.append(frame)
        others.append(int(far[_below(len(far), dice)]))
    real, reference, depth = pictures(material, frames), pictures(material, others), depths(material, frames)
    for i in range(count):
        if _unit(dice) < depth_part:
            across, down = (round((2 * _unit(dice) - 1) * SHIFT * FACE_SIDE) for _ in range(2))
            depth[i] = _shifted(depth[i], across, down)
        else:
            depth[i] = -1
        both = _recoloured(torch.stack([real[i], reference[i]]), dice)
        stack = _cut(torch.cat([both.flatten(0, 1), depth[i]])[None], dice)[0]
        real[i], reference[i], depth[i] = stack[:3], stack[3:6], stack[6:]
    return Batch(real, reference, depth, torch.from_numpy(material.sound[frames]))


def _unit(dice: torch.Generator) -> float:
    return float(torch.rand((), generator=dice))


def _below(count: int, dice: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=dice))


def _shifted(x: Tensor, across: int, down: int) -> Tensor:
    out = torch.roll(x, (down, across), (1, 2))
    rows = slice(0, down) if down > 0 else slice(FACE_SIDE + down, FACE_SIDE)
    columns = slice(0, across) if across > 0 else slice(FACE_SIDE + across, FACE_SIDE)
    out[:, rows] = -1
    out[:, :, columns] = -1
    return out


def _recoloured(x: Tensor, dice: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation by up to a tenth, sometimes grey; the same for all pictures of ``x``."""
    x = (x + 1) / 2
    light, contrast, colour = (1 + COLOUR * (2 * _unit(dice) - 1) for _ in range(3))
    x = (x * light).clamp(0, 1)
    grey = sum(w * x[:, c] for c, w in enumerate(LUMA))
    assert isinstance(grey, Tensor)
    middle = grey.mean((1, 2))[:, None, None, None]
    x = (middle + (x - middle) * contrast).clamp(0, 1)
    grey = (x * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    if _unit(dice) < GREY:
        colour = 0.0
    return (grey + (x - grey) * colour).clamp(0, 1) * 2 - 1


def _cut(x: Tensor, dice: torch.Generator) -> Tensor:
    """A square of 80 to 100 % of the area, brought back to the whole size."""
    side = round(FACE_SIDE * (SMALLEST + (1 - SMALLEST) * _unit(dice)) ** 0.5)
    left, top = (_below(FACE_SIDE - side + 1, dice) for _ in range(2))
    part = x[:, :, top : top + side, left : left + side]
    return F.interpolate(part, (FACE_SIDE, FACE_SIDE), mode="bilinear", antialias=True)
