"""Draws one frame: warps the lower face to the target shape and blends pictures of the person's mouth into it.

Two warps share one spline. One bends the frame, so that jaw, cheeks and neck follow. The other brings the selected
mouth pictures to the same target; they are blended in with a soft edge. Outside the rectangle no byte changes.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from services.render.engines.atlas import lip_join
from services.render.engines.atlas.face import TOUCHING_OPENING, Face, mouth_rect
from services.render.engines.atlas.interior import Interior, Lips, interior_share
from services.render.engines.atlas.library import Library, PictureSelector
from services.render.face import points as pt
from services.render.face.pose import to_picture
from services.render.face.shape import Array
from services.render.face.warp import Rect, ThinPlateSpline
from services.render.media.planes import Patch, blend, crop, cut, downsample, mix, paste, warp
from services.render.types import Image

FEATHER, LIP_FEATHER = 0.2, 0.16
"""Width of the soft edge at the skin's border and around the lips, in eye distances."""
LIP_MARGIN = 0.2
"""Margin around the lips, in eye distances, in which mouth pictures are shown. Farther out the skin of the frame is
warped, which keeps its light, expression and grain."""
MAX_COLOUR_SHIFT = 30.0
"""Largest shift of a plane by the colour match, in levels of 255."""
LIGHT_TOLERANCE, MAX_LIGHT_RATIO = 0.06, 1.6
"""Relative brightness difference between picture and frame that the additive colour match handles alone, and the
largest ratio that is corrected."""
_BLACK = np.array([16, 128, 128], np.float32)

DETAIL_SIZE = 0.02
"""Size of fine detail, in eye distances: teeth and pores, not the shape of a lip."""

_BORDER_STEPS = np.linspace(0, 1, 5)
_BORDER_POINTS = np.array(
    [(t, s) for s in (0.0, 1.0) for t in _BORDER_STEPS] + [(s, t) for s in (0.0, 1.0) for t in _BORDER_STEPS[1:-1]]
)


class Painter:
    """Draws the frames of one session, in order."""

    def __init__(
        self, face: Face, library: Library, interior: Interior, width: int, height: int, min_distance: int = 0
    ) -> None:
        """For measurements, pictures within ``min_distance`` frames of the drawn one are not used."""
        self._face, self._library, self._interior = face, library, interior
        self._width, self._height = width, height
        self._model = face.model
        self._poses = face.poses
        self._angles = self._poses.angles()
        self._movable = np.abs(face.basis).sum((0, 2))[:, None] > 1e-6
        self._selector = PictureSelector(library, min_distance)
        # the inner lips of the mesh never quite touch: their gap at rest counts as closed
        self._rest_gap = max(0.0, float(face.closed[0]) - TOUCHING_OPENING)

    def paint(self, picture: Image, i: int, mouth: Array) -> Image:
        """A copy of frame ``i`` of the store with a mouth of the given opening and width (2,)."""
        face = self._face
        strength = float(face.strength[i])
        selected = self._selector.select(np.concatenate([mouth, self._angles[i]]).astype(np.float32), i)
        if strength <= 0:
            return picture
        eye_distance = float(face.scale[i])
        mesh = face.meshes[i]
        head = self._model.shape(mouth) + face.residual[i]
        projected = to_picture(self._poses, i, head)[:, :2]
        targets = np.where(self._movable, projected, mesh[:, :2])
        targets = mesh[:, :2] + strength * (targets - mesh[:, :2])

        rect = mouth_rect(mesh, eye_distance, self._width, self._height)
        step = max(4, round(eye_distance / 20 / 2) * 2)
        border = _border(rect)
        controls = targets[pt.CONTROL]
        spline = ThinPlateSpline(rect, np.concatenate([controls, border]).astype(np.float32), step)

        # maps control points to border points of another picture: an affine fit between the controls, as one matrix
        flat = np.c_[controls - controls.mean(0), np.full(len(controls), eye_distance)]
        edge = np.c_[border - controls.mean(0), np.full(len(border), eye_distance)]
        extrapolation = edge @ np.linalg.solve(flat.T @ flat, flat.T)

        def with_border(points: Array) -> Array:
            return np.concatenate([points, extrapolation @ points])

        sources = [self._library.meshes[k, pt.CONTROL, :2] for k, _ in selected]
        rest_shift = np.concatenate([mesh[pt.CONTROL, :2] - controls, np.zeros_like(border)])
        shift_map, *source_maps = np.split(
            spline.interpolate(np.concatenate([rest_shift, *map(with_border, sources)], 1)), 1 + len(selected), -1
        )
        nodes = spline.nodes.reshape(spline.rows, spline.columns, 2)
        background = warp(cut(picture, rect), nodes + shift_map * _edge_window(spline.rows, spline.columns), step, rect)

        alpha = _alpha(
            targets=targets, rect=rect, step=step, rows=spline.rows, columns=spline.columns, eye_distance=eye_distance
        )
        part, rows, columns = _visible_part(alpha, rect, step)
        layers = []
        for (index, weight), source, source_map in zip(selected, sources, source_maps, strict=True):
            patch = self._library.patches[index]
            layer = warp(patch, source_map[rows, columns], step, part)
            gap = float(self._library.traits[index, 0]) - self._rest_gap
            if share := lip_join.join_share(float(mouth[0]) - self._rest_gap, gap):
                scale = float(self._library.scale[index])
                halves = lip_join.lip_sources(controls, source, scale, scale / eye_distance)
                maps = np.split(spline.interpolate(np.concatenate([with_border(h) for h in halves], 1)), 2, -1)
                upper, lower = (warp(patch, half[rows, columns], step, part) for half in maps)
                layer = lip_join.join_lips(
                    warped=layer, upper=upper, lower=lower, target=controls, eye_distance=eye_distance, share=share
                )
            layers.append((weight, layer))
        picture_layer = mix(layers, max(1.0, DETAIL_SIZE * eye_distance))
        base = crop(background, part)
        shown_opening = sum(weight * float(self._library.traits[k, 0]) for k, weight in selected)
        if share := interior_share(float(mouth[0]), shown_opening):
            lips = Lips.from_pixels(
                targets[list(pt.UPPER_INNER)], targets[list(pt.LOWER_INNER)], eye_distance, float(self._angles[i, 2])
            )
            picture_layer = self._interior.paint(picture_layer, i, lips, mouth, share)

        alpha = alpha[rows, columns]
        shift, gain = _colour_match(base, picture_layer, alpha, eye_distance / step)
        out = picture.copy()
        paste(out, background)
        paste(out, blend(under=base, over=picture_layer, alpha=alpha * strength, shift=shift, step=step, gain=gain))
        return out


