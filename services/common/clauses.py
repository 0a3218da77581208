"""Cuts a stream of text into clauses that can be spoken at once: the first one early, later ones at sentence ends."""

from __future__ import annotations

import re

from services.common.script import ADDRESS, addresses

_STRONG = "。！？!?；;…\n"
_WEAK = "，、,：:—"
_CLOSERS = "”’」』）)】》\"'"
_ABBREVIATIONS = frozenset(
    (
        *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "e.g", "i.e", "approx", "no", "vol", "fig"),
        *("dept", "inc", "ltd", "co", "corp", "a.m", "p.m", "u.s", "u.k", "ext", "pp"),
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


_WHOLE = re.compile(
    r"</?[A-Za-z!][^<>]*>|&#?\w{1,31};|!="  # tags and entities, not equal
    r"|\$\$?(?=[^$\n]*[\\^_=])[^$\n]{1,200}\$|\\\(.{1,200}?\\\)|\\\[.{1,200}?\\\]"  # formulas
)
_UNFINISHED = re.compile(r"</?[A-Za-z][^<>]{0,200}\Z|(?:\A|[\s\d)])!\Z|\$(?=[^$\n]*[\\^_=])[^$\n]{1,200}\Z")
_LONGEST_WHOLE = 500


def unbroken(text: str) -> list[tuple[int, int]]:
    """Where addresses, tags and formulas begin and end: no clause ends within one."""
    found = [*addresses(text), *(m.span() for m in _WHOLE.finditer(text))]
    return sorted(s for s in found if s[1] - s[0] <= _LONGEST_WHOLE)


def _open_from(text: str) -> int:
    """Where something begins that the next characters may go on with; the length of the text when nothing does."""
    last = next((m for m in ADDRESS.finditer(text) if m.end() == len(text)), None) or _UNFINISHED.search(text)
    return last.start() if last else len(text)


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
        return self._cut_all(is_end=False)

    def _cut_all(self, is_end: bool) -> list[str]:
        out = []
        while (cut := self._cut(is_end)) is not None:
            out.append(self._rest[:cut])
            self._rest = self._rest[cut:]
            self._given += 1
        return out

    def flush(self) -> list[str]:
        """The end of the text: what is left, unless nothing of it can be spoken."""
        out = self._cut_all(is_end=True)
        rest, self._rest = self._rest, ""
        return [*out, rest] if weight(rest) else out

    def _cut(self, is_end: bool) -> int | None:
        text = self._rest
        whole, known = unbroken(text), len(text) if is_end else _open_from(text)
        least = LATER_MIN if self._given else FIRST_MIN
        heavy = 0.0
        for i, c in enumerate(text):
            heavy += weight(c)
            if i >= known or any(start <= i < end - (end == len(text)) for start, end in whole):
                continue
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
        if self._rest[i] == "：":  # 电话：110 is one thing
            return None if self._rest[i + 1 : i + 2].isdecimal() else i + 1
        if self._rest[i] not in ",:":
            return i + 1
        # 1,000 and 10:30 stay whole; at the end of what is known so far, wait for the next character
        return i + 1 if i + 1 < len(self._rest) and self._rest[i + 1].isspace() else None
