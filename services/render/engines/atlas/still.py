"""Draws the frames of a face of which no picture shows the open mouth: a portrait, or a clip of someone silent.

The frame at hand is bent to the wanted shape, lips apart along the line where they meet, and the inside of the mouth is
laid between them. Without a movement nothing changes: the mouth at rest is the picture's own.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from services.render.engines.atlas import lip_join as shut
from services.render.engines.atlas.face import Face, mouth_rect
from services.render.engines.atlas.interior import Interior, Lips
from services.render.engines.atlas.library import Library
from services.render.face import points as pt
from services.render.face.pose import to_head, to_picture
from services.render.face.shape import Array
from services.render.face.warp import Plate, Rect, dense
from services.render.media.planes import Patch, cut, paste
from services.render.types import Image

SEALED = 0.085
"""Measured opening, in eye distances, that may still be a closed mouth: the mesh's inner lips never quite touch."""
SILENT = 0.13
"""A clip that never shows a wider opening is one of a closed mouth."""
ROUND = 0.64
"""Width of a fully rounded mouth, in eye distances."""
MOST_ROUNDER = 3.0
"""How many times farther than others the corners of a smile may come in."""
POUT = (0.02, 0.03)
"""How much higher and lower the outer edges of rounded lips are, in eye distances: being nearer they look thicker."""
HOLE, HOLE_OPENS, HOLE_DARK = 0.75, 0.035, 0.35
"""The hole between rounded lips: its part of their width, how much higher it is than what is wanted, in eye distances,
and how much of the light does not come in past lips that come forward."""
TUCK_UP, TUCK_DOWN, TUCK_ROLL = 0.045, 0.012, 0.035
"""In f and v the upper lip is raised and the lower one, rolled in by its outer edge, lies at the edge of the teeth."""
TUCK_LIGHT = 0.3
"""How much brighter the teeth over it are than in a slit that lips leave as they part."""
_UP, _LOW = list(pt.UPPER_INNER), list(pt.LOWER_INNER)
_PLACE = {int(p): k for k, p in enumerate(pt.CONTROL)}
_UP_CONTROL, _LOW_CONTROL = ([_PLACE[p] for p in curve[1:-1]] for curve in (_UP, _LOW))


def silent(library: Library) -> bool:
    """Whether no good picture shows an open mouth."""
    return bool(library.traits[library.worth > 0.3, 0].max(initial=0.0) < SILENT)


