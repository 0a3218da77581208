"""The encoder of Whisper base: what is being said, 50 times a second, whoever says it.

Log-mel is computed as the model was trained (Radford et al. 2022), in numpy. The encoder runs in CTranslate2, int8, and
is imported only when it is loaded.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.audio.log_mel import RATE

Array = npt.NDArray[np.float32]

HOP = 160
WINDOW = 400
BANDS = 80
WINDOW_S = 15.0
"""Sound encoded at once. Half of what Whisper was trained on, at less than half of the cost."""
HUSH_S = 1.0
"""Silence after shorter sound. A window filled with it tells the same (correlation .998) at four times the work."""
PER_S = 50
"""Features a second; number k describes the sound around k / PER_S seconds."""
SIZE = 512
START, ENGLISH, TRANSCRIBE, NO_TIMES = 50258, 50259, 50359, 50363
"""Tokens of the multilingual models; the language does not matter to whether there is speech."""


@cache
def _filters() -> Array:
    """Slaney's mel filters, shape (BANDS, WINDOW / 2 + 1): linear below 1 kHz, logarithmic above, of equal area."""
    f = np.fft.rfftfreq(WINDOW, 1 / RATE)
    top = 15 + np.log(RATE / 2 / 1000) / (np.log(6.4) / 27)
    mel = np.linspace(0, top, BANDS + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    up = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - f) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return np.asarray(np.maximum(0, np.minimum(up, down)) * area[:, None], dtype=np.float32)


def mel_columns(padded: Array) -> Array:
    """Log10 mel of every whole analysis window of samples at ``RATE``, one each ``HOP``; shape (n, BANDS)."""
    if len(padded) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)).astype(np.float32) ** 2
    return np.asarray(np.log10(np.maximum(power @ _filters().T, 1e-10)), dtype=np.float32)


def log_mel(x: Array) -> Array:
    """Whisper's log-mel of samples at ``RATE``, shape (BANDS, len(x) / HOP); column k is centred on sample k * HOP."""
    mel = mel_columns(np.pad(x, WINDOW // 2, mode="reflect"))[: len(x) // HOP].T
    return np.asarray((np.maximum(mel, mel.max() - 8) + 4) / 4, dtype=np.float32)


class WhisperEncoder:
    """Weights in memory, shared by all sessions, whose requests queue."""

    def __init__(self, weights: Path, threads: int) -> None:
        """``weights`` is the folder of the group ``whisper-base``. Raises ``ImportError`` without CTranslate2."""
        import ctranslate2

        self._view: Any = ctranslate2.StorageView
        self._model: Any = ctranslate2.models.Whisper(
            str(weights), device="cpu", compute_type="int8", intra_threads=threads
        )

    def __call__(self, x: Array) -> Array:
        """Features, shape (seconds * PER_S, SIZE), of at most ``WINDOW_S`` of samples at ``RATE``.

        Up to ``HUSH_S`` of silence follow, as in the windows that the mouth's maps were fitted on.
        """
        return self.exactly(np.pad(x, (0, min(round(WINDOW_S * RATE) - len(x), round(HUSH_S * RATE)))))

    def exactly(self, x: Array) -> Array:
        """Features, shape (seconds * PER_S, SIZE), of at most 30 s of samples at ``RATE``; nothing is added."""
        mel = log_mel(x)
        out = self._model.encode(self._view.from_array(np.ascontiguousarray(mel[None])), to_cpu=True)
        features: Array = np.array(out, dtype=np.float32)[0]
        return features

    def no_speech(self, x: Array) -> float:
        """The model's own probability (0 to 1) that nothing is said in at most 30 s of samples at ``RATE``."""
        mel = log_mel(np.pad(x, (0, 30 * RATE - len(x))))
        heard = self._model.encode(self._view.from_array(np.ascontiguousarray(mel[None])))
        result = self._model.generate(
            heard, [[START, ENGLISH, TRANSCRIBE, NO_TIMES]], max_length=1, return_no_speech_prob=True
        )
        return float(result[0].no_speech_prob)
