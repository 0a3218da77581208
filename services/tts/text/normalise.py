"""Turns written text into words: numbers, dates, times, money, units, addresses and signs are written out.

What comes out holds letters, Chinese characters and plain punctuation only, and is said as it stands. The order: markup
and formulas become plain text, addresses become words, then signs, then what a language's own rules know from the words
beside a number, then what is alike in both. ``say_en`` and ``say_zh`` hold the words.
"""

from __future__ import annotations

import re
import unicodedata
from types import ModuleType

from services.common import markup
from services.common.script import HAN
from services.tts.text import latex, rules, rules_en, rules_zh, say_en, say_zh, units
from services.tts.text.dictionary import FIRST, LAST
from services.tts.text.money import money
from services.tts.text.script import LeftOut, tidy
from services.tts.text.signs import signs

_EN_SHORT = [
    (re.compile(rf"\b{short}", 0 if short[0].isupper() else re.I), full)
    for short, full in {
        r"Dr\.": "Doctor",
        r"Mr\.": "Mister",
        r"Mrs\.": "Missus",
        r"Ms\.": "Miz",
        r"Prof\.": "Professor",
        r"St\.(?= [A-Z])": "Saint",
        r"e\.g\.,?": "for example,",
        r"i\.e\.,?": "that is,",
        r"etc\.(?=\s+[a-z]|,)": "et cetera",
        r"etc\.": "et cetera.",
        r"vs\.?(?=\s)": "versus",
        r"approx\.": "approximately",
        r"No\.(?= ?\d)": "number",
        r"Fig\.(?= ?\d)": "figure",
        r"vol\.(?= ?\d)": "volume",
        r"pp\.(?= ?\d)": "pages",
        r"ext\.(?= ?\d)": "extension",
        r"Inc\.": "Incorporated",
        r"Ltd\.": "Limited",
        r"w/o\b": "without",
        r"w/(?= )": "with",
        r"a\.k\.a\.": "also known as",
    }.items()
]
_SPOKEN_PUNCTUATION = set(".,!?;:…—'\"()“”‘’-")
_ZH_PUNCTUATION = set("，。！？；：、…—（）《》「」【】『』“”‘’·")


_MISSED = {"Sm": "Mathematics", "Sc": "Currency", "No": "Number", "Nl": "Number"}
"""Signs that the listener would miss."""


def normalise(text: str, language: str) -> str:
    """The text in words, by the rules of ``language`` (``en`` or ``zh``); perhaps nothing is left."""
    return in_words(text, language)[0]


def in_words(text: str, language: str) -> tuple[str, list[LeftOut]]:
    """The text in words, and the signs that are not said."""
    say: ModuleType = say_zh if language == "zh" else say_en
    text = markup.plain(units.spelled(tidy(text)))
    text = latex.unformula(text, say)
    text, left = rules.addresses(text, say)
    for pattern, full in _EN_SHORT:
        text = pattern.sub(full, text)
    text = money(text, say)
    text = rules_zh.apply(text) if say is say_zh else rules_en.apply(text)
    text = rules.apply(signs(text, say), say)
    return _clean(text, say, left)


def _clean(text: str, say: ModuleType, left: list[LeftOut]) -> tuple[str, list[LeftOut]]:
    """Signs in words, emoji and the like away, spaces put right; and what went away."""
    out: list[str] = []
    for c in text:
        kind = unicodedata.category(c)
        if c in say.SYMBOLS:
            out.append(f" {say.SYMBOLS[c]} ")
        elif (greek := c.lower()) in say.GREEK:
            out.append(f" {say.GREEK[greek]} ")
        elif c.isspace():
            out.append(" ")
        elif kind[0] == "L" or FIRST <= ord(c) <= LAST or c in _SPOKEN_PUNCTUATION or c in _ZH_PUNCTUATION:
            out.append(c)
        elif kind == "Mn":
            continue
        else:
            out.append(" ")  # emoji, brackets, underscores, rare signs
            if kind in _MISSED or kind[0] in "SN":
                left.append(LeftOut(c, _MISSED.get(kind, "")))
    text = re.sub(r"\s+", " ", "".join(out)).strip()
    text = re.sub(rf"(?<=[{HAN}]) (?=[{HAN}])| ?([，。！？；：、]) ?", r"\1", text)
    text = re.sub(r" (?=[,.!?;:])", "", text)
    text = re.sub(r"[(（]\s*[)）]|[，、,]\s*(?=[。！？.!?])", "", text)
    text = re.sub(r"([，。！？；：、,.!?;:])(?:\s*[，、,])+", r"\1", text)  # where something between was left out
    text = re.sub(r"^[，、；：,;:.。\s]+", "", text)
    return (text if any(c.isalpha() or ord(c) >= FIRST for c in text) else ""), left
