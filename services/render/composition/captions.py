"""Captions: words burned into pictures while they are spoken, light with a dark outline and a soft shadow."""

from __future__ import annotations

import itertools
import logging
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from huasheng.render.v1 import render_pb2
from PIL import Image as Pillow

from services.render.composition.caption_fonts import Fonts, fonts
from services.render.composition.caption_layout import Frame, Lines, Placed, Said, placed
from services.render.media.planes import planes
from services.render.types import Image

log = logging.getLogger("huasheng.render")

DEFAULT_SIZE, WHITE, DARK = 0.05, 0xFFFFFF, 0x0C0C0C
OUTLINE, SHADOW, SHADOW_INK = 0.075, 0.16, 0.55
"""Width of the outline and softness of the shadow in sizes; how dark the shadow is."""
KEPT = 4
"""Captions and states of captions that are kept: they come one after the other."""

_Floats = npt.NDArray[np.float32]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Cue:
    start_us: int
    end_us: int
    lines: Lines
    second: Lines


@dataclass(frozen=True)
class _Drawn:
    """A caption without its colours: how much of each pixel is letter, outline and shadow, 0 to 1, (h, w)."""

    x: int
    y: int
    ink: _Floats
    outline: _Floats
    shadow: _Floats
    small_ink: _Floats
    """The letters again, in half the size."""
    boxes: tuple[tuple[int, int, int, int, int], ...]
    """Number of a word, and its left, top, right and bottom within the arrays."""


@dataclass(frozen=True)
class _Stamp:
    """What is put over planes: new = old * keep / 255 + add, uint8 (h, w) or (h, w, 3) each."""

    x: int
    y: int
    parts: tuple[tuple[_Bytes, _Bytes], ...]

    def put(self, plane: Image, part: int, shrink: int = 1) -> None:
        """Change a plane in place; ``shrink`` is 2 for chroma."""
        keep, add = self.parts[part]
        h, w = keep.shape[:2]
        y, x = self.y // shrink, self.x // shrink
        region = plane[y : y + h, x : x + w]
        region[:] = cv2.add(cv2.multiply(region, keep, scale=1 / 255), add)


class Captions:
    """Draws the captions of one video, whose pictures all have the same size.

    ``face`` is the face's box in these pictures (left, top, right, bottom in pixels), ``folder`` that of the fonts.
    What is drawn follows from the time alone: parts of a video join without a trace. For one thread.
    """

    def __init__(
        self,
        message: render_pb2.Captions,
        width: int,
        height: int,
        face: tuple[float, float, float, float] | None,
        folder: Path,
    ) -> None:
        self._fonts: Fonts = fonts(folder)
        size = max(1, round((message.size or DEFAULT_SIZE) * min(width, height)))
        self._frame = Frame(width, height, size, message.place, face)
        self._colour, self._highlight = message.colour or WHITE, message.highlight
        self.left_out = ""
        """Characters that no font here can draw, each once, in the order of the text."""
        self._cues = [self._cue(c) for c in message.cues]
        self._starts = [c.start_us for c in self._cues]
        self._drawn: OrderedDict[int, _Drawn | None] = OrderedDict()
        self._stamps: OrderedDict[tuple[int, int, bool], _Stamp] = OrderedDict()
        if self.left_out:
            log.warning("captions leave characters out that no font has", extra={"characters": len(self.left_out)})

    def _cue(self, cue: render_pb2.Cue) -> _Cue:
        count = itertools.count()
        lines = [[replace(w, number=next(count)) for w in line] for line in self._lines(cue.lines)]
        return _Cue(cue.start_us, cue.end_us, lines, self._lines(cue.second))

    def _lines(self, lines: Iterable[render_pb2.CueLine]) -> Lines:
        out: Lines = []
        for line in lines:
            words = []
            for word in line.words:
                text, lost = self._fonts.drawable(word.text)
                self.left_out += "".join(c for c in dict.fromkeys(lost) if c not in self.left_out)
                if text:
                    words.append(Said(text, word.start_us, word.end_us))
            if any(w.text.strip() for w in words):
                out.append(words)
        return out

    def on(self, image: Image, time_us: int, *, in_place: bool = False) -> Image:
        """The picture with what is said at that time: a copy, or itself changed; itself where nothing is shown.

        A picture that an engine gave out must be copied: it may show the same one again.
        """
        stamp = self._stamp(time_us, is_bgr=image.ndim == 3)
        if stamp is None:
            return image
        image = image if in_place else image.copy()
        for part, plane in enumerate([image] if image.ndim == 3 else planes(image)):
            stamp.put(plane, part, 2 if part else 1)
        return image

    def coverage(self, time_us: int) -> tuple[int, int, _Bytes] | None:
        """How much of the picture is caption at that time: left, top, and uint8 (h, w); None where nothing is shown."""
        number, _ = self._state(time_us)
        drawn = self._draw(number) if number >= 0 else None
        if drawn is None:
            return None
        clear = (1 - SHADOW_INK * drawn.shadow) * (1 - drawn.outline) * (1 - drawn.ink)
        return drawn.x, drawn.y, _bytes(255 * (1 - clear))

    def _state(self, time_us: int) -> tuple[int, int]:
        """Number of the cue that is shown, and of the word that is said in it; -1 for none."""
        number = bisect_right(self._starts, time_us) - 1
        if number < 0 or time_us >= self._cues[number].end_us:
            return -1, -1
        if not self._highlight:
            return number, -1
        words = [w for line in self._cues[number].lines for w in line]
        # a word stays marked to the next one, unless there is a pause
        said = [k for k, w in enumerate(words) if w.start_us <= time_us < max(w.end_us, w.start_us + 1)]
        return number, said[-1] if said else -1

    def _stamp(self, time_us: int, is_bgr: bool) -> _Stamp | None:
        number, word = self._state(time_us)
        if number < 0 or (drawn := self._draw(number)) is None:
            return None
        base = self._keep((number, -1, is_bgr), lambda: _coloured(drawn, self._colour, is_bgr))
        if word < 0:
            return base
        change = np.subtract(*(_convert(c, is_bgr) for c in (self._highlight, self._colour)))
        return self._keep((number, word, is_bgr), lambda: _marked(base, drawn, word, change))

    def _keep(self, key: tuple[int, int, bool], make: Callable[[], _Stamp]) -> _Stamp:
        if key not in self._stamps:
            self._stamps[key] = make()
            while len(self._stamps) > KEPT:
                self._stamps.popitem(last=False)
        self._stamps.move_to_end(key)
        return self._stamps[key]

    def _draw(self, number: int) -> _Drawn | None:
        if number not in self._drawn:
            cue = self._cues[number]
            words = placed(cue.lines, cue.second, self._fonts, self._frame)
            self._drawn[number] = _drawn(words, self._fonts, self._frame) if words else None
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[number]


