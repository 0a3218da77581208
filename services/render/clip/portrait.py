"""Animates one picture: a loop in which the head sways a little and the eyes blink.

The loop is seamless, because every motion has a whole number of cycles in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from services.common.errors import HuashengError
from services.render.clip.frames import Writer
from services.render.clip.presence import mouth_inside
from services.render.clip.tracking import (
    TRACKED,
    TrackedClip,
    check_mouth,
    check_size,
    chin_outside,
    usable,
    validate_clip,
)
from services.render.face import points as pt
from services.render.face.landmarks import Tracker
from services.render.face.pose import fit_poses, load_canonical_face, to_head, to_picture
from services.render.face.shape import Array, measure_mouth
from services.render.face.warp import Rect, ThinPlateSpline, upsample
from services.render.media.picture import turned
from services.render.media.read import kind_of, probe, read_image
from services.render.media.sample import sample_frames
from services.render.media.write import to_yuv
from services.render.types import Image, PrepareJob, Progress

FPS = 25.0
LOOP_S = 9.6
SWAY = (
    # radians of pitch, yaw and roll, then eye distances right and down: (amplitude, cycles per loop, phase)
    ((0.010, 2, 0.3), (0.006, 5, 1.9)),
    ((0.022, 1, 0.0), (0.010, 3, 2.2)),
    ((0.008, 1, 1.1), (0.005, 4, 0.4)),
    ((0.012, 1, 0.6), (0.005, 3, 1.0)),
    ((0.008, 2, 2.0), (0.008, 3, 0.0)),
)
BLINKS_S = (1.4, 4.9, 7.7)
CLOSING_S, CLOSED_S, OPENING_S = 0.08, 0.04, 0.16
GLASSES_CONTRAST = 0.2
"""Smallest contrast of the bridge of glasses, a line across the nose; without glasses it is .01 to .08."""
LID_SOFTNESS = 1.6
"""Softness of the lid's edge, in pixels."""
LIDS = (
    # upper lid, lower lid and brow from the outer to the inner corner
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133), (46, 53, 52, 65, 55)),
    (
        (263, 466, 388, 387, 386, 385, 384, 398, 362),
        (263, 249, 390, 373, 374, 380, 381, 382, 362),
        (276, 283, 282, 295, 285),
    ),
)


MAX_CLOSED_OPENING = 0.1
"""Largest measured opening of a closed mouth, in eye distances. The inner lips of the mesh never quite touch."""
SEARCH_RANGE, LIP_OFFSET = 0.07, 0.003
"""Search range around the middle of the lips for their line, and distance of the inner lips from it, in eye
distances."""
CORNER_COST = 8.0
"""Cost per eye distance of moving the mouth's corners, which the mesh misses in slanted mouths."""


def track_portrait(job: PrepareJob, store: Path, progress: Progress | None = None) -> TrackedClip:
    """Store the frames of a portrait that moves a little, with the mesh of each. ``progress`` takes the job's place.

    Raises ``too-small-picture``, ``no-face``, ``two-faces``, ``small-face``, ``mouth-outside`` and ``cancelled``.
    """
    tracker, canonical = Tracker(job.mesh_weights), load_canonical_face(job.mesh_weights / "canonical_face.obj")
    picture = turned(_picture_of(job), job.turn)
    meshes = animate_portrait(job, picture, store, tracker, canonical, progress or job.progress)
    warnings = [*job.warnings, *(["chin-cut"] if chin_outside(meshes, picture.shape[0]) else [])]
    return TrackedClip(meshes, usable(meshes), [], FPS, warnings, 0, len(meshes), cuts=[])


