"""Mouth shapes in the head's frame: measures them, and makes the lower face for a given mouth.

A mouth has two measures, in distances between the eye centres: ``opening`` (gap between the inner lips) and ``width``
(between the outer corners). The lower face is linear in them. Its basis is fitted to the person's frames with a
hand-made prior (jaw hinge, lip parabola, pursing), so that one portrait is enough and a talking clip is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.face import points as pt

Array = npt.NDArray[np.floating[Any]]

PRIOR_FRAMES = 25.0
"""Number of the person's frames in speech that weigh as much as the prior."""
SPEECH_STD = np.array([0.07, 0.05])
"""Spread of opening and width in ordinary speech."""


def eye_opening(meshes: Array, scale: Array) -> Array:
    """Gap between the lids of meshes (n, 468, 3), both eyes added, shape (n,); in units of ``scale`` (n,)."""
    lids = [np.linalg.norm(meshes[:, a] - meshes[:, b], axis=1) for a, b in ((159, 145), (386, 374))]
    return np.asarray((lids[0] + lids[1]) / scale, np.float32)


def measure_mouth(shapes: Array) -> Array:
    """Opening and width of shapes (n, 468, 3); result (n, 2)."""
    gaps = [np.linalg.norm(shapes[:, a] - shapes[:, b], axis=-1) for a, b in ((13, 14), (82, 87), (312, 317))]
    width = np.linalg.norm(shapes[:, pt.CORNERS[0]] - shapes[:, pt.CORNERS[1]], axis=-1)
    return np.stack([np.mean(gaps, 0), width], 1).astype(np.float32)


def _prior_basis(face: Array) -> Array:
    """Prior displacement of each point per unit of opening and of width; shape (2, 468, 3)."""
    x, y = face[:, 0], face[:, 1]
    left, right = face[pt.CORNERS[0]], face[pt.CORNERS[1]]
    mouth_line = (left[1] + right[1]) / 2
    mouth_centre = (left[0] + right[0]) / 2
    half_width = abs(right[0] - left[0]) / 2
    chin = face[pt.CHIN, 1]
    across = (x - mouth_centre) / half_width
    basis = np.zeros((2, len(face), 3))

    below = np.clip((y - mouth_line) / max(1e-3, chin - mouth_line), 0, 1.2)
    jaw = 0.72 * np.clip(below * 2.2, 0, 1) * np.exp(-((np.maximum(0, np.abs(across) - 0.5) / 1.1) ** 2))
    above = np.exp(-(((y - mouth_line) / 0.22) ** 2)) * np.exp(-((across / 0.9) ** 2)) * (y < mouth_line)
    vertical = jaw - 0.2 * above
    arch = np.sqrt(np.clip(1 - (across / 1.02) ** 2, 0, 1))
    # lips part smoothly from the inner corners: an arch that rises steeply there looks like a box
    inner = max(1e-3, abs(face[308, 0] - face[78, 0]) / 2) / half_width
    bow = np.clip(1 - (across / inner) ** 2, 0, 1)
    upper, lower = np.array(pt.UPPER_LIP), np.array(pt.LOWER_LIP)
    vertical[upper] = 0.2 - 0.4 * bow[upper] ** 0.8
    vertical[lower] = 0.2 + 0.6 * bow[lower] ** 0.7
    basis[0, :, 1] = vertical
    basis[0, :, 2] = 0.25 * jaw  # the chin swings back as it drops

    near = np.exp(-(((y - mouth_line) / 0.4) ** 2)) * np.exp(-((np.maximum(0, np.abs(across) - 1) / 0.7) ** 2))
    basis[1, :, 0] = 0.5 * np.clip(across, -1, 1) * near
    side = np.zeros(len(face))
    side[upper], side[lower] = -1, 1
    basis[1, :, 2] = 0.5 * np.abs(side) * arch  # a narrow mouth is a pursed one
    basis[1, :, 1] = -0.12 * side * arch  # and has thicker lips
    return np.asarray(basis)


def _mobility(face: Array) -> Array:
    """1 for points that speech moves, 0 above the nose, shape (468,)."""
    nose_base = face[pt.NOSE_BASE, 1]
    mouth_line = face[list(pt.CORNERS), 1].mean()
    mobility = np.clip((face[:, 1] - nose_base) / max(1e-3, mouth_line - nose_base) * 1.5, 0, 1)
    mobility[[*pt.UPPER_LIP, *pt.LOWER_LIP]] = 1
    return np.asarray(mobility, dtype=np.float32)


@dataclass(frozen=True)
class MouthModel:
    """The person's lower face as a linear function of opening and width."""

    mean: Array
    """Shape (468, 3)."""
    centre: Array
    """Opening and width of the mean, shape (2,)."""
    basis: Array
    """Shape (2, 468, 3)."""

    def shape(self, mouth: Array) -> Array:
        """The face (468, 3) with a mouth of the given opening and width (2,)."""
        face: Array = self.mean + np.tensordot(mouth - self.centre, self.basis, 1)
        return face.astype(np.float32)


def fit_mouth_model(shapes: Array) -> MouthModel:
    """Fit the model to the person's frames (n, 468, 3); n may be 1."""
    mouths = measure_mouth(shapes)
    mean = np.median(shapes, axis=0) if len(shapes) > 2 else shapes[0]
    centre = measure_mouth(mean[None])[0]
    prior_basis = _prior_basis(mean) * _mobility(mean)[None, :, None]
    x = (mouths - centre).astype(np.float64)
    y = (shapes - mean).reshape(len(shapes), -1) - x @ prior_basis.reshape(2, -1)
    prior = np.diag(PRIOR_FRAMES * SPEECH_STD**2)
    correction = np.linalg.solve(x.T @ x + prior, x.T @ y).reshape(2, -1, 3)
    basis = prior_basis + correction * _mobility(mean)[None, :, None]
    # a step along the basis must change the measures by exactly that step
    step = 0.02
    jacobian = np.stack([(measure_mouth((mean + step * b)[None])[0] - centre) / step for b in basis])
    basis = np.tensordot(np.linalg.inv(jacobian), basis, 1)
    return MouthModel(mean.astype(np.float32), centre.astype(np.float32), basis.astype(np.float32))
