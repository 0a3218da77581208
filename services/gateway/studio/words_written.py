"""Written text as words: what is never broken, in subtitles or elsewhere."""

from __future__ import annotations

import itertools
import logging
import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from services.common.markup import plain
from services.common.script import ADDRESS, HAN, is_japanese

KANA = "\u3041-\u3096\u30a1-\u30faー"
_CORE = re.compile(
    rf"(?P<address>{ADDRESS.pattern})"
    r"|(?P<number>\d++(?:[.,:/]\d++)*+[A-Za-zµμ]*)"  # 1,299.00, 10:30, 2nd, 5kg
    rf"|(?P<han>[{HAN}]+)|(?P<kana>[{KANA}]+)"
    rf"|(?P<word>(?:(?![{HAN}{KANA}])\w)+(?:['’.&·-](?:(?![{HAN}{KANA}])\w)+)*)",  # it's, well-known, U.S, AT&T
    re.IGNORECASE,
)
_OPENERS = "“‘「『（(【《〈[{<$¥£€#@+-−~～"
"""Signs that belong to the word after them."""
_lock = threading.Lock()
_jieba: list[Any] = []


def shown(text: str) -> str:
    """What a reader sees: without HTML, Markdown and line breaks."""
    return " ".join(plain(text).split())


def _chinese(run: str, text: str) -> list[str]:
    """Words of a run of Chinese characters; of Japanese ones the run itself."""
    if len(run) == 1 or is_japanese(text):
        return [run]
    with _lock:
        if not _jieba:
            import jieba  # half a second and 100 MB: not for those who make no subtitles

            jieba.setLogLevel(logging.WARNING)
            jieba.initialize()
            _jieba.append(jieba)
        return [str(w) for w in _jieba[0].lcut(run)]


def cores(text: str) -> list[tuple[int, int]]:
    """Where words begin and end, without the punctuation around them."""
    found: list[tuple[int, int]] = []
    for m in _CORE.finditer(text):
        at = m.start()
        if m.lastgroup == "kana" and found and found[-1][1] == at and re.match(f"[{HAN}]", text[at - 1]):
            found[-1] = (found[-1][0], m.end())  # 食べる: characters with their ending
        elif m.lastgroup == "han":
            for word in _chinese(m.group(), text):
                found.append((at, at + len(word)))
                at += len(word)
        else:
            found.append(m.span())
    return found


def split_words(text: str) -> list[str]:
    """The words of a text, each with what follows it up to the next; joined, they are the text.

    Opening brackets, quotes and signs of money go with the word after them. A text without words is one.
    """
    found = cores(text)
    starts = []
    for start, end in zip((s for s, _ in found[1:]), (e for _, e in found), strict=False):
        while start > end and text[start - 1] in _OPENERS:
            start -= 1
        starts.append(start)
    bounds = [0, *starts, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(bounds) if b > a]


def is_wide(c: str) -> bool:
    """Whether a character is as wide as a Chinese one."""
    return unicodedata.east_asian_width(c) in "WF"


def width(text: str) -> float:
    """Width in Chinese characters; a letter counts half, what combines with one nothing."""
    return sum(map(_width, text))


@lru_cache(4096)
def _width(c: str) -> float:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0.0
    return 1.0 if is_wide(c) else 0.5
