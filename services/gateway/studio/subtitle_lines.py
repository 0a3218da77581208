"""One subtitle in one line or two."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate

from services.common.script import HAN
from services.gateway.studio.subtitle_breaks import NEVER, after
from services.gateway.studio.types import Word
from services.gateway.studio.words_written import width

_DROPPED = re.compile(rf"[，。、；：][，。、；：\s]*$|(?<=[{HAN}])[,.;:]+$")
"""Punctuation that Chinese subtitles leave out at the end of a line."""


@dataclass(frozen=True)
class Limits:
    """How much a reader takes in."""

    line: float
    """Width of a line, in Chinese characters; a letter is half as wide."""
    per_second: float
    """Characters that are read in a second."""
    is_wide: bool
    """Whether the writing is Chinese, Japanese or Korean."""


@dataclass(frozen=True)
class Break:
    """Where the second line begins (0: there is none), and how bad that is."""

    at: int
    price: float


def limits(language: str) -> Limits:
    """Of a language (BCP 47)."""
    if language.split("-")[0].lower() in ("zh", "yue", "ja", "ko"):
        return Limits(line=16.0, per_second=9.0, is_wide=True)
    return Limits(line=21.0, per_second=17.0, is_wide=False)


def parts(word: Word, limit: Limits) -> list[Word]:
    """The word, in pieces where no line holds it, each with its share of the time."""
    if (whole := width(word.text.strip())) <= limit.line:
        return [word]
    pieces, piece = [], ""
    for c in word.text:
        # a character and what combines with it stay together
        if piece and width(piece + c) > limit.line and width(c):
            pieces.append(piece)
            piece = ""
        piece += c
    pieces.append(piece)
    ends = [min(1.0, e / whole) for e in accumulate(width(p) for p in pieces)]
    ends[-1] = 1.0
    length = word.end_s - word.start_s
    return [
        Word(p, word.start_s + length * a, word.start_s + length * b)
        for p, a, b in zip(pieces, [0.0, *ends], ends, strict=False)
    ]


def broken(words: list[Word], limit: Limits) -> Break | None:
    """The best way to one line or two; None when two cannot hold the words."""
    texts = [w.text for w in words]
    if _wide("".join(texts), limit) <= limit.line:
        return Break(0, 0.0)
    best: Break | None = None
    for at in range(1, len(texts)):
        upper = _wide("".join(texts[:at]), limit)
        if upper > limit.line:
            break
        lower = _wide("".join(texts[at:]), limit)
        if lower > limit.line:
            continue
        uneven = abs(upper - lower) / limit.line
        # of two equally good breaks the one with the shorter line above hides less of the picture
        price = min(after(texts[at - 1], texts[at]), NEVER) + 4 * uneven + (0.2 if upper > lower else 0)
        if best is None or price < best.price:
            best = Break(at, price)
    return best


def _wide(text: str, limit: Limits) -> float:
    return width(_trimmed(text.lstrip(), limit))


def _trimmed(text: str, limit: Limits) -> str:
    text = text.rstrip()
    return _DROPPED.sub("", text).rstrip() if limit.is_wide else text


def lines_of(words: list[Word], limit: Limits) -> tuple[tuple[Word, ...], ...]:
    """One line or two; without spaces at their ends, and Chinese ones without the last comma or full stop."""
    found = broken(words, limit)
    halves = [words[: found.at], words[found.at :]] if found and found.at else [words]
    return tuple(line for line in (_line(half, limit) for half in halves) if line)


def _line(words: list[Word], limit: Limits) -> tuple[Word, ...]:
    """The words of a line, as they are shown. How each is shown follows from the whole line."""
    left = _trimmed("".join(w.text for w in words).lstrip(), limit)
    out, first = [], True
    for word in words:
        text = word.text.lstrip() if first else word.text
        text, left = text[: len(left)], left[len(text) :]
        first = first and not text
        if text:
            out.append(replace(word, text=text))
    return tuple(out)
