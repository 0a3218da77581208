"""Sound alone to mouth: a small network on log-mel frames, trained on our engine's speech (``tools/train_mouth.py``).

Hears 120 ms back and 180 ms ahead of what is drawn. Plain numpy: under 0.1 ms a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.render.mouth.features import BANDS, RATE, Array, Levelled
from services.render.mouth.resampling import Resampler

OFFSETS = np.array([-12, -8, -4, -1, 2, 5, 8, 11, 14, 17])
"""Frames (10 ms) heard around the time that is drawn."""
AROUND = np.array([-1, 0, 1])
"""Times (10 ms) whose estimates are averaged."""
LOOK_AHEAD_S = 0.2
"""Sound needed beyond the time that is drawn, window and resampling included."""
GATE = (-2.3, -1.6)
"""Loudness under the speaker's level (log10 of power) at which the mouth is at rest, and at which it moves freely."""
KEEP = 400
"""Frames remembered."""


@dataclass(frozen=True)
class AcousticModel:
    """Weights of the network: layers of (matrix, bias), rectified between; output opening and width."""

    mean: Array
    spread: Array
    layers: tuple[tuple[Array, Array], ...]
    gain: Array
    """Shape (2,): regression shrinks; this gives speech its usual spread back."""
    centre: Array

    @classmethod
    @cache
    def builtin(cls) -> AcousticModel:
        """The weights in this folder."""
        with np.load(Path(__file__).with_name("hear.npz")) as data:
            count = sum(name.startswith("matrix") for name in data.files)
            layers = tuple(
                (data[f"matrix{k}"].astype(np.float32), data[f"bias{k}"].astype(np.float32)) for k in range(count)
            )
            return cls(data["mean"], data["spread"], layers, data["gain"], data["centre"])

    def estimate(self, context: Array) -> Array:
        """Opening and width, shape (n, 2), of contexts (n, len(OFFSETS) * BANDS)."""
        x = (context - self.mean) / self.spread
        for k, (matrix, bias) in enumerate(self.layers):
            x = x @ matrix + bias
            if k + 1 < len(self.layers):
                x = np.maximum(x, 0)
        return np.asarray(self.centre + self.gain * (x - self.centre), dtype=np.float32)


def contexts(frames: Array, at: npt.NDArray[np.int64]) -> Array:
    """What is heard around frame numbers ``at``; before the first and after the last frame there is silence."""
    index = at[:, None] + OFFSETS[None]
    inside = (index >= 0) & (index < len(frames))
    heard = frames[np.clip(index, 0, max(0, len(frames) - 1))] if len(frames) else np.zeros((*index.shape, BANDS))
    return np.where(inside[..., None], heard, SILENCE).reshape(len(at), -1).astype(np.float32)


SILENCE = -3.5
"""What a band of silence looks like under the speaker's level."""


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
        """Opening and width, shape (2,), at a stream time."""
        at = round((time_s - self._start_s) * 100) - self._first
        estimate = self._model.estimate(contexts(self._frames, at + AROUND)).mean(0)
        near = self._frames[max(0, at - 4) : max(0, at + 16), 4:32]
        loud = float(near.mean(1).max()) if len(near) else SILENCE
        free = float(np.clip((loud - GATE[0]) / (GATE[1] - GATE[0]), 0, 1))
        return np.asarray(estimate * free, dtype=np.float32)
