"""Prepares an avatar: tracks the face, then fits, encodes and masks every frame; continues where a crash stopped it.

Work is done in a folder beside the avatar's (``.work-<source and version>``) and outlives the process: first the frames
and their meshes, then parts of ``PART`` frames each. Every file appears whole. A cancel or refusal removes the folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.clip import portrait as portrait_clip
from services.render.clip.film import track_film
from services.render.clip.frames import Reader, size_of
from services.render.clip.look import looked_at
from services.render.clip.loop import idle_loop, positions
from services.render.clip.plan import PLAN, Plan
from services.render.clip.portrait import track_portrait
from services.render.clip.tracking import TRACKED, face_width, nearest_filled, redraw_strength, track_clip
from services.render.clip.tracking import face_box as tracked_face_box
from services.render.engines.joygen.align import Box, Crop, align_crop, face_box, five_points
from services.render.engines.joygen.batching import Batcher, DeviceOutOfMemory
from services.render.engines.joygen.bfm import EXPRESSION
from services.render.engines.joygen.draw import DrawRequest, FacePainter
from services.render.engines.joygen.paste import MASK_SIDE, PasteStyle, crop_padded, face_mask
from services.render.engines.joygen.resample import lanczos_matrix
from services.render.engines.joygen.store import FACE, FRAMES, LATENTS, MASKS, Face
from services.render.face.pose import load_canonical_face, separate_pose, smooth
from services.render.face.shape import Array, eye_opening
from services.render.media.write import to_bgr
from services.render.types import AvatarReport, PrepareJob

FPS = 25
"""The networks were made for 25 frames a second; other rates are brought to it while they are read."""
PART = 32
BATCH = 8
"""Frames given to the device in one go; smaller when its memory is short."""
ERRAND_TIMEOUT_S = 300.0
STALE_S = 7 * 86400
"""Work of crashed processes that nobody came back for is removed after this."""
TRACKING_PART = 0.4
"""Of the whole time."""
INNER_LIPS = (13, 14)

T = TypeVar("T")
_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Clip:
    """What tracking the face found."""

    meshes: Array
    """Shape (n, 468, 3), pixels; frames without a face hold their neighbours' points."""
    good: npt.NDArray[np.bool_]
    width: int
    height: int
    warnings: tuple[str, ...]
    played: tuple[int, int]
    """First frame that is played, and one past the last."""


@dataclass(frozen=True, kw_only=True)
class JoygenPrepareJob(PrepareJob):
    """One preparation and what it needs of the engine."""

    artist: FacePainter
    batcher: Batcher[DrawRequest, npt.NDArray[np.uint8]]
    version: str
    margin: int
    """Pixels added below the box (MuseTalk 1.5 adds 10)."""
    style: PasteStyle


def prepare(job: JoygenPrepareJob, out: Path) -> AvatarReport:
    """See ``RenderEngine.prepare``."""
    job = looked_at(job)
    work = _work_folder(job, out)
    lock = _locks[work]
    while not lock.acquire(timeout=0.2):  # the same source for another avatar
        job.check()
    try:
        work.mkdir(exist_ok=True)
        os.utime(work)
        clip = _clip(job, work)
        canonical = load_canonical_face(job.mesh_weights / "canonical_face.obj")
        boxes, crops = _places(clip, job.margin)
        parts = _encode(job, work, clip, boxes, crops)
        report = _write(job, work, out, clip, boxes, crops, parts, canonical)
    except HuashengError:
        shutil.rmtree(work, ignore_errors=True)  # refused or cancelled: there is nothing to continue
        raise
    finally:
        lock.release()
    shutil.rmtree(work, ignore_errors=True)
    job.progress("finish", 1.0)
    return report


def _work_folder(job: JoygenPrepareJob, out: Path) -> Path:
    """Beside the folder that holds ``out``, which itself is removed with its process's work."""
    root = out.parent.parent
    for left in root.glob(".work-*"):
        if time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)
    with job.source.open("rb") as f:
        digest = hashlib.file_digest(f, "sha256")
    digest.update(f"{job.version} {job.kind} {job.limits.max_side_px} {job.limits.max_s}".encode())
    return root / f".work-{digest.hexdigest()[:20]}"


