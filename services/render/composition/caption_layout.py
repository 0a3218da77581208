"""Where the lines of a caption stand: within the safe part of the picture, below the face where there is room."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from services.render.composition.caption_fonts import Fonts

SIDE, BOTTOM, BOTTOM_TALL = 0.05, 0.06, 0.16
"""Margins in shares of width and height; in tall pictures players put their buttons at the bottom."""
TOP = 0.15
"""Upper margin in shares of the short side: the visible mark stands above it."""
EDGE = 0.025
"""Lower margin, in shares of the height, where a face leaves no more room."""
SECOND = 0.75
"""Size of a second language."""
LEADING, SECOND_GAP = 1.28, 0.1
"""Distance of two base lines, and further space above a second language, in sizes."""
_HIGHEST = 0.7
"""Highest block, as a share of the height."""
_SCALES = (1.0, 0.93, 0.86)
_MOST_LINES, _MOST_WORDS = 4, 60
_SMALLER = (0.88, 0.76)
"""Sizes that are tried, in this order, to keep off the face."""
MOUTH = 0.88
"""Where the mouth ends, as a share of the face's height."""


@dataclass(frozen=True)
class Said:
    """A word and when it is said, in microseconds."""

    text: str
    start_us: int
    end_us: int
    number: int = -1
    """In its cue; -1 in a second language."""


Lines = list[list[Said]]


@dataclass(frozen=True)
class Placed:
    """A word, or a part of one, on the picture: left end of its base line."""

    word: Said
    x: float
    y: float
    size: int


@dataclass(frozen=True)
class Frame:
    """The picture that captions stand on; lengths in pixels."""

    width: int
    height: int
    size: int
    """Of the letters' em."""
    middle: float
    """Of the text as a share of the height; 0 for below the face."""
    face: tuple[float, float, float, float] | None
    """Left, top, right, bottom."""


def fitted(lines: Lines, fonts: Fonts, size: int, room: float) -> tuple[Lines, int]:
    """The lines as they are where they fit, else smaller, else in more lines, else smaller still; and their size."""
    if not lines:
        return [], size
    while True:
        for count in range(len(lines), max(len(lines), _MOST_LINES) + 1):
            for scale in _SCALES:
                small = max(1, round(size * scale))
                if count == len(lines) and _widest(lines, fonts, small) <= room:
                    return lines, small
                words = [part for w in _joined(lines) for part in _parts(w, fonts, small, room)]
                if found := _broken(words, count, fonts, small, room):
                    return found, small
        if size == 1:
            return lines, 1
        size = int(size * 0.8)


def _joined(lines: Lines) -> list[Said]:
    """The words of all lines, a space where one line ended."""
    ends = [replace(line[-1], text=line[-1].text.rstrip() + " ") for line in lines]
    return [w for line, end in zip(lines, ends, strict=True) for w in (*line[:-1], end)]


def _parts(word: Said, fonts: Fonts, size: int, room: float) -> list[Said]:
    """A word that no line holds, in pieces."""
    if fonts.width(word.text.rstrip(), size) <= room:
        return [word]
    out = [""]
    for c in word.text:
        if out[-1] and fonts.width(out[-1] + c, size) > room:
            out.append("")
        out[-1] += c
    return [replace(word, text=t) for t in out]


def _widest(lines: Lines, fonts: Fonts, size: int) -> float:
    return max(fonts.width(_text(line), size) for line in lines)


def _text(line: list[Said]) -> str:
    return "".join(w.text for w in line).strip()


