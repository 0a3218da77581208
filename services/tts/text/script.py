"""Which characters can be spoken in Chinese or English, and one form for those that have several."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from services.common.script import HAN, has_han, is_japanese
from services.tts.text.dictionary import FIRST, LAST

LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
"""Latin letters, for use within a character class."""
_LATIN_LETTER = re.compile(rf"[{LATIN}\uff21-\uff3a\uff41-\uff5a]")
_SEGMENT = re.compile(r"([，。！？；：、…,.!?;:\n“”\"()（）《》「」【】]+)")
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        (
            *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
            *("nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
        ),
        strict=True,
    )
)
"""Greek letters by their English names: formulas have them."""
_SAID_ALONE = re.compile("[\u0370-\u03ff]")
_GREEK_WORD = r"[\u0370-\u03ff\u1f00-\u1fff]{3,}"
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORDS = rf"(?:[^\W\d_]|[{_MARKS}])+(?:[\s'’-]+(?:[^\W\d_]|[{_MARKS}])+)*"
_CHINESE_ONLY = frozenset("的是我他她你您们这那吗呢吧很哪么没说给")
"""Characters that Japanese does not use, or hardly; those of no Japanese character set come on top."""


@dataclass(frozen=True)
class LeftOut:
    """Something that is not said."""

    text: str
    """As written."""
    script: str = ""
    """Of letters, numbers and signs of mathematics, which should be said, in English; empty for others."""


def is_speakable(text: str) -> bool:
    """Whether there is anything to say in Chinese or English: a Chinese character, a Latin letter or a digit."""
    if _LATIN_LETTER.search(text) or any(c.isdecimal() or FIRST <= ord(c) <= LAST for c in text):
        return True
    return has_han(text) and not is_japanese(text)


def is_neutral(text: str, with_names: bool = False) -> bool:
    """Whether a text (without addresses) is in no language: digits, signs, single letters, units; perhaps names."""
    word = r"(?<![A-Za-z])[a-z]{2,}(?![A-Za-z])" if with_names else rf"(?<![\d{LATIN}/·])[{LATIN}]{{2,}}"
    return not re.search(rf"[{HAN}]|{word}", text)


_KANA = "\u3040-\u30ff\uff66-\uff9f"
_JAPANESE = rf"[{HAN}\u3005]*[{_KANA}][{HAN}\u3005{_KANA}]*"
"""A stretch with kana in it, with the Chinese characters that touch it."""


def _has_chinese(text: str) -> bool:
    return any(c in _CHINESE_ONLY or (has_han(c) and not c.encode("shift_jis", "ignore")) for c in text)


def leave_out(text: str, keep_kanji: bool = False) -> tuple[str, list[LeftOut]]:
    """The text without what is written in other scripts, and that.

    Chinese characters that touch kana are Japanese, and are left out with them (unless ``keep_kanji``), where the words
    between two marks of punctuation hold much kana and nothing that only Chinese has.
    """
    out: list[str] = []
    left: list[LeftOut] = []
    for i, part in enumerate(_SEGMENT.split(text)):
        if i % 2 == 0 and not keep_kanji and is_japanese(part) and not _has_chinese(part):
            part = _without(_JAPANESE, part, left)
        if i % 2 == 0:
            part = _without(_WORDS, _without(_GREEK_WORD, part, left), left)
        out.append(part)
    return "".join(out), left


def _without(pattern: str, text: str, left: list[LeftOut]) -> str:
    def drop(m: re.Match[str]) -> str:
        found = m.group()
        if pattern == _WORDS:  # words of any script: only letters that cannot be said go
            return _drop_letters(found, left)
        left.append(LeftOut(found, script_of(next((c for c in found if not has_han(c)), found[0]))))
        return " "

    return re.sub(pattern, drop, text)


def _drop_letters(words: str, left: list[LeftOut]) -> str:
    """Words without runs of letters of scripts that cannot be said."""
    out, run = "", ""
    for c in [*words, ""]:
        is_letter = c.isalpha() or (c != "" and unicodedata.category(c)[0] == "M" and run != "")
        if (is_letter and not _can_say(c)) or (run and c in (" ", "'", "’", "-")):
            run += c
        else:
            if run:
                left.append(LeftOut(run.strip(" '’-"), script_of(run[0])))
                out += " "
            run = ""
            out += c
    return out


def _can_say(c: str) -> bool:
    if _LATIN_LETTER.match(c) or has_han(c) or FIRST <= ord(c) <= LAST or _SAID_ALONE.match(c):
        return True
    plain = unicodedata.normalize("NFKD", c)  # ℃ ª 𝐱 ﬁ: letters in another dress
    return plain != c and all(_LATIN_LETTER.match(p) or _SAID_ALONE.match(p) or not p.isalpha() for p in plain)


def script_of(c: str) -> str:
    """The script of a letter, in English: ``Hiragana``, ``Hangul``, ``Cyrillic``."""
    return unicodedata.name(c, "Unknown").split(" ")[0].title()


def tidy(text: str) -> str:
    """Full-width letters and the digits of any script in their plain form; Chinese punctuation stays."""
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", text))


def _plain(c: str) -> str:
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    if ("\uff10" <= c <= "\uff5a" and c.isalnum()) or "\U0001d400" <= c <= "\U0001d7ff":
        return unicodedata.normalize("NFKC", c)
    if c.isalpha() and not has_han(c) and not _LATIN_LETTER.match(c) and _can_say(c) and not _SAID_ALONE.match(c):
        return c if FIRST <= ord(c) <= LAST else unicodedata.normalize("NFKD", c)
    return c
