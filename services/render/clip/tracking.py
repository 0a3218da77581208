"""Follows the face through a clip while its frames are stored, and refuses or warns of clips that cannot be used well.

Every engine prepares an avatar with this, so the limits, reasons and warnings are the same for all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.clip.frames import Writer
from services.render.clip.presence import cuts, differs, head_in, mouth_inside, present, small_and_cells
from services.render.face import points as pt
from services.render.face.landmarks import Points, Tracker
from services.render.face.lip_contour import LIP_CURVES, move_lip_contour, teeth_reach
from services.render.face.occlusion import POINTS, lip_colours, occluded_frames
from services.render.face.shape import Array
from services.render.media.picture import turned
from services.render.media.read import probe, read_frames
from services.render.media.write import to_yuv
from services.render.types import Cancelled, ClipLimits, Image, PrepareJob, Progress

MIN_SIDE = 128
"""Smallest side of a source, in pixels."""
MIN_FACE = 48
"""Pixels across the face under which no mouth can be drawn."""
MIN_SHARE = 0.4
"""Share of the frames that must show a face."""
MIN_S = 1.0
"""Shortest clip."""
RIVAL_SHARE = 0.3
"""Share of the checked pictures with a second face that makes the clip one of two people."""
SPARE_S = 0.5
"""How much longer than ``ClipLimits.max_s`` a clip may be without a warning."""
TRACKED = 0.85
"""Progress at the end of the tracking."""
CHECK_EVERY = 5
"""Frames between two looks at whether the caller still waits."""
FADE = 4
"""Frames over which redrawing fades out before a frame without a usable face."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrackedClip:
    """A stored clip of ``n`` frames and the face in it."""

    meshes: Array
    """Shape (n, 468, 3), pixels; rows without a face, or with a covered mouth, are not a number."""
    good: Bools
    """Shape (n,), whether a row of ``meshes`` is one."""
    hidden: list[int]
    """Numbers of the frames that are played in which something is before the mouth."""
    fps: float
    warnings: list[str]
    """Of the source and of who is seen in it: ``only-first-part``, ``scaled-down``, ``other-person``, ..."""
    first: int
    """First frame that is played."""
    end: int
    """One past the last frame that is played."""
    cuts: list[int]
    """Frames that begin a new scene: what moves smoothly does so between them."""


def check_size(width: int, height: int) -> None:
    """Raises ``too-small-picture``."""
    if min(width, height) < MIN_SIDE:
        raise HuashengError("too-small-picture", width=width, height=height, limit=MIN_SIDE)


def source_warnings(width: int, height: int, seconds: float, limits: ClipLimits) -> list[str]:
    """What a source loses before it is used; ``seconds`` is 0 for a portrait."""
    warnings = []
    if seconds > limits.max_s + SPARE_S:
        warnings.append("only-first-part")
    if max(width, height) > limits.max_side_px:
        warnings.append("scaled-down")
    return warnings


def check_length(name: str, seconds: float) -> None:
    """Raises ``too-short``."""
    if seconds < MIN_S:
        raise HuashengError("too-short", name=name, seconds=round(seconds, 1), limit=MIN_S)


def track_clip(job: PrepareJob, store: Path, fps: int | None = None, progress: Progress | None = None) -> TrackedClip:
    """Store a video's frames and follow the face through them. ``fps`` is the rate wanted, the video's own if None.

    ``progress`` takes the place of the job's. Raises ``too-short``, ``too-small-picture``, ``corrupt-media``,
    ``no-face``, ``two-faces``, ``few-faces``, ``small-face``, ``mouth-outside`` and ``cancelled``.
    """
    info, limits = probe(job.source), job.limits
    check_length(job.source.name, info.duration_s)
    rate = fps or info.fps
    expected = max(1, int(min(info.duration_s, limits.max_s) * rate))
    pictures = (turned(p, job.turn) for _, p in read_frames(job.source, rate, limits.max_side_px, limits.max_s))
    tracker = Tracker(job.mesh_weights)
    found = track_face(
        pictures,
        store,
        float(rate),
        tracker,
        expected=expected,
        progress=progress or job.progress,
        cancelled=job.cancelled,
    )
    name = job.source.name
    good = usable(found.meshes)
    validate_clip(name, tracker, found.meshes, good)
    inside = good & found.inside
    check_mouth(name, inside, good)
    scenes = cuts(found.cells)
    who = present(inside, found.heads, scenes, float(rate))
    hidden = occluded_frames(found.looks, who.person)
    first, end = _without_edges(hidden, who.first, who.end)
    check_length(name, (end - first) / rate)
    found.meshes[hidden | ~who.person] = np.nan
    warnings = [*job.warnings, *source_warnings(info.width, info.height, info.duration_s, limits), *who.warnings]
    if chin_outside(found.meshes[who.person & ~hidden], found.height):
        warnings.append("chin-cut")
    return TrackedClip(
        meshes=found.meshes,
        good=usable(found.meshes),
        hidden=(first + np.flatnonzero(hidden[first:end])).tolist(),
        fps=float(rate),
        warnings=warnings,
        first=first,
        end=end,
        cuts=scenes,
    )


def _without_edges(hidden: Bools, first: int, end: int) -> tuple[int, int]:
    """The stretch without the hidden frames at its ends that are not the film's own: there the mesh lags behind a face
    that comes or goes."""
    while 0 < first < end and hidden[first]:
        first += 1
    while first < end < len(hidden) and hidden[end - 1]:
        end -= 1
    return first, end


