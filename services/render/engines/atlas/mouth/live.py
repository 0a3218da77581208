"""Live sound to mouth: Whisper's encoder on the last seconds, over and over, mapped linearly.

Every ``HOP`` features the encoder hears the last ``WINDOW_S`` seconds, so the moments of a hop have different amounts
of sound after them: each amount has its own map, trained on windows that end just so (``tools/train_mouth.py``).
Windows end at fixed times of the stream, so that the pieces in which sound comes do not show.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from services.render.audio.log_mel import RATE, Array, Levelled
from services.render.audio.resampling import Resampler
from services.render.audio.whisper import PER_S
from services.render.engines.atlas.mouth.clip import NEAR, STEP, Encoder, between, eased
from services.render.engines.atlas.mouth.correction import Correction

WINDOW_S = 3.0
"""Sound encoded at once; before a stream begins there is silence."""
HOP = 6
"""Features (20 ms) between two windows."""
FIRST = 8
"""Features that the first window hears: enough for two pictures, with which a video can begin."""
FAR = 10
"""Features heard from the earliest moment that a window tells of to its end: the look-ahead."""
NEXT = FAR - HOP
"""The same of the latest one, which the next window tells again; needed for moments between two features."""
OFFSETS = (-20, -12, -8, -5, -2, 0, 2, 5, 8)
"""Features heard around a moment, as far as they have sounded."""
SHORT = 34
"""Samples of silence at a window's end: resampling holds back fewer."""
KEPT = 60
"""Frames (10 ms) whose loudness is remembered."""


def window(sound: Array) -> Array:
    """What is encoded, ``WINDOW_S``, of the last samples up to ``SHORT`` before its end; silence is before a stream."""
    size = round(WINDOW_S * RATE) - SHORT
    return np.asarray(np.pad(sound[-size:], (max(0, size - len(sound)), SHORT)), np.float32)


def around(features: Array, ahead: int) -> Array:
    """The features around the moment that has ``ahead`` of them up to the end, of windows (..., features, SIZE)."""
    at = features.shape[-2] - ahead
    picked = features[..., [at + k for k in OFFSETS if k < ahead], :]
    return np.asarray(picked.reshape(*features.shape[:-2], -1), np.float32)


@dataclass(frozen=True)
class LiveModel:
    """Weights of the linear maps from features to opening and width."""

    mean: Array
    """Of features, shape (SIZE,)."""
    spread: Array
    matrix: Array
    """Shape (FAR - NEXT + 1, len(OFFSETS) * SIZE, 2), from ``FAR`` down to ``NEXT``; what has not sounded weighs 0."""
    centre: Array
    gain: Array
    """Shape (2,): regression shrinks; this gives speech its usual spread back."""

    @classmethod
    @cache
    def builtin(cls) -> LiveModel:
        """The weights in this folder."""
        with np.load(Path(__file__).with_name("live.npz"), allow_pickle=False) as data:
            return cls(**{field.name: data[field.name].astype(np.float32) for field in fields(cls)})

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (FAR - NEXT + 1, 2), of the moments that a window's features tell of."""
        z = (features - self.mean) / self.spread
        seen = [around(z, ahead) for ahead in range(FAR, NEXT - 1, -1)]
        told = np.stack([x @ self.matrix[k, : len(x)] for k, x in enumerate(seen)])
        return np.asarray(self.centre + self.gain * told, dtype=np.float32)


class LiveListener:
    """Follows one stream of sound as it comes; memory does not grow while it is drawn."""

    def __init__(
        self, encoder: Encoder, model: LiveModel, rate: int, start_s: float = 0.0, correction: Correction | None = None
    ) -> None:
        """``encoder`` takes ``WINDOW_S``; ``start_s`` is the stream's time of the first sample that will be pushed."""
        self._encoder, self._model, self._correction = encoder, model, correction
        self._resampler = None if rate == RATE else Resampler(rate, RATE)
        self._start_s = start_s
        self._sound = np.zeros(round(WINDOW_S * RATE) - FIRST * STEP, np.float32)  # from where the next window begins
        self._levelled = Levelled()
        self._loud = np.full(KEPT, -9.0, np.float32)  # of frames of 10 ms, the last ones
        self._heard = 0  # features that windows have heard
        self._whole = False
        self._track = np.zeros((0, 2), np.float32)
        self._first = 0  # number of the first feature kept in ``_track``

    def push(self, samples: Array, last: bool = False) -> None:
        """Hear more; ``last`` tells that silence follows. Costs little: ``knows`` does the work."""
        x = samples if self._resampler is None else self._resampler.push(samples, last)
        self._sound = np.concatenate([self._sound, np.asarray(x, np.float32)])
        self._whole |= last

    def knows(self, time_s: float) -> bool:
        """Whether the mouth at a stream time can be told, after hearing the windows up to it that are complete."""
        at = int((time_s - self._start_s) * PER_S + 1e-6)
        while self._heard - NEXT - 1 < at and self._hear():
            pass
        return self._heard - NEXT - 1 >= at

    def mouth_at(self, time_s: float) -> Array:
        """Opening and width, shape (2,), at a stream time that is known; earlier ones cannot be asked for any more."""
        self.knows(time_s)
        if not len(self._track):
            return np.zeros(2, np.float32)
        at = (time_s - self._start_s) * PER_S - self._first
        out = between(self._track, at)
        drop = max(0, min(int(at), len(self._track)) - PER_S)
        self._track, self._first = self._track[drop:], self._first + drop
        return out

    def _hear(self) -> bool:
        """Hear the next window if its sound is there."""
        size = round(WINDOW_S * RATE) - SHORT
        if len(self._sound) < size:
            if not self._whole:
                return False
            self._sound = np.pad(self._sound, (0, size - len(self._sound)))
        new = HOP if self._heard else FIRST
        loud = self._levelled.push(self._sound[size - new * STEP : size])[:, 4:32].mean(1)
        self._loud = np.concatenate([self._loud, loud])[-KEPT:]
        told = self._model.estimate(self._encoder(window(self._sound[:size])))
        if self._correction is not None:
            told = self._correction.heard(told)
        told *= self._free()[:, None]
        self._sound = self._sound[HOP * STEP :]
        self._heard += new
        first = self._heard - FAR
        before = self._track[: max(0, first - self._first)]
        self._track = np.concatenate([before, told[max(0, -first) :]])
        return True

    def _free(self) -> Array:
        """How freely the mouth moves, 0 (silence) to 1, at each of the moments that a window tells of."""
        # lips part before the first sound is heard, and stay a moment; the last frame is one before the window's end
        near = np.array([self._loud[max(0, k - NEAR[0]) : k + NEAR[1] + 1].max() for k in range(KEPT)])
        return eased(near)[[KEPT + 1 - 2 * ahead for ahead in range(FAR, NEXT - 1, -1)]]
