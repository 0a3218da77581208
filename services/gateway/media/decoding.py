"""Decodes the speech of any media file piece by piece, so that a long file is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av

from services.common.errors import HuashengError

PIECE_S = 0.5


def pcm_chunks(path: Path, rate: int, name: str) -> Iterator[bytes]:
    """16-bit mono PCM at ``rate`` Hz in pieces of about half a second. Raises ``no-audio``, ``corrupt-media``."""
    piece = bytearray()
    limit = int(rate * PIECE_S) * 2
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise HuashengError("no-audio", name=name)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            for frame in _frames_then_none(container):
                for out in resampler.resample(frame):
                    piece += out.to_ndarray().tobytes()
                while len(piece) >= limit:
                    yield bytes(piece[:limit])
                    del piece[:limit]
    except av.error.FFmpegError as e:
        raise HuashengError("corrupt-media", name=name) from e
    if piece:
        yield bytes(piece)


def _frames_then_none(container: av.container.InputContainer) -> Iterator[av.AudioFrame | None]:
    yield from container.decode(container.streams.audio[0])
    yield None  # flushes the resampler
