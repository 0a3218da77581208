"""The built-in avatar: a public-domain portrait, framed so that the face is what one sees."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2

from services.render.media.read import read_image

NAME = "Eileen"
_LEFT, _TOP, _SIDE = 66, 0, 324  # head and shoulders within the 512×512 original
_SIZE = 512


@contextlib.contextmanager
def framed(portrait: Path) -> Iterator[Path]:
    """A 512×512 PNG of head and shoulders, made from the original for as long as the block lasts."""
    picture = read_image(portrait)[_TOP : _TOP + _SIDE, _LEFT : _LEFT + _SIDE]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portrait.png"
        path.write_bytes(
            cv2.imencode(".png", cv2.resize(picture, (_SIZE, _SIZE), interpolation=cv2.INTER_LANCZOS4))[1].tobytes()
        )
        yield path
