"""Words to subtitles: how much is shown at once, how it is broken and how long it stands.

The figures are those of the field: Netflix's and the BBC's timed text guidelines, and T/CSTE 0013 for Chinese.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.common.script import is_japanese, main_language
from services.gateway.api.studio_requests import CueText
from services.gateway.studio.subtitle_breaks import NEVER, SENTENCE, after
from services.gateway.studio.subtitle_lines import Limits, broken, limits, lines_of, parts
from services.gateway.studio.types import Cue, Word
from services.gateway.studio.words import spread
from services.gateway.studio.words_written import shown, split_words, width

SHORTEST_S, LONGEST_S = 1.0, 7.0
"""How long a subtitle stands."""
LINGER_S = 0.4
"""How long one may stand after its last word, where it is read slowly enough anyway."""
GAP_S = 0.08
"""Two frames without a subtitle before the next, so that one sees that it is another."""
PAUSE_S = 0.8
"""A silence from which on it is not bridged by one subtitle."""
SECOND_SIZE = 0.75
"""Size of a second language, against the first."""
_LONG_PAUSE, _SENTENCES, _SHORT, _TWO_LINES, _ONE_MORE = 12.0, 2.6, 4.0, 0.7, 2.4
"""Prices: a pause within, a sentence's end within, a second short of the shortest, a second line, one more."""


@dataclass(frozen=True)
class _Way:
    """The cheapest way to the end of a word."""

    price: float
    start: int


def cues_of(words: list[Word], language: str, seconds: float) -> list[Cue]:
    """Subtitles of a scene of that length: at most two lines of 16 Chinese characters or 42 letters, never overlapping.

    They appear with their first word and stay for 1 to 7 s, longer than their words where reading needs it and nobody
    speaks. ``language`` as BCP 47; empty: by the script.
    """
    text = "".join(w.text for w in words)
    limit = limits(language or ("ja" if is_japanese(text) else main_language(text)))
    words = [p for w in words for p in parts(_capped(w), limit)]
    groups = _groups(words, limit)
    out = []
    for k, group in enumerate(groups):
        until = groups[k + 1][0].start_s if k + 1 < len(groups) else seconds
        lines = lines_of(group, limit)
        if lines:
            out.append(Cue(group[0].start_s, _end(group, lines, until, limit), lines))
    return [c for c in out if c.end_s > c.start_s]


def _capped(word: Word) -> Word:
    return replace(word, end_s=min(word.end_s, word.start_s + LONGEST_S))


def _groups(words: list[Word], limit: Limits) -> list[list[Word]]:
    """The words, in the cheapest groups that each fit in two lines and in the longest time."""
    best = [_Way(0.0, 0)]
    sizes = [width(w.text) for w in words]
    for end in range(1, len(words) + 1):
        found = _Way(1e12, end - 1)
        wide = 0.0
        border = _border(words, end)
        for start in range(end - 1, -1, -1):
            wide += sizes[start]
            if start < end - 1 and (
                wide > 2 * limit.line + 2 or words[end - 1].end_s - words[start].start_s > LONGEST_S
            ):
                break
            inner = broken(words[start:end], limit)
            if inner is None and start < end - 1:
                continue
            price = best[start].price + border + _ONE_MORE + _within(words, start, end)
            price += inner.price + _TWO_LINES if inner and inner.at else 0.0
            if price < found.price:
                found = _Way(price, start)
        best.append(found)
    out, end = [], len(words)
    while end:
        out.append(words[best[end].start : end])
        end = best[end].start
    return out[::-1]


def _border(words: list[Word], end: int) -> float:
    if end == len(words):
        return SENTENCE
    price = after(words[end - 1].text, words[end].text)
    if words[end].start_s - words[end - 1].end_s >= PAUSE_S:
        return min(price, SENTENCE)
    return price if price < NEVER else 10 * NEVER


def _within(words: list[Word], start: int, end: int) -> float:
    """The price of what is shown together: pauses and ends of sentences in it, and too short a time."""
    price = 0.0
    for a, b in zip(words[start:end], words[start + 1 : end], strict=False):
        if b.start_s - a.end_s >= PAUSE_S:
            price += _LONG_PAUSE
        elif after(a.text, b.text) == SENTENCE:
            price += _SENTENCES
    until = words[end].start_s if end < len(words) else words[end - 1].end_s + SHORTEST_S
    return price + _SHORT * max(0.0, SHORTEST_S - (until - words[start].start_s))


def _end(group: list[Word], lines: tuple[tuple[Word, ...], ...], until: float, limit: Limits) -> float:
    """When a subtitle goes: long enough to be read, before the next."""
    start, spoken = group[0].start_s, group[-1].end_s
    read = sum(len(w.text.strip() if limit.is_wide else w.text) for line in lines for w in line) / limit.per_second
    wanted = max(spoken + LINGER_S, start + SHORTEST_S, start + read)
    gap = GAP_S if until - spoken > GAP_S else 0.0
    return min(wanted, max(until - gap, spoken), until, start + LONGEST_S)


def edited(cues: list[CueText]) -> list[Cue]:
    """Subtitles as their user wants them: the same words at the same times, their lines broken anew.

    A line break of the user's own stays where both lines fit. One that is too long for two lines becomes several, one
    after the other; one that begins before the end of the last ends that one. Without text there is none.
    """
    out: list[Cue] = []
    for cue in sorted(cues, key=lambda c: c.start_s):
        if out and out[-1].end_s > cue.start_s:
            out[-1] = _cut(out[-1], cue.start_s)
        out += _edited(cue)
    return [c for c in out if c.end_s > c.start_s and c.lines]


def _edited(cue: CueText) -> list[Cue]:
    rows = [r for r in (shown(r) for r in cue.text.split("\n")) if r]
    text = " ".join(rows)
    if not text:
        return []
    language = "ja" if is_japanese(text) else main_language(text)
    limit = limits(language)
    second = second_lines(cue.second or "")
    if 1 <= len(rows) <= 2 and all(width(r) <= limit.line for r in rows):
        split = [split_words(r) for r in rows]
        words = spread([w for row in split for w in row], cue.start_s, cue.end_s)
        first = len(split[0])
        return [
            Cue(cue.start_s, cue.end_s, tuple(tuple(line) for line in (words[:first], words[first:]) if line), second)
        ]
    words = [p for w in spread(split_words(text), cue.start_s, cue.end_s) for p in parts(w, limit)]
    groups = _groups(words, limit)
    starts = [g[0].start_s for g in groups] + [cue.end_s]
    return [
        Cue(starts[k], starts[k + 1], lines_of(group, limit), second if not k else ()) for k, group in enumerate(groups)
    ]


def second_lines(text: str) -> tuple[str, ...]:
    """A text in a second language as one line or two; a longer one keeps all its words in the two."""
    text = shown(text)
    if not text:
        return ()
    limit = limits("ja" if is_japanese(text) else main_language(text))
    limit = replace(limit, line=limit.line / SECOND_SIZE)
    words = [Word(w, 0.0, 0.0) for w in split_words(text)]
    while broken(words, limit) is None:
        limit = replace(limit, line=limit.line * 1.2)
    return tuple("".join(w.text for w in line) for line in lines_of(words, limit))


def _cut(cue: Cue, end_s: float) -> Cue:
    def cut(word: Word) -> Word:
        return replace(word, start_s=min(word.start_s, end_s), end_s=min(word.end_s, end_s))

    return replace(cue, end_s=min(cue.end_s, end_s), lines=tuple(tuple(map(cut, line)) for line in cue.lines))
