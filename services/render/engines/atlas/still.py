"""Draws the frames of a face whose pictures never show an open mouth: a portrait, or a clip of someone silent.

The frame is warped to the target shape. The lips part along the line where they meet, and the interior of the mouth is
painted between them. Without movement nothing changes: the mouth at rest is the one in the picture.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from services.render.engines.atlas import lip_join
from services.render.engines.atlas.face import Face, mouth_rect
from services.render.engines.atlas.interior import Interior, Lips
from services.render.engines.atlas.library import Library
from services.render.face import points as pt
from services.render.face.pose import to_head, to_picture
from services.render.face.shape import Array
from services.render.face.warp import Rect, ThinPlateSpline, upsample
from services.render.media.planes import Patch, cut, paste
from services.render.types import Image

MAX_CLOSED_OPENING = 0.085
"""Largest measured opening of a closed mouth, in eye distances. The inner lips of the mesh never quite touch."""
MIN_OPEN_MOUTH = 0.13
"""Opening, in eye distances, that a clip must reach to count as showing an open mouth."""
ROUNDED_WIDTH = 0.64
"""Width of a fully rounded mouth, in eye distances."""
MAX_ROUNDING_GAIN = 3.0
"""Largest factor by which the corners of a smile travel farther inwards than those of other mouths."""
PROTRUSION = (0.02, 0.03)
"""Shift of the outer edges of rounded lips, up and down, in eye distances. Lips nearer to the camera look thicker."""
ROUND_GAP_WIDTH, ROUND_GAP_HEIGHT, ROUND_GAP_SHADE = 0.75, 0.035, 0.35
"""The gap between rounded lips: its share of their width, the height added to the target opening, in eye distances, and
the share of the light that protruding lips block."""
TUCK_UP, TUCK_DOWN, TUCK_ROLL = 0.045, 0.012, 0.035
"""Lip shifts of f and v, in eye distances: the upper lip rises, the lower lip meets the edge of the teeth, and its
outer edge rolls in."""
TUCK_LIGHT = 0.3
"""Light that the teeth get in f and v beyond that in the slit between parting lips, as a share."""
_UPPER, _LOWER = list(pt.UPPER_INNER), list(pt.LOWER_INNER)
_CONTROL_INDEX = {int(p): k for k, p in enumerate(pt.CONTROL)}
_UPPER_CONTROL, _LOWER_CONTROL = ([_CONTROL_INDEX[p] for p in curve[1:-1]] for curve in (_UPPER, _LOWER))


def never_opens(library: Library) -> bool:
    """Whether no sharp picture shows an open mouth."""
    return bool(library.traits[library.sharpness > 0.3, 0].max(initial=0.0) < MIN_OPEN_MOUTH)


class StillPainter:
    """Draws the frames of one session, in any order."""

    def __init__(self, face: Face, interior: Interior, width: int, height: int) -> None:
        self._face = face
        self._width, self._height = width, height
        self._model, self._poses = face.model, face.poses
        self._angles = self._poses.angles()
        self._shows_teeth = float(np.median(face.mouths[:, 0])) > MAX_CLOSED_OPENING
        self._interior = interior
        self._heads = to_head(self._poses, face.meshes)
        # a grimace moves closed lips over the teeth; while the teeth are hidden, they follow the lips
        lip_offsets = self._heads[:, [13, 14], :2].mean(1) - face.model.shape(face.closed)[[13, 14], :2].mean(0)
        self._shifts = [(0.0, 0.0) if self._shows_teeth else (float(x), float(y)) for x, y in lip_offsets]
        # the corners of a smile have a longer way to a rounded mouth
        span = (float(face.closed[1]) - ROUNDED_WIDTH) / float(face.reach[1])
        self._rounding_gain = float(np.clip(span, 1, MAX_ROUNDING_GAIN))
        self._basis = _levelled_basis(face)
        self._smile_release = np.zeros_like(self._basis[0])
        rest = face.model.shape(face.closed)
        corners = rest[[_UPPER[0], _UPPER[-1]], 0]
        distance = np.abs(rest[_UPPER, 0] - corners.mean()) / max(1e-3, float(np.ptp(corners)) / 2)
        self._arch = np.sqrt(np.clip(1 - distance**2, 0, 1))
        gap_arch = np.sqrt(np.clip(1 - (distance / ROUND_GAP_WIDTH) ** 2, 0, 1))
        self._closed_share = 1 - gap_arch / np.maximum(1e-3, self._arch)
        self._smile_release = _lowered_corners(self._target_head(0, face.closed))

    def _rounding(self, mouth: Array) -> float:
        """How far a target mouth is rounded, 0 to 1."""
        closed = float(self._face.closed[1])
        return float(np.clip((closed - float(mouth[1])) * self._rounding_gain / max(0.1, closed - ROUNDED_WIDTH), 0, 1))

    def _displacement(self, i: int, mouth: Array) -> Array:
        """Displacement from frame ``i`` to the target mouth, in the head's frame, shape (468, 3).

        A closed mouth in the frame counts as the mouth at rest. Its small movements remain, and at rest nothing
        changes.
        """
        face = self._face
        change = mouth - face.closed
        change = np.array([change[0], change[1] * (self._rounding_gain if change[1] < 0 else 1.0)], np.float32)
        if self._shows_teeth:
            change += face.closed - face.mouths[i]
        else:
            change[0] = max(0.0, float(change[0]))
        rounding = self._rounding(mouth)
        change[0] += rounding * ROUND_GAP_HEIGHT * np.clip((mouth[0] - face.closed[0]) / 0.02, 0, 1)
        return np.asarray(np.tensordot(change, self._basis, 1) + rounding * self._smile_release, dtype=np.float32)

    def _target_head(self, i: int, mouth: Array, tuck: float = 0.0) -> Array:
        """The head (468, 3) of frame ``i`` with the target mouth and the lower lip under the teeth by ``tuck`` (0 to
        1)."""
        stored = self._heads[i]
        closed = np.array([self._face.closed[0], mouth[1]], np.float32)
        mouth = mouth + tuck * (closed - mouth)
        head = stored + self._displacement(i, mouth)
        if self._shows_teeth:
            # parted lips close along their whole width at once, also at the sides of a smile
            share = min(1.0, float(mouth[0]) / max(1e-3, float(self._face.mouths[i, 0])))
            too_wide = np.maximum(
                0, head[_LOWER, 1] - head[_UPPER, 1] - share * (stored[_LOWER, 1] - stored[_UPPER, 1])
            )[1:-1]
            for curve, share_of_gap in ((_UPPER, 0.3), (pt.UPPER_OUTER, 0.3), (_LOWER, -0.7), (pt.LOWER_OUTER, -0.7)):
                head[list(curve[1:-1]), 1] += share_of_gap * too_wide
        rounding = self._rounding(mouth)
        closing = rounding * self._closed_share * np.maximum(0, head[_LOWER, 1] - head[_UPPER, 1])
        raise_ = tuck * self._arch
        head[_UPPER, 1] += 0.5 * closing - TUCK_UP * raise_
        head[_LOWER, 1] += TUCK_DOWN * raise_ - 0.5 * closing
        outer_arch = self._arch[1:-1]
        head[list(pt.UPPER_OUTER[1:-1]), 1] -= (PROTRUSION[0] * rounding + TUCK_UP / 2 * tuck) * outer_arch
        head[list(pt.LOWER_OUTER[1:-1]), 1] += (PROTRUSION[1] * rounding - TUCK_ROLL * tuck) * outer_arch
        return np.asarray(head, dtype=np.float32)

    def paint(self, picture: Image, i: int, mouth: Array, tuck: float = 0.0) -> Image:
        """A copy of frame ``i`` of the store with a mouth of the given opening and width (2,).

        ``tuck`` says how far the lower lip is under the upper teeth, as in f and v, 0 to 1.
        """
        face = self._face
        strength = float(face.strength[i])
        if strength <= 0:
            return picture
        eye_distance, mesh = float(face.scale[i]), face.meshes[i]
        target = to_picture(self._poses, i, self._target_head(i, mouth, tuck))[:, :2]
        movable = np.abs(face.basis).sum((0, 2)) > 1e-6
        targets = mesh[:, :2] + strength * movable[:, None] * (target - mesh[:, :2])

        rect = mouth_rect(mesh, eye_distance, self._width, self._height)
        step = max(4, round(eye_distance / 20 / 2) * 2)
        border = _border(rect)
        source, controls = mesh[pt.CONTROL, :2].copy(), targets[pt.CONTROL].copy()
        upper, lower = targets[_UPPER], targets[_LOWER]
        if not self._shows_teeth:
            # each inner contour moves with its lip, starting from the line where the lips meet
            seam = (mesh[_UPPER, :2] + mesh[_LOWER, :2]) / 2
            upper, lower = upper + seam - mesh[_UPPER, :2], lower + seam - mesh[_LOWER, :2]
            source[_UPPER_CONTROL] = source[_LOWER_CONTROL] = seam[1:-1]
            controls[_UPPER_CONTROL], controls[_LOWER_CONTROL] = upper[1:-1], lower[1:-1]
        spline = ThinPlateSpline(rect, np.concatenate([controls, border]).astype(np.float32), step)
        window = _window(spline.rows, spline.columns)
        source_patch = cut(picture, rect)

        def warped(points: Array) -> Patch:
            values = np.concatenate([points - controls, np.zeros_like(border)]).astype(np.float32)
            return _displaced(source_patch, spline.interpolate(values) * window, step)

        result = warped(source)
        if self._shows_teeth:
            upper_sources, lower_sources = lip_join.lip_sources(controls, source, eye_distance, 1.0)
            result = lip_join.join_lips(
                warped=result,
                upper=warped(upper_sources),
                lower=warped(lower_sources),
                target=controls,
                eye_distance=eye_distance,
                share=strength,
            )
            upper, lower = _moved_together(upper, lower, float(face.closed[0]) * eye_distance)
        lips = Lips.from_pixels(upper, lower, eye_distance, float(self._angles[i, 2]))
        if lips.gap > 0.008:
            shade = ROUND_GAP_SHADE * self._rounding(mouth) ** 2 - TUCK_LIGHT * tuck
            result = self._interior.paint(over=result, i=i, lips=lips, mouth=mouth, shift=self._shifts[i], shade=shade)
        out = picture.copy()
        paste(out, result)
        return out


def _displaced(picture: Patch, shift: Array, step: int) -> Patch:
    """The patch sampled through a shift (rows, columns, 2) at its nodes, in pixels. A zero shift changes no byte."""
    _, _, w, h = picture.rect
    luma = cv2.remap(
        picture.luma, _grid(w, h) + upsample(shift, step, w, h), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    half_grid = _grid(w // 2, h // 2) + upsample(shift / 2, step // 2, w // 2, h // 2)
    chroma = cv2.remap(picture.chroma, half_grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Patch(picture.rect, luma, chroma)


@lru_cache(maxsize=8)
def _grid(w: int, h: int) -> Array:
    return np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)


def _levelled_basis(face: Face) -> Array:
    """The mouth model's basis (2, 468, 3), changed so that narrowing the mouth leaves the middle of the lips level."""
    basis: Array = face.basis.copy()
    rest = face.model.shape(face.closed)
    corners = rest[list(pt.CORNERS), 0]
    across = (rest[:, 0] - corners.mean()) / max(1e-3, float(np.ptp(corners)) / 2)
    lips = [*pt.UPPER_LIP, *pt.LOWER_LIP]
    basis[1, lips, 1] -= basis[1, [13, 14], 1].mean() * np.sqrt(np.clip(1 - across[lips] ** 2, 0, 1))
    return basis


