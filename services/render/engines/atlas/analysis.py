"""Takes the meshes and stored frames of a clip apart: the face, the atlas of mouth pictures, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.clip.frames import Reader
from services.render.clip.tracking import nearest_filled, redraw_strength
from services.render.engines.atlas.face import MAX_CLOSED_OPENING, TOUCHING_OPENING, Face, mouth_rect
from services.render.engines.atlas.library import MAX_PICTURES, Library, select_frames
from services.render.face import points as pt
from services.render.face.pose import Poses, separate_pose, smooth, to_head
from services.render.face.shape import Array, fit_mouth_model, measure_mouth
from services.render.media.planes import cut

LIP_CALM = 12
"""Frames to each side over which what the mouth model leaves over is averaged at the lips."""
BLURRED = 0.35
"""A frame less sharp than this, against the clip's usual, has a blurred mouth."""
OPEN, APART, ENOUGH = 0.15, 0.04, 3
"""Opening of an open vowel, and how much narrower or wider than at rest a rounded or spread mouth is (eye distances);
frames that must show a shape."""
TRACK_STD = np.array([0.21, 0.33])
"""Spread of mouth tracks over ordinary speech."""
OPENING_REACH, WIDTH_REACH = (0.26, 0.42), (0.09, 0.14)
"""Bounds of what a full viseme adds, in eye distances: a mumbler still speaks clearly, a shouter does not shout."""


def _lipness(mean: Array) -> Array:
    """1 on the lips, falling to 0 within a quarter of an eye distance, shape (468,)."""
    ring = mean[list(pt.OUTER_RING), :2]
    d = np.linalg.norm(mean[:, None, :2] - ring[None], axis=2).min(1)
    out = np.exp(-((d / 0.14) ** 2))
    out[[*pt.UPPER_LIP, *pt.LOWER_LIP]] = 1
    return np.asarray(out, dtype=np.float32)


def _calm(x: Array, reach: int) -> Array:
    """Moving mean over axis 0."""
    if len(x) < 2:
        return x
    reach = min(reach, len(x) - 1)
    padded = np.pad(x, [(reach, reach)] + [(0, 0)] * (x.ndim - 1), mode="reflect")
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0, dtype=np.float64)
    n = 2 * reach + 1
    return np.asarray((total[n:] - total[:-n]) / n, dtype=np.float32)


def fit_face(meshes: Array, good: npt.NDArray[np.bool_], canonical: Array, cuts: Sequence[int] = ()) -> Face:
    """Poses, mouth model, rest and reach from the meshes (n, 468, 3) of a clip; ``cuts`` begin its scenes."""
    meshes = smooth(nearest_filled(meshes, good), good, cuts)
    poses, shapes = separate_pose(meshes, canonical)
    return _learned(meshes, poses, shapes, redraw_strength(good), good, cuts)


def relearn(face: Face, taught: npt.NDArray[np.bool_]) -> Face:
    """The face as fitted to its frames ``taught`` (n,) only; poses stay. For measuring on the others."""
    shapes = to_head(face.poses, face.meshes)
    return _learned(face.meshes, face.poses, shapes, face.strength, taught & (face.strength > 0))


def _learned(
    meshes: Array,
    poses: Poses,
    shapes: Array,
    strength: Array,
    taught: npt.NDArray[np.bool_],
    cuts: Sequence[int] = (),
) -> Face:
    mouths = measure_mouth(shapes)
    model = fit_mouth_model(shapes[taught])
    left_over = shapes - (model.mean + np.einsum("nk,kpc->npc", mouths - model.centre, model.basis))
    lips = _lipness(model.mean)[None, :, None]
    calm = np.concatenate([_calm(scene, LIP_CALM) for scene in np.split(left_over, cuts)])
    residual = left_over * (1 - lips) + calm * lips
    known = mouths[taught]
    low = np.percentile(known[:, 0], 3)
    shut = known[known[:, 0] <= np.percentile(known[:, 0], 12)]
    rest = float(low) if low <= MAX_CLOSED_OPENING else TOUCHING_OPENING
    closed = np.array([rest, float(np.median(shut[:, 1]))], np.float32)
    reach = known.std(0) / TRACK_STD
    reach = np.array([np.clip(reach[0], *OPENING_REACH), np.clip(reach[1], *WIDTH_REACH)], np.float32)
    return Face(
        meshes,
        poses.scale,
        poses.rotation,
        poses.shift,
        residual.astype(np.float32),
        mouths,
        strength,
        model.mean,
        model.centre,
        model.basis,
        closed,
        reach,
    )


