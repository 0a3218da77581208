"""All data of a prepared face except its pictures, stored as ``face.npz``."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from services.render.face.pose import Poses
from services.render.face.shape import Array, MouthModel
from services.render.face.warp import Rect

TOUCHING_OPENING = 0.02
"""Measured opening of thin lips that touch, in eye distances; full lips measure up to ``MAX_CLOSED_OPENING``."""
PORTRAIT_REACH = (0.25, 0.11)
"""Opening and width that a full viseme adds to a portrait, in eye distances."""
MAX_CLOSED_OPENING = 0.075
"""Largest measured opening of a closed mouth, in eye distances. The inner lips of the mesh never quite touch."""
SMILE_WIDTH = 0.85
"""Width of a smiling mouth, in eye distances. To speak, a wider mouth narrows by half of the excess."""


@dataclass(frozen=True)
class Face:
    """Arrays over the ``n`` frames of the store. Frames without a usable face hold their neighbours' values."""

    meshes: Array
    """Shape (n, 468, 3), pixels."""
    scale: Array
    rotation: Array
    shift: Array
    """Head poses, see ``Poses``."""
    residual: Array
    """Shape (n, 468, 3), in the head's frame: residual of the mouth model, smoothed in time at the lips."""
    mouths: Array
    """Shape (n, 2): opening and width."""
    strength: Array
    """Shape (n,): 1 where the mouth is redrawn, 0 where the frame stays as it is, ramps between."""
    mean: Array
    centre: Array
    basis: Array
    """The mouth model."""
    closed: Array
    """Shape (2,): opening and width at rest."""
    reach: Array
    """Shape (2,): opening and width that a full viseme adds."""

    @property
    def poses(self) -> Poses:
        """Head poses of all frames."""
        return Poses(self.scale, self.rotation, self.shift)

    @property
    def model(self) -> MouthModel:
        """The mouth model."""
        return MouthModel(self.mean, self.centre, self.basis)

    def for_portrait(self) -> Face:
        """The face of a portrait. It shows no speech, so rest and reach are those of an average face."""
        width = float(np.median(self.mouths[:, 1]))
        closed = np.array([TOUCHING_OPENING, width - 0.5 * max(0.0, width - SMILE_WIDTH)], np.float32)
        return replace(self, closed=closed, reach=np.array(PORTRAIT_REACH, np.float32))

    def save(self, path: Path) -> None:
        """Write to an ``.npz``."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Face:
        """Read what ``save`` wrote."""
        with np.load(path) as data:
            return cls(**{f.name: data[f.name] for f in fields(cls)})


def mouth_rect(mesh: Array, eye_distance: float, width: int, height: int) -> Rect:
    """The rectangle of a picture in which the lower face may be redrawn; ``eye_distance`` in pixels."""
    from services.render.face import points as pt

    jaw = mesh[list(pt.JAW), :2]
    left = jaw[:, 0].min() - 0.15 * eye_distance
    right = jaw[:, 0].max() + 0.15 * eye_distance
    top = min(mesh[pt.NOSE_BASE, 1], mesh[4, 1]) - 0.25 * eye_distance
    bottom = jaw[:, 1].max() + 0.55 * eye_distance
    x0, y0 = max(0, int(left) // 2 * 2), max(0, int(top) // 2 * 2)
    x1, y1 = min(width, int(right) // 2 * 2 + 2), min(height, int(bottom) // 2 * 2 + 2)
    return x0, y0, max(2, x1 - x0), max(2, y1 - y0)
