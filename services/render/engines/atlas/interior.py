"""The inside of a mouth that no picture of this person shows: teeth, tongue and the dark behind them.

The upper teeth belong to the skull and stay where they are when the mouth opens; the lower ones and the tongue go with
the jaw. All are flat pictures made once (``teeth``), laid on the curve of a dental arch that turns with the head. Where
a picture shows the person's own teeth these are the upper row.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from services.render.engines.atlas.face import Face
from services.render.engines.atlas.light import Light, yuv
from services.render.engines.atlas.teeth import FLESH, HALF, Row, reflect, row, tongue
from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.media.planes import Patch

NEEDED, MORE = (1.2, 1.6), (0.02, 0.05)
"""How many times, and by how many eye distances, the mouth must be wider than the pictures for the interior to be
painted: from not at all to wholly. A slit that is a little wider shows nothing new."""
BEHIND = 0.07
"""The teeth's faces lie this far behind the line where the lips meet."""
OVERLAP = 0.020
"""Upper teeth end this far below the line where the lips meet."""
OVERBITE = 0.018
"""Lower teeth begin this far above the end of the upper ones."""
SPREAD_HOLD = 0.3
"""A spread mouth parts the lips more than the jaw: this much less drop at full spread."""
FAINT = 0.6
"""What is darker than this part of white, in levels, is no tooth."""
OPEN = np.array([16.0, 128.0, 128.0], np.float32)
BLURS = 2.0
"""Width of the edge between lips and what is seen between them, in spreads of the picture's sharpest edges."""
REDDER = np.array([0.0, -16.0, 24.0], np.float32)
"""What light turns to that comes in past lips, in levels, where all of it does."""


@dataclass(frozen=True)
class Lips:
    """The inner lips of one picture in its own upright frame: origin at their middle, unit the eye distance."""

    origin: Array
    axes: Array
    """Shape (2, 2): columns are right and down, in pixels per unit."""
    upper: Array
    """Shape (n, 2), from the person's right to left."""
    lower: Array

    @classmethod
    def of(cls, up: Array, low: Array, unit: float, roll: float) -> Lips:
        """From the curves of the inner lips in pixels (11, 2)."""
        c, s = np.cos(roll) * unit, np.sin(roll) * unit
        axes = np.array([[c, -s], [s, c]], np.float32)
        origin = (up + low).mean(0) / 2
        back = np.linalg.inv(axes).T
        return cls(origin, axes, _round((up - origin) @ back), _round((low - origin) @ back))

    def curves(self, x: Array) -> tuple[Array, Array]:
        """Height of the upper and of the lower inner lip at ``x``."""
        up, low = (np.interp(x, *_rising(c)).astype(np.float32) for c in (self.upper, self.lower))
        return up, np.maximum(low, up)

    @property
    def half(self) -> float:
        """Half the width between the inner corners."""
        return max(1e-3, float(np.ptp(self.upper[:, 0])) / 2)

    @property
    def gap(self) -> float:
        """Largest height."""
        return float((self.lower[:, 1] - self.upper[:, 1]).max())


def _rising(curve: Array) -> tuple[Array, Array]:
    return np.maximum.accumulate(curve[:, 0]), curve[:, 1]


