"""Splits text into stretches that are synthesised one at a time: the first short, so that speech begins early.

Longer stretches sound better; how much longer the next may be than the last follows from how fast the engine is, so
that the next is ready before playback of the last has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.common.clauses import is_abbreviated, unbroken
from services.common.script import HAN

FIRST = 40
"""Weight of the first stretch; a Latin letter weighs 1, a Chinese character, being a syllable, 3."""
SPARE = 0.65
"""Playback gained on synthesis in the same time: 1 / 0.6 - 1, where speaking and drawing together take 0.6 of the
length of the speech on two cores."""
PATIENCE = 1.5
"""How far over its budget a stretch may go to end at a pause instead of between two words."""
LIMIT = 190
"""Weight of the longest: about 12 s of speech, 1 GB of memory at most, and under 510 phonemes with room for numbers."""
SHORTEST = 12
"""Lighter stretches join the next: very short ones are spoken badly."""


class Pace:
    """How heavy the next stretch may be, so that it is ready in time; one for each utterance."""

    def __init__(self) -> None:
        self._first = self._spoken = 0.0

    @property
    def budget(self) -> float:
        """Weight of the next stretch: what is synthesised while the rest of what was spoken so far plays."""
        return min(LIMIT, max(FIRST, self._first + SPARE * self._spoken))

    def spoke(self, heavy: float) -> None:
        """A stretch of that weight was spoken."""
        self._first = self._first or heavy
        self._spoken += heavy


_END = re.compile(
    r"[。！？；…!?]+[”’」』）)\"']*"  # ends a sentence wherever it stands
    r"|[.;]+[”’)\"']*(?=\s|$)"  # these only before a space: 3.5, a.b.com
    r"|\n+"
)
_PAUSE = re.compile(r"[，、：—]+|[,:](?=\s|$)|\s[–—-]+(?=\s)")
_WORD = re.compile(rf"\s+|(?<=[{HAN}])(?=[{HAN}A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{HAN}])")


@dataclass(frozen=True)
class Stretch:
    """A part of the text, and what stands at its end."""

    text: str
    end: str
    """``sentence``, ``pause`` or ``word``."""


def weight(text: str) -> float:
    """How long a text takes to say, in Latin letters; digits are long words."""
    total = 0.0
    for c in text:
        total += 3 if "\u3400" <= c <= "\u9fff" else 4 if c.isdecimal() else 1 if not c.isspace() else 0.3
    return total


def _cuts(text: str) -> list[tuple[int, str]]:
    """All places where the text may be cut, with the kind of place, in order."""
    found: dict[int, str] = {m.end(): "word" for m in _WORD.finditer(text) if 0 < m.end() < len(text)}
    found.update({m.end(): "pause" for m in _PAUSE.finditer(text)})
    for m in _END.finditer(text):
        if text[m.start()] == "." and m.end() < len(text) and is_abbreviated(text[: m.start()]):
            continue
        found[m.end()] = "sentence"
    for start, end in unbroken(text):
        for place in range(start + 1, end):
            found.pop(place, None)
    found[len(text)] = "sentence" if found.get(len(text)) == "sentence" else "pause"
    return sorted(found.items())


def split(text: str, pace: Pace | None = None) -> Iterator[Stretch]:
    """Stretches of the text; joined they give the text again. ``pace`` knows what was spoken before.

    Within the budget the last end of a sentence is taken, else the last pause, else the first pause a little beyond the
    budget, else the last gap between words (and a run of letters without any is cut where the budget ends). A first
    stretch is cut at its first pause.
    """
    start = 0
    cuts = _cuts(text)
    pace = pace or Pace()
    while start < len(text):
        budget = pace.budget
        best: dict[str, int] = {}
        for place, kind in cuts:
            if place <= start:
                continue
            heavy = weight(text[start:place])
            if heavy > budget and best:
                near = heavy <= min(LIMIT, budget * PATIENCE)
                if near and kind != "word" and set(best) == {"word"}:
                    best[kind] = place
                if near and set(best) == {"word"}:
                    continue
                break
            if heavy > budget:
                # nothing fits: the first cut that there is, unless even that is over the limit
                if heavy <= LIMIT:
                    best[kind] = place
                break
            if heavy >= SHORTEST or place == len(text):
                best[kind] = place
                if budget <= FIRST and kind != "word":
                    break
        kind = next((k for k in ("sentence", "pause", "word") if k in best), "word")
        end = best.get(kind) or _hard_cut(text, start)
        rest = text[end:]
        if rest and (not rest.strip() or (kind != "word" and weight(rest) < SHORTEST)):
            end, kind = len(text), cuts[-1][1]
        yield Stretch(text[start:end], kind)
        pace.spoke(weight(text[start:end]))
        start = end


def _hard_cut(text: str, start: int) -> int:
    end = start + 1
    while end < len(text) and weight(text[start : end + 1]) <= LIMIT:
        end += 1
    return end


def halves(stretch: Stretch) -> tuple[Stretch, Stretch]:
    """The stretch cut near its middle, between words where there is a gap; it must have two characters at least."""
    text = stretch.text
    middle = len(text) // 2
    place = min((p for p, _ in _cuts(text) if 0 < p < len(text)), key=lambda p: abs(p - middle), default=middle)
    if not len(text) // 4 <= place <= len(text) - len(text) // 4:
        place = middle
    return Stretch(text[:place], "word"), Stretch(text[place:], stretch.end)
