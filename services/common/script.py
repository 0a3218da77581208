"""Which language a text is in, judged by its script."""

from __future__ import annotations

import re
import unicodedata

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff〇"
"""Chinese characters, for use within a character class."""
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_COUNTED_WORD = re.compile(r"(?<![A-Za-z\d/·])[a-z][A-Za-z]+")
_OTHER_LETTER = re.compile(r"[^\W\d_A-Za-z]")

KANA_SHARE = 0.2
"""From this share of kana on, Chinese characters are taken as Japanese."""


ADDRESS = re.compile(
    r"(?:https?|ftp)://[^\s<>\"“”，。；！？、（）【】《》\u4e00-\u9fff]+"
    r"|(?:mailto:)?(?<![\w.])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
    r"|(?<![\w@.])(?:www\.|(?=[\w.-]{0,120}\.(?:com|org|net|io|ai|cn|dev|edu|gov|co|app|me|tv|info|uk|jp|de|hk|tw)\b))"
    r"(?:[A-Za-z0-9][\w-]*\.)+[A-Za-z]{2,}\b(?::\d+)?(?:[/?#][^\s<>\"“”，。；！？、（）【】《》\u4e00-\u9fff]*)?",
    re.ASCII | re.IGNORECASE,
)
"""Addresses of pages and mailboxes; punctuation at the end belongs to the sentence (see ``addresses``)."""
_TRAIL = re.compile(r"[.,;:!?)\]}'*_~`]+$")


def addresses(text: str) -> list[tuple[int, int]]:
    """Where addresses begin and end."""
    found = []
    for m in ADDRESS.finditer(text):
        trail = _TRAIL.search(m.group())
        found.append((m.start(), m.end() - (len(trail.group()) if trail else 0)))
    return found


def without_addresses(text: str) -> str:
    """The text without addresses: they are in no language."""
    for start, end in reversed(addresses(text)):
        text = text[:start] + " " + text[end:]
    return text


def has_han(text: str) -> bool:
    """Whether there is a Chinese character, in whatever language."""
    return bool(_HAN.search(text))


def has_words(text: str) -> bool:
    """Whether there is a letter or digit of any script."""
    return any(unicodedata.category(c)[0] in "LN" for c in text)


def is_japanese(text: str) -> bool:
    """Whether the text is Japanese rather than Chinese with a decorative kana."""
    kana = len(_KANA.findall(text))
    return kana > KANA_SHARE * (kana + len(_HAN.findall(text)))


def main_language(text: str) -> str:
    """``zh`` or ``en``: the language whose rules a mixed text follows.

    Names, acronyms, units and single letters do not make a Chinese sentence English: only Latin words with a small
    first letter count, one word as much as one character; addresses do not.
    """
    text = without_addresses(text)
    han = 0 if is_japanese(text) else len(_HAN.findall(text))
    words = len(_COUNTED_WORD.findall(text))
    return "zh" if han and han >= words else "en"


def language_of(text: str) -> str:
    """``zh``, ``en``, or empty where the script decides neither: kana, hangul, accented letters, digits alone."""
    if is_japanese(text):
        return ""
    if has_han(text):
        return main_language(text)
    return "en" if _LATIN_WORD.search(text) and not _OTHER_LETTER.search(text) else ""
