"""Which characters captions in the picture leave out, told before anything is drawn."""

from __future__ import annotations

import functools
import unicodedata
from bisect import bisect_right
from pathlib import Path

from services.gateway.studio.subtitle_files import rows
from services.gateway.studio.types import Cue
from services.gateway.turn.events import TextWarning

TABLE = Path(__file__).with_suffix(".txt")
"""Ranges of characters that the fonts of the render service have; ``tools/caption_characters.py`` writes them."""


@functools.cache
def _ranges() -> tuple[list[int], list[int]]:
    pairs = [line.split("-") for line in TABLE.read_text(encoding="utf-8").split()]
    return [int(a, 16) for a, _ in pairs], [int(b, 16) for _, b in pairs]


def is_drawn(c: str) -> bool:
    """Whether captions can show a character, or nobody sees it anyway."""
    first, last = _ranges()
    k = bisect_right(first, ord(c)) - 1
    return c.isspace() or (k >= 0 and ord(c) <= last[k])


def caption_warnings(cues: list[Cue]) -> list[TextWarning]:
    """A warning ``not-shown`` that has each character once; none where all can be drawn."""
    text = unicodedata.normalize("NFC", "".join(row for cue in cues for row in rows(cue)))
    lost = "".join(c for c in dict.fromkeys(text) if not is_drawn(c))
    return [TextWarning("not-shown", lost, "")] if lost else []
