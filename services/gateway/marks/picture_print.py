"""A fingerprint of pictures: the signs of the lowest waves of a small grey copy (64 bits), of the key pictures only.

Decoding key pictures costs a fiftieth of decoding all. Another size, another encoding and a cut edge change few bits.
All videos of one avatar look alike, so pictures alone never decide: ``finder`` asks for the sound as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

SIDE, WAVES = 32, 8
"""Pixels of the grey copy, and waves kept in each direction."""
MOST = 400
"""Pictures looked at; of longer films every second, third … key picture."""


@dataclass(frozen=True)
class PicturePrint:
    """Hashes uint64 (n,) and their times in seconds float32 (n,)."""

    hashes: npt.NDArray[np.uint64]
    times_s: npt.NDArray[np.float32]


def _cosines() -> npt.NDArray[np.float32]:
    k, n = np.arange(WAVES)[:, None], np.arange(SIDE)[None]
    return np.cos(np.pi * (2 * n + 1) * k / (2 * SIDE)).astype(np.float32)


_COSINES = _cosines()
_BITS = np.uint64(1) << np.arange(WAVES * WAVES, dtype=np.uint64)


def picture_hash(grey: npt.NDArray[np.uint8]) -> np.uint64:
    """The hash of a grey picture of ``SIDE`` by ``SIDE``."""
    waves = _COSINES @ grey.astype(np.float32) @ _COSINES.T
    flat = waves.reshape(-1)
    flat[0] = 0  # the mean brightness
    return np.uint64((_BITS * (flat > np.median(flat))).sum())


def picture_print(path: Path) -> PicturePrint:
    """The fingerprint of a film; empty without pictures. Raises ``av.FFmpegError``."""
    hashes: list[np.uint64] = []
    times: list[float] = []
    with av.open(str(path)) as container:
        if container.streams.video:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                grey = frame.reformat(SIDE, SIDE, "gray", interpolation="AREA").to_ndarray()
                hashes.append(picture_hash(np.asarray(grey, np.uint8)))
                times.append(frame.time or 0.0)
    step = max(1, -(-len(hashes) // MOST))
    return PicturePrint(np.array(hashes[::step], np.uint64), np.array(times[::step], np.float32))
