"""Prepares an avatar from a file: follows the face, takes the frames apart, and writes the avatar's folder."""

from __future__ import annotations

from pathlib import Path

from services.render.clip.film import track_film
from services.render.clip.frames import size_of
from services.render.clip.look import looked_at
from services.render.clip.loop import idle_loop, positions
from services.render.clip.plan import PLAN, Plan
from services.render.clip.portrait import track_portrait
from services.render.clip.tracking import TrackedClip, face_box, face_width, track_clip
from services.render.engines.atlas.analysis import (
    BLURRED,
    build_library,
    coverage,
    fit_face,
    missing_shapes,
    sharpness,
    traits,
)
from services.render.engines.atlas.avatar import FRAMES, LIGHT
from services.render.engines.atlas.face import Face
from services.render.engines.atlas.library import MAX_PICTURES
from services.render.engines.atlas.light import estimate_light
from services.render.face.pose import load_canonical_face
from services.render.face.shape import eye_opening
from services.render.types import AvatarReport, PrepareJob


def prepare(job: PrepareJob, out: Path) -> AvatarReport:
    """See ``RenderEngine.prepare``."""
    job = looked_at(job)
    store, portrait = out / FRAMES, job.kind == "portrait"
    match job.kind:
        case "portrait":
            clip = track_portrait(job, store)
        case "video":
            clip = track_clip(job, store)
        case "film":
            clip = track_film(job, store)
    width, height = size_of(store)
    job.progress("shapes", 0.86)
    canonical = load_canonical_face(job.mesh_weights / "canonical_face.obj")
    face = fit_face(clip.meshes, clip.good, canonical, clip.cuts)
    job.progress("atlas", 0.9)
    if portrait:
        face = face.for_portrait()
    sharp = sharpness(face, store, width, height, job.cancelled)
    library = build_library(face, store, width, height, sharp, 1 if portrait else MAX_PICTURES)
    count = len(clip.meshes)
    face.save(out / "face.npz")
    library.save(out / "atlas.npz")
    estimate_light(face, store).save(out / LIGHT)
    size = (width, height)
    plan = Plan.of_film(*size, clip.fps, count) if job.kind == "film" else _plan(clip, face, size, portrait)
    plan.save(out / PLAN)
    job.progress("atlas", 1.0)
    return AvatarReport(
        width=width,
        height=height,
        fps=clip.fps,
        frames=1 if portrait else count,
        idle_frames=len(plan.loop),
        face_fraction=float(clip.good.mean()),
        face_width_px=face_width(clip.meshes[clip.good]),
        face_box=face_box(clip.meshes[clip.good], width, height),
        mouth_coverage=0.0 if portrait else coverage(face),
        warnings=_warnings(clip),
        missing_shapes=() if portrait else missing_shapes(face, sharp),
        mouth_pictures=len(library.patches),
        covered_frames=len(clip.hidden),
        blurred_frames=0 if portrait else int(((sharp > 0) & (sharp < BLURRED)).sum()),
    )


def _plan(clip: TrackedClip, face: Face, size: tuple[int, int], portrait: bool) -> Plan:
    count = len(clip.meshes)
    loop = list(range(count))
    if not portrait:
        played = slice(clip.first, clip.end)
        eyes = eye_opening(face.meshes, face.scale)
        loop = idle_loop(clip.fps, face.poses.motion()[played], face.strength[played], eyes[played], clip.first)
    looks = traits(face)[:, 2:]
    played_part = None if clip.end - clip.first == count else (clip.first, clip.end)
    return Plan(*size, clip.fps, count, portrait, loop, positions(loop, count, looks), played_part)


def _warnings(clip: TrackedClip) -> tuple[str, ...]:
    warnings = list(clip.warnings)
    if clip.hidden:
        warnings.append("mouth-covered-in-part")
    played = clip.good[clip.first : clip.end]
    if (~played).sum() > len(clip.hidden):
        warnings.append("face-missing-in-part")
    return tuple(warnings)