def _picture_of(job: PrepareJob) -> Image:
    """The portrait; of a film that is one picture all the time, one from its middle, where nothing fades."""
    if kind_of(job.source) == "portrait":
        return read_image(job.source, job.limits.max_side_px)
    info = probe(job.source)
    samples = sample_frames(job.source, info, job.limits.max_side_px, job.limits.max_s)
    if not samples.pictures:
        raise HuashengError("corrupt-media", name=job.source.name)
    return samples.pictures[len(samples.pictures) // 2]


def animate_portrait(
    job: PrepareJob, picture: Image, store: Path, tracker: Tracker, canonical: Array, progress: Progress
) -> Array:
    """Store the frames of the moving picture; the mesh of each, shape (n, 468, 3)."""
    height, width = picture.shape[:2]
    check_size(width, height)
    mesh = tracker.next(picture)
    if mesh is None:
        raise HuashengError("no-face", name=job.source.name)
    name, found_at = job.source.name, np.array([True])
    validate_clip(name, tracker, mesh[None], found_at)  # before the motion is added, which takes a while
    check_mouth(name, np.array([mouth_inside(mesh, width, height)]), found_at)
    mesh = snap_closed_lips(picture, mesh)
    found: list[Array] = []
    with Writer(store, width, height, FPS) as writer:
        for i, (total, moved, points) in enumerate(portrait_frames(picture, mesh, canonical, FPS)):
            job.check()
            progress("motion", TRACKED * i / total)
            writer.add(to_yuv(moved))
            found.append(points)
    return np.stack(found)


def snap_closed_lips(picture: Image, mesh: Array) -> Array:
    """The mesh (468, 3) with the inner lips of a closed mouth moved to the line where they meet in the picture.

    The line is the darkest smooth path from corner to corner (dynamic programming, cf. Kass, Witkin and Terzopoulos
    1988). An open mouth does not change.
    """
    eyes = [mesh[list(c), :2].mean(0) for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS)]
    eye_distance = float(np.linalg.norm(eyes[1] - eyes[0]))
    if float(measure_mouth(mesh[None])[0, 0]) > MAX_CLOSED_OPENING * eye_distance:
        return mesh
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), max(0.5, 0.006 * eye_distance))
    upper, lower = list(pt.UPPER_INNER), list(pt.LOWER_INNER)
    middle = (mesh[upper, :2] + mesh[lower, :2]) / 2
    along = middle[-1] - middle[0]
    normal = np.array([-along[1], along[0]]) / max(1e-3, float(np.linalg.norm(along)))
    t = np.linspace(0, 10, 61)
    samples = np.stack([np.interp(t, np.arange(11), middle[:, axis]) for axis in (0, 1)], -1)
    offsets = np.linspace(-SEARCH_RANGE, SEARCH_RANGE, 57) * eye_distance
    sample_points = (samples[:, None] + offsets[None, :, None] * normal).astype(np.float32)
    darkness = cv2.remap(grey, sample_points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float64
    )
    darkness = (darkness - darkness.min(1, keepdims=True)) / max(
        4.0, float(np.percentile(np.ptp(darkness, axis=1), 75))
    )
    cost = darkness + 0.5 * (offsets / (SEARCH_RANGE * eye_distance)) ** 2
    cost[[0, -1]] += CORNER_COST * np.abs(offsets) / eye_distance
    total, predecessor = cost[0], np.zeros(cost.shape, int)
    for step in range(1, len(cost)):
        steps = np.stack([np.roll(total, s) + 0.05 * abs(s) for s in (-2, -1, 0, 1, 2)])
        best = steps.argmin(0)
        predecessor[step] = np.clip(np.arange(len(total)) - (best - 2), 0, len(total) - 1)
        total = steps.min(0) + cost[step]
    path = [int(total.argmin())]
    for step in range(len(cost) - 1, 0, -1):
        path.append(int(predecessor[step, path[-1]]))
    offset = cv2.GaussianBlur(offsets[path[::-1]][None].astype(np.float64), (0, 0), 1.5)[0]
    result = mesh.copy()
    displacement = np.interp(np.arange(11), t, offset)[:, None] * normal
    for outer, inner, shift in (
        (pt.CORNERS[0], upper[0], displacement[0]),
        (pt.CORNERS[1], upper[-1], displacement[-1]),
    ):
        result[[outer, inner], :2] += shift
    for curve, side in ((upper, -1), (lower, 1)):
        midline = middle + displacement
        result[curve[1:-1], :2] = (midline + side * LIP_OFFSET * eye_distance * normal)[1:-1]
        result[curve, 2] = (mesh[upper, 2] + mesh[lower, 2]) / 2
    return result


def sway_at(t: float) -> Array:
    """Pitch, yaw, roll (radians) and shift right and down (eye distances) at loop time ``t`` (0 to 1), shape (5,)."""
    waves = [sum(a * np.sin(2 * np.pi * k * t + p) for a, k, p in terms) for terms in SWAY]
    return np.array(waves, np.float32)


