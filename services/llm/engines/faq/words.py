"""The lexical half of the faq engine: normalises a question and measures how much of it an entry's wording covers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter

import numpy as np
import numpy.typing as npt

from services.common.script import HAN

_HAN = re.compile(f"[{HAN}]+")
_LATIN = re.compile(r"[a-z0-9]+")
_FILLERS = re.compile(
    r"请问一下|请问|麻烦问一下|我想问一下|我想问|我想知道|你知道|告诉我|那个|嗯+|呃+|啊+|呀|呢|吧|哦|"
    r"\b(?:please tell me|can you tell me|could you tell me|i want to know|i would like to know)\b|"
    r"\b(?:um+|uh+|er+|well|please)\b"
)
_STOP = set(
    re.findall(
        r"\w+", "a an the is are am be do does did i you it my your me to of in on for and or with this that there"
    )
)
_ENDINGS = re.compile(r"(?:ing|ed|es|s|e)$")


def normalise(text: str, aliases: dict[str, list[str]]) -> str:
    """Lower case, without punctuation and fillers, with misspellings of the product's name put right."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"[^\w\s]|_", " ", text)
    text = re.sub(r"\s+", " ", text).strip()
    for name, misspellings in aliases.items():
        for wrong in misspellings:
            pattern = re.escape(wrong)
            # in Chinese a name stands among other characters; in English it is whole words
            text = re.sub(rf"\b{pattern}\b" if wrong.isascii() else pattern, name, text)
    without = re.sub(r"\s+", " ", _FILLERS.sub(" ", text)).strip()
    return without or text


def terms(text: str) -> list[str]:
    """Pairs of Chinese characters, and English words without endings and the commonest words."""
    out: list[str] = []
    for run in _HAN.findall(text):
        out += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    out += [_ENDINGS.sub("", w) if len(w) > 3 else w for w in _LATIN.findall(text) if w not in _STOP]
    return out


class WordIndex:
    """Inverse document frequencies over the entries of a knowledge file."""

    def __init__(self, entries: list[list[str]]) -> None:
        self._sets = [{t for phrasing in e for t in terms(phrasing)} for e in entries]
        counts = Counter(t for s in self._sets for t in s)
        self._weights = {t: math.log(1 + len(entries) / n) for t, n in counts.items()}
        self._rare = math.log(1 + len(entries))  # a word the file never uses weighs as much as its rarest one

    def coverage(self, text: str) -> npt.NDArray[np.float64]:
        """For each entry, the share (0 to 1) of the question's weight that its phrasings contain."""
        asked = terms(text)
        total = sum(self._weights.get(t, self._rare) for t in asked)
        if not total:
            return np.zeros(len(self._sets))
        return np.array([sum(self._weights[t] for t in asked if t in s) / total for s in self._sets])
