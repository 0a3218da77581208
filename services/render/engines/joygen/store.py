"""A prepared avatar on disk, as a session reads it.

plan.json      sizes and the order of frames        frames.mp4   the person's frames
face.npz       where the face is in each frame      latents.npy  (n, 8, 32, 32) float16
masks.npy      (n, 128, 128) uint8
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.clip.plan import PLAN, Plan
from services.render.engines.joygen.align import Crop
from services.render.engines.joygen.depth import Placement

FRAMES, FACE, LATENTS, MASKS = "frames.mp4", "face.npz", "latents.npy", "masks.npy"


@dataclass(frozen=True)
class Face:
    """Arrays over the ``n`` frames."""

    strength: npt.NDArray[np.float32]
    """Shape (n,): 1 where the face is redrawn, 0 where the frame passes unchanged, ramps between."""
    boxes: npt.NDArray[np.int32]
    """Shape (n, 4)."""
    crops: npt.NDArray[np.float64]
    """Shape (n, 3): scale, left and up of the aligned crop."""
    coefficients: npt.NDArray[np.float32]
    """Shape (n, 257); (0, 257) when no fitting network was there."""
    rest: npt.NDArray[np.float32]
    """Shape (64,): the expression of the person with the mouth shut; empty as above."""

    def save(self, path: Path) -> None:
        """Write an ``.npz``."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Face:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{f.name: data[f.name] for f in fields(cls)})


@dataclass(frozen=True)
class Avatar:
    """Shared by sessions; the large arrays stay on disk and are mapped."""

    folder: Path
    plan: Plan
    face: Face
    latents: npt.NDArray[Any]
    masks: npt.NDArray[Any]

    def placement(self, frame: int) -> Placement:
        """Crop and box of a frame."""
        scale, left, up = self.face.crops[frame]
        crop = Crop(self.plan.width, self.plan.height, float(scale), int(left), int(up))
        x0, y0, x1, y1 = (int(v) for v in self.face.boxes[frame])
        return Placement(crop, (x0, y0, x1, y1))

    @classmethod
    def load(cls, folder: Path) -> Avatar:
        """Read a prepared folder; the last few stay in memory."""
        return _load(folder, (folder / PLAN).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: int) -> Avatar:  # noqa: ARG001  a new stamp is a new preparation
    return Avatar(
        folder,
        Plan.load(folder / PLAN),
        Face.load(folder / FACE),
        np.load(folder / LATENTS, mmap_mode="r", allow_pickle=False),
        np.load(folder / MASKS, mmap_mode="r", allow_pickle=False),
    )
