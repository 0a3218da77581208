"""The 3D face of Deep3DFaceRecon (Deng et al. 2019): 257 coefficients to camera-space vertices and 468 picture points.

Coefficients: identity 0:80, expression 80:144, texture 144:224, angles 224:227 (radians, about x, y, z), light 227:254,
translation 254:257. The camera looks along z from a distance of 10, with focal length 1015 on a 224×224 picture.
The model files are the user's own (Basel Face Model, non-commercial, not ours to pass on).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SIDE = 224
"""Side of the picture that the camera sees, pixels."""
FOCAL, CENTRE, DISTANCE = 1015.0, 112.0, 10.0
COEFFICIENTS = 257
EXPRESSION = slice(80, 144)
MODEL, INDEX = "BFM_model_front.mat", "index_mp468_from_mesh35709.npy"


@dataclass(frozen=True)
class Bfm:
    """Mean, bases and topology on one device; float32."""

    mean: Tensor
    """Shape (3 V,), centred."""
    identity: Tensor
    """Shape (3 V, 80)."""
    expression: Tensor
    """Shape (3 V, 64)."""
    triangles: Tensor
    """Shape (T, 3), int64, from 0."""
    points: Tensor
    """Shape (468,), int64: the vertex of each mesh point; -1 where the model has none."""

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> Bfm:
        """Read a BFM folder. Raises ``FileNotFoundError`` and ``ValueError`` naming the missing or wrong file."""
        from scipy.io import loadmat

        for name in (MODEL, INDEX):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is missing")
        try:
            raw = loadmat(str(folder / MODEL), variable_names=["meanshape", "idBase", "exBase", "tri"])
            mean = raw["meanshape"].astype(np.float32).reshape(-1, 3)
            identity, expression = (raw[k].astype(np.float32) for k in ("idBase", "exBase"))
            triangles = raw["tri"].astype(np.int64) - 1
            points = np.load(folder / INDEX, allow_pickle=False).astype(np.int64).reshape(-1)
        except (KeyError, ValueError, OSError, NotImplementedError) as e:
            raise ValueError(f"{folder / MODEL} or {INDEX} cannot be read: {e}") from e
        count = len(mean)
        if identity.shape != (3 * count, 80) or expression.shape != (3 * count, 64) or points.shape != (468,):
            raise ValueError(
                f"{folder / MODEL} has bases of {identity.shape} and {expression.shape} for {count} points"
            )
        if triangles.ndim != 2 or triangles.min() < 0 or triangles.max() >= count or points.max() >= count:
            raise ValueError(f"{folder / MODEL}: triangles or {INDEX} name points that are not there")
        mean -= mean.mean(0)
        points[points < 0] = -1  # some versions of the index mark points without a vertex by -999

        def put(x: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(x)).to(device)

        return cls(put(mean.reshape(-1)), put(identity), put(expression), put(triangles), put(points))

    def vertices(self, coefficients: Tensor) -> Tensor:
        """Vertices in camera space (B, V, 3) of coefficients (B, 257): x right, y up, z away from the camera."""
        c = coefficients.float()
        shape = c[:, :80] @ self.identity.T + c[:, EXPRESSION] @ self.expression.T + self.mean
        moved = shape.reshape(len(c), -1, 3) @ rotation(c[:, 224:227]) + c[:, None, 254:257]
        return torch.cat([moved[..., :2], DISTANCE - moved[..., 2:]], -1)

    def lips(self, vertices: Tensor, points: tuple[int, ...]) -> Tensor:
        """Places in the 224×224 picture, shape (B, n, 2), pixels, of mesh points that have a vertex."""
        return landmarks(vertices[:, self.points[list(points)]])


def rotation(angles: Tensor) -> Tensor:
    """Matrices (B, 3, 3) to be put on the right of row vectors, of angles (B, 3): about x first, then y, then z."""
    (x, y, z), one, zero = angles.unbind(-1), torch.ones_like(angles[:, 0]), torch.zeros_like(angles[:, 0])

    def matrix(*rows: Tensor) -> Tensor:
        return torch.stack(rows, -1).reshape(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, x.cos(), -x.sin(), zero, x.sin(), x.cos())
    about_y = matrix(y.cos(), zero, y.sin(), zero, one, zero, -y.sin(), zero, y.cos())
    about_z = matrix(z.cos(), -z.sin(), zero, z.sin(), z.cos(), zero, zero, zero, one)
    return (about_z @ about_y @ about_x).transpose(1, 2)


def project(vertices: Tensor) -> Tensor:
    """Places on the picture (..., 2): column and row from the top left corner, pixel centres at halves."""
    x, y, z = vertices.unbind(-1)
    return torch.stack([CENTRE + FOCAL * x / z, CENTRE - FOCAL * y / z], -1)


def landmarks(vertices: Tensor) -> Tensor:
    """Places as upstream counts them: pixel centres at whole numbers in x, and y as 223 minus the height."""
    return project(vertices) - torch.tensor([0.0, 1.0], device=vertices.device)