def _broken(words: list[Said], count: int, fonts: Fonts, size: int, room: float) -> Lines | None:
    """The most even break into so many lines that fit; none between a number and what it counts."""
    if count > len(words) or len(words) > _MOST_WORDS:
        return None
    widths = [fonts.width(w.text, size) for w in words]
    sums = [0.0]
    for w in widths:
        sums.append(sums[-1] + w)
    space = fonts.width(" ", size)
    best: tuple[float, tuple[int, ...]] | None = None
    for at in combinations(range(1, len(words)), count - 1):
        ends = (0, *at, len(words))
        long = [sums[b] - sums[a] - (space if words[b - 1].text.endswith(" ") else 0) for a, b in pairwise(ends)]
        if max(long) > room:
            continue
        price = max(long) - min(long) + sum(_price(words[k - 1].text, words[k].text, size) for k in at)
        if best is None or price < best[0]:
            best = (price, at)
    if best is None:
        return None
    return [words[a:b] for a, b in pairwise((0, *best[1], len(words)))]


def _price(word: str, following: str, size: int) -> float:
    """How bad a break is, in pixels of unevenness."""
    if re.search(r"[\d$¥€£]\s*$", word):
        return 20.0 * size
    if re.search(r"[，。！？、；：,.!?;:]\s*$", word):
        return 0.0
    if following.startswith(("的", "了", "吗", "呢", "吧", "着", "过", "们")):
        return 8.0 * size
    return 2.0 * size


def placed(lines: Lines, second: Lines, fonts: Fonts, frame: Frame) -> list[Placed]:
    """All words of a caption where they stand.

    Below a face as they are or somewhat smaller; else at least below the mouth; else at the bottom.
    """
    first = _placed(lines, second, fonts, frame)
    if frame.middle or frame.face is None or first[0] >= frame.face[3]:
        return first[1]
    smaller = [_placed(lines, second, fonts, replace(frame, size=max(1, round(frame.size * s)))) for s in _SMALLER]
    top, bottom = frame.face[1], frame.face[3]
    for limit in (bottom, top + MOUTH * (bottom - top)):
        for upper, words in (first, *smaller):
            if upper >= limit:
                return words
    return first[1]


def _placed(lines: Lines, second: Lines, fonts: Fonts, frame: Frame) -> tuple[float, list[Placed]]:
    """The words in one size, and the upper edge of their block."""
    room = frame.width * (1 - 2 * SIDE)
    lines, size = fitted(lines, fonts, frame.size, room)
    second, small = fitted(second, fonts, round(size * SECOND), room)
    up, down = fonts.height(size if lines else small)
    gap = SECOND_GAP * size if lines and second else 0.0
    steps = [LEADING * size] * (len(lines) - 1) + [LEADING * small] * (len(second) - (not lines))
    total = up + sum(steps) + gap + down
    if total > frame.height * _HIGHEST and frame.size > 1:
        return _placed(lines, second, fonts, replace(frame, size=int(frame.size * 0.85)))
    top = _top(frame, total)
    out: list[Placed] = []
    y = top + up
    for k, line in enumerate([*lines, *second]):
        y += steps[k - 1] if k else 0
        y += gap if k == len(lines) else 0
        out += _row(line, fonts, size if k < len(lines) else small, y, frame.width)
    return top, out


def _row(line: list[Said], fonts: Fonts, size: int, y: float, width: int) -> list[Placed]:
    line = [*line[:-1], replace(line[-1], text=line[-1].text.rstrip())]
    x = round((width - fonts.width("".join(w.text for w in line), size)) / 2)
    out = []
    for word in line:
        out.append(Placed(word, x, round(y), size))
        x = round(x + fonts.width(word.text, size))
    return out


def _top(frame: Frame, total: float) -> float:
    """Upper edge of a block of lines."""
    is_tall = frame.height > 1.2 * frame.width
    highest, lowest = TOP * min(frame.width, frame.height), frame.height * (1 - EDGE) - total
    if frame.middle:
        low = frame.height * (1 - BOTTOM) - total
        return max(min(frame.middle * frame.height - total / 2, low), min(highest, low))
    top = frame.height * (1 - (BOTTOM_TALL if is_tall else BOTTOM)) - total
    if frame.face is not None:
        chin = frame.face[3] + 0.6 * frame.size
        if top < chin:
            top = min(chin, lowest)
    return max(min(top, lowest), min(highest, lowest))
