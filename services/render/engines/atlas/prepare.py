"""Prepares an avatar from a file: reads it, follows the face, judges what was found, and writes the avatar's folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.clip.frames import Writer
from services.render.clip.loop import idle_loop, positions
from services.render.clip.portrait import portrait_frames, snap_closed_lips
from services.render.engines.atlas.analysis import (
    BLURRED,
    build_library,
    coverage,
    missing_shapes,
    traits,
    understand,
    worth,
)
from services.render.engines.atlas.avatar import FRAMES, LIGHT, Plan
from services.render.engines.atlas.library import MAX_PICTURES
from services.render.engines.atlas.light import estimate_light
from services.render.engines.base import AvatarReport, EngineOptions, Image, Kind
from services.render.face.landmarks import Points, Tracker
from services.render.face.lip_contour import LIP_CURVES, move_lip_contour, teeth_reach
from services.render.face.occlusion import POINTS, lip_colours, occluded_frames
from services.render.face.pose import load_canonical_face
from services.render.face.shape import Array, eye_opening
from services.render.media.read import probe, read_frames, read_image
from services.render.media.write import to_yuv

MIN_SIDE = 128
MIN_FACE = 48
"""Pixels across the face under which no mouth can be drawn."""
MIN_SHARE = 0.4
"""Frames that must show a face."""
MIN_S = 1.0
PORTRAIT_FPS = 25.0
RIVAL_SHARE = 0.3
"""Pictures looked at in which a second face makes the clip one of two people."""


def prepare(
    source: Path,
    kind: Kind,
    out: Path,
    weights: Path,
    options: EngineOptions,
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> AvatarReport:
    """See ``RenderEngine.prepare``; ``weights`` is the folder of the face mesh."""
    canonical = load_canonical_face(weights / "canonical_face.obj")
    tracker = Tracker(weights)
    warnings: list[str] = []
    hidden: list[int] = []
    if kind == "portrait":
        fps = PORTRAIT_FPS
        meshes = animate(source, out / FRAMES, tracker, canonical, options, progress, cancelled)
    else:
        info = probe(source)
        fps = float(info.fps)
        if info.duration_s < MIN_S:
            raise HuashengError("too-short", name=source.name, seconds=round(info.duration_s, 1), limit=MIN_S)
        if info.duration_s > options.max_avatar_s + 0.5:
            warnings.append("only-first-part")
        if max(info.width, info.height) > options.max_side_px:
            warnings.append("scaled-down")
        expected = max(1, int(min(info.duration_s, options.max_avatar_s) * fps))
        pictures = (p for _, p in read_frames(source, info.fps, options.max_side_px, options.max_avatar_s))
        meshes = follow(pictures, out / FRAMES, fps, tracker, expected, progress, cancelled, hidden)
    good = ~np.isnan(meshes[:, 0, 0])
    width, height = size_of(out / FRAMES)
    judge(source.name, tracker, meshes, good)
    if hidden:
        warnings.append("mouth-covered-in-part")
    if (~good).sum() > len(hidden):
        warnings.append("face-missing-in-part")
    progress("shapes", 0.86)
    face = understand(meshes, good, canonical)
    progress("atlas", 0.9)
    if kind == "portrait":
        face = face.for_portrait()
    sharp = worth(face, out / FRAMES, width, height, cancelled)
    library = build_library(face, out / FRAMES, width, height, sharp, 1 if kind == "portrait" else MAX_PICTURES)
    count = len(meshes)
    loop = list(range(count))
    if kind == "video":
        loop = idle_loop(fps, face.poses.motion(), face.strength, eye_opening(face.meshes, face.scale))
    face.save(out / "face.npz")
    library.save(out / "atlas.npz")
    estimate_light(face, out / FRAMES).save(out / LIGHT)
    looks = traits(face)[:, 2:]
    Plan(width, height, fps, count, kind == "portrait", loop, positions(loop, count, looks)).save(out / "plan.json")
    progress("atlas", 1.0)
    faces = np.ptp(meshes[good][:, :, 0], axis=1)
    return AvatarReport(
        width,
        height,
        fps,
        1 if kind == "portrait" else count,
        len(loop),
        float(good.mean()),
        float(np.median(faces)),
        0.0 if kind == "portrait" else coverage(face),
        tuple(warnings),
        () if kind == "portrait" else missing_shapes(face, sharp),
        len(library.patches),
        len(hidden),
        0 if kind == "portrait" else int(((sharp > 0) & (sharp < BLURRED)).sum()),
    )


def judge(name: str, tracker: Tracker, meshes: Array, good: npt.NDArray[np.bool_]) -> None:
    """Raises ``no-face``, ``two-faces``, ``few-faces`` or ``small-face`` when the clip cannot be used."""
    if not good.any():
        raise HuashengError("no-face", name=name)
    if tracker.rival_pictures > RIVAL_SHARE * tracker.checked_pictures:
        raise HuashengError("two-faces", name=name, count=tracker.rivals)
    if good.mean() < MIN_SHARE:
        raise HuashengError("few-faces", name=name, percent=round(100 * good.mean()), limit=round(100 * MIN_SHARE))
    wide = float(np.median(np.ptp(meshes[good][:, :, 0], axis=1)))
    if wide < MIN_FACE:
        raise HuashengError("small-face", name=name, pixels=round(wide), limit=MIN_FACE)


def size_of(store: Path) -> tuple[int, int]:
    """Width and height of stored frames."""
    with av.open(str(store)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def follow(
    pictures: Iterator[Image],
    store: Path,
    fps: float,
    tracker: Tracker,
    expected: int,
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
    hidden: list[int] | None = None,
) -> Array:
    """Store the pictures and give the mesh of each; rows without a face, or with a covered mouth, not a number.

    The numbers of frames with a covered mouth are added to ``hidden``.
    """
    first = next(pictures, None)
    if first is None:
        raise HuashengError("corrupt-media", name=store.name)
    height, width = first.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise HuashengError("too-small-picture", width=width, height=height, limit=MIN_SIDE)
    found: list[Points] = []
    looks: list[Array] = []
    teeth: list[Array] = []
    nothing = np.full((468, 3), np.nan, np.float32)
    with Writer(store, width, height, fps) as writer:
        for i, picture in enumerate(itertools.chain([first], pictures)):
            if i % 5 == 0:
                if cancelled():
                    raise HuashengError("cancelled")
                progress("landmarks", min(0.85, 0.85 * i / expected))
            mesh = tracker.next(picture)
            found.append(nothing if mesh is None else mesh)
            looks.append(
                lip_colours(picture, found[-1]) if mesh is not None else np.zeros((len(POINTS), 3), np.float32)
            )
            teeth.append(
                np.zeros((2, len(LIP_CURVES[0][0])), np.float32) if mesh is None else teeth_reach(picture, mesh)
            )
            writer.add(to_yuv(picture))
    meshes = move_lip_contour(np.stack(found), np.stack(teeth))
    behind = occluded_frames(np.stack(looks), ~np.isnan(meshes[:, 0, 0]))
    meshes[behind] = np.nan
    if hidden is not None:
        hidden += np.flatnonzero(behind).tolist()
    return meshes


def animate(
    source: Path,
    store: Path,
    tracker: Tracker,
    canonical: Array,
    options: EngineOptions,
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> Array:
    """Store the frames of a portrait that moves a little, and give the mesh of each."""
    picture = read_image(source, options.max_side_px)
    height, width = picture.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise HuashengError("too-small-picture", width=width, height=height, limit=MIN_SIDE)
    mesh = tracker.next(picture)
    if mesh is None:
        raise HuashengError("no-face", name=source.name)
    mesh = snap_closed_lips(picture, mesh)
    found: list[Array] = []
    with Writer(store, width, height, PORTRAIT_FPS) as writer:
        for i, (total, moved, points) in enumerate(portrait_frames(picture, mesh, canonical, PORTRAIT_FPS)):
            if cancelled():
                raise HuashengError("cancelled")
            progress("motion", 0.85 * i / total)
            writer.add(to_yuv(moved))
            found.append(points)
    return np.stack(found)
