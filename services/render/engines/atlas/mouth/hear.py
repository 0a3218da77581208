"""Sound alone to mouth: a small network on log-mel frames, trained on our engine's speech (``tools/train_mouth.py``).

Dilated convolutions over time (Bai et al. 2018), valid ones: nothing is padded. Hears ``BACK`` frames back and
``AHEAD`` frames ahead of what is drawn. Plain numpy, under 1.5 CPU-ms a picture. Used where Whisper's
weights are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from services.render.audio.log_mel import BANDS, RATE, Array, Levelled
from services.render.audio.resampling import Resampler

TAPS = 5
"""Frames that a layer sees."""
DILATIONS = (1, 2, 4, 8, 8)
"""How far apart they are, by layer."""
AHEAD = 17
"""Frames (10 ms) heard after the time that is drawn."""
BACK = (TAPS - 1) * sum(DILATIONS) - AHEAD
LOOK_AHEAD_S = 0.2
"""Sound needed beyond the time that is drawn, window and resampling included."""
GATE = (-2.0, -1.5)
"""Loudness under the speaker's level (log10 of power) at which the mouth is at rest, and at which it moves freely."""
NEAR = (6, 16)
"""Frames before and after the time that is drawn in which sound lets the mouth move."""
KEEP = 400
"""Frames remembered."""
SILENCE = -3.5
"""What a band of silence looks like under the speaker's level."""


@dataclass(frozen=True)
class AcousticModel:
    """Weights of the network: layers of (matrix, bias), rectified between; output opening and width."""

    mean: Array
    spread: Array
    layers: tuple[tuple[Array, Array], ...]
    """Convolutions, matrices (TAPS * inputs, outputs), earliest tap first; then one (inputs, 2) of the moment."""
    gain: Array
    """Shape (2,): regression shrinks; this gives speech its usual spread back."""
    centre: Array

    @classmethod
    @cache
    def builtin(cls) -> AcousticModel:
        """The weights in this folder."""
        return cls.load(Path(__file__).with_name("hear.npz"))

    @classmethod
    def load(cls, path: Path) -> AcousticModel:
        """Weights that ``tools/train_mouth.py`` wrote."""
        with np.load(path, allow_pickle=False) as data:
            layers = tuple(
                (data[f"matrix{k}"].astype(np.float32), data[f"bias{k}"].astype(np.float32))
                for k in range(len(DILATIONS) + 1)
            )
            return cls(data["mean"], data["spread"], layers, data["gain"], data["centre"])

    def estimate(self, frames: Array) -> Array:
        """Opening and width, shape (n, 2), of frames (n + BACK + AHEAD, BANDS)."""
        x = (frames - self.mean) / self.spread
        for dilation, (matrix, bias) in zip(DILATIONS, self.layers, strict=False):
            count = len(x) - (TAPS - 1) * dilation
            x = np.concatenate([x[k * dilation : k * dilation + count] for k in range(TAPS)], axis=1)
            x = np.maximum(x @ matrix + bias, 0)
        matrix, bias = self.layers[-1]
        return np.asarray(self.centre + self.gain * (x @ matrix + bias - self.centre), dtype=np.float32)


class Listener:
    """Follows one stream of sound; gives the mouth at any recent time that it has heard enough around."""

    def __init__(self, model: AcousticModel, rate: int, start_s: float = 0.0) -> None:
        """``start_s`` is the stream's time of the first sample that will be pushed."""
        self._model = model
        self._resampler = None if rate == RATE else Resampler(rate, RATE)
        self._levelled = Levelled()
        self._frames = np.zeros((0, BANDS), np.float32)
        self._first = 0  # number of the first frame kept
        self._start_s = start_s

    def push(self, samples: Array, last: bool = False) -> None:
        """Hear more; ``last`` flushes what the resampler holds back."""
        x = samples if self._resampler is None else self._resampler.push(samples, last)
        heard = self._levelled.push(np.asarray(x, np.float32))[:, :BANDS]
        heard = np.maximum(heard, SILENCE)
        self._frames = np.concatenate([self._frames, heard])
        if len(self._frames) > 4 * KEEP:
            drop = len(self._frames) - KEEP * 3
            self._frames, self._first = self._frames[drop:], self._first + drop

    def mouth_at(self, time_s: float) -> Array:
        """Opening and width, shape (2,), at a stream time; there is silence where nothing has been heard."""
        at = round((time_s - self._start_s) * 100) - self._first
        index = np.arange(at - BACK, at + AHEAD + 1)
        inside = (index >= 0) & (index < len(self._frames))
        window = np.full((len(index), BANDS), SILENCE, np.float32)
        window[inside] = self._frames[index[inside]]
        loud = float(window[BACK - NEAR[0] : BACK + NEAR[1] + 1, 4:32].mean(1).max())
        free = float(np.clip((loud - GATE[0]) / (GATE[1] - GATE[0]), 0, 1))
        if not free:
            return np.zeros(2, np.float32)
        return np.asarray(self._model.estimate(window)[0] * free, dtype=np.float32)
