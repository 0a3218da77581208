"""Looks at a few pictures of a source before the long work begins: which way is up, is there one face, can it be used.

A refusal must not need a minute, and what a camera or an editor left wrong is better known before frames are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from services.common.errors import HuashengError
from services.render.clip.presence import mouth_inside
from services.render.clip.tracking import MIN_FACE, check_length, check_mouth, face_width
from services.render.face.detector import DetectedFace
from services.render.face.landmarks import FaceFinder, Points, rivals
from services.render.face.mask import hides_mouth
from services.render.media.picture import fitted, turned
from services.render.media.read import probe, read_image
from services.render.media.sample import sample_frames
from services.render.types import ClipLimits, Image, Kind, PrepareJob

SIDE = 960
"""Longest side of the pictures that are looked at."""
UPRIGHT_SCORE = 0.85
"""Score of the detector for a face that stands upright; one on its side or head reaches 0.6 to 0.8."""
BETTER = 0.1
"""How much surer a turned picture's face must be."""
MOST_ROLL = np.radians(45)
"""Largest tilt of a face that counts as upright."""
RIVAL_SHARE = 0.6
"""Part of the pictures with a second face at which a film is refused without following it to its end."""
GRID = 48
"""Cells along a side in which pictures of a film are compared."""
STILL = 10.0
"""Largest difference (levels of 255, mean of a cell) between pictures of a film that is one picture all the time; a
person at rest breathes and blinks over 20."""
COVERED_SHARE = 0.7
"""Part of the pictures with a covered mouth at which a source is refused; less is left to the frames themselves."""
SURELY_SMALL = 0.8
"""Part of ``MIN_FACE`` under which a face is refused by a few pictures alone."""

Job = TypeVar("Job", bound=PrepareJob)


@dataclass(frozen=True)
class Look:
    """What was seen."""

    turn: int
    """Degrees counter-clockwise, 0, 90, 180 or 270, that bring the face upright."""
    is_still: bool
    """Whether a film is one picture all the time."""


@dataclass(frozen=True)
class _Pictures:
    pictures: list[Image]
    stands_for_all: bool
    """Whether what none of them shows is not in the source."""
    is_still: bool
    shrunk: float
    """Size of the avatar's frames over that of the pictures."""


def looked_at(job: Job) -> Job:
    """The job as it is to be done: a video of one picture as a portrait, a turned source with its ``turn``.

    Raises what ``look`` raises.
    """
    job.progress("look", 0.0)
    seen = look(job.source, job.kind, job.mesh_weights, job.limits)
    job.check()
    warnings = [*(["turned-upright"] if seen.turn else []), *(["still-film"] if seen.is_still else [])]
    kind: Kind = "portrait" if seen.is_still else job.kind
    return replace(job, kind=kind, turn=seen.turn, warnings=(*job.warnings, *warnings))


def look(source: Path, kind: Kind, mesh_weights: Path, limits: ClipLimits) -> Look:
    """Look at a source.

    Raises what ``probe`` and ``read_image`` raise, ``too-short``, ``no-face``, ``two-faces``, ``small-face``,
    ``mouth-outside`` and ``mouth-covered``.
    """
    seen = _pictures(source, kind, limits)
    finder = FaceFinder(mesh_weights)
    if kind == "film":  # it stays as it is, and what a few of its pictures lack may be in the others
        seen = replace(seen, stands_for_all=False, is_still=False)
        turn, faces = 0, [finder.faces(p, quickly=True) for p in seen.pictures]
    else:
        turn, faces = upright(finder, seen.pictures)
    found: list[tuple[Image, list[DetectedFace], Points]] = []
    for picture, seen_faces in zip((turned(p, turn) for p in seen.pictures), faces, strict=True):
        mesh = finder.mesh(picture, seen_faces) if seen_faces else None
        if mesh is not None:  # the detector alone takes a pattern for a face now and then
            found.append((picture, seen_faces, mesh))
    result = Look(turn, seen.is_still)
    if not found:
        if seen.stands_for_all:
            raise HuashengError("no-face", name=source.name)
        return result
    counts = [rivals(f) for _, f, _ in found]
    crowded = sum(c > 1 for c in counts)
    if crowded >= RIVAL_SHARE * len(seen.pictures) and (crowded > 2 or kind == "portrait" or seen.is_still):
        raise HuashengError("two-faces", name=source.name, count=max(counts))
    if seen.stands_for_all:
        _check_faces(source.name, [(picture, mesh) for picture, _, mesh in found], seen.shrunk)
    return result


