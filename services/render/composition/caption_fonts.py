"""Letters for captions: which font has them, how wide they are, and their masks.

The fonts are weights (``caption-fonts`` in ``weights.toml``), the same on every machine: two renderers of one video
draw the same pixels. For the same reason FreeType does the layout; Pillow's other one needs a library of the system.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

GROUP = "caption-fonts"
"""Name of the weights."""
FILES = ("NotoSansSC_700Bold.ttf", "NotoSansKR_700Bold.ttf", "NotoSans_700Bold.ttf")
"""In the order in which they are asked for a letter."""
_JOINED = ((0x0590, 0x109F), (0x1700, 0x18AF), (0x1900, 0x1CFF), (0xA800, 0xABFF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFE))
"""Scripts whose letters change with their neighbours, run from right to left or stand above each other: not drawn."""

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Run:
    """Characters that come from one font."""

    text: str
    font: int


@functools.lru_cache(maxsize=64)
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def is_invisible(c: str) -> bool:
    """Whether a character only says how others are shown."""
    return unicodedata.category(c) in ("Cf", "Cc") or "\ufe00" <= c <= "\ufe0f"


class Fonts:
    """The fonts of captions. ``folder`` as ``weights.folder(GROUP, …)`` gives it."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in FILES]
        self._none = [self._mask_of("\U0010ffff", k) for k in range(len(FILES))]
        self._found: dict[str, int | None] = {}

    def _mask_of(self, c: str, font: int) -> tuple[object, bytes]:
        mask = _font(self._paths[font], 32).getmask(c)
        return mask.size, bytes(mask)

    def _has(self, c: str, font: int) -> bool:
        return c.isspace() or self._mask_of(c, font) != self._none[font]

    def _of(self, c: str) -> int | None:
        """The first font that has a character; None where no font has it, or it cannot stand by itself."""
        if c not in self._found:
            able = not any(a <= ord(c) <= b for a, b in _JOINED)
            self._found[c] = next((k for k in range(len(FILES)) if able and self._has(c, k)), None)
        return self._found[c]

    def draws(self, c: str) -> bool:
        """Whether a character is drawn as it should be, or is one that nobody sees."""
        return is_invisible(c) or self._of(c) is not None

    def drawable(self, text: str) -> tuple[str, str]:
        """The text without what cannot be drawn, and what was left out; invisible characters go without a word."""
        kept, lost = "", ""
        for c in unicodedata.normalize("NFC", text):
            if is_invisible(c):
                kept += " " if c in "\t\n" else ""
            elif self.draws(c):
                kept += c
            else:
                lost += c
        return kept, lost

    def runs(self, text: str) -> list[Run]:
        """A drawable text by fonts. A word comes from one font where one has all of it."""
        out: list[Run] = []
        for part in _parts(text):
            whole = next(
                (k for k in range(len(FILES)) if all(c.isspace() or self._has_known(c, k) for c in part)), None
            )
            for c in [part] if whole is not None else part:
                font = whole if whole is not None else self._of(c) or 0
                if out and out[-1].font == font:
                    out[-1] = Run(out[-1].text + c, font)
                else:
                    out.append(Run(c, font))
        return out

    @functools.lru_cache(maxsize=20_000)  # noqa: B019  # one object for each process
    def _has_known(self, c: str, font: int) -> bool:
        return self._has(c, font)

    def width(self, text: str, size: int) -> float:
        """Advance of a drawable text in pixels; ``size`` is that of the em."""
        return sum(_font(self._paths[r.font], size).getlength(r.text) for r in self.runs(text))

    def height(self, size: int) -> tuple[int, int]:
        """How far letters reach above and below their base line, in pixels."""
        # of the ideographic box, not of the file's own line, which leaves room for a line of another script
        return round(0.88 * size), round(0.14 * size)

    def draw(self, page: Image.Image, at: tuple[float, float], text: str, size: int, stroke: float = 0) -> None:
        """Write a drawable text on a page of mode L with its base line at ``at``; ``stroke`` pixels wider all round."""
        pen, x = ImageDraw.Draw(page), at[0]
        for run in self.runs(text):
            font = _font(self._paths[run.font], size)
            pen.text((x, at[1]), run.text, fill=255, font=font, anchor="ls", stroke_width=stroke)
            x += font.getlength(run.text)


def _parts(text: str) -> list[str]:
    """Words and what is between them; every wide character by itself."""
    out: list[str] = []
    for c in text:
        is_letter = c.isalnum() and unicodedata.east_asian_width(c) not in "WF"
        if out and is_letter and out[-1][-1].isalnum() and unicodedata.east_asian_width(out[-1][-1]) not in "WF":
            out[-1] += c
        else:
            out.append(c)
    return out


@functools.cache
def fonts(folder: Path) -> Fonts:
    """The fonts of a folder, once for each process."""
    return Fonts(folder)
