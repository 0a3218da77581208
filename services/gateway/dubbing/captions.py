"""Subtitles of a dubbed film: the new words as they are spoken, the original ones beneath where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.gateway.dubbing.table import Line
from services.gateway.studio.subtitles import cues_of, second_lines
from services.gateway.studio.types import Cue, SpokenScene, Word
from services.gateway.studio.words import spread, words_of
from services.gateway.studio.words_written import shown, split_words


def film_cues(spoken: SpokenScene, lines: Sequence[Line], second: bool) -> list[Cue]:
    """Subtitles of the whole film. ``lines``: one for each clause, in their order; ``second``: with what was said."""
    words = words_of(spoken)
    if not second:
        return cues_of(words, spoken.language, spoken.seconds)
    out: list[Cue] = []
    for k, (clause, line) in enumerate(zip(spoken.clauses, lines, strict=True)):
        until = spoken.clauses[k + 1].start_s if k + 1 < len(spoken.clauses) else spoken.seconds
        own = [w for w in words if clause.start_s - 1e-3 <= w.start_s < until - 1e-3]
        out += with_original(cues_of(own, spoken.language, until), line.text)
    return out


def with_original(cues: list[Cue], text: str) -> list[Cue]:
    """Subtitles of one sentence with the original beneath, its words shared out over them by time."""
    text = shown(text)
    if not cues or not text:
        return cues
    words = spread(split_words(text), cues[0].start_s, cues[-1].end_s)
    starts = [c.start_s for c in cues[1:]]
    parts: list[list[Word]] = [[] for _ in cues]
    for word in words:
        parts[sum(s <= (word.start_s + word.end_s) / 2 for s in starts)].append(word)
    return [
        replace(cue, second=second_lines("".join(w.text for w in own))) for cue, own in zip(cues, parts, strict=True)
    ]
