"""Scores of a drawn mouth against the real one, measured by the product's own landmarks, and a preview picture."""

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

CURVE_HZ = 100
OPENING_NOISE = 0.008
"""Jitter of the measured opening of a still mouth, in eye distances; it makes a still mouth score 0."""
MAX_LAG_S = 0.4
LIPS = [*pt.UPPER_LIP, *pt.LOWER_LIP]
PREVIEW_MOMENTS = 5
"""Moments in the preview."""
PREVIEW_SIDE = 160


def best_lag(drawn: Array, measured: Array) -> tuple[float, float]:
    """Largest correlation of two curves at ``CURVE_HZ`` within ``MAX_LAG_S``, and its lag in ms (positive: drawn is
    late)."""
    best = (-1.0, 0.0)
    for lag in range(-round(MAX_LAG_S * CURVE_HZ), round(MAX_LAG_S * CURVE_HZ) + 1, 2):
        a = drawn[max(0, lag) : len(drawn) + min(0, lag)]
        b = measured[max(0, -lag) : len(measured) - max(0, lag)]
        a, b = a - a.mean(), b - b.mean()
        power = np.sqrt(((a**2).sum() + OPENING_NOISE**2 * len(a)) * (b**2).sum())
        value = float((a * b).sum() / power) if power > 1e-9 else 0.0
        if value > best[0]:
            best = (value, 1000.0 * lag / CURVE_HZ)
    return best


def scores(drawn: Array, measured: Array, fps: float, offset_s: float) -> dict[str, float]:
    """Scores of shapes (n, 468, 3) in the head's frame; ``offset_s`` is how far the clip's mouth leads its sound.

    The lag excludes that offset: it is 0 for a drawn mouth in sync with the sound.
    """
    drawn_curve, measured_curve = measure_mouth(drawn), measure_mouth(measured)
    count = min(len(drawn_curve), len(measured_curve))
    t = np.arange(0, (count - 1) / fps, 1 / CURVE_HZ)
    drawn_curve, measured_curve = (
        np.stack([np.interp(t, np.arange(count) / fps, c[:count]) for c in curve.T], 1)
        for curve in (drawn_curve, measured_curve)
    )
    opening, lag = best_lag(drawn_curve[:, 0], measured_curve[:, 0])
    width, _ = best_lag(drawn_curve[:, 1], measured_curve[:, 1])
    shift = round(max(0.0, lag / 1000) * fps), round(max(0.0, -lag / 1000) * fps)
    p, q = drawn[shift[0] : count - shift[1], :, :2], measured[shift[1] : count - shift[0], :, :2]
    k = min(len(p), len(q))
    distance = np.linalg.norm(p[:k, LIPS] - q[:k, LIPS], axis=2).mean()
    return {
        "opening_corr": round(opening, 3),
        "width_corr": round(width, 3),
        "lag_ms": round(lag - 1000 * offset_s, 1),
        "opening_std_ratio": round(float(drawn_curve[:, 0].std() / (measured_curve[:, 0].std() + 1e-9)), 3),
        "lip_distance": round(float(distance), 4),
    }


def render_frames(
    session: RenderSession, samples: Array, first: int, last: int, progress: Callable[[float], None]
) -> list[Image]:
    """Pictures ``first`` to ``last`` of the session speaking ``samples`` (at ``RATE``, which it was opened with)."""
    pictures: list[Image] = []

    def frames() -> Iterator[Frame | Working]:
        for k in range(0, len(samples), RATE):
            yield from session.push(samples[k : k + RATE])
        yield from session.finish()

    try:
        for frame in frames():
            if isinstance(frame, Frame):
                number = round(frame.pts_us * session.fps / 1e6)
                if first <= number < last:
                    pictures.append(to_bgr(frame.image))
                progress(min(1.0, number / last))
                if number >= last:
                    return pictures
        return pictures
    finally:
        session.close()


def head_shapes(pictures: list[Image], weights: Path, progress: Callable[[float], None]) -> Array:
    """Shapes (n, 468, 3) in the head's frame, found as in avatar preparation; a picture without a face repeats the
    last."""
    tracker = Tracker(weights)
    meshes: list[Array] = []
    teeth: list[Array] = []
    for k, picture in enumerate(pictures):
        mesh = tracker.next(picture)
        if mesh is not None or meshes:
            meshes.append(meshes[-1] if mesh is None else mesh)
            teeth.append(teeth[-1] if mesh is None else teeth_reach(picture, mesh))
        progress((k + 1) / len(pictures))
    if not meshes:
        return np.zeros((0, 468, 3), np.float32)
    missing = len(pictures) - len(meshes)
    moved = move_lip_contour(*(np.stack([*[values[0]] * missing, *values]) for values in (meshes, teeth)))
    moved = smooth(moved, np.ones(len(moved), bool))
    return separate_pose(moved, load_canonical_face(weights / "canonical_face.obj"))[1]


def preview(rows: list[list[Image]], boxes: list[list[tuple[int, int, int, int]]]) -> bytes:
    """A JPEG with one row each for real, before and after, and one column per moment; ``boxes`` crop the pictures."""
    strips = []
    for pictures, crops in zip(rows, boxes, strict=True):
        cells = []
        for picture, (x, y, w, h) in zip(pictures, crops, strict=True):
            part = picture[max(0, y) : y + h, max(0, x) : x + w]
            cells.append(cv2.resize(part, (PREVIEW_SIDE, PREVIEW_SIDE), interpolation=cv2.INTER_AREA))
        strips.append(np.concatenate(cells, 1))
    return bytes(cv2.imencode(".jpg", np.concatenate(strips), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
