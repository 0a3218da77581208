"""Cuts a stream of text into clauses that can be spoken at once: the first one early, later ones at sentence ends."""

from __future__ import annotations

import re

_STRONG = "。！？!?；;…\n"
_WEAK = "，、,：:—"
_CLOSERS = "”’」』）)】》\"'"
_ABBREVIATIONS = frozenset(
    (
        *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "e.g", "i.e", "approx", "no", "vol", "fig"),
        *("dept", "inc", "ltd", "co", "corp", "a.m", "p.m", "u.s", "u.k"),
        *("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    )
)
_LAST_WORD = re.compile(r"[A-Za-z.]*\Z")
FIRST_MIN = 4.0
"""Weight of the shortest first clause; below it a comma does not cut (a two-character clause sounds chopped)."""
LATER_MIN = 24.0
"""Weight from which a comma may cut later clauses."""
LONGEST = 60.0
"""Weight at which a clause is cut wherever a space allows."""


def is_abbreviated(text: str) -> bool:
    """Whether a full stop after ``text`` belongs to its last word (``Dr``, ``e.g``, an initial), not to a sentence."""
    found = _LAST_WORD.search(text)
    word = found.group().lower() if found else ""
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def weight(text: str) -> float:
    """Rough speaking length: a Chinese character counts 1, other letters and digits 0.25."""
    return sum(1.0 if "\u2e80" <= c <= "\uffef" and c.isalnum() else 0.25 for c in text if c.isalnum())


class ClauseSplitter:
    """Feed pieces of text as they come; each call gives the clauses that are complete. Joined, they are the text."""

    def __init__(self) -> None:
        self._rest = ""
        self._given = 0

    def feed(self, piece: str) -> list[str]:
        """Add text."""
        self._rest += piece
        out = []
        while (cut := self._cut()) is not None:
            out.append(self._rest[:cut])
            self._rest = self._rest[cut:]
            self._given += 1
        return out

    def flush(self) -> list[str]:
        """The end of the text: what is left, unless nothing of it can be spoken."""
        rest, self._rest = self._rest, ""
        return [rest] if weight(rest) else []

    def _cut(self) -> int | None:
        text = self._rest
        least = LATER_MIN if self._given else FIRST_MIN
        heavy = 0.0
        for i, c in enumerate(text):
            heavy += weight(c)
            if c in _STRONG and heavy:
                return self._with_closers(i + 1)
            if c == "." and heavy and (end := self._sentence_end(i)) is not None:
                return end
            if c in _WEAK and heavy >= least and (end := self._weak_end(i)) is not None:
                return end
            if heavy >= LONGEST:
                space = text.rfind(" ", 0, i)
                return space + 1 if space > 0 else i + 1
        return None

    def _with_closers(self, end: int) -> int:
        while end < len(self._rest) and (self._rest[end] in _CLOSERS or self._rest[end] in _STRONG):
            end += 1
        return end

    def _sentence_end(self, i: int) -> int | None:
        # a full stop is certain only when white space or a closer follows: 3.14, e.g., example.com
        text = self._rest
        if i + 1 >= len(text) or not (text[i + 1].isspace() or text[i + 1] in _CLOSERS):
            return None
        return None if is_abbreviated(text[:i]) else self._with_closers(i + 1)

    def _weak_end(self, i: int) -> int | None:
        if self._rest[i] not in ",:":
            return i + 1
        # 1,000 and 10:30 stay whole; at the end of what is known so far, wait for the next character
        return i + 1 if i + 1 < len(self._rest) and self._rest[i + 1].isspace() else None
