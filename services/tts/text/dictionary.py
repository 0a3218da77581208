"""The user's dictionary at work: its words in a text become single marks, which no later rule changes or splits."""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.common.pronunciation import Pronunciation

FIRST, LAST = 0xF0000, 0xF0FFF
"""Marks are characters for private use, which texts do not hold (see ``script.tidy``)."""
MARK = f"{chr(FIRST)}-{chr(LAST)}"
"""All marks, for use within a character class."""
_IS_LATIN = re.compile(r"[\x00-\u024f]+")


class Dictionary:
    """The entries of one request."""

    def __init__(self, entries: Iterable[Pronunciation] = ()) -> None:
        self.entries = list(entries)
        self._marks = {_key(e.word): i for i, e in enumerate(self.entries)}
        words = sorted((e.word for e in self.entries), key=len, reverse=True)  # the longest word wins
        self._pattern = re.compile("|".join(_bounded(w) for w in words), re.IGNORECASE) if words else None

    @property
    def key(self) -> tuple[Pronunciation, ...]:
        """The same for dictionaries that do the same."""
        return tuple(self.entries)

    def mark(self, text: str) -> str:
        """The text with a mark for each word of the dictionary."""
        if not self._pattern:
            return text
        return self._pattern.sub(lambda m: chr(FIRST + self._marks[_key(m.group())]), text)

    def entry(self, mark: str) -> Pronunciation:
        """The entry of a mark."""
        return self.entries[ord(mark) - FIRST]

    def unspelt(self, marked: str) -> tuple[Pronunciation, ...]:
        """The entries in a marked text that no other words stand for: pinyin and IPA, each once."""
        found = dict.fromkeys(self.entry(m) for m in re.findall(f"[{MARK}]", marked))
        return tuple(e for e in found if not e.is_respelling)

    def unmark(self, text: str) -> str:
        """The words back, or the words they are said with."""
        return re.sub(f"[{MARK}]", lambda m: self._plain(self.entry(m.group())), text)

    def _plain(self, entry: Pronunciation) -> str:
        return entry.say if entry.is_respelling else entry.word


def _key(word: str) -> str:
    return word.casefold()


def _bounded(word: str) -> str:
    """Latin words stand alone; Chinese ones stand anywhere."""
    before = r"(?<![A-Za-z0-9\u00c0-\u024f])" if _IS_LATIN.match(word[0]) else ""
    after = r"(?![A-Za-z0-9\u00c0-\u024f])" if _IS_LATIN.match(word[-1]) else ""
    return before + re.escape(word) + after
