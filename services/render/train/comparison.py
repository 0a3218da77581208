"""Two short videos of the part of the clip that was kept back: drawn before training, and as trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.render.audio.log_mel import RATE, Array
from services.render.media.mark import MarkOptions, VisibleMark
from services.render.media.write import EncoderOptions, FragmentedMp4
from services.render.types import Image

BEFORE, AFTER = "before.mp4", "after.mp4"
MOST_S = 12.0
"""Longer ones show nothing new."""


def write_movie(
    path: Path,
    pictures: Sequence[Image],
    fps: float,
    sound: Array,
    options: EncoderOptions,
    mark: MarkOptions | None = None,
) -> None:
    """Write pictures (H, W, 3) with the sound (n,) at ``RATE`` that belongs to them; at most ``MOST_S`` of both."""
    pictures = pictures[: max(1, round(MOST_S * fps))]
    height, width = pictures[0].shape[:2]
    words = VisibleMark(mark, width, height, fps) if mark else None
    movie = FragmentedMp4(width, height, fps, RATE, options)
    try:
        with path.open("wb") as f:
            f.write(movie.head())
            for n, picture in enumerate(pictures):
                movie.add_audio(sound[round(n / fps * RATE) : round((n + 1) / fps * RATE)])
                f.write(movie.add_frame(words.on(picture, n) if words else picture))
            f.write(movie.finish())
    finally:
        movie.close()
