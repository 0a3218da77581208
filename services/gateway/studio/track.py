"""The speech of all scenes as one track: each begins at the sample that goes with its first picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from services.gateway.studio.scenes import Scene
from services.gateway.studio.types import SpokenScene

TRACK_HZ = 48000
PIECE = 1 << 18
Pcm = npt.NDArray[np.int16]


def write_track(spoken: list[SpokenScene], scenes: list[Scene], fps: float, target: Path) -> None:
    """Write 16-bit mono PCM at ``TRACK_HZ``, from the first picture of the first scene on. Memory does not grow."""
    begins = scenes[0].first_frame
    with target.open("wb") as out:
        for scene, said in zip(scenes, spoken, strict=True):
            first = scene.first_frame - begins
            start, end = (round(k * TRACK_HZ / fps) for k in (first, first + scene.frames))
            left = end - start
            for samples in _resampled(said):
                out.write(samples[:left].tobytes())
                left -= min(left, len(samples))
            out.write(bytes(2 * left))  # rounding: a sample or two


def _resampled(said: SpokenScene) -> Iterator[Pcm]:
    stream = soxr.ResampleStream(said.rate_hz, TRACK_HZ, 1, dtype="int16")
    with said.pcm.open("rb") as file:
        while data := file.read(PIECE):
            samples: Pcm = np.frombuffer(data, "<i2")
            yield samples if said.rate_hz == TRACK_HZ else stream.resample_chunk(samples)
    if said.rate_hz != TRACK_HZ:
        yield stream.resample_chunk(np.zeros(0, np.int16), last=True)
