"""WebVTT from the clause marks of the speech engine, as a video of one text has it."""

from __future__ import annotations

from services.common.clauses import ClauseSplitter, weight
from services.common.markup import plain
from services.gateway.studio.subtitle_files import vtt
from services.gateway.studio.types import Cue, Word
from services.gateway.turn.events import SpokenClause

HEAVIEST_CUE = 22.0
"""Weight of the longest cue (see ``clauses.weight``): about 22 Chinese characters or 88 letters."""


def _cues(text: str) -> list[str]:
    if weight(text) <= HEAVIEST_CUE:
        return [text]
    splitter = ClauseSplitter()
    return [*splitter.feed(text), *splitter.flush()]


def webvtt(clauses: list[SpokenClause]) -> str:
    """The subtitles file. A long stretch is cut at its punctuation, each piece shown in proportion to its weight.

    HTML and Markdown are not shown.
    """
    cues = []
    for clause in clauses:
        text = plain(clause.text)
        start_s, whole = clause.start_s, max(weight(text), 0.01)
        for piece in _cues(text):
            share = weight(piece) / whole
            end_s = min(clause.end_s, start_s + (clause.end_s - clause.start_s) * share)
            shown = " ".join(piece.split())
            if shown and end_s > start_s:
                cues.append(Cue(start_s, end_s, ((Word(shown, start_s, end_s),),)))
            start_s = end_s
    return vtt(cues)
