"""Where subtitles are broken, and how well: at punctuation, at the borders of phrases, never within a number."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

from services.common.clauses import is_abbreviated
from services.common.script import HAN
from services.gateway.studio.words_written import KANA

SENTENCE, COMMA, PHRASE, WORD, BAD, NEVER = 0.0, 0.6, 2.0, 3.0, 6.0, 40.0
_SENTENCE = re.compile(r"[。！？!?…；;\n]\W*$")
_COMMA = re.compile(r"[，：,:—–)）】》」』]\W*$|\s[-–]\s*$")
_LIST = re.compile(r"、\W*$")
_STOP = re.compile(r"(?P<before>.*)\.\W*$", re.DOTALL)
_INTRODUCTION = re.compile(
    r"\W*(?:第[一二三四五六七八九十\d]+|首先|其次|再次|最后|然而|另外|此外|所以|但是|first|second|third|finally|however|so|now|"
    r"also|then|well|yes|no)[，,：:]",
    re.IGNORECASE,
)
"""Words that open what follows: their comma is not where one breaks."""
_DIGIT_END = re.compile(r"\d[\s%]*$")
_UNIT = re.compile(rf"\s*(?:[{HAN}]|[%℃°]|(?:[kKmMcCgGhHtTBWV]|mm|cm|km|kg|ml|mg|GB|MB|TB|kWh?|Hz|fps)\b)")
_WORDS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("subtitle_words.toml").read_text(encoding="utf-8")
)
_ZH_ENDINGS = frozenset(_WORDS["zh"]["endings"].split())
_ZH_STARTERS, _EN_STARTERS = (frozenset(_WORDS[x]["starters"].split()) for x in ("zh", "en"))
_ZH_OPEN, _EN_OPEN = (frozenset(_WORDS[x]["open"].split()) for x in ("zh", "en"))
_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー々"


@lru_cache(4096)  # asked again for every way to group the words around
def after(word: str, following: str) -> float:
    """How bad a break between two words is: 0 at the end of a sentence, ``NEVER`` within what belongs together."""
    if _SENTENCE.search(word):
        return SENTENCE
    if (m := _STOP.match(word)) and re.search(r"\w[”’\"')\]]*$", m["before"]) and not is_abbreviated(m["before"]):
        return SENTENCE if word[-1:].isspace() or not word[-1:].isascii() or word.endswith(".") else WORD
    if _COMMA.search(word):
        return PHRASE if _INTRODUCTION.match(word) else COMMA
    if _LIST.search(word):
        return COMMA + 0.6
    if _DIGIT_END.search(word) and _UNIT.match(following):
        return NEVER
    if following[0] in _SMALL_KANA or (
        re.search(r"\w$", word) and re.match(r"[A-Za-z\d]", following[0]) and _latin(word)
    ):
        return NEVER  # a word that was cut for its length goes on
    return _between(_bare(word), _bare(following))


def _between(word: str, following: str) -> float:
    if re.search(r"[A-Za-z]$", word) and following[:1].isdecimal():
        return BAD  # iPhone 15
    if re.match(f"[{HAN}]", following[:1]) or re.search(f"[{HAN}]$", word):
        if following in _ZH_ENDINGS:
            return BAD + 2
        if word in _ZH_OPEN:
            return BAD
        if following in _ZH_STARTERS:
            return PHRASE
        return PHRASE if word == "了" else WORD
    if re.search(f"[{KANA}]$", word):
        return PHRASE
    if word.lower() in _EN_OPEN:
        return BAD
    if word[:1].isupper() and following[:1].isupper():
        return WORD + 1.5  # names
    return PHRASE if following.lower() in _EN_STARTERS else WORD


def _latin(word: str) -> bool:
    return bool(re.search(r"[A-Za-z\d]$", word))


def _bare(word: str) -> str:
    return re.sub(r"^\W+|\W+$", "", word)
