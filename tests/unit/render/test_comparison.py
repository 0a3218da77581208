"""The two videos of a training's result: pictures and sound of the same length, and not too long."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from services.render.audio.log_mel import RATE
from services.render.media.write import EncoderOptions
from services.render.train.comparison import MOST_S, write_movie


@pytest.mark.parametrize(("seconds", "shown"), [(2.0, 2.0), (20.0, MOST_S)])
def test_pictures_and_sound_are_equally_long(tmp_path: Path, seconds: float, shown: float) -> None:
    pictures = [np.full((96, 64, 3), 8 * (n % 30), np.uint8) for n in range(round(25 * seconds))]
    sound = np.sin(np.arange(round(RATE * seconds)) / 9).astype(np.float32) / 2
    write_movie(tmp_path / "before.mp4", pictures, 25.0, sound, EncoderOptions())
    with av.open(str(tmp_path / "before.mp4")) as film:
        frames = [f.to_ndarray(format="gray") for f in film.decode(video=0)]
    with av.open(str(tmp_path / "before.mp4")) as film:
        heard = sum(f.samples for f in film.decode(audio=0)) / film.streams.audio[0].rate
    assert len(frames) == round(25 * shown) and frames[0].shape == (96, 64)
    assert abs(heard - shown) < 0.1
    assert abs(float(frames[10].mean()) - 80) < 4, "in their order"
