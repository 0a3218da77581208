"""Separates head pose from the mesh: each frame becomes a similarity transform and a shape in the head's frame.

The head's frame has its origin between the eyes' corners and the nose, x to the picture's right, y down, z away from
the camera; its unit is the distance between the eye centres. Fitting follows Umeyama (1991) on the rigid points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.face import points as pt

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Poses:
    """Head pose of ``n`` frames: ``picture = scale * rotation @ head + shift``."""

    scale: Array
    """Shape (n,), pixels per unit."""
    rotation: Array
    """Shape (n, 3, 3)."""
    shift: Array
    """Shape (n, 3), pixels."""

    def angles(self) -> Array:
        """Pitch, yaw and roll in radians, shape (n, 3)."""
        r = self.rotation
        yaw = np.arctan2(-r[:, 2, 0], np.hypot(r[:, 2, 1], r[:, 2, 2]))
        return np.asarray(np.stack([np.arctan2(r[:, 2, 1], r[:, 2, 2]), yaw, np.arctan2(r[:, 1, 0], r[:, 0, 0])], 1))

    def motion(self) -> Array:
        """Speed of the head at each frame, in eye distances plus radians per frame, shape (n,)."""
        if len(self.scale) < 2:
            return np.zeros(len(self.scale), np.float32)
        translation = np.gradient(self.shift / self.scale.mean(), axis=0)
        rotation = np.gradient(self.angles(), axis=0)
        return np.asarray(np.linalg.norm(translation, axis=1) + np.linalg.norm(rotation, axis=1), np.float32)


def to_picture(poses: Poses, i: int, head: Array) -> Array:
    """Points of the head's frame, shape (..., 3), in pixels of frame ``i``."""
    return np.asarray(poses.scale[i] * head @ poses.rotation[i].T + poses.shift[i])


def to_head(poses: Poses, picture: Array) -> Array:
    """Meshes of all frames, shape (n, p, 3) in pixels, in the head's frame."""
    centred = (picture - poses.shift[:, None]) / poses.scale[:, None, None]
    return np.asarray(np.einsum("npk,nkj->npj", centred, poses.rotation), dtype=np.float32)


def load_canonical_face(path: Path) -> Array:
    """Vertices of the canonical face, shape (468, 3), in the head's frame."""
    lines = path.read_text().splitlines()
    vertices = np.array([[float(x) for x in line.split()[1:4]] for line in lines if line.startswith("v ")])
    vertices = vertices * (1, -1, -1)
    eyes = np.array([vertices[list(c)].mean(0) for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS)])
    vertices = (vertices - vertices[pt.RIGID].mean(0)) / np.linalg.norm(eyes[1] - eyes[0])
    return np.asarray(vertices, dtype=np.float32)


def fit_poses(meshes: Array, model: Array) -> Poses:
    """Poses that align ``model`` (468, 3) with ``meshes`` (n, 468, 3): least squares over the rigid points."""
    model_points, mesh_points = model[pt.RIGID].astype(np.float64), meshes[:, pt.RIGID].astype(np.float64)
    model_mean, mesh_mean = model_points.mean(0), mesh_points.mean(1)
    model_centred, mesh_centred = model_points - model_mean, mesh_points - mesh_mean[:, None]
    u, s, vt = np.linalg.svd(np.einsum("npi,pj->nij", mesh_centred, model_centred))
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (s * sign).sum(1) / (model_centred**2).sum()
    shift = mesh_mean - scale[:, None] * (rotation @ model_mean)
    return Poses(scale.astype(np.float32), rotation.astype(np.float32), shift.astype(np.float32))


def separate_pose(meshes: Array, canonical: Array, rounds: int = 3) -> tuple[Poses, Array]:
    """Poses and head-frame shapes (n, 468, 3) of meshes; the person's own mean face replaces the canonical one."""
    model = canonical
    for _ in range(rounds):
        poses = fit_poses(meshes, model)
        shapes = to_head(poses, meshes)
        mean_shape = np.median(shapes, axis=0)
        eyes = np.array([mean_shape[list(c)].mean(0) for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS)])
        # aligned upright again, so that rounding errors of the median do not accumulate
        upright = fit_poses(mean_shape[None], canonical)
        model = to_head(upright, mean_shape[None])[0]
        model = model / np.linalg.norm(eyes[1] - eyes[0]) * upright.scale[0]
    poses = fit_poses(meshes, model)
    return poses, to_head(poses, meshes)


def smooth(x: Array, valid: npt.NDArray[np.bool_], cuts: Sequence[int] = (), reach: int = 2) -> Array:
    """Savitzky-Golay (second order) over axis 0 within each run of good frames, which ends at ``cuts``; it keeps fast
    moves and removes jitter."""
    out = x.copy()
    window = 2 * reach + 1
    t = np.arange(-reach, reach + 1)
    weights = np.linalg.pinv(np.stack([t**0, t, t**2], 1))[0]
    edges = np.flatnonzero(np.diff(np.r_[False, valid, False])).tolist()
    inner = [c for c in cuts if 0 < c < len(valid) and valid[c - 1] and valid[c]]
    bounds = sorted([*edges, *inner, *inner])
    for start, end in zip(bounds[::2], bounds[1::2], strict=True):
        if end - start < window:
            continue
        run = x[start:end]
        pad = [(reach, reach)] + [(0, 0)] * (x.ndim - 1)
        padded = np.pad(run, pad, mode="reflect", reflect_type="odd")
        out[start:end] = sum(w * padded[k : k + len(run)] for k, w in enumerate(weights))
    return out
