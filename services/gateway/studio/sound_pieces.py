"""Sound in pieces: read from a file of samples, made as long as it has to be, written as a WAV."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from services.common.errors import HuashengError
from services.gateway.studio.loudness import Sound

MIX_HZ = 48000


def pcm_seconds(speech: Path, rate_hz: int, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """Seconds of a file of 16-bit mono samples. Raises ``cancelled``."""
    with speech.open("rb") as file:
        while data := file.read(rate_hz * 2):
            if cancelled():
                raise HuashengError("cancelled")
            yield data[: len(data) // 2 * 2]


def samples_of(data: bytes) -> Sound:
    """16-bit mono samples."""
    return np.frombuffer(data, "<i2").astype(np.float32)[None, :] / np.float32(32768)


def quantised(sound: Sound) -> npt.NDArray[np.int16]:
    """16-bit samples, clipped, shape (channels, n)."""
    return np.asarray((np.clip(sound, -1, 1) * 32767).round(), np.int16)


def interleaved(samples: npt.NDArray[np.int16]) -> bytes:
    """Samples as they stand in a WAV."""
    return np.ascontiguousarray(samples.T, "<i2").tobytes()


def resampled(speech: Path, rate_hz: int, cancelled: Callable[[], bool]) -> Iterator[Sound]:
    """A file of samples at ``MIX_HZ``. Raises ``cancelled``."""
    stream = soxr.ResampleStream(rate_hz, MIX_HZ, 1, dtype="float32", quality="HQ")
    for data in pcm_seconds(speech, rate_hz, cancelled):
        yield stream.resample_chunk(samples_of(data)[0])[None, :]
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)[None, :]


def wav_writer(target: Path, rate_hz: int, channels: int) -> wave.Wave_write:
    """A 16-bit WAV, open to be written."""
    out = wave.open(str(target), "wb")  # noqa: SIM115  # closed by whom it is given to
    out.setnchannels(channels)
    out.setsampwidth(2)
    out.setframerate(rate_hz)
    return out


def cut(pieces: Iterator[Sound], total: int, channels: int) -> Iterator[Sound]:
    """Exactly ``total`` samples of ``channels``, no piece empty; silence where there are too few."""
    left = total
    for piece in pieces:
        if not left:
            return
        piece = piece[:, :left]
        left -= piece.shape[1]
        if not piece.shape[1]:
            continue
        yield piece if piece.shape[0] == channels else np.repeat(piece, channels, 0)
    while left:
        n = min(left, MIX_HZ)
        left -= n
        yield np.zeros((channels, n), np.float32)


class Reader:
    """Takes as much as is wanted from pieces of any length."""

    def __init__(self, pieces: Iterator[Sound]) -> None:
        self._pieces = pieces
        self._rest: Sound | None = None

    def take(self, n: int) -> Sound:
        """The next ``n`` samples, which are there."""
        parts, left = [], n
        while left:
            piece = next(self._pieces) if self._rest is None else self._rest
            parts.append(piece[:, :left])
            self._rest = piece[:, left:] if piece.shape[1] > left else None
            left -= parts[-1].shape[1]
        return np.concatenate(parts, 1)