def blink_at(seconds: float) -> float:
    """How far the lids are closed at a time of the loop, 0 to 1."""
    for start in BLINKS_S:
        t = seconds - start
        if 0 <= t < CLOSING_S + CLOSED_S + OPENING_S:
            if t < CLOSING_S:
                x = t / CLOSING_S
            else:
                x = 1.0 if t < CLOSING_S + CLOSED_S else 1 - (t - CLOSING_S - CLOSED_S) / OPENING_S
            return float(x * x * (3 - 2 * x))
    return 0.0


def _rotation(pitch: float, yaw: float, roll: float) -> Array:
    (cp, cy, cr), (sp, sy, sr) = np.cos((pitch, yaw, roll)), np.sin((pitch, yaw, roll))
    x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(z @ y @ x, dtype=np.float32)


def portrait_frames(picture: Image, mesh: Array, canonical: Array, fps: float) -> Iterator[tuple[int, Image, Array]]:
    """Frames of the loop: (number of frames, BGR picture, mesh (468, 3)). A person with glasses does not blink."""
    height, width = picture.shape[:2]
    poses = fit_poses(mesh[None], canonical)
    eye_distance = float(poses.scale[0])
    head = to_head(poses, mesh[None])[0]
    low, high = head[:, :2].min(0), head[:, :2].max(0)
    centre = (low + high) / 2
    oval = head[list(pt.FACE_OVAL)]
    # hair and ears move with the head, less with distance
    hair = [centre + (oval[:, :2] - centre) * k for k in (1.3, 1.7)]
    hair_at = np.concatenate([np.c_[h, np.full(len(h), oval[:, 2].mean() + 0.3)] for h in hair])
    above_chin = hair_at[:, 1] < high[1] - 0.3
    hair_at = hair_at[above_chin].astype(np.float32)
    pivot = np.array([centre[0], high[1] + 0.7, 1.0], np.float32)
    anchors = _anchors(
        width, height, to_picture(poses, 0, np.array([[centre[0], high[1] + 1.2, 0.5]], np.float32))[0], eye_distance
    )
    rect: Rect = (0, 0, width, height)
    step = max(8, round(eye_distance / 5 / 2) * 2)
    face = head[pt.CONTROL]
    moving = np.concatenate([face, head[list(pt.FACE_OVAL)], head[pt.RIGID], hair_at])
    rest = to_picture(poses, 0, moving)[:, :2]
    count = round(LOOP_S * fps)
    blinks = not has_glasses(picture, mesh)
    for i in range(count):
        pitch, yaw, roll, right, down = sway_at(i / count).tolist()
        rotation = _rotation(pitch, yaw, roll)

        def moved(p: Array, rotation: Array = rotation, shift: tuple[float, float] = (right, down)) -> Array:
            turned: Array = (p - pivot) @ rotation.T + pivot + np.array([*shift, 0], np.float32)
            return to_picture(poses, 0, turned)

        targets = moved(moving)[:, :2]
        target = np.concatenate([targets, anchors]).astype(np.float32)
        spline = ThinPlateSpline(rect, target, step)
        displacement = spline.interpolate(np.concatenate([rest - targets, np.zeros_like(anchors)]).astype(np.float32))
        nodes = spline.nodes.reshape(spline.rows, spline.columns, 2)
        source = close_eyes(picture, mesh, blink_at(i / fps) if blinks else 0.0)
        source_map = upsample(nodes + displacement, step, width, height)
        yield (
            count,
            np.asarray(cv2.remap(source, source_map, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)),
            moved(head),
        )


def _anchors(width: int, height: int, chest: Array, eye_distance: float) -> Array:
    t = np.linspace(0, 1, 6)[:, None]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    border = np.concatenate([a + t[:-1] * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)])
    shoulders = np.c_[chest[0] + eye_distance * np.linspace(-2.5, 2.5, 7), np.full(7, chest[1])]
    return np.concatenate([border, shoulders]).astype(np.float32)


