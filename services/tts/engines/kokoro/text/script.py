"""Which language a text is in, told by its script."""

from __future__ import annotations

import re
import unicodedata

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff〇"
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_LATIN_LETTER = re.compile(r"[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]")

KANA_SHARE = 0.2
"""From this share of kana on, Chinese characters are taken as Japanese, which is not spoken."""


def is_japanese(text: str) -> bool:
    """Whether the text is Japanese rather than Chinese with a decorative kana."""
    kana = len(_KANA.findall(text))
    return kana > KANA_SHARE * (kana + len(_HAN.findall(text)))


def is_speakable(text: str) -> bool:
    """Whether there is anything to say in Chinese or English: a Chinese character, a Latin letter or a digit."""
    if _LATIN_LETTER.search(text) or any(c.isdecimal() for c in text):
        return True
    return bool(_HAN.search(text)) and not is_japanese(text)


def has_words(text: str) -> bool:
    """Whether there is a letter or digit of any script."""
    return any(unicodedata.category(c)[0] in "LN" for c in text)


def main_language(text: str) -> str:
    """``zh`` or ``en``: the language whose rules a mixed text follows.

    Names and acronyms do not make a Chinese sentence English, so only Latin words with a small first letter count.
    """
    han = 0 if is_japanese(text) else len(_HAN.findall(text))
    words = sum(w[0].islower() for w in _LATIN_WORD.findall(text))
    return "zh" if han and han >= words else "en"


def tidy(text: str) -> str:
    """Full-width letters and the digits of any script made plain, Chinese punctuation kept."""
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", text))


def _plain(c: str) -> str:
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return unicodedata.normalize("NFKC", c) if "\uff10" <= c <= "\uff5a" and c.isalnum() else c
