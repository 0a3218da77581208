"""WebVTT from the clause marks of the speech engine."""

from __future__ import annotations

from services.common.clauses import ClauseSplitter, weight
from services.gateway.turn.events import Spoken

LINE = 22.0
"""Heaviest cue (see ``clauses.weight``): about 22 Chinese characters or 88 letters, two lines on a phone."""


def _time(seconds: float) -> str:
    ms = round(max(seconds, 0) * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _pieces(text: str) -> list[str]:
    if weight(text) <= LINE:
        return [text]
    splitter = ClauseSplitter()
    return [*splitter.feed(text), *splitter.flush()]


def webvtt(spoken: list[Spoken]) -> str:
    """The subtitles file. A long stretch is cut at its punctuation, each piece given time by its weight."""
    out = ["WEBVTT", ""]
    for s in spoken:
        at, whole = s.start_s, max(weight(s.text), 0.01)
        for piece in _pieces(s.text):
            end = min(s.end_s, at + (s.end_s - s.start_s) * weight(piece) / whole)
            safe = " ".join(piece.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            if safe and end > at:
                out += [f"{_time(at)} --> {_time(end)}", safe, ""]
            at = end
    return "\n".join(out)