def _spline(points: int, times: int) -> Array:
    """Matrix that puts ``times`` points in place of each of a curve, on a Catmull-Rom spline."""
    out = np.zeros(((points - 1) * times + 1, points))
    for r in range(len(out)):
        k, t = min(r // times, points - 2), r / times - min(r // times, points - 2)
        weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
        for j, w in enumerate(weights):
            out[r, min(max(k + j - 1, 0), points - 1)] += w / 2
    return out.astype(np.float32)


_SPLINE = _spline(11, 5)


def _round(curve: Array) -> Array:
    return np.asarray(_SPLINE @ curve, dtype=np.float32)


def needs(wanted: float, shown: Array) -> Array:
    """How much of the interior must be painted for an opening, for each opening that a picture shows, 0 to 1."""
    if wanted < 0.05:
        return np.zeros_like(shown)
    times = (wanted / np.maximum(shown, 0.03) - NEEDED[0]) / (NEEDED[1] - NEEDED[0])
    more = (wanted - shown - MORE[0]) / (MORE[1] - MORE[0])
    return np.asarray(np.clip(np.minimum(times, more), 0, 1))


def need(wanted: float, shown: float) -> float:
    """The same for one opening."""
    return float(needs(wanted, np.array([shown]))[0])


class Interior:
    """The inside of one person's mouth, ready to be laid into frames. Does not change; may be shared."""

    def __init__(self, face: Face, light: Light) -> None:
        rest = face.model.shape(face.closed)
        lips = rest[[*pt.UPPER_INNER[3:8], *pt.LOWER_INNER[3:8]]]
        self._face = face
        self._light = light
        self._chin = float(rest[pt.CHIN, 1])
        self._middle = float(lips[:, 0].mean())
        self._depth = float(lips[:, 2].mean()) + BEHIND
        self._edge = float(lips[:, 1].mean()) + OVERLAP
        per_unit = float(np.clip(np.median(face.scale), 40, 400))
        self._own = False
        self._faint = 16 + FAINT * (float(yuv(np.array(light.white, np.float32))[0]) - 16)
        self._upper = row(light, per_unit, upper=True)
        self._lower = row(light, per_unit, upper=False)
        self._tongue = tongue(light, per_unit)
        self._cavity = [
            yuv(reflect(light, (FLESH**power * share).astype(np.float32))) - OPEN
            for power, share in ((1.3, 0.13), (1.1, 0.3))
        ]

    def with_own_teeth(self, picture: Patch, i: int) -> Interior:
        """The same with the upper teeth that frame ``i`` shows, cut from ``picture``; itself if it shows none."""
        own = self._own_row(picture, i)
        if own is None:
            return self
        out = object.__new__(Interior)
        out.__dict__.update(self.__dict__)
        out._upper, out._own = own, True
        return out

    def drop(self, mouth: Array) -> float:
        """How far the jaw is down for an opening and width (2,), in eye distances."""
        face = self._face
        down = float(face.model.shape(mouth)[pt.CHIN, 1]) - self._chin
        spread = float(np.clip((mouth[1] - face.closed[1]) / max(1e-3, float(face.reach[1])), 0, 1))
        return max(0.0, down * (1 - SPREAD_HOLD * spread))

    def plane(self, i: int, x: Array, y: Array) -> tuple[Array, Array]:
        """Where pixels of frame ``i`` meet the arch of the teeth: across from the middle, and down in the head."""
        face = self._face
        r = face.rotation[i].astype(np.float32)
        px, py = (x - face.shift[i, 0]) / face.scale[i], (y - face.shift[i, 1]) / face.scale[i]
        at = [r[0, k] * px + r[1, k] * py for k in range(3)]
        across = at[0] - self._middle
        forward = 1 / max(0.3, float(r[2, 2]))
        for _ in range(2):
            a2 = np.minimum(np.abs(across), HALF) ** 2
            along = (self._depth + 1.6 * a2 + 11 * a2**2 - at[2]) * forward
            across = at[0] + along * r[2, 0] - self._middle
        return across, at[1] + along * r[2, 1]

    def paint(
        self,
        over: Patch,
        i: int,
        lips: Lips,
        mouth: Array,
        share: float = 1.0,
        shift: tuple[float, float] = (0, 0),
        dark: float = 0.0,
    ) -> Patch:
        """``over`` with the interior between ``lips`` painted, for a mouth (2,) in frame ``i``.

        ``shift``: how far the closed lips of this frame are off their place at rest, in eye distances.
        ``dark``: part of the light that does not come in past the lips; less than nothing where they let in more.
        """
        x0, y0, w, h = over.rect
        ring = np.concatenate([lips.upper, lips.lower]) @ lips.axes.T + lips.origin - (x0, y0)
        left, top = (np.maximum(0, np.floor(ring.min(0) / 2) * 2)).astype(int)
        right, bottom = np.minimum((w, h), (np.ceil(ring.max(0) / 2) * 2).astype(int))
        if right - left < 4 or bottom - top < 4:
            return over
        gx, gy = np.arange(left, right, dtype=np.float32) + x0, np.arange(top, bottom, dtype=np.float32)[:, None] + y0
        back = np.linalg.inv(lips.axes).astype(np.float32)
        x = back[0, 0] * (gx - lips.origin[0]) + back[0, 1] * (gy - lips.origin[1])
        y = back[1, 0] * (gx - lips.origin[0]) + back[1, 1] * (gy - lips.origin[1])
        up, low = lips.curves(x)
        # lips are round: no hard line, and none sharper than the picture
        edge = max(1.3 / float(np.linalg.norm(lips.axes[:, 0])), 0.02, BLURS * self._light.blur)
        alpha = np.clip((y - up) / edge + 0.15, 0, 1) * np.clip((low - y) / edge + 0.15, 0, 1)
        alpha = (alpha * np.clip((lips.half - np.abs(x)) / edge, 0, 1) * np.clip((low - up) / edge, 0, 1) * share)[
            ..., None
        ]
        across, down = self.plane(i, gx, gy)
        across, down = across - shift[0], down - self._edge - shift[1]
        inside = self._inside(x / lips.half, y - up, low - y, across, down, self.drop(mouth)) * (1 - dark) + OPEN
        inside += max(0.0, dark) * self._light.colour * REDDER

        luma, chroma = over.luma.copy(), over.chroma.copy()
        part = luma[top:bottom, left:right]
        part[:] = np.clip(part + alpha[..., 0] * (inside[..., 0] - part) + 0.5, 0, 255)
        size = ((right - left) // 2, (bottom - top) // 2)
        half = cv2.resize(np.dstack([alpha, inside[..., 1:]]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        part = chroma[top // 2 : bottom // 2, left // 2 : right // 2]
        part[:] = np.clip(part + half[..., :1] * (half[..., 1:] - part) + 0.5, 0, 255)
        return Patch(over.rect, luma, chroma)

    def _inside(self, u: Array, under: Array, over: Array, across: Array, down: Array, drop: float) -> Array:
        """Colour (.., 3) less ``OPEN``. ``under`` and ``over``: distance below the upper and above the lower lip."""
        height = under + over
        jaw = down + OVERBITE - drop
        front = np.clip(1 + jaw / 0.16, 0, 1)[..., None]
        t = np.clip((np.abs(u) - 0.5) / 0.5, 0, 1)
        corner = 1 - 0.6 * t * t * (3 - 2 * t)
        # the lips' shadows; less light comes in through a narrow gap, and less of it reaches what lies behind
        shadow = (1 - 0.45 * np.exp(-np.maximum(0, under) / 0.024)) * (1 - 0.25 * np.exp(-np.maximum(0, over) / 0.014))
        wide = np.clip(height / 0.16, 0, 1)
        out = self._cavity[0] + front * (self._cavity[1] - self._cavity[0])
        out = _on(out, self._tongue.at(across, jaw))
        out = out * (0.6 + 0.4 * wide)[..., None]
        out = _on(out, self._lower.at(across, jaw), 0.66 + 0.2 * wide)
        out = out * (shadow * corner)[..., None]
        # a picture's own teeth have its shadows in them already
        light = 1 - 0.25 * (1 - shadow) if self._own else shadow * corner * (0.82 + 0.18 * wide)
        return np.asarray(_on(out, self._upper.at(across, down), light), dtype=np.float32)

    def _own_row(self, picture: Patch, i: int) -> Row | None:
        """The upper teeth that a picture shows, on the plane of the row; None if it shows none."""
        face = self._face
        mesh = face.meshes[i]
        lips = [_round(mesh[list(curve), :2]) for curve in (pt.UPPER_INNER, pt.LOWER_INNER)]
        (ux, uy), (lx, ly) = (self.plane(i, c[:, 0], c[:, 1]) for c in lips)
        k, top, bottom = (
            self._upper.per_unit,
            self._upper.top,
            self._upper.top + len(self._upper.pixels) / self._upper.per_unit,
        )
        bottom = max(bottom, float(ly.max()) - self._edge + 0.02)
        x = (np.arange(int(2 * HALF * k), dtype=np.float32) + 0.5) / k - HALF
        y = (np.arange(int((bottom - top) * k), dtype=np.float32) + 0.5)[:, None] / k + top
        high = np.interp(x, np.maximum.accumulate(ux), uy) - self._edge + 0.016
        low = np.interp(x, np.maximum.accumulate(lx), ly) - self._edge - 0.008
        if float((low - high).max()) < 0.05:
            return None
        pixels = self._sampled(picture, i, x, np.clip(y, high, np.maximum(high, low)))
        end = _biting_edge(pixels[..., 0], x, y, high, low, self._faint)
        if end is None:
            return None
        pixels = self._sampled(picture, i, x, np.clip(y, high, np.maximum(high, end - 0.006)))
        cover = np.clip((end - y) / 0.014 + 0.5, 0, 1) * np.clip((low - high) / 0.02, 0, 1)
        cover = cover * np.clip((x - ux.min()) / 0.03, 0, 1) * np.clip((ux.max() - x) / 0.03, 0, 1)
        return Row(np.dstack([(pixels - OPEN) * cover[..., None], cover]).astype(np.float32), k, top)

    def _sampled(self, picture: Patch, i: int, x: Array, y: Array) -> Array:
        """Y, U, V (.., 3) of a picture of frame ``i`` at places of the row's plane."""
        face = self._face
        a2 = x**2
        z = self._depth + 1.6 * a2 + 11 * a2**2
        head = np.stack(np.broadcast_arrays(x + self._middle, y + self._edge, z), -1)
        at = (face.scale[i] * head @ face.rotation[i].T + face.shift[i])[..., :2] - picture.rect[:2]
        at = at.astype(np.float32)
        luma = cv2.remap(picture.luma, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        chroma = cv2.remap(picture.chroma, (at - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.dstack([luma, chroma]).astype(np.float32)


def _on(below: Array, layer: Array, shade: Array | None = None) -> Array:
    """A premultiplied layer (.., 4), shaded (..), over a colour (.., 3)."""
    colour = layer[..., :3] if shade is None else layer[..., :3] * shade[..., None]
    return np.asarray(below + colour - layer[..., 3:] * below)


def _biting_edge(luma: Array, x: Array, y: Array, high: Array, low: Array, faint: float) -> Array | None:
    """Where the bright teeth under the upper lip end, for each column; None if few are brighter than ``faint``."""
    inside = (y > high) & (y < low)
    if inside.sum() < 24:
        return None
    level = float(np.percentile(luma[inside], 88))
    if level < faint:
        return None
    bright = luma > 16 + 0.62 * (level - 16)
    found, ends = [], []
    for c in np.flatnonzero(inside.sum(0) >= 3):
        rows = np.flatnonzero(inside[:, c])
        run = bright[rows, c]
        if not run[: max(2, len(run) // 2)].any():
            continue
        first = int(np.argmax(run))
        stop = np.flatnonzero(~run[first:])
        last = rows[first + int(stop[0]) - 1] if len(stop) else rows[-1]
        if last - rows[first] >= 2:
            found.append(c)
            ends.append(float(y[last, 0]))
    if len(found) < 0.3 * (high < low).sum() or len(found) < 5:
        return None
    place = x[found]
    curve = np.polyfit(place, ends, 2)
    keep = np.abs(np.polyval(curve, place) - ends) < 0.03
    if keep.sum() >= 5:
        curve = np.polyfit(place[keep], np.array(ends)[keep], 2)
    # beyond the teeth that were found the curve goes on level
    return np.asarray(np.minimum(np.polyval(curve, np.clip(x, place.min(), place.max())), np.maximum(low, high)))
