"""Follows the one person through a film whose mouth is drawn anew: every frame stays, in its order and at its time.

Other than of an avatar's clip nothing is left out or cut off, and much of a film may show something else: frames
without a usable face pass as they are.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from services.common.errors import HuashengError
from services.render.clip.presence import cuts, present
from services.render.clip.tracking import (
    MIN_FACE,
    MIN_S,
    RIVAL_SHARE,
    TrackedClip,
    check_length,
    chin_outside,
    face_width,
    few_faces,
    source_warnings,
    track_face,
    usable,
)
from services.render.face.landmarks import Tracker
from services.render.face.occlusion import occluded_frames
from services.render.media.read import film_rate, probe, read_frames
from services.render.types import PrepareJob, Progress

LEAST_SHARE = 0.05
"""Share of the frames that must show a usable face: an interview in a film about something else has more, a poster on
a wall or a pattern that is taken for a face now and then has less. It is never less than ``MIN_S``, from which a mouth
can be learned."""
THOROUGH_EVERY = 5
"""While nobody is there, frames of which one is searched for small faces: long cuts to something else would take most
of the time, and somebody who walks in is found a fifth of a second later at most."""


def track_film(job: PrepareJob, store: Path, fps: int | None = None, progress: Progress | None = None) -> TrackedClip:
    """Store a film's frames and follow the face through them; all are played. ``fps`` is the rate wanted, the film's
    own (``film_rate``) if None; ``progress`` takes the place of the job's.

    Raises ``too-short``, ``too-small-picture``, ``corrupt-media``, ``no-face``, ``two-faces``, ``few-faces``,
    ``small-face``, ``mouth-outside``, ``mouth-covered`` and ``cancelled``.
    """
    info, limits, name = probe(job.source), job.limits, job.source.name
    check_length(name, info.duration_s)
    rate = Fraction(fps) if fps else film_rate(info.source_fps)
    tracker = Tracker(job.mesh_weights, THOROUGH_EVERY)
    found = track_face(
        (p for _, p in read_frames(job.source, rate, limits.max_side_px, as_played=True)),
        store,
        float(rate),
        tracker,
        expected=max(1, round(info.duration_s * rate)),
        progress=progress or job.progress,
        cancelled=job.cancelled,
    )
    seen = usable(found.meshes)
    count = len(seen)
    least = max(MIN_S * rate, LEAST_SHARE * count)
    if not seen.any():
        raise HuashengError("no-face", name=name)
    if tracker.rival_pictures > RIVAL_SHARE * tracker.face_pictures:
        raise HuashengError("two-faces", name=name, count=tracker.rivals)
    if seen.sum() < least:
        raise few_faces(name, float(seen.mean()), least / count)
    # a film has distant views as well: they pass, and the others count
    large = seen & (np.ptp(found.meshes[:, :, 0], axis=1) >= MIN_FACE)
    if large.sum() < least:
        raise HuashengError("small-face", name=name, pixels=round(face_width(found.meshes[seen])), limit=MIN_FACE)
    inside = large & found.inside
    if inside.sum() < least:
        raise HuashengError("mouth-outside", name=name)
    scenes = cuts(found.cells)
    who = present(inside, found.heads, scenes, float(rate))
    hidden = occluded_frames(found.looks, who.person)
    drawn = who.person & ~hidden
    if drawn.sum() < least:
        raise (
            HuashengError("mouth-covered", name=name)
            if hidden.any()
            else few_faces(name, float(drawn.mean()), least / count)
        )
    found.meshes[~drawn] = np.nan
    warnings = [*job.warnings, *source_warnings(info.width, info.height, 0.0, limits)]
    warnings += [w for w in who.warnings if w == "other-person"]
    if chin_outside(found.meshes[drawn], found.height):
        warnings.append("chin-cut")
    return TrackedClip(
        meshes=found.meshes,
        good=drawn,
        hidden=np.flatnonzero(hidden).tolist(),
        fps=float(rate),
        warnings=warnings,
        first=0,
        end=count,
        cuts=scenes,
    )