def _lowered_corners(rest: Array) -> Array:
    """Displacement of the lower face (468, 3) when the corners of a smile drop to the level of the lips' middle."""
    seam = (rest[_UPPER] + rest[_LOWER]) / 2
    corners = rest[list(pt.CORNERS)]
    centre, half_width = corners[:, 0].mean(), max(1e-3, float(np.ptp(corners[:, 0])) / 2)
    # the same on both sides: crooked lips stay crooked
    corner_lift = np.maximum(0, seam[5, 1] - seam[:, 1])
    corner_lift = (corner_lift + corner_lift[::-1]) / 2
    distance = np.abs(rest[:, 0] - centre) / half_width
    drop = np.interp(distance, (seam[5:, 0] - centre) / half_width, corner_lift[5:])
    falloff = np.exp(-(((rest[:, 1] - seam[5, 1]) / 0.35) ** 2)) * np.exp(-((np.maximum(0, distance - 1) / 0.5) ** 2))
    out = np.zeros_like(rest)
    out[:, 1] = drop * falloff
    return out


def _moved_together(upper: Array, lower: Array, gap: float) -> tuple[Array, Array]:
    """Both curves moved together by ``gap`` in all, at most until they meet."""
    opening = lower - upper
    length = np.maximum(1e-3, np.linalg.norm(opening, axis=1, keepdims=True))
    step = opening / length * np.minimum(gap, length) / 2
    return upper + step, lower - step


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