def _drawn(words: list[Placed], letters: Fonts, frame: Frame) -> _Drawn:
    size = max(w.size for w in words)
    stroke = max(1.0, OUTLINE * size)
    soft = max(1.0, SHADOW * size)
    pad = int(stroke + 3 * soft) + 2
    up, down = letters.height(size)
    left = max(0, min(int(w.x) for w in words) - pad) // 2 * 2
    top = max(0, min(int(w.y) for w in words) - up - pad) // 2 * 2
    right = min(frame.width, int(max(w.x + letters.width(w.word.text, w.size) for w in words)) + pad + 1)
    bottom = min(frame.height, max(int(w.y) for w in words) + down + pad)
    width, height = (right - left + 1) // 2 * 2, (bottom - top + 1) // 2 * 2
    width, height = min(width, frame.width - left), min(height, frame.height - top)
    ink, outline = Pillow.new("L", (width, height)), Pillow.new("L", (width, height))
    boxes = []
    for w in words:
        at = (w.x - left, w.y - top)
        letters.draw(ink, at, w.word.text, w.size)
        letters.draw(outline, at, w.word.text, w.size, stroke=max(1.0, OUTLINE * w.size))
        if w.word.number >= 0:
            up, down = letters.height(w.size)
            end = at[0] + letters.width(w.word.text, w.size)
            boxes.append((w.word.number, int(at[0]), int(at[1] - 1.2 * up), int(np.ceil(end)), int(at[1] + 2 * down)))
    inner, edge = (np.asarray(p, np.float32) / np.float32(255) for p in (ink, outline))
    shadow = np.zeros_like(edge)
    drop = max(1, round(0.04 * size))
    shadow[drop:] = edge[:-drop]
    shadow = cv2.GaussianBlur(shadow, (0, 0), soft)
    shadow = np.clip(1.6 * shadow, 0, 1)
    return _Drawn(left, top, inner, edge, np.asarray(shadow, np.float32), _halved(inner), tuple(boxes))


def _bytes(values: _Floats) -> _Bytes:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _coloured(drawn: _Drawn, colour: int, is_bgr: bool) -> _Stamp:
    """The stamp of a caption in one colour."""
    black, dark, light = (_convert(c, is_bgr) for c in (0, DARK, colour))
    edge = drawn.outline * (1 - drawn.ink)
    behind = (1 - drawn.outline) * (1 - drawn.ink)
    shade = SHADOW_INK * drawn.shadow * behind
    keep = behind - shade
    add = [drawn.ink * light[k] + edge * dark[k] + shade * black[k] for k in range(3)]
    if is_bgr:
        return _Stamp(drawn.x, drawn.y, ((_bytes(255 * cv2.merge([keep] * 3)), _bytes(cv2.merge(add))),))
    small = _bytes(255 * _halved(keep))
    return _Stamp(
        drawn.x, drawn.y, ((_bytes(255 * keep), _bytes(add[0])), *((small, _bytes(_halved(a))) for a in add[1:]))
    )


def _marked(base: _Stamp, drawn: _Drawn, word: int, change: _Floats) -> _Stamp:
    """The same with one word in another colour: by ``change``, in the three values of a pixel."""
    parts = tuple((keep, add.copy()) for keep, add in base.parts)
    for number, left, top, right, bottom in drawn.boxes:
        if number != word:
            continue
        box = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        half = (slice(max(top, 0) // 2, (bottom + 1) // 2), slice(max(left, 0) // 2, (right + 1) // 2))
        for k, (_, add) in enumerate(parts):
            at, ink = (half, drawn.small_ink) if k else (box, drawn.ink)
            by = ink[at][..., None] * change if add.ndim == 3 else ink[at] * change[k]
            add[at] = _bytes(add[at] + by)
    return _Stamp(base.x, base.y, parts)


def _halved(values: _Floats) -> _Floats:
    size = (values.shape[1] // 2, values.shape[0] // 2)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _convert(rgb: int, is_bgr: bool) -> _Floats:
    return np.array(_bgr(rgb) if is_bgr else _yuv(rgb), np.float32)


def _bgr(rgb: int) -> tuple[float, float, float]:
    return float(rgb & 255), float(rgb >> 8 & 255), float(rgb >> 16)


def _yuv(rgb: int) -> tuple[float, float, float]:
    """BT.709, limited range."""
    b, g, r = (c / 255 for c in _bgr(rgb))
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return 16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748
