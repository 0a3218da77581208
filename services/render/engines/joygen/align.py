"""Alignment of a face: the five points, the crop for the 3D fit, and the box that is redrawn.

The crop is Deep3DFaceRecon's (Deng et al. 2019): least-squares scaled orthography between five mean 3D points and the
picture. The box is MuseTalk's, which JoyGen uses too. It spans the width of the 68 face points and reaches down to
their lowest one; its top is as far above the third point of the nose bridge as the chin is below it, so that the edge
of the half mask runs through that point. The 68 points are a subset of the 468 points of our face mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.render.engines.joygen.bfm import SIDE
from services.render.engines.joygen.resample import bicubic_matrix
from services.render.face.shape import Array

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

FACE_SCALE = 102.0
MEAN_POINTS = np.array(
    [
        (-0.3115, 0.2904, 0.1338),
        (0.3098, 0.2897, 0.1318),
        (0.0033, -0.0462, 0.5524),
        (-0.2522, -0.3813, 0.2241),
        (0.2485, -0.3813, 0.2224),
    ]
)
"""Eyes, nose, mouth corners (picture left first), y up."""

FACE_68 = (
    162,
    234,
    93,
    58,
    172,
    136,
    149,
    148,
    152,
    377,
    378,
    365,
    397,
    288,
    323,
    454,
    389,
    71,
    63,
    105,
    66,
    107,
    336,
    296,
    334,
    293,
    301,
    168,
    197,
    5,
    4,
    75,
    97,
    2,
    326,
    305,
    33,
    160,
    158,
    133,
    153,
    144,
    362,
    385,
    387,
    263,
    373,
    380,
    61,
    39,
    37,
    0,
    267,
    269,
    291,
    405,
    314,
    17,
    84,
    181,
    78,
    82,
    13,
    312,
    308,
    317,
    14,
    87,
)
"""Mesh points at the positions of iBUG's 68 points."""
BRIDGE = FACE_68[29]
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
NOSE, CORNERS = (1, 4), (76, 306)
"""Above and below the nose's tip; on the red of the lips, where detectors see the corners of the mouth."""
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Contour of the lips, in order."""


@dataclass(frozen=True)
class Crop:
    """The 224×224 crop of a ``width`` × ``height`` picture scaled by ``scale``; whole pixels of the scaled picture."""

    width: int
    height: int
    scale: float
    left: int
    top: int

    @property
    def scaled(self) -> tuple[int, int]:
        """Width and height of the scaled picture."""
        return int(self.width * self.scale), int(self.height * self.scale)

    def cut(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The crop (224, 224, C) of a picture (height, width, C); black outside."""
        width, height = self.scaled
        rows = bicubic_matrix(self.height, height, self.top, self.top + SIDE)
        columns = bicubic_matrix(self.width, width, self.left, self.left + SIDE)
        resized = np.einsum("cw,hwk->hck", columns, picture.astype(np.float32), optimize=True)
        resized = np.einsum("rh,hck->rck", rows, np.clip(np.rint(resized), 0, 255), optimize=True)
        return np.asarray(np.clip(np.rint(resized), 0, 255), np.uint8)

    def to_picture(self, places: Array) -> Array:
        """Points (..., 2) of the crop, in pixels of the picture."""
        return np.asarray((places + np.array([self.left, self.top])) / self.scale)


def five_points(mesh: Array) -> Array:
    """Eyes, nose tip and mouth corners (5, 2), picture left first, of a mesh (468, 2 or 3) in pixels."""
    eyes = [mesh[list(e), :2].mean(0) for e in EYES]
    return np.stack([*eyes, mesh[list(NOSE), :2].mean(0), *mesh[list(CORNERS), :2]])


def align_crop(points: Array, width: int, height: int) -> Crop:
    """The crop of the five points (5, 2) in pixels, y down."""
    flipped = np.stack([points[:, 0], height - 1 - points[:, 1]], 1)
    ones = np.concatenate([MEAN_POINTS, np.ones((5, 1))], 1)
    (x_axis, y_axis), *_ = np.linalg.lstsq(ones, flipped, rcond=None)[0].T[None]
    size = (np.linalg.norm(x_axis[:3]) + np.linalg.norm(y_axis[:3])) / 2
    scale = FACE_SCALE / float(size)
    scaled_width, scaled_height = int(width * scale), int(height * scale)
    left = int(scaled_width / 2 - SIDE / 2 + (x_axis[3] - width / 2) * scale)
    top = int(scaled_height / 2 - SIDE / 2 + (height / 2 - y_axis[3]) * scale)
    return Crop(width, height, scale, left, top)


def face_box(mesh: Array, height: int, margin: int = 0) -> Box:
    """The box that is redrawn, of a mesh in pixels; ``margin`` is added below. It may leave the picture."""
    points = np.trunc(mesh[list(FACE_68), :2]).astype(int)
    left, right, bottom = int(points[:, 0].min()), int(points[:, 0].max()), int(points[:, 1].max())
    bridge = int(mesh[BRIDGE, 1])
    top = bridge - (bottom - bridge)
    return left, top, max(left + 2, right), min(height, max(top + 2, bottom) + margin)
