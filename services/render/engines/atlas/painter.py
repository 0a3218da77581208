"""Draws one frame: the lower face bent to the wanted shape, then the person's own mouth pictures laid into it.

Two warps share one spline. The frame at hand is bent so that jaw, cheeks and neck follow; the chosen mouth pictures are
brought to the same target and blended in with a soft edge. Outside the rectangle not one byte changes.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from services.render.engines.atlas import lip_join as shut
from services.render.engines.atlas.face import TOUCHING, Face, mouth_rect
from services.render.engines.atlas.interior import Interior, Lips, need
from services.render.engines.atlas.library import Chooser, Library
from services.render.face import points as pt
from services.render.face.pose import to_picture
from services.render.face.shape import Array
from services.render.face.warp import Plate, Rect
from services.render.media.planes import Patch, blend, crop, cut, mix, paste, small, warp
from services.render.types import Image

FEATHER, LIP_FEATHER = 0.2, 0.16
"""Width of the soft edge at the skin's border and around the lips, in eye distances."""
AROUND_LIPS = 0.2
"""How far around the lips, in eye distances, the mouth pictures are shown; farther out the frame's own skin is bent,
which keeps its light, its expression and its grain."""
COLOUR_LIMIT = 30.0
"""Most that the colour match may shift a plane."""
SAME_LIGHT, MOST_LIGHT = 0.06, 1.6
"""Difference of the light on a picture and on the frame that is left to the colour match, and the largest ratio."""
_BLACK = np.array([16, 128, 128], np.float32)

DETAIL = 0.02
"""Size of fine detail, in eye distances: teeth and pores, not the shape of a lip."""

_T = np.linspace(0, 1, 5)
_SIDES = np.array([(t, s) for s in (0.0, 1.0) for t in _T] + [(s, t) for s in (0.0, 1.0) for t in _T[1:-1]])


class Painter:
    """Draws the frames of one session, in order."""

    def __init__(
        self, face: Face, library: Library, interior: Interior, width: int, height: int, apart: int = 0
    ) -> None:
        """``apart``: pictures from nearer than this many frames to the one that is drawn are not used (to measure)."""
        self._face, self._library, self._interior = face, library, interior
        self._width, self._height = width, height
        self._model = face.model
        self._poses = face.poses
        self._angles = self._poses.angles()
        self._free = np.abs(face.basis).sum((0, 2))[:, None] > 1e-6
        self._chooser = Chooser(library, apart)
        # the mesh's inner lips never quite touch: how far they are apart at rest counts as closed
        self._sealed = max(0.0, float(face.closed[0]) - TOUCHING)

    def paint(self, picture: Image, i: int, mouth: Array) -> Image:
        """Frame ``i`` of the store with a mouth of the wanted opening and width (2,); a new picture."""
        face = self._face
        strength = float(face.strength[i])
        chosen = self._chooser.weigh(np.concatenate([mouth, self._angles[i]]).astype(np.float32), i)
        if strength <= 0:
            return picture
        unit = float(face.scale[i])
        mesh = face.meshes[i]
        head = self._model.shape(mouth) + face.residual[i]
        target = to_picture(self._poses, i, head)[:, :2]
        goal = np.where(self._free, target, mesh[:, :2])
        goal = mesh[:, :2] + strength * (goal - mesh[:, :2])

        rect = mouth_rect(mesh, unit, self._width, self._height)
        step = max(4, round(unit / 20 / 2) * 2)
        border = _border(rect)
        controls = goal[pt.CONTROL]
        plate = Plate(rect, np.concatenate([controls, border]).astype(np.float32), step)

        # where the picture's border lies in another picture: the affine fit between the controls, as one small matrix
        flat = np.c_[controls - controls.mean(0), np.full(len(controls), unit)]
        edge = np.c_[border - controls.mean(0), np.full(len(border), unit)]
        beyond = edge @ np.linalg.solve(flat.T @ flat, flat.T)

        def whole(points: Array) -> Array:
            return np.concatenate([points, beyond @ points])

        theirs = [self._library.meshes[k, pt.CONTROL, :2] for k, _ in chosen]
        still = np.concatenate([mesh[pt.CONTROL, :2] - controls, np.zeros_like(border)])
        bend, *places = np.split(plate.spread(np.concatenate([still, *map(whole, theirs)], 1)), 1 + len(chosen), -1)
        nodes = plate.nodes.reshape(plate.rows, plate.columns, 2)
        under = warp(cut(picture, rect), nodes + bend * _window(plate.rows, plate.columns), step, rect)

        alpha = _alpha(goal, rect, step, plate.rows, plate.columns, unit)
        part, rows, columns = _occupied(alpha, rect, step)
        layers = []
        for (k, weight), there, place in zip(chosen, theirs, places, strict=True):
            patch = self._library.patches[k]
            layer = warp(patch, place[rows, columns], step, part)
            gap = float(self._library.traits[k, 0]) - self._sealed
            if share := shut.need(float(mouth[0]) - self._sealed, gap):
                scale = float(self._library.scale[k])
                halves = shut.halves(controls, there, scale, scale / unit)
                both = np.split(plate.spread(np.concatenate([whole(h) for h in halves], 1)), 2, -1)
                upper, lower = (warp(patch, half[rows, columns], step, part) for half in both)
                layer = shut.join(layer, upper, lower, controls, unit, share)
            layers.append((weight, layer))
        over = mix(layers, max(1.0, DETAIL * unit))
        beneath = crop(under, part)
        shown = sum(w * float(self._library.traits[k, 0]) for k, w in chosen)
        if share := need(float(mouth[0]), shown):
            lips = Lips.of(goal[list(pt.UPPER_INNER)], goal[list(pt.LOWER_INNER)], unit, float(self._angles[i, 2]))
            over = self._interior.paint(over, i, lips, mouth, share)

        alpha = alpha[rows, columns]
        shift, gain = _colour(beneath, over, alpha, unit / step)
        out = picture.copy()
        paste(out, under)
        paste(out, blend(beneath, over, alpha * strength, shift, step, gain))
        return out


