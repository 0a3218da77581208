"""A fingerprint of sound that survives another encoding, and tells two sayings of one voice apart.

After Haitsma and Kalker (2002): the signs of how the energies of neighbouring bands change from one moment to the next.
One word of 32 bits each 64 ms, from 0.4 s of sound; 0 where it is nearly silent. Stored every 64 ms, looked for every
16 ms, so that it does not matter where a copy begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]

RATE = 8000
"""Hz of the sound that is looked at."""
FRAME, HOP, FINE_HOP = 3072, 512, 128
"""Samples that a word is made of; between stored words; between words that are looked for."""
HOP_S = HOP / RATE
PHASES = HOP // FINE_HOP
LOWEST_HZ, HIGHEST_HZ, BANDS = 300.0, 2000.0, 33
SILENT = 10 ** (-50 / 20)
"""Effective value (1 is full scale) under which a frame is silent."""
_EDGES = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1) * FRAME / RATE).astype(int)
_WINDOW = np.hanning(FRAME).astype(np.float32)
_BITS = (np.uint64(1) << np.arange(BANDS - 1, dtype=np.uint64)).astype(np.uint64)
_AT_ONCE = 256
"""Frames transformed together: what fits into the cache."""


def _frames(samples: Samples, hop: int) -> npt.NDArray[np.float32]:
    """Overlapping frames (n, FRAME), as a view."""
    if samples.size < FRAME:
        return np.zeros((0, FRAME), np.float32)
    return np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::hop]


def _energies(frames: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Logarithm of the energy of each band (n, BANDS), and which frames are silent (n,)."""
    bands, silent = [], []
    for start in range(0, len(frames), _AT_ONCE):
        part = frames[start : start + _AT_ONCE]
        power = np.abs(np.fft.rfft(part * _WINDOW, axis=1)[:, : _EDGES[-1]]) ** 2
        bands.append(np.log(np.add.reduceat(power, _EDGES[:-1], axis=1) + 1e-9))
        silent.append(np.sqrt(np.mean(part * part, axis=1)) < SILENT)
    if not bands:
        return np.zeros((0, BANDS), np.float32), np.zeros(0, np.bool_)
    return np.concatenate(bands).astype(np.float32), np.concatenate(silent)


def _words(energies: npt.NDArray[np.float32], silent: npt.NDArray[np.bool_], step: int) -> Words:
    """The words (n - step,): what changed in ``step`` frames."""
    slope = energies[:, :-1] - energies[:, 1:]
    signs = slope[step:] > slope[:-step]
    words: Words = (signs * _BITS).sum(1).astype(np.uint32)
    words[silent[step:] | silent[:-step]] = 0
    return words


class SoundPrinter:
    """Makes the fingerprint while the sound comes."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._resampler = soxr.ResampleStream(sample_rate_hz, RATE, 1, quality="LQ") if sample_rate_hz != RATE else None
        self._waiting: list[Samples] = []
        self._count = 0  # samples that wait
        self._last: tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]] | None = None
        self._parts: list[Words] = []

    def push(self, samples: Samples) -> None:
        """More sound, -1 to 1, mono."""
        self._add(self._resampler.resample_chunk(samples) if self._resampler else samples)

    def _add(self, samples: Samples, least: int = _AT_ONCE) -> None:
        self._waiting.append(samples)
        self._count += samples.size
        count = (self._count - FRAME) // HOP + 1
        if count < least:
            return
        waiting = np.concatenate(self._waiting)
        energies, silent = _energies(_frames(waiting, HOP))
        self._waiting = [waiting[count * HOP :]]
        self._count = self._waiting[0].size
        if self._last is not None:
            energies, silent = np.concatenate([self._last[0], energies]), np.concatenate([self._last[1], silent])
        self._last = energies[-1:], silent[-1:]
        self._parts.append(_words(energies, silent, 1))

    def finish(self) -> Words:
        """The whole fingerprint."""
        if self._resampler:
            self._add(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._add(np.zeros(0, np.float32), least=1)
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.uint32)


def sound_of(path: Path) -> Iterator[tuple[Samples, int]]:
    """Pieces of a file's first sound track, its channels mixed, and their rate in Hz; nothing where it has none.

    Raises ``av.FFmpegError``.
    """
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return
        convert = av.AudioResampler(format="flt", layout="mono")
        for frame in container.decode(container.streams.audio[0]):
            for mono in convert.resample(frame):
                yield mono.to_ndarray()[0], mono.rate


def sound_print(pieces: Iterable[tuple[Samples, int]]) -> Words:
    """The fingerprint of sound in pieces."""
    printer: SoundPrinter | None = None
    for samples, rate in pieces:
        printer = printer or SoundPrinter(rate)
        printer.push(samples)
    return printer.finish() if printer else np.zeros(0, np.uint32)


def fine_print(samples: Samples) -> npt.NDArray[np.uint32]:
    """The words that are looked for in ``samples`` at ``RATE``, (PHASES, n): row p begins p * ``FINE_HOP`` later."""
    words = _words(*_energies(_frames(samples, FINE_HOP)), PHASES)
    count = words.size // PHASES
    return words[: count * PHASES].reshape(count, PHASES).T
