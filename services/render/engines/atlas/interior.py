"""The interior of a mouth that no picture of this person shows: teeth, tongue and the dark behind them.

The upper teeth are fixed to the skull and stay in place when the mouth opens. The lower teeth and the tongue follow the
jaw. All are flat textures made once (``teeth``), mapped onto a dental arch that turns with the head. Where a picture
shows the person's own teeth, they become the upper row.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from services.render.engines.atlas.face import Face
from services.render.engines.atlas.light import Light, yuv
from services.render.engines.atlas.teeth import FLESH, HALF_WIDTH, PlaneTexture, lit_colour, tongue, tooth_row
from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.media.planes import Patch

OPENING_RATIO, OPENING_EXCESS = (1.2, 1.6), (0.02, 0.05)
"""Ratio and difference (eye distances) of the target opening over that of the pictures: at the first value nothing is
painted, at the second the full interior. A slightly wider slit shows nothing new."""
TEETH_DEPTH = 0.07
"""Depth of the front of the teeth behind the line where the lips meet, in eye distances."""
UPPER_TEETH_OVERLAP = 0.020
"""How far the upper teeth reach below the line where the lips meet, in eye distances."""
OVERBITE = 0.018
"""How far the lower teeth reach above the edge of the upper ones, in eye distances."""
SPREAD_JAW_DAMPING = 0.3
"""Reduction of the jaw's drop at full spread, as a share: a spread mouth parts the lips more than the jaw."""
MIN_TOOTH_LUMA = 0.6
"""Luma of the darkest tooth, as a share of the white level."""
BLACK_YUV = np.array([16.0, 128.0, 128.0], np.float32)
LIP_EDGE_BLURS = 2.0
"""Width of the edge between lips and interior, as a multiple of the blur of the picture's sharpest edges."""
SHADE_TINT = np.array([0.0, -16.0, 24.0], np.float32)
"""Colour shift (Y, U, V levels) at a shade of 1: light that passes the lips turns red."""


@dataclass(frozen=True)
class Lips:
    """The inner lips of one picture in an upright frame: the origin is their middle, the unit is the eye distance."""

    origin: Array
    axes: Array
    """Shape (2, 2): columns are right and down, in pixels per unit."""
    upper: Array
    """Shape (n, 2), from the person's right to left."""
    lower: Array

    @classmethod
    def from_pixels(cls, upper: Array, lower: Array, eye_distance: float, roll: float) -> Lips:
        """From the curves of the inner lips in pixels (11, 2)."""
        cos, sin = np.cos(roll) * eye_distance, np.sin(roll) * eye_distance
        axes = np.array([[cos, -sin], [sin, cos]], np.float32)
        origin = (upper + lower).mean(0) / 2
        to_lips = np.linalg.inv(axes).T
        return cls(origin, axes, _smooth_curve((upper - origin) @ to_lips), _smooth_curve((lower - origin) @ to_lips))

    def curves(self, x: Array) -> tuple[Array, Array]:
        """Height of the upper and of the lower inner lip at ``x``."""
        up, low = (np.interp(x, *_sorted_curve(c)).astype(np.float32) for c in (self.upper, self.lower))
        return up, np.maximum(low, up)

    @property
    def half_width(self) -> float:
        """Half the width between the inner corners."""
        return max(1e-3, float(np.ptp(self.upper[:, 0])) / 2)

    @property
    def gap(self) -> float:
        """Largest height."""
        return float((self.lower[:, 1] - self.upper[:, 1]).max())


def _sorted_curve(curve: Array) -> tuple[Array, Array]:
    return np.maximum.accumulate(curve[:, 0]), curve[:, 1]