def _check_faces(name: str, found: list[tuple[Image, Points]], shrunk: float) -> None:
    wide = face_width(np.stack([mesh for _, mesh in found])) * shrunk
    if wide < SURELY_SMALL * MIN_FACE:
        raise HuashengError("small-face", name=name, pixels=round(wide), limit=MIN_FACE)
    inside = np.array([mouth_inside(mesh, p.shape[1], p.shape[0]) for p, mesh in found])
    check_mouth(name, inside, np.ones(len(inside), bool))
    covered = [hides_mouth(p, mesh) for p, mesh in found]
    if sum(covered) >= COVERED_SHARE * len(covered):
        raise HuashengError("mouth-covered", name=name)


def check_for_training(source: Path, mesh_weights: Path, limits: ClipLimits) -> None:
    """Raises what ``look`` raises, and ``still-film`` for a film that does not move."""
    if look(source, "video", mesh_weights, limits).is_still:
        raise HuashengError("still-film", name=source.name)


def _pictures(source: Path, kind: Kind, limits: ClipLimits) -> _Pictures:
    side = min(SIDE, limits.max_side_px)
    if kind == "portrait":
        picture = read_image(source, limits.max_side_px)
        width, height = fitted(picture.shape[1], picture.shape[0], side)
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        return _Pictures([np.asarray(small)], True, False, picture.shape[1] / width)
    info = probe(source)
    check_length(source.name, info.duration_s)
    samples = sample_frames(source, info, side, limits.max_s)
    shrunk = fitted(info.width, info.height, limits.max_side_px)[0] / fitted(info.width, info.height, side)[0]
    return _Pictures(samples.pictures, samples.is_spread, samples.is_spread and never_changes(samples.pictures), shrunk)


def upright(finder: FaceFinder, pictures: list[Image]) -> tuple[int, list[list[DetectedFace]]]:
    """Degrees counter-clockwise that bring the faces upright, and the faces of each picture turned by that."""
    # every other picture is searched down to the smallest faces: with nobody there that is most of the time
    faces = [finder.faces(p, quickly=i % 2 == 1) for i, p in enumerate(pictures)]
    sure = [score for f in faces if (score := _surest(f)) >= UPRIGHT_SCORE]
    if pictures and 2 * len(sure) < len(pictures):
        step = max(1, len(pictures) // 2)
        scores = {0: sum(_surest(f) for f in faces[::step])}
        for turn in (90, 180, 270):
            scores[turn] = sum(_surest(finder.faces(turned(p, turn), quickly=True)) for p in pictures[::step])
        count, best = len(pictures[::step]), max(scores, key=lambda turn: scores[turn])
        if scores[best] >= max(scores[0] + BETTER * count, UPRIGHT_SCORE * max(1.0, count / 2)):
            return best, [finder.faces(turned(p, best), quickly=True) for p in pictures]
    return 0, faces


def _surest(faces: list[DetectedFace]) -> float:
    """Highest score of the faces that stand upright."""
    return max((f.score for f in faces if abs(f.roll) < MOST_ROLL), default=0.0)


def never_changes(pictures: list[Image]) -> bool:
    """Whether pictures from all over a film are the same but for the noise of its encoding."""
    small = np.stack([cv2.resize(p, (GRID, GRID), interpolation=cv2.INTER_AREA) for p in pictures]).astype(np.float32)
    return float(np.ptp(small, axis=0).max()) < STILL