def _border(rect: Rect) -> Array:
    x, y, w, h = rect
    return np.asarray(_SIDES * (w, h) + (x, y), dtype=np.float32)


@lru_cache(maxsize=16)
def _window(rows: int, columns: int) -> Array:
    y = np.minimum(np.arange(rows), np.arange(rows)[::-1])[:, None]
    x = np.minimum(np.arange(columns), np.arange(columns)[::-1])[None]
    return np.clip(np.minimum(x, y) / 3, 0, 1).astype(np.float32)[..., None]


def _alpha(goal: Array, rect: Rect, step: int, rows: int, columns: int, unit: float) -> Array:
    """How much of the mouth pictures is shown at each node, 0 to 1; ``unit`` is the eye distance."""
    lips = goal[list(pt.OUTER_RING)]
    out = lips - lips.mean(0)
    out = out / np.maximum(1e-3, np.linalg.norm(out, axis=1, keepdims=True))
    near = _inside(lips + AROUND_LIPS * unit * out, rect, step, rows, columns, LIP_FEATHER * unit)
    return np.minimum(near, _inside(goal[list(pt.SKIN_BORDER)], rect, step, rows, columns, FEATHER * unit))


def _inside(outline: Array, rect: Rect, step: int, rows: int, columns: int, feather: float) -> Array:
    outline = (outline - rect[:2] + 0.5) / step - 0.5
    inside = np.zeros((rows + 2, columns + 2), np.uint8)
    cv2.fillPoly(inside, [np.round((outline + 1) * 16).astype(np.int32)], 1, shift=4)
    inside[[0, -1]] = 0
    inside[:, [0, -1]] = 0
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    t = np.clip(depth * step / feather, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _occupied(alpha: Array, rect: Rect, step: int) -> tuple[Rect, slice, slice]:
    """The part of ``rect`` in which alpha is not nought, and its rows and columns of nodes."""
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not len(rows):
        return (rect[0], rect[1], 2, 2), slice(0, 1), slice(0, 1)
    r, c = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    x, y, w, h = rect
    width, height = (
        min((c.stop - c.start) * step, w - c.start * step),
        min((r.stop - r.start) * step, h - r.start * step),
    )
    return (x + c.start * step, y + r.start * step, width, height), r, c


def _colour(under: Patch, over: Patch, alpha: Array, nodes_per_unit: float) -> tuple[Array, float]:
    """What ``over`` must be multiplied by, and then shifted by at the nodes, to look as ``under`` around the lips."""
    size = (alpha.shape[1], alpha.shape[0])
    frame, picture = small(under, size), small(over, size)
    rim = ((alpha > 0.02) & (alpha < 0.85)).astype(np.float32)[..., None]
    count = max(1.0, float(rim.sum()))
    bright, own = (max(1.0, float(((p - _BLACK) * rim)[..., 0].sum()) / count) for p in (frame, picture))
    # a shift alone would leave dark lips too pale in more light
    more = float(np.clip(bright / own, 1 / MOST_LIGHT, MOST_LIGHT)) - 1
    gain = 1 + more - float(np.clip(more, -SAME_LIGHT, SAME_LIGHT))
    black = (1 - gain) * _BLACK
    difference = frame - (gain * picture + black)
    sigma = 0.22 * nodes_per_unit
    total = cv2.GaussianBlur(difference * rim, (0, 0), sigma)
    weight = cv2.GaussianBlur(rim, (0, 0), sigma)[..., None]
    overall = (difference * rim).sum((0, 1)) / count
    spread = (total + 0.02 * overall) / (weight + 0.02)
    return np.asarray(black + np.clip(spread, -COLOUR_LIMIT, COLOUR_LIMIT), dtype=np.float32), gain