class StillPainter:
    """Draws the frames of one session, in any order."""

    def __init__(self, face: Face, interior: Interior, width: int, height: int) -> None:
        self._face = face
        self._width, self._height = width, height
        self._model, self._poses = face.model, face.poses
        self._angles = self._poses.angles()
        self._shows_teeth = float(np.median(face.mouths[:, 0])) > SEALED
        self._interior = interior
        self._heads = to_head(self._poses, face.meshes)
        # a grimace moves closed lips over the teeth: as long as they are not seen to, the teeth go with them
        at = self._heads[:, [13, 14], :2].mean(1) - face.model.shape(face.closed)[[13, 14], :2].mean(0)
        self._shifts = [(0.0, 0.0) if self._shows_teeth else (float(x), float(y)) for x, y in at]
        # a smile has farther to go until it is round
        span = (float(face.closed[1]) - ROUND) / float(face.reach[1])
        self._rounder = float(np.clip(span, 1, MOST_ROUNDER))
        self._basis = _level(face)
        self._relaxed = np.zeros_like(self._basis[0])
        rest = face.model.shape(face.closed)
        corners = rest[[_UP[0], _UP[-1]], 0]
        across = np.abs(rest[_UP, 0] - corners.mean()) / max(1e-3, float(np.ptp(corners)) / 2)
        self._arch = np.sqrt(np.clip(1 - across**2, 0, 1))
        hole = np.sqrt(np.clip(1 - (across / HOLE) ** 2, 0, 1))
        self._touching = 1 - hole / np.maximum(1e-3, self._arch)
        self._relaxed = _relaxed(self._head(0, face.closed))

    def _rounded(self, mouth: Array) -> float:
        """How far a wanted mouth is rounded, 0 to 1."""
        closed = float(self._face.closed[1])
        return float(np.clip((closed - float(mouth[1])) * self._rounder / max(0.1, closed - ROUND), 0, 1))

    def _change(self, i: int, mouth: Array) -> Array:
        """How the wanted mouth differs from frame ``i``'s own, in the head (468, 3).

        A closed mouth counts as the one at rest: what it does of itself goes on, and at rest nothing changes.
        """
        face = self._face
        change = mouth - face.closed
        change = np.array([change[0], change[1] * (self._rounder if change[1] < 0 else 1.0)], np.float32)
        if self._shows_teeth:
            change += face.closed - face.mouths[i]
        else:
            change[0] = max(0.0, float(change[0]))
        rounded = self._rounded(mouth)
        change[0] += rounded * HOLE_OPENS * np.clip((mouth[0] - face.closed[0]) / 0.02, 0, 1)
        return np.asarray(np.tensordot(change, self._basis, 1) + rounded * self._relaxed, dtype=np.float32)

    def _head(self, i: int, mouth: Array, tuck: float = 0.0) -> Array:
        """The head (468, 3) of frame ``i`` with the wanted mouth, the lower lip under the teeth by ``tuck``."""
        own = self._heads[i]
        closed = np.array([self._face.closed[0], mouth[1]], np.float32)
        mouth = mouth + tuck * (closed - mouth)
        head = own + self._change(i, mouth)
        if self._shows_teeth:
            # lips that are apart come together everywhere at once, the sides of a smile too
            share = min(1.0, float(mouth[0]) / max(1e-3, float(self._face.mouths[i, 0])))
            too_wide = np.maximum(0, head[_LOW, 1] - head[_UP, 1] - share * (own[_LOW, 1] - own[_UP, 1]))[1:-1]
            for curve, part in ((_UP, 0.3), (pt.UPPER_OUTER, 0.3), (_LOW, -0.7), (pt.LOWER_OUTER, -0.7)):
                head[list(curve[1:-1]), 1] += part * too_wide
        rounded = self._rounded(mouth)
        shut = rounded * self._touching * np.maximum(0, head[_LOW, 1] - head[_UP, 1])
        raised = tuck * self._arch
        head[_UP, 1] += 0.5 * shut - TUCK_UP * raised
        head[_LOW, 1] += TUCK_DOWN * raised - 0.5 * shut
        outer = self._arch[1:-1]
        head[list(pt.UPPER_OUTER[1:-1]), 1] -= (POUT[0] * rounded + TUCK_UP / 2 * tuck) * outer
        head[list(pt.LOWER_OUTER[1:-1]), 1] += (POUT[1] * rounded - TUCK_ROLL * tuck) * outer
        return np.asarray(head, dtype=np.float32)

    def paint(self, picture: Image, i: int, mouth: Array, tuck: float = 0.0) -> Image:
        """Frame ``i`` of the store with a mouth of the wanted opening and width (2,); a new picture.

        ``tuck``: how far the lower lip is under the upper teeth, as in f and v, 0 to 1.
        """
        face = self._face
        strength = float(face.strength[i])
        if strength <= 0:
            return picture
        unit, mesh = float(face.scale[i]), face.meshes[i]
        target = to_picture(self._poses, i, self._head(i, mouth, tuck))[:, :2]
        free = np.abs(face.basis).sum((0, 2)) > 1e-6
        goal = mesh[:, :2] + strength * free[:, None] * (target - mesh[:, :2])

        rect = mouth_rect(mesh, unit, self._width, self._height)
        step = max(4, round(unit / 20 / 2) * 2)
        border = _border(rect)
        source, controls = mesh[pt.CONTROL, :2].copy(), goal[pt.CONTROL].copy()
        up, low = goal[_UP], goal[_LOW]
        if not self._shows_teeth:
            # the lips' rims go with their lip as they are, up to where they meet
            seam = (mesh[_UP, :2] + mesh[_LOW, :2]) / 2
            up, low = up + seam - mesh[_UP, :2], low + seam - mesh[_LOW, :2]
            source[_UP_CONTROL] = source[_LOW_CONTROL] = seam[1:-1]
            controls[_UP_CONTROL], controls[_LOW_CONTROL] = up[1:-1], low[1:-1]
        plate = Plate(rect, np.concatenate([controls, border]).astype(np.float32), step)
        window = _window(plate.rows, plate.columns)
        before = cut(picture, rect)

        def bent(points: Array) -> Patch:
            values = np.concatenate([points - controls, np.zeros_like(border)]).astype(np.float32)
            return _moved(before, plate.spread(values) * window, step)

        over = bent(source)
        if self._shows_teeth:
            upper, lower = shut.halves(controls, source, unit, 1.0)
            over = shut.join(over, bent(upper), bent(lower), controls, unit, strength)
            up, low = _nearer(up, low, float(face.closed[0]) * unit)
        lips = Lips.of(up, low, unit, float(self._angles[i, 2]))
        if lips.gap > 0.008:
            dark = HOLE_DARK * self._rounded(mouth) ** 2 - TUCK_LIGHT * tuck
            over = self._interior.paint(over, i, lips, mouth, shift=self._shifts[i], dark=dark)
        out = picture.copy()
        paste(out, over)
        return out


