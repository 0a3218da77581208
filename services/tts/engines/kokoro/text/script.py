"""Which characters can be spoken in Chinese or English, and one form for those that have several."""

from __future__ import annotations

import re
import unicodedata

from services.common.script import has_han, is_japanese

_LATIN_LETTER = re.compile(r"[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]")


def is_speakable(text: str) -> bool:
    """Whether there is anything to say in Chinese or English: a Chinese character, a Latin letter or a digit."""
    if _LATIN_LETTER.search(text) or any(c.isdecimal() for c in text):
        return True
    return has_han(text) and not is_japanese(text)


def tidy(text: str) -> str:
    """Full-width letters and the digits of any script in their plain form; Chinese punctuation stays."""
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", text))


def _plain(c: str) -> str:
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return unicodedata.normalize("NFKC", c) if "\uff10" <= c <= "\uff5a" and c.isalnum() else c