def has_glasses(picture: Image, mesh: Array) -> bool:
    """Whether a line crosses the bridge of the nose. Blinking would distort the frames of glasses."""
    top, bottom = mesh[9, :2], mesh[197, :2]
    eye_distance = float(
        np.linalg.norm(mesh[list(pt.RIGHT_EYE_CORNERS), :2].mean(0) - mesh[list(pt.LEFT_EYE_CORNERS), :2].mean(0))
    )
    bridge = bottom - top
    across = np.array([-bridge[1], bridge[0]]) / max(1e-3, float(np.linalg.norm(bridge)))
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), max(0.5, 0.012 * eye_distance))
    along, sideways = np.linspace(0, 1, 80)[:, None, None], np.linspace(-0.05, 0.05, 7)[None, :, None] * eye_distance
    sample_points = (top + along * bridge + sideways * across).astype(np.float32)
    profile = np.median(cv2.remap(grey, sample_points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), axis=1)
    profile = profile.astype(np.float32)
    detail = profile - cv2.GaussianBlur(profile[:, None], (0, 0), 8)[:, 0]
    return bool(np.ptp(detail) > GLASSES_CONTRAST * max(1.0, float(profile.mean())))


def close_eyes(picture: Image, mesh: Array, closed: float) -> Image:
    """The picture with the upper lids lowered by ``closed`` (0 to 1)."""
    if closed <= 0:
        return picture
    out = picture.copy()
    for lids in LIDS:
        upper, lower, brow = (mesh[list(curve), :2].astype(np.float64) for curve in lids)
        width = float(np.linalg.norm(upper[-1] - upper[0]))
        points = np.concatenate([upper, lower, brow])
        x0, y0 = np.maximum(0, points.min(0) - 0.4 * width).astype(int)
        x1, y1 = np.minimum(picture.shape[1::-1], points.max(0) + 0.4 * width).astype(int)
        if x1 - x0 < 4 or y1 - y0 < 4 or width < 4:
            continue
        # along the eye from its left corner, and down across it
        ends = sorted((upper[0], upper[-1]), key=lambda c: float(c[0]))
        along = (ends[1] - ends[0]) / width
        axes = np.stack([along, [-along[1], along[0]]])
        upper_points, lower_points, brow_points = ((curve - ends[0]) @ axes.T for curve in (upper, lower, brow))
        offsets = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1) - ends[0]
        x, y = offsets @ axes[0], offsets @ axes[1]
        top = _fitted_curve(upper_points, x)
        bottom = np.maximum(_fitted_curve(lower_points, x), top + 0.5)
        ceiling = np.minimum(np.interp(x, *_sorted_by_x(brow_points)), top - 2)
        # the upper lid comes down over the eye, the lower one rises a little; at the corners nothing moves
        edge = np.clip(x / (0.07 * width), 0, 1) * np.clip((width - x) / (0.07 * width), 0, 1)
        gap = (bottom - top) * closed * edge
        lid, rise, floor = top + 0.94 * gap, bottom - 0.06 * gap, bottom + 0.35 * width
        skin = ceiling + (np.minimum(y, lid) - ceiling) * (top - ceiling) / np.maximum(lid - ceiling, 1e-3)
        under = bottom + (y - rise) * (floor - bottom) / np.maximum(floor - rise, 1e-3)
        layers = []
        for source in (np.where(y <= ceiling, y, skin), np.where((y < rise) | (y >= floor), y, under)):
            source_map = (x[..., None] * axes[0] + source[..., None] * axes[1] + ends[0]).astype(np.float32)
            layers.append(cv2.remap(picture, source_map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        share = np.where(gap > 0, np.clip((lid - y) / LID_SOFTNESS + 0.5, 0, 1), 0)[..., None]
        mixed = layers[1] + share * (layers[0].astype(np.float32) - layers[1])
        out[y0:y1, x0:x1] = np.clip(mixed + 0.5, 0, 255)
    return out


def _sorted_by_x(p: Array) -> tuple[Array, Array]:
    order = np.argsort(p[:, 0])
    return p[order, 0], p[order, 1]


def _fitted_curve(p: Array, x: Array) -> Array:
    xs, ys = _sorted_by_x(p)
    middle, half = (xs[0] + xs[-1]) / 2, max(1.0, (xs[-1] - xs[0]) / 2)  # scaled: powers of pixels are ill-conditioned
    fitted = np.poly1d(np.polyfit((xs - middle) / half, ys, 4))
    return np.asarray(
        np.where((x >= xs[0]) & (x <= xs[-1]), fitted(np.clip((x - middle) / half, -1, 1)), np.interp(x, xs, ys))
    )
