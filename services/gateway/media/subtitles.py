"""WebVTT from the clause marks of the speech engine."""

from __future__ import annotations

from services.common.clauses import ClauseSplitter, weight
from services.common.markup import plain
from services.gateway.turn.events import SpokenClause

HEAVIEST_CUE = 22.0
"""Weight of the longest cue (see ``clauses.weight``): about 22 Chinese characters or 88 letters."""


def _time(seconds: float) -> str:
    ms = round(max(seconds, 0) * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _cues(text: str) -> list[str]:
    if weight(text) <= HEAVIEST_CUE:
        return [text]
    splitter = ClauseSplitter()
    return [*splitter.feed(text), *splitter.flush()]


def webvtt(clauses: list[SpokenClause]) -> str:
    """The subtitles file. A long stretch is cut at its punctuation, each piece shown in proportion to its weight.

    HTML and Markdown are not shown.
    """
    out = ["WEBVTT", ""]
    for clause in clauses:
        text = plain(clause.text)
        start_s, whole = clause.start_s, max(weight(text), 0.01)
        for piece in _cues(text):
            share = weight(piece) / whole
            end_s = min(clause.end_s, start_s + (clause.end_s - clause.start_s) * share)
            safe = " ".join(piece.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            if safe and end_s > start_s:
                out += [f"{_time(start_s)} --> {_time(end_s)}", safe, ""]
            start_s = end_s
    return "\n".join(out)
