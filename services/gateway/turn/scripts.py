"""Chinese or English, told by the script a text is written in."""

from __future__ import annotations

import re

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_OTHER_LETTER = re.compile(r"[^\W\d_A-Za-z]")
_KANA_SHARE = 0.2


def language_of(text: str) -> str:
    """``zh``, ``en``, or empty where the script tells neither (kana, hangul, accented letters, digits alone).

    Names and acronyms do not make a Chinese question English: as in the tts service, only Latin words with a small
    first letter weigh against Chinese characters, one word as much as one character.
    """
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if kana > _KANA_SHARE * (kana + han):
        return ""
    words = _WORD.findall(text)
    if han:
        return "zh" if han >= sum(w[0].islower() for w in words) else "en"
    return "en" if words and not _OTHER_LETTER.search(text) else ""