def traits(face: Face) -> Array:
    """What the atlas is searched by, per frame: opening, width, pitch, yaw, roll; shape (n, 5)."""
    return np.concatenate([face.mouths, face.poses.angles()], 1).astype(np.float32)


def sharpness(face: Face, store: Path, width: int, height: int, cancelled: Callable[[], bool]) -> Array:
    """How sharp the mouth of each frame is against the clip's usual, 0.05 to 1; 0 without a usable face. Shape (n,)."""
    sharp = np.zeros(len(face.strength), np.float32)
    reader = Reader(store)
    try:
        for i in range(len(sharp)):
            if i % 20 == 0 and cancelled():
                raise HuashengError("cancelled")
            if face.strength[i] < 1:
                continue
            x, y, w, h = mouth_rect(face.meshes[i], float(face.scale[i]), width, height)
            luma = reader.frame(i)[y : y + h, x : x + w]
            fine = cv2.resize(luma, (128, max(8, 128 * h // w)), interpolation=cv2.INTER_AREA)
            sharp[i] = cv2.Laplacian(fine, cv2.CV_32F).var()
    finally:
        reader.close()
    typical = float(np.median(sharp[sharp > 0])) if (sharp > 0).any() else 1.0
    return np.asarray(np.clip(sharp / max(1e-6, typical), 0.05, 1) * (face.strength >= 1), dtype=np.float32)


def build_library(face: Face, store: Path, width: int, height: int, good: Array, size: int = MAX_PICTURES) -> Library:
    """Cut the mouth pictures of the frames that cover the shapes best; ``good`` (n,) is their ``sharpness``."""
    kept = select_frames(traits(face), good, size)
    reader = Reader(store)
    try:
        rects = [mouth_rect(face.meshes[i], float(face.scale[i]), width, height) for i in kept]
        patches = [cut(reader.frame(i), rect) for i, rect in zip(kept, rects, strict=True)]
    finally:
        reader.close()
    return Library(patches, face.meshes[kept], traits(face)[kept], good[kept], face.scale[kept], np.array(kept))


def coverage(face: Face) -> float:
    """Part of the mouth shapes of speech that the clip shows: a 4 by 3 grid over opening and width, 0 to 1."""
    good = face.mouths[face.strength > 0]
    full = np.array([0.25, 0.10])
    at = (good - face.closed) / full
    rows = np.clip(np.floor(at[:, 0] * 4), 0, 3).astype(int)
    columns = np.clip(np.floor((at[:, 1] + 1) * 1.5), 0, 2).astype(int)
    seen = {(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)}
    possible = {(r, c) for r in range(4) for c in range(3) if not (r == 3 and c == 0)}
    return len(seen & possible) / len(possible)


def missing_shapes(face: Face, good: Array) -> tuple[str, ...]:
    """Mouth shapes that too few frames show, see ``AvatarReport``; ``good`` (n,) is the frames' ``sharpness``."""
    opening, width = (face.mouths[good >= BLURRED] - (0, face.closed[1])).T
    seen = {
        "open": opening >= OPEN,
        "rounded": width <= -APART,
        "spread": width >= APART,
        "closed": opening <= MAX_CLOSED_OPENING,
    }
    return tuple(name for name, frames in seen.items() if frames.sum() < ENOUGH)