def _clip(job: JoygenPrepareJob, work: Path) -> Clip:
    """Frames in ``frames.mp4``, meshes in memory; read from ``clip.npz`` when an earlier process got that far."""
    found = work / "tracked.npz"
    if not found.is_file():

        def progress(stage: str, part: float) -> None:
            job.progress(stage, part / TRACKED * TRACKING_PART)

        store = work / FRAMES
        match job.kind:
            case "portrait":
                clip = track_portrait(job, store, progress)
            case "video":
                clip = track_clip(job, store, FPS, progress)
            case "film":
                clip = track_film(job, store, FPS, progress)
        warnings = list(clip.warnings)
        if job.kind != "portrait" and not clip.good[clip.first : clip.end].all():
            warnings.append("face-missing-in-part")
        meshes = smooth(nearest_filled(clip.meshes, clip.good), clip.good, clip.cuts)
        played = np.array([clip.first, clip.end])
        _save(found, meshes=meshes, good=clip.good, warnings=np.array(warnings, np.str_), played=played)
    with np.load(found, allow_pickle=False) as data:
        width, height = size_of(work / FRAMES)
        first, end = (int(i) for i in data["played"])
        warned = tuple(str(w) for w in data["warnings"])
        return Clip(data["meshes"], data["good"], width, height, warned, (first, end))


def _places(clip: Clip, margin: int) -> tuple[list[Box], list[Crop]]:
    boxes = [face_box(m, clip.height, margin) for m in clip.meshes]
    return boxes, [align_crop(five_points(m), clip.width, clip.height) for m in clip.meshes]


def _encode(job: JoygenPrepareJob, work: Path, clip: Clip, boxes: list[Box], crops: list[Crop]) -> list[Path]:
    """The parts' files; those that an earlier process wrote are kept."""
    count = len(clip.good)
    paths = [work / f"part-{start:06d}.npz" for start in range(0, count, PART)]
    reader = Reader(work / FRAMES)
    try:
        for number, path in enumerate(paths):
            job.check()
            if path.is_file():
                continue
            chosen = range(number * PART, min(count, (number + 1) * PART))
            latents, masks, coefficients = [], [], []
            for some in _pieces(list(chosen), BATCH):
                job.check()
                pictures = [to_bgr(reader.frame(i)) for i in some]
                faces = np.stack([face_in(p, boxes[i]) for p, i in zip(pictures, some, strict=True)])
                latents.append(_asked(job, job.artist.latents, faces))
                if job.artist.bfm is not None and job.artist.bundle.recon is not None:
                    aligned = np.stack([crops[i].cut(p) for p, i in zip(pictures, some, strict=True)])
                    coefficients.append(_asked(job, job.artist.fit, aligned))
                for picture, i in zip(pictures, some, strict=True):
                    masks.append(_mask(job, picture, boxes[i], clip.meshes[i]) if clip.good[i] else _no_mask())
                job.progress("encode", TRACKING_PART + (0.95 - TRACKING_PART) * (some[-1] + 1) / count)
            fitted = np.concatenate(coefficients) if coefficients else np.zeros((0, 257), np.float32)
            _save(path, latents=np.concatenate(latents), masks=np.stack(masks), coefficients=fitted)
    finally:
        reader.close()
    return paths