def _moved(picture: Patch, shift: Array, step: int) -> Patch:
    """The patch as seen through a shift (rows, columns, 2) at its nodes, in pixels; without a shift no byte changes."""
    _, _, w, h = picture.rect
    luma = cv2.remap(
        picture.luma, _grid(w, h) + dense(shift, step, w, h), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    half = _grid(w // 2, h // 2) + dense(shift / 2, step // 2, w // 2, h // 2)
    chroma = cv2.remap(picture.chroma, half, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Patch(picture.rect, luma, chroma)


@lru_cache(maxsize=8)
def _grid(w: int, h: int) -> Array:
    return np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)


def _level(face: Face) -> Array:
    """The mouth model's basis (2, 468, 3), in which the lips' middle neither sinks nor rises as the mouth narrows."""
    basis: Array = face.basis.copy()
    rest = face.model.shape(face.closed)
    corners = rest[list(pt.CORNERS), 0]
    u = (rest[:, 0] - corners.mean()) / max(1e-3, float(np.ptp(corners)) / 2)
    lips = [*pt.UPPER_LIP, *pt.LOWER_LIP]
    basis[1, lips, 1] -= basis[1, [13, 14], 1].mean() * np.sqrt(np.clip(1 - u[lips] ** 2, 0, 1))
    return basis


def _relaxed(rest: Array) -> Array:
    """How the lower face (468, 3) moves when the corners of a smile come down to the level of the lips' middle."""
    seam = (rest[_UP] + rest[_LOW]) / 2
    corners = rest[list(pt.CORNERS)]
    middle, half = corners[:, 0].mean(), max(1e-3, float(np.ptp(corners[:, 0])) / 2)
    # both sides alike: lips that are crooked stay so
    lift = np.maximum(0, seam[5, 1] - seam[:, 1])
    lift = (lift + lift[::-1]) / 2
    u = np.abs(rest[:, 0] - middle) / half
    at = np.interp(u, (seam[5:, 0] - middle) / half, lift[5:])
    near = np.exp(-(((rest[:, 1] - seam[5, 1]) / 0.35) ** 2)) * np.exp(-((np.maximum(0, u - 1) / 0.5) ** 2))
    out = np.zeros_like(rest)
    out[:, 1] = at * near
    return out


def _nearer(up: Array, low: Array, gap: float) -> tuple[Array, Array]:
    """Two curves brought nearer to each other by ``gap``, at most until they meet."""
    apart = low - up
    length = np.maximum(1e-3, np.linalg.norm(apart, axis=1, keepdims=True))
    move = apart / length * np.minimum(gap, length) / 2
    return up + move, low - move


def _border(rect: Rect) -> Array:
    x, y, w, h = rect
    t = np.linspace(0, 1, 5)
    sides = [np.c_[x + t * w, np.full(5, y)], np.c_[x + t * w, np.full(5, y + h)]]
    sides += [np.c_[np.full(3, x), y + t[1:-1] * h], np.c_[np.full(3, x + w), y + t[1:-1] * h]]
    return np.asarray(np.concatenate(sides), dtype=np.float32)


def _window(rows: int, columns: int) -> Array:
    y = np.minimum(np.arange(rows), np.arange(rows)[::-1])[:, None]
    x = np.minimum(np.arange(columns), np.arange(columns)[::-1])[None]
    return np.clip(np.minimum(x, y) / 3, 0, 1).astype(np.float32)[..., None]
