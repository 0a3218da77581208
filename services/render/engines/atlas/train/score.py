"""Figures of a drawn mouth against the real one, from the product's own landmarks, and a picture to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from services.render.audio.log_mel import RATE
from services.render.engines.base import RenderSession
from services.render.face import points as pt
from services.render.face.landmarks import Tracker
from services.render.face.lip_contour import move_lip_contour, teeth_reach
from services.render.face.pose import load_canonical_face, separate_pose, smooth
from services.render.face.shape import Array, measure_mouth
from services.render.media.write import to_bgr
from services.render.types import Frame, Image, Working

HZ = 100
NOISE = 0.008
"""Jitter of the measured opening of a still mouth, in distances between the eyes: a still mouth scores nought."""
REACH_S = 0.4
LIPS = [*pt.UPPER_LIP, *pt.LOWER_LIP]
SHOWN = 5
"""Moments in the preview."""
SIDE = 160


def best_lag(drawn: Array, real: Array) -> tuple[float, float]:
    """Largest correlation of two curves at ``HZ`` within ``REACH_S``, and its lag in ms (positive: drawn is late)."""
    best = (-1.0, 0.0)
    for lag in range(-round(REACH_S * HZ), round(REACH_S * HZ) + 1, 2):
        a = drawn[max(0, lag) : len(drawn) + min(0, lag)]
        b = real[max(0, -lag) : len(real) - max(0, lag)]
        a, b = a - a.mean(), b - b.mean()
        power = np.sqrt(((a**2).sum() + NOISE**2 * len(a)) * (b**2).sum())
        value = float((a * b).sum() / power) if power > 1e-9 else 0.0
        if value > best[0]:
            best = (value, 1000.0 * lag / HZ)
    return best


def figures(drawn: Array, real: Array, fps: float, offset_s: float) -> dict[str, float]:
    """Of shapes (n, 468, 3) in the head's frame; ``offset_s`` is how much the clip's mouth is ahead of its sound.

    The lag is told without that offset: a drawn mouth that is in time with the sound has none.
    """
    a, b = measure_mouth(drawn), measure_mouth(real)
    n = min(len(a), len(b))
    t = np.arange(0, (n - 1) / fps, 1 / HZ)
    a, b = (np.stack([np.interp(t, np.arange(n) / fps, c[:n]) for c in m.T], 1) for m in (a, b))
    opening, lag = best_lag(a[:, 0], b[:, 0])
    width, _ = best_lag(a[:, 1], b[:, 1])
    shift = round(max(0.0, lag / 1000) * fps), round(max(0.0, -lag / 1000) * fps)
    p, q = drawn[shift[0] : n - shift[1], :, :2], real[shift[1] : n - shift[0], :, :2]
    k = min(len(p), len(q))
    distance = np.linalg.norm(p[:k, LIPS] - q[:k, LIPS], axis=2).mean()
    return {
        "opening_corr": round(opening, 3),
        "width_corr": round(width, 3),
        "lag_ms": round(lag - 1000 * offset_s, 1),
        "opening_std_ratio": round(float(a[:, 0].std() / (b[:, 0].std() + 1e-9)), 3),
        "lip_distance": round(float(distance), 4),
    }


def drawn_part(
    session: RenderSession, samples: Array, first: int, last: int, tick: Callable[[float], None]
) -> list[Image]:
    """Pictures ``first`` to ``last`` of the session speaking ``samples`` (at ``RATE``, which it was opened with)."""
    out: list[Image] = []

    def given() -> Iterator[Frame | Working]:
        for k in range(0, len(samples), RATE):
            yield from session.push(samples[k : k + RATE])
        yield from session.finish()

    try:
        for frame in given():
            if isinstance(frame, Frame):
                number = round(frame.pts_us * session.fps / 1e6)
                if first <= number < last:
                    out.append(to_bgr(frame.image))
                tick(min(1.0, number / last))
                if number >= last:
                    return out
        return out
    finally:
        session.close()


def shapes_of(pictures: list[Image], weights: Path, tick: Callable[[float], None]) -> Array:
    """Shapes in the head's frame, as an avatar's preparation finds them; a picture without a face repeats the last."""
    tracker = Tracker(weights)
    meshes: list[Array] = []
    teeth: list[Array] = []
    for k, picture in enumerate(pictures):
        mesh = tracker.next(picture)
        if mesh is not None or meshes:
            meshes.append(meshes[-1] if mesh is None else mesh)
            teeth.append(teeth[-1] if mesh is None else teeth_reach(picture, mesh))
        tick((k + 1) / len(pictures))
    if not meshes:
        return np.zeros((0, 468, 3), np.float32)
    late = len(pictures) - len(meshes)
    found = move_lip_contour(*(np.stack([*[seen[0]] * late, *seen]) for seen in (meshes, teeth)))
    found = smooth(found, np.ones(len(found), bool))
    return separate_pose(found, load_canonical_face(weights / "canonical_face.obj"))[1]


def preview(rows: list[list[Image]], boxes: list[list[tuple[int, int, int, int]]]) -> bytes:
    """A JPEG: one row for real, before and after, one column for each moment; boxes say what is shown of each."""
    lines = []
    for pictures, cuts in zip(rows, boxes, strict=True):
        cells = []
        for picture, (x, y, w, h) in zip(pictures, cuts, strict=True):
            part = picture[max(0, y) : y + h, max(0, x) : x + w]
            cells.append(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        lines.append(np.concatenate(cells, 1))
    return bytes(cv2.imencode(".jpg", np.concatenate(lines), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