def face_in(picture: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
    """The box of a BGR picture as the network sees it, (256, 256, 3)."""
    part = crop_padded(picture, box).astype(np.float32)
    rows, columns = lanczos_matrix(part.shape[0], 256), lanczos_matrix(part.shape[1], 256)
    out = np.einsum("cw,rwk->rck", columns, np.einsum("rh,hwk->rwk", rows, part, optimize=True), optimize=True)
    return np.asarray(np.clip(np.rint(out), 0, 255), np.uint8)


def _mask(job: JoygenPrepareJob, picture: npt.NDArray[np.uint8], box: Box, mesh: Array) -> npt.NDArray[np.uint8]:
    if job.artist.bundle.parsing is None:
        return face_mask(picture, box, mesh, None, job.style)

    def parse(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return job.batcher.run_task(lambda: job.artist.parse(small), ERRAND_TIMEOUT_S)

    return face_mask(picture, box, mesh, parse, job.style)


def _no_mask() -> npt.NDArray[np.uint8]:
    return np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)


def _asked(
    job: JoygenPrepareJob, work: Callable[[Any], npt.NDArray[Any]], pictures: npt.NDArray[np.uint8]
) -> npt.NDArray[Any]:
    """Let the device do it between the batches of sessions; in halves when its memory is short."""
    try:
        return job.batcher.run_task(lambda: work(pictures), ERRAND_TIMEOUT_S)
    except DeviceOutOfMemory as e:
        if len(pictures) == 1:
            raise HuashengError("device-memory") from e
        half = len(pictures) // 2
        return np.concatenate([_asked(job, work, pictures[:half]), _asked(job, work, pictures[half:])])


def _write(
    job: JoygenPrepareJob,
    work: Path,
    out: Path,
    clip: Clip,
    boxes: list[Box],
    crops: list[Crop],
    parts: list[Path],
    canonical: Array,
) -> AvatarReport:
    coefficients = _joined(parts, out, len(clip.good))
    strength = redraw_strength(clip.good)
    where = np.array([(c.scale, c.left, c.top) for c in crops])
    Face(strength, np.array(boxes, np.int32), where, coefficients, _rest(clip, coefficients)).save(out / FACE)
    count, portrait = len(clip.good), job.kind == "portrait"
    is_film = job.kind == "film"
    plan = Plan.of_film(clip.width, clip.height, FPS, count) if is_film else _plan(clip, strength, canonical, portrait)
    shutil.move(work / FRAMES, out / FRAMES)
    plan.save(out / PLAN)
    return AvatarReport(
        width=clip.width,
        height=clip.height,
        fps=plan.fps,
        frames=1 if portrait else count,
        idle_frames=len(plan.loop),
        face_fraction=float(clip.good.mean()),
        face_width_px=face_width(clip.meshes[clip.good]),
        face_box=tracked_face_box(clip.meshes[clip.good], clip.width, clip.height),
        mouth_coverage=0.0,
        warnings=clip.warnings,
    )


def _joined(parts: list[Path], out: Path, count: int) -> npt.NDArray[np.float32]:
    """Write the parts' latents and masks as one file each, never whole in memory; the coefficients of all frames."""
    files: dict[str, npt.NDArray[Any]] = {}
    coefficients, at = [], 0
    for path in parts:
        with np.load(path, allow_pickle=False) as data:
            for name, file in (("latents", LATENTS), ("masks", MASKS)):
                part = data[name]
                if name not in files:
                    shape = (count, *part.shape[1:])
                    files[name] = np.lib.format.open_memmap(out / file, "w+", part.dtype, shape)
                files[name][at : at + len(part)] = part
            coefficients.append(data["coefficients"])
            at += len(part)
    return np.concatenate(coefficients)


def _plan(clip: Clip, strength: npt.NDArray[np.float32], canonical: Array, portrait: bool) -> Plan:
    poses, _ = separate_pose(clip.meshes, canonical)
    count, played = len(clip.good), slice(*clip.played)
    loop = list(range(count))
    if not portrait:
        eyes = eye_opening(clip.meshes, poses.scale)
        loop = idle_loop(FPS, poses.motion()[played], strength[played], eyes[played], clip.played[0])
    return Plan(
        width=clip.width,
        height=clip.height,
        fps=portrait_clip.FPS if portrait else float(FPS),
        frames=count,
        cyclic=portrait,
        loop=loop,
        positions=positions(loop, count, poses.angles()),
        played=None if clip.played == (0, count) else clip.played,
    )


def _rest(clip: Clip, coefficients: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean expression of the tenth of the frames whose lips are closest together."""
    if not len(coefficients):
        return np.zeros(0, np.float32)
    upper, lower = (clip.meshes[:, p, :2] for p in INNER_LIPS)
    gap = np.linalg.norm(upper - lower, axis=1) / np.ptp(clip.meshes[:, :, 0], axis=1)
    gap[~clip.good] = np.inf
    shut = np.argsort(gap)[: max(1, int(clip.good.sum()) // 10)]
    return np.asarray(coefficients[shut, EXPRESSION].mean(0), np.float32)


def _pieces(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _save(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write an ``.npz`` whole or not at all."""
    part = path.with_suffix(".tmp.npz")
    np.savez(part, allow_pickle=False, **arrays)
    part.replace(path)