@dataclass(frozen=True)
class Tracked:
    """What following a face through ``n`` pictures gives."""

    meshes: Array
    """Shape (n, 468, 3), pixels; rows without a face are not a number."""
    inside: Bools
    """Shape (n,), whether the mouth is within the picture."""
    looks: Array
    """Colours of the mouth's surroundings, see ``lip_colours``; shape (n, points, 3)."""
    cells: Image
    """The pictures in few cells, to find cuts by; shape (n, ...)."""
    heads: Image
    """The heads in few cells, to tell people apart by; see ``head_in``."""
    height: int
    """Of the pictures."""


def track_face(
    pictures: Iterator[Image],
    store: Path,
    fps: float,
    tracker: Tracker,
    *,
    expected: int,
    progress: Progress,
    cancelled: Cancelled,
) -> Tracked:
    """Store the pictures, about ``expected`` of them, and follow the face through them."""
    first = next(pictures, None)
    if first is None:
        raise HuashengError("corrupt-media", name=store.name)
    height, width = first.shape[:2]
    check_size(width, height)
    found: list[Points] = []
    looks: list[Array] = []
    teeth: list[Array] = []
    cells: list[Image] = []
    heads: list[Image] = []
    nothing = np.full((468, 3), np.nan, np.float32)
    with Writer(store, width, height, fps) as writer:
        for i, picture in enumerate(itertools.chain([first], pictures)):
            if i % CHECK_EVERY == 0:
                if cancelled():
                    raise HuashengError("cancelled")
                progress("landmarks", min(TRACKED, TRACKED * i / expected))
            small, here = small_and_cells(picture)
            if cells and differs(here, cells[-1]):
                tracker.restart()  # else the mesh would cling to the place where a face was
            mesh = tracker.next(picture)
            found.append(nothing if mesh is None else mesh)
            looks.append(
                lip_colours(picture, found[-1]) if mesh is not None else np.zeros((len(POINTS), 3), np.float32)
            )
            teeth.append(
                np.zeros((2, len(LIP_CURVES[0][0])), np.float32) if mesh is None else teeth_reach(picture, mesh)
            )
            cells.append(here)
            heads.append(head_in(small, small.shape[1] / width, found[-1]))
            writer.add(to_yuv(picture))
    meshes = move_lip_contour(np.stack(found), np.stack(teeth))
    inside = np.array([mouth_inside(m, width, height) for m in found])
    return Tracked(meshes, inside, np.stack(looks), np.stack(cells), np.stack(heads), height)


def usable(meshes: Array) -> Bools:
    """Which of the meshes (n, 468, 3) are there, shape (n,)."""
    return np.asarray(~np.isnan(meshes[:, 0, 0]))


def validate_clip(name: str, tracker: Tracker, meshes: Array, good: Bools) -> None:
    """Raises ``no-face``, ``two-faces``, ``few-faces`` or ``small-face`` when the clip cannot be used."""
    if not good.any():
        raise HuashengError("no-face", name=name)
    if tracker.rival_pictures > RIVAL_SHARE * tracker.checked_pictures:
        raise HuashengError("two-faces", name=name, count=tracker.rivals)
    if good.mean() < MIN_SHARE:
        raise few_faces(name, float(good.mean()))
    wide = face_width(meshes[good])
    if wide < MIN_FACE:
        raise HuashengError("small-face", name=name, pixels=round(wide), limit=MIN_FACE)


def check_mouth(name: str, inside: Bools, good: Bools) -> None:
    """Raises ``mouth-outside`` when few of the faces (n,) that were found have their mouth ``inside`` the picture."""
    if inside.sum() < MIN_SHARE * good.sum():
        raise HuashengError("mouth-outside", name=name)


def chin_outside(meshes: Array, height: int) -> bool:
    """Whether the chins of meshes (n, 468, 3) usually lie below the picture."""
    return len(meshes) > 0 and bool(np.median(meshes[:, pt.CHIN, 1]) >= height)


def few_faces(name: str, share: float, least: float = MIN_SHARE) -> HuashengError:
    """The error of a clip in which only this share of the frames shows the face, of ``least`` that must."""
    return HuashengError("few-faces", name=name, percent=round(100 * share), limit=math.ceil(100 * least))


def face_width(meshes: Array) -> float:
    """Median width of the face over meshes (n, 468, 3), in their unit."""
    return float(np.median(np.ptp(meshes[:, :, 0], axis=1)))


def face_box(meshes: Array, width: float, height: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the face in nearly all of the meshes (n, 468, 3), as shares of the picture."""
    low, high = meshes[:, :, :2].min(axis=1), meshes[:, :, :2].max(axis=1)
    left, top = np.percentile(low, 5, axis=0) / (width, height)
    right, bottom = np.percentile(high, 95, axis=0) / (width, height)
    left, top, right, bottom = (round(float(np.clip(v, 0, 1)), 4) for v in (left, top, right, bottom))
    return left, top, right, bottom


def nearest_filled(meshes: Array, good: Bools) -> Array:
    """Frames without a face get the nearest good frame's mesh, so that arrays stay whole."""
    where, number = np.flatnonzero(good), np.arange(len(good))
    after = np.searchsorted(where, number).clip(max=len(where) - 1)
    before = (after - 1).clip(min=0)
    is_before = np.abs(number - where[before]) <= np.abs(where[after] - number)
    return np.asarray(meshes[where[np.where(is_before, before, after)]])


def redraw_strength(good: Bools) -> npt.NDArray[np.float32]:
    """How much of the redrawn face each frame shows, shape (n,): 1, and 0 without a face, with ramps between."""
    gap = np.convolve(np.pad((~good).astype(float), FADE, mode="edge"), np.ones(2 * FADE + 1), "valid")
    return np.where(good, 1 - np.clip(gap / (FADE + 1), 0, 1), 0).astype(np.float32)