def _border(rect: Rect) -> Array:
    x, y, w, h = rect
    return np.asarray(_BORDER_POINTS * (w, h) + (x, y), dtype=np.float32)


@lru_cache(maxsize=16)
def _edge_window(rows: int, columns: int) -> Array:
    y = np.minimum(np.arange(rows), np.arange(rows)[::-1])[:, None]
    x = np.minimum(np.arange(columns), np.arange(columns)[::-1])[None]
    return np.clip(np.minimum(x, y) / 3, 0, 1).astype(np.float32)[..., None]


def _alpha(targets: Array, rect: Rect, step: int, rows: int, columns: int, eye_distance: float) -> Array:
    """Opacity of the mouth pictures at each node, 0 to 1; ``eye_distance`` in pixels."""
    lips = targets[list(pt.OUTER_RING)]
    outward = lips - lips.mean(0)
    outward = outward / np.maximum(1e-3, np.linalg.norm(outward, axis=1, keepdims=True))
    around_lips = _soft_polygon(
        outline=lips + LIP_MARGIN * eye_distance * outward,
        rect=rect,
        step=step,
        rows=rows,
        columns=columns,
        feather=LIP_FEATHER * eye_distance,
    )
    return np.minimum(
        around_lips,
        _soft_polygon(
            outline=targets[list(pt.SKIN_BORDER)],
            rect=rect,
            step=step,
            rows=rows,
            columns=columns,
            feather=FEATHER * eye_distance,
        ),
    )


def _soft_polygon(outline: Array, rect: Rect, step: int, rows: int, columns: int, feather: float) -> Array:
    outline = (outline - rect[:2] + 0.5) / step - 0.5
    mask = np.zeros((rows + 2, columns + 2), np.uint8)
    cv2.fillPoly(mask, [np.round((outline + 1) * 16).astype(np.int32)], 1, shift=4)
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[1:-1, 1:-1]
    t = np.clip(depth * step / feather, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _visible_part(alpha: Array, rect: Rect, step: int) -> tuple[Rect, slice, slice]:
    """The part of ``rect`` in which alpha is above 0, and its rows and columns of nodes."""
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not len(rows):
        return (rect[0], rect[1], 2, 2), slice(0, 1), slice(0, 1)
    row_slice, column_slice = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    x, y, rect_width, rect_height = rect
    width, height = (
        min((column_slice.stop - column_slice.start) * step, rect_width - column_slice.start * step),
        min((row_slice.stop - row_slice.start) * step, rect_height - row_slice.start * step),
    )
    return (x + column_slice.start * step, y + row_slice.start * step, width, height), row_slice, column_slice


def _colour_match(base: Patch, layer: Patch, alpha: Array, nodes_per_unit: float) -> tuple[Array, float]:
    """Shift at the nodes, and gain, that match the colour of ``layer`` to that of ``base`` around the lips."""
    size = (alpha.shape[1], alpha.shape[0])
    base_colour, layer_colour = downsample(base, size), downsample(layer, size)
    ring = ((alpha > 0.02) & (alpha < 0.85)).astype(np.float32)[..., None]
    count = max(1.0, float(ring.sum()))
    base_luma, layer_luma = (
        max(1.0, float(((p - _BLACK) * ring)[..., 0].sum()) / count) for p in (base_colour, layer_colour)
    )
    # a shift alone would leave dark lips too pale in brighter light
    excess = float(np.clip(base_luma / layer_luma, 1 / MAX_LIGHT_RATIO, MAX_LIGHT_RATIO)) - 1
    gain = 1 + excess - float(np.clip(excess, -LIGHT_TOLERANCE, LIGHT_TOLERANCE))
    black = (1 - gain) * _BLACK
    difference = base_colour - (gain * layer_colour + black)
    sigma = 0.22 * nodes_per_unit
    blurred = cv2.GaussianBlur(difference * ring, (0, 0), sigma)
    weight = cv2.GaussianBlur(ring, (0, 0), sigma)[..., None]
    overall = (difference * ring).sum((0, 1)) / count
    local = (blurred + 0.02 * overall) / (weight + 0.02)
    return np.asarray(black + np.clip(local, -MAX_COLOUR_SHIFT, MAX_COLOUR_SHIFT), dtype=np.float32), gain
