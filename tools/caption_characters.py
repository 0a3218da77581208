"""Writes which characters captions can be drawn in: services/gateway/studio/subtitle_characters.txt, from the fonts.

    python -m tools.caption_characters

The gateway has no fonts, and says before a video is drawn what its captions will leave out. A contract test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from services.common import weights
from services.common.settings import SharedSettings, load
from services.render.composition.caption_fonts import GROUP, Fonts

TABLE = Path(__file__).resolve().parents[1] / "services" / "gateway" / "studio" / "subtitle_characters.txt"


def ranges(fonts: Fonts) -> list[tuple[int, int]]:
    """First and last of the characters that stand next to each other."""
    out: list[tuple[int, int]] = []
    for code in range(0x20, sys.maxunicode + 1):
        if 0xD800 <= code <= 0xF8FF or code > 0x3FFFF or not fonts.draws(chr(code)):
            continue
        out[-1:] = [(out[-1][0], code)] if out and out[-1][1] == code - 1 else [*out[-1:], (code, code)]
    return out


def written(fonts: Fonts) -> str:
    """The table: a range a line, hexadecimal."""
    return "".join(f"{a:X}-{b:X}\n" for a, b in ranges(fonts))


def main() -> None:
    """Write it."""
    TABLE.write_text(written(Fonts(weights.folder(GROUP, load(SharedSettings).weights_dir))), encoding="utf-8")


if __name__ == "__main__":
    main()