def _catmull_rom(points: int, times: int) -> Array:
    """Matrix (``(points - 1) * times + 1``, ``points``) that subdivides a curve by a Catmull-Rom spline."""
    out = np.zeros(((points - 1) * times + 1, points))
    for row in range(len(out)):
        segment, t = min(row // times, points - 2), row / times - min(row // times, points - 2)
        weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
        for offset, weight in enumerate(weights):
            out[row, min(max(segment + offset - 1, 0), points - 1)] += weight / 2
    return out.astype(np.float32)


_SPLINE_MATRIX = _catmull_rom(11, 5)


def _smooth_curve(curve: Array) -> Array:
    return np.asarray(_SPLINE_MATRIX @ curve, dtype=np.float32)


def interior_shares(target: float, shown: Array) -> Array:
    """Opacity, 0 to 1, of the interior that must be painted for opening ``target``, for each opening in ``shown``."""
    if target < 0.05:
        return np.zeros_like(shown)
    by_ratio = (target / np.maximum(shown, 0.03) - OPENING_RATIO[0]) / (OPENING_RATIO[1] - OPENING_RATIO[0])
    by_excess = (target - shown - OPENING_EXCESS[0]) / (OPENING_EXCESS[1] - OPENING_EXCESS[0])
    return np.asarray(np.clip(np.minimum(by_ratio, by_excess), 0, 1))


def interior_share(target: float, shown: float) -> float:
    """The same for one opening."""
    return float(interior_shares(target, np.array([shown]))[0])


class Interior:
    """The interior of one person's mouth, ready to be painted into frames. Immutable; sessions may share it."""

    def __init__(self, face: Face, light: Light) -> None:
        rest = face.model.shape(face.closed)
        lips = rest[[*pt.UPPER_INNER[3:8], *pt.LOWER_INNER[3:8]]]
        self._face = face
        self._light = light
        self._chin = float(rest[pt.CHIN, 1])
        self._teeth_centre = float(lips[:, 0].mean())
        self._depth = float(lips[:, 2].mean()) + TEETH_DEPTH
        self._biting_edge_y = float(lips[:, 1].mean()) + UPPER_TEETH_OVERLAP
        per_unit = float(np.clip(np.median(face.scale), 40, 400))
        self._has_own_teeth = False
        self._min_tooth_luma = 16 + MIN_TOOTH_LUMA * (float(yuv(np.array(light.white, np.float32))[0]) - 16)
        self._upper = tooth_row(light, per_unit, upper=True)
        self._lower = tooth_row(light, per_unit, upper=False)
        self._tongue = tongue(light, per_unit)
        self._cavity = [
            yuv(lit_colour(light, (FLESH**power * share).astype(np.float32))) - BLACK_YUV
            for power, share in ((1.3, 0.13), (1.1, 0.3))
        ]

    def with_own_teeth(self, picture: Patch, i: int) -> Interior:
        """A copy with the upper teeth of frame ``i``, cut from ``picture``; itself if the picture shows none."""
        texture = self._own_teeth(picture, i)
        if texture is None:
            return self
        copy = object.__new__(Interior)
        copy.__dict__.update(self.__dict__)
        copy._upper, copy._has_own_teeth = texture, True
        return copy

    def jaw_drop(self, mouth: Array) -> float:
        """Drop of the jaw for an opening and width (2,), in eye distances."""
        face = self._face
        chin_drop = float(face.model.shape(mouth)[pt.CHIN, 1]) - self._chin
        spread = float(np.clip((mouth[1] - face.closed[1]) / max(1e-3, float(face.reach[1])), 0, 1))
        return max(0.0, chin_drop * (1 - SPREAD_JAW_DAMPING * spread))

    def to_arch(self, i: int, x: Array, y: Array) -> tuple[Array, Array]:
        """Where pixels of frame ``i`` hit the dental arch: distance across from its middle, and height in the head."""
        face = self._face
        rotation = face.rotation[i].astype(np.float32)
        px, py = (x - face.shift[i, 0]) / face.scale[i], (y - face.shift[i, 1]) / face.scale[i]
        head_axes = [rotation[0, k] * px + rotation[1, k] * py for k in range(3)]
        across = head_axes[0] - self._teeth_centre
        forward = 1 / max(0.3, float(rotation[2, 2]))
        for _ in range(2):
            across2 = np.minimum(np.abs(across), HALF_WIDTH) ** 2
            along = (self._depth + 1.6 * across2 + 11 * across2**2 - head_axes[2]) * forward
            across = head_axes[0] + along * rotation[2, 0] - self._teeth_centre
        return across, head_axes[1] + along * rotation[2, 1]

    def paint(
        self,
        over: Patch,
        i: int,
        lips: Lips,
        mouth: Array,
        share: float = 1.0,
        shift: tuple[float, float] = (0, 0),
        shade: float = 0.0,
    ) -> Patch:
        """``over`` with the interior painted between ``lips``, for a mouth (2,) in frame ``i``.

        ``shift`` is the offset of this frame's closed lips from their position at rest, in eye distances. ``shade`` is
        the share of the light that the lips block; it is negative where they let in more.
        """
        x0, y0, w, h = over.rect
        ring = np.concatenate([lips.upper, lips.lower]) @ lips.axes.T + lips.origin - (x0, y0)
        left, top = (np.maximum(0, np.floor(ring.min(0) / 2) * 2)).astype(int)
        right, bottom = np.minimum((w, h), (np.ceil(ring.max(0) / 2) * 2).astype(int))
        if right - left < 4 or bottom - top < 4:
            return over
        columns, rows = (
            np.arange(left, right, dtype=np.float32) + x0,
            np.arange(top, bottom, dtype=np.float32)[:, None] + y0,
        )
        to_lips = np.linalg.inv(lips.axes).astype(np.float32)
        x = to_lips[0, 0] * (columns - lips.origin[0]) + to_lips[0, 1] * (rows - lips.origin[1])
        y = to_lips[1, 0] * (columns - lips.origin[0]) + to_lips[1, 1] * (rows - lips.origin[1])
        upper, lower = lips.curves(x)
        # lips are round: their edge is soft, and never sharper than the picture
        softness = max(1.3 / float(np.linalg.norm(lips.axes[:, 0])), 0.02, LIP_EDGE_BLURS * self._light.blur)
        alpha = np.clip((y - upper) / softness + 0.15, 0, 1) * np.clip((lower - y) / softness + 0.15, 0, 1)
        alpha = (
            alpha
            * np.clip((lips.half_width - np.abs(x)) / softness, 0, 1)
            * np.clip((lower - upper) / softness, 0, 1)
            * share
        )[..., None]
        across, down = self.to_arch(i, columns, rows)
        across, down = across - shift[0], down - self._biting_edge_y - shift[1]
        colour = (
            self._shaded_interior(
                across_lips=x / lips.half_width,
                below_upper=y - upper,
                above_lower=lower - y,
                across=across,
                down=down,
                drop=self.jaw_drop(mouth),
            )
            * (1 - shade)
            + BLACK_YUV
        )
        colour += max(0.0, shade) * self._light.colour * SHADE_TINT

        luma, chroma = over.luma.copy(), over.chroma.copy()
        part = luma[top:bottom, left:right]
        part[:] = np.clip(part + alpha[..., 0] * (colour[..., 0] - part) + 0.5, 0, 255)
        size = ((right - left) // 2, (bottom - top) // 2)
        half = cv2.resize(np.dstack([alpha, colour[..., 1:]]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        part = chroma[top // 2 : bottom // 2, left // 2 : right // 2]
        part[:] = np.clip(part + half[..., :1] * (half[..., 1:] - part) + 0.5, 0, 255)
        return Patch(over.rect, luma, chroma)

    def _shaded_interior(
        self, across_lips: Array, below_upper: Array, above_lower: Array, across: Array, down: Array, drop: float
    ) -> Array:
        """Colour (.., 3) minus ``BLACK_YUV``; ``below_upper`` and ``above_lower`` are distances from the two lips."""
        height = below_upper + above_lower
        jaw = down + OVERBITE - drop
        front = np.clip(1 + jaw / 0.16, 0, 1)[..., None]
        corner_share = np.clip((np.abs(across_lips) - 0.5) / 0.5, 0, 1)
        corner = 1 - 0.6 * corner_share * corner_share * (3 - 2 * corner_share)
        # shadows of the lips; a narrow gap lets in less light, and less of it reaches the back
        shadow = (1 - 0.45 * np.exp(-np.maximum(0, below_upper) / 0.024)) * (
            1 - 0.25 * np.exp(-np.maximum(0, above_lower) / 0.014)
        )
        openness = np.clip(height / 0.16, 0, 1)
        colour = self._cavity[0] + front * (self._cavity[1] - self._cavity[0])
        colour = _composite(colour, self._tongue.sample(across, jaw))
        colour = colour * (0.6 + 0.4 * openness)[..., None]
        colour = _composite(colour, self._lower.sample(across, jaw), 0.66 + 0.2 * openness)
        colour = colour * (shadow * corner)[..., None]
        # teeth cut from a picture already contain its shadows
        light = 1 - 0.25 * (1 - shadow) if self._has_own_teeth else shadow * corner * (0.82 + 0.18 * openness)
        return np.asarray(_composite(colour, self._upper.sample(across, down), light), dtype=np.float32)

    def _own_teeth(self, picture: Patch, i: int) -> PlaneTexture | None:
        """The upper teeth in a picture, mapped to the plane of the row; None if it shows none."""
        face = self._face
        mesh = face.meshes[i]
        lips = [_smooth_curve(mesh[list(curve), :2]) for curve in (pt.UPPER_INNER, pt.LOWER_INNER)]
        (ux, uy), (lx, ly) = (self.to_arch(i, c[:, 0], c[:, 1]) for c in lips)
        per_unit, top, bottom = (
            self._upper.per_unit,
            self._upper.top,
            self._upper.top + len(self._upper.pixels) / self._upper.per_unit,
        )
        bottom = max(bottom, float(ly.max()) - self._biting_edge_y + 0.02)
        x = (np.arange(int(2 * HALF_WIDTH * per_unit), dtype=np.float32) + 0.5) / per_unit - HALF_WIDTH
        y = (np.arange(int((bottom - top) * per_unit), dtype=np.float32) + 0.5)[:, None] / per_unit + top
        upper_lip = np.interp(x, np.maximum.accumulate(ux), uy) - self._biting_edge_y + 0.016
        lower_lip = np.interp(x, np.maximum.accumulate(lx), ly) - self._biting_edge_y - 0.008
        if float((lower_lip - upper_lip).max()) < 0.05:
            return None
        pixels = self._sample(picture, i, x, np.clip(y, upper_lip, np.maximum(upper_lip, lower_lip)))
        biting_edge = _biting_edge(
            luma=pixels[..., 0], x=x, y=y, upper=upper_lip, lower=lower_lip, min_luma=self._min_tooth_luma
        )
        if biting_edge is None:
            return None
        pixels = self._sample(picture, i, x, np.clip(y, upper_lip, np.maximum(upper_lip, biting_edge - 0.006)))
        coverage = np.clip((biting_edge - y) / 0.014 + 0.5, 0, 1) * np.clip((lower_lip - upper_lip) / 0.02, 0, 1)
        coverage = coverage * np.clip((x - ux.min()) / 0.03, 0, 1) * np.clip((ux.max() - x) / 0.03, 0, 1)
        return PlaneTexture(
            np.dstack([(pixels - BLACK_YUV) * coverage[..., None], coverage]).astype(np.float32), per_unit, top
        )

    def _sample(self, picture: Patch, i: int, x: Array, y: Array) -> Array:
        """Y, U, V (.., 3) of a picture of frame ``i`` at points of the row's plane."""
        face = self._face
        across2 = x**2
        z = self._depth + 1.6 * across2 + 11 * across2**2
        head = np.stack(np.broadcast_arrays(x + self._teeth_centre, y + self._biting_edge_y, z), -1)
        points = (face.scale[i] * head @ face.rotation[i].T + face.shift[i])[..., :2] - picture.rect[:2]
        points = points.astype(np.float32)
        luma = cv2.remap(picture.luma, points, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        chroma = cv2.remap(picture.chroma, (points - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.dstack([luma, chroma]).astype(np.float32)


def _composite(below: Array, layer: Array, shade: Array | None = None) -> Array:
    """A premultiplied layer (.., 4), shaded (..), over a colour (.., 3)."""
    colour = layer[..., :3] if shade is None else layer[..., :3] * shade[..., None]
    return np.asarray(below + colour - layer[..., 3:] * below)


def _biting_edge(luma: Array, x: Array, y: Array, upper: Array, lower: Array, min_luma: float) -> Array | None:
    """Lower edge of the bright teeth under the upper lip, for each column; None if few are above ``min_luma``."""
    inside = (y > upper) & (y < lower)
    if inside.sum() < 24:
        return None
    level = float(np.percentile(luma[inside], 88))
    if level < min_luma:
        return None
    bright = luma > 16 + 0.62 * (level - 16)
    columns, edges = [], []
    for column in np.flatnonzero(inside.sum(0) >= 3):
        rows = np.flatnonzero(inside[:, column])
        is_tooth = bright[rows, column]
        if not is_tooth[: max(2, len(is_tooth) // 2)].any():
            continue
        first_tooth = int(np.argmax(is_tooth))
        gaps = np.flatnonzero(~is_tooth[first_tooth:])
        last_row = rows[first_tooth + int(gaps[0]) - 1] if len(gaps) else rows[-1]
        if last_row - rows[first_tooth] >= 2:
            columns.append(column)
            edges.append(float(y[last_row, 0]))
    if len(columns) < 0.3 * (upper < lower).sum() or len(columns) < 5:
        return None
    positions = x[columns]
    curve = np.polyfit(positions, edges, 2)
    inliers = np.abs(np.polyval(curve, positions) - edges) < 0.03
    if inliers.sum() >= 5:
        curve = np.polyfit(positions[inliers], np.array(edges)[inliers], 2)
    # outside the teeth that were found the curve is level
    return np.asarray(
        np.minimum(np.polyval(curve, np.clip(x, positions.min(), positions.max())), np.maximum(lower, upper))
    )
