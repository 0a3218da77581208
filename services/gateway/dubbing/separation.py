"""Parts the voice of a film's sound from all else, piece by piece, so that memory does not grow with the length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from services.common.weights import WeightsError, folder
from services.gateway.dubbing.unet import BINS, FRAMES, Stems
from services.gateway.studio.loudness import Sound

RATE_HZ = 44100
"""What the networks were trained at."""
GROUP = "voice-removal"
_WINDOW, _STEP = 4096, 1024
_GAIN = np.float32(1.5)
"""What the squared windows add up to."""


def stems_of(weights_dir: Path) -> Stems | None:
    """The networks; None where their weights were not fetched."""
    try:
        files = folder(GROUP, weights_dir)
    except WeightsError:
        return None
    return Stems(files / "model.index", files / "model.data-00000-of-00001")


def without_voice(
    stems: Stems, pieces: Iterator[Sound], cancelled: Callable[[], None] = lambda: None
) -> Iterator[tuple[Sound, Sound]]:
    """Stereo sound at ``RATE_HZ`` without its voice, and the voice, each as long as what was given. ``cancelled`` is
    called before each 12 s and may raise."""
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    block = FRAMES * _STEP
    lead = _WINDOW - _STEP  # silence before the sound, so that its first samples are under all windows
    waiting, at = np.zeros((2, lead), np.float32), -lead
    carry = np.zeros((2, 2, lead), np.float32)
    given, total = 0, -1
    for piece in _ended(pieces, lead + block):
        if piece is None:
            total = given
            continue
        given += piece.shape[1]
        waiting = np.concatenate([waiting, piece], 1)
        while waiting.shape[1] >= block + lead:
            cancelled()
            made = _separated(stems, waiting[:, : block + lead], window)
            made[:, :, :lead] += carry
            carry, waiting = made[:, :, block:].copy(), waiting[:, block:]
            first, at = max(0, at), at + block
            ready = made[:, :, block - (at - first) : block]
            if total >= 0:
                ready = ready[:, :, : max(0, total - first)]
            if ready.shape[2]:
                yield ready[0], ready[1]


def _ended(pieces: Iterator[Sound], more: int) -> Iterator[Sound | None]:
    """The pieces, then None, then silence that brings out what is left."""
    yield from pieces
    yield None
    yield np.zeros((2, more), np.float32)


def _separated(stems: Stems, sound: Sound, window: Sound) -> Sound:
    """Rest and voice of one block, shape (2, 2, n), to be added to what overlaps."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW, 1)[:, ::_STEP][:, :FRAMES]
    spectra = np.fft.rfft(frames * window, axis=2).astype(np.complex64)  # (2, 512, 2049)
    seen = spectra[:, :, :BINS]
    share = stems.voice_share(np.ascontiguousarray(np.abs(seen).transpose(1, 2, 0)))
    voice = np.zeros_like(spectra)
    voice[:, :, :BINS] = seen * share.transpose(2, 0, 1)
    rest = spectra - voice
    rest[:, :, BINS:] *= 1 - share.mean(1).T[:, :, None]  # above 11 kHz nothing is known: as below, on the whole
    out = np.zeros((2, *sound.shape), np.float32)
    for k, part in enumerate((rest, voice)):
        made = np.fft.irfft(part, axis=2).astype(np.float32) * window / _GAIN
        for n in range(FRAMES):
            out[k, :, n * _STEP : n * _STEP + _WINDOW] += made[:, n]
    return out
