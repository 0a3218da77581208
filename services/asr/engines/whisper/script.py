"""What whisper writes, put into one script: simplified Chinese, full-width punctuation beside it."""

from __future__ import annotations

import functools
import re
from typing import Any

_FULL_WIDTH = str.maketrans(",?!;:", "，？！；：")
_BETWEEN_HAN = re.compile(r"(?<=[㐀-鿿])\s*([,?!;:])\s*|\s*([,?!;:])\s*(?=[㐀-鿿])")
_SAME = str.maketrans({"妳": "你"})  # no table of OpenCC turns it


@functools.cache
def _opencc(table: str) -> Any:
    import opencc  # here, not above: the rules of the house let servers start without the libraries of their engines

    return opencc.OpenCC(table)


def simplified(text: str) -> str:
    """Traditional characters become simplified ones; a simplified text stays as it is.

    The table for Taiwan, whose characters whisper writes, knows 著 as a particle. It would spoil 显著 in a simplified
    text.
    """
    if _opencc("t2s").convert(text) == text:
        return text.translate(_SAME)
    return str(_opencc("tw2s").convert(text)).translate(_SAME)


def tidy(text: str, language: str) -> str:
    """Chinese in simplified characters, with full-width punctuation; a text without any word becomes empty."""
    if not re.search(r"\w", text):
        return ""
    if language == "zh":
        return _BETWEEN_HAN.sub(lambda m: (m[1] or m[2]).translate(_FULL_WIDTH), simplified(text))
    return text
