"""Draws the words of the visible mark once, so that no font is needed at run time: services/render/media/mark/*.png.

python -m tools.mark_glyphs FONT

FONT is NotoSansCJK-Bold.ttc (SIL Open Font Licence 1.1), as Debian's fonts-noto-cjk has it.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from services.render.media.mark import CAP_PX, GLYPHS, WORDS

MARGIN_PX = 4
"""Empty pixels around the ink, so that scaling does not cut its soft edge."""


def drawn(words: str, font_file: str) -> np.ndarray:
    """How much of each pixel is ink, uint8 (H, W); a capital letter is ``CAP_PX`` high."""
    size = CAP_PX
    while (font := ImageFont.truetype(font_file, size, index=2)).getbbox("I", anchor="ls")[1] > -CAP_PX:
        size += 1  # index 2: the simplified Chinese forms
    left, top, right, bottom = font.getbbox(words, anchor="ls")
    page = Image.new("L", (round(right - left) + 2 * MARGIN_PX, round(bottom - top) + 2 * MARGIN_PX))
    ImageDraw.Draw(page).text((MARGIN_PX - left, MARGIN_PX - top), words, fill=255, font=font, anchor="ls")
    return np.asarray(page, np.uint8)


def main() -> None:
    """The program."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    GLYPHS.mkdir(exist_ok=True)
    for language, words in WORDS.items():
        path = GLYPHS / f"{language}.png"
        cv2.imwrite(str(path), drawn(words, sys.argv[1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
