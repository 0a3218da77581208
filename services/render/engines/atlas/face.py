"""Everything known about a prepared face but its pictures; kept as ``face.npz``."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from services.render.face.pose import Poses
from services.render.face.shape import Array, MouthModel
from services.render.face.warp import Rect

TOUCHING = 0.02
"""Measured opening, in eye distances, of thin lips that touch; of full ones it is up to ``SEALED``."""
PORTRAIT_REACH = (0.25, 0.11)
SEALED = 0.075
"""Measured opening, in eye distances, that may still be a closed mouth: the mesh's inner lips never quite touch."""
SMILE_WIDTH = 0.85
"""A mouth wider than this is smiling, and comes half the way back to speak."""


@dataclass(frozen=True)
class Face:
    """Arrays over the ``n`` frames of the store; frames without a usable face hold their neighbours' values."""

    meshes: Array
    """Shape (n, 468, 3), pixels."""
    scale: Array
    rotation: Array
    shift: Array
    """Head poses, see ``Poses``."""
    residual: Array
    """Shape (n, 468, 3), head's frame: what the mouth model leaves over, slowly changing at the lips."""
    mouths: Array
    """Shape (n, 2): opening and width."""
    strength: Array
    """Shape (n,): 1 where the mouth is redrawn, 0 where the frame is left alone, ramps between."""
    mean: Array
    centre: Array
    basis: Array
    """The mouth model."""
    closed: Array
    """Shape (2,): opening and width at rest."""
    reach: Array
    """Shape (2,): opening and width added by a full viseme."""

    @property
    def poses(self) -> Poses:
        """Head poses of all frames."""
        return Poses(self.scale, self.rotation, self.shift)

    @property
    def model(self) -> MouthModel:
        """The mouth model."""
        return MouthModel(self.mean, self.centre, self.basis)

    def still(self) -> Face:
        """For a portrait: rest and reach, which no talking has shown, are taken from faces in general."""
        width = float(np.median(self.mouths[:, 1]))
        closed = np.array([TOUCHING, width - 0.5 * max(0.0, width - SMILE_WIDTH)], np.float32)
        return replace(self, closed=closed, reach=np.array(PORTRAIT_REACH, np.float32))

    def save(self, path: Path) -> None:
        """Write to an ``.npz``."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Face:
        """Read what ``save`` wrote."""
        with np.load(path) as data:
            return cls(**{f.name: data[f.name] for f in fields(cls)})


def mouth_rect(mesh: Array, unit: float, width: int, height: int) -> Rect:
    """The rectangle of a picture in which the lower face may be redrawn. ``unit`` is the eye distance in pixels."""
    from services.render.face import points as pt

    low = mesh[list(pt.JAW), :2]
    left = low[:, 0].min() - 0.15 * unit
    right = low[:, 0].max() + 0.15 * unit
    top = min(mesh[pt.NOSE_BASE, 1], mesh[4, 1]) - 0.25 * unit
    bottom = low[:, 1].max() + 0.55 * unit
    x0, y0 = max(0, int(left) // 2 * 2), max(0, int(top) // 2 * 2)
    x1, y1 = min(width, int(right) // 2 * 2 + 2), min(height, int(bottom) // 2 * 2 + 2)
    return x0, y0, max(2, x1 - x0), max(2, y1 - y0)
