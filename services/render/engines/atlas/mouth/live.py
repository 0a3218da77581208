"""Live sound to mouth: linear maps of Whisper's encoder features of the last seconds.

Every ``HOP`` features the last ``WINDOW_S`` seconds are encoded. The features of a hop have different amounts of sound
after them, and each amount has its own map, trained on windows that end there (``tools/train_mouth.py``). Windows end
at fixed times of the stream. So the size of the pushed pieces does not change the result.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from services.render.audio.log_mel import RATE, Array, Levelled
from services.render.audio.resampling import Resampler
from services.render.audio.whisper import PER_S
from services.render.engines.atlas.mouth.clip import (
    GATE_REACH,
    SAMPLES_PER_FEATURE,
    Encoder,
    interpolated_row,
    mobility,
)
from services.render.engines.atlas.mouth.correction import Correction

WINDOW_S = 3.0
"""Sound encoded at once; before the start of a stream there is silence."""
HOP = 6
"""Features (20 ms) between two windows."""
FIRST_FEATURES = 8
"""Features in the first window: enough for two pictures, with which a video can start."""
MAX_AHEAD = 10
"""Features from the earliest one that a window estimates to its end: the look-ahead."""
MIN_AHEAD = MAX_AHEAD - HOP
"""The same for the latest one, which the next window estimates again; needed to interpolate between features."""
CONTEXT_OFFSETS = (-20, -12, -8, -5, -2, 0, 2, 5, 8)
"""Features around the drawn time that the maps use, as far as they are available."""
TAIL_SAMPLES = 34
"""Samples of silence at the end of a window; the resampler holds back fewer."""
LOUDNESS_FRAMES = 60
"""Frames (10 ms) whose loudness is kept."""


def window_samples(sound: Array) -> Array:
    """``WINDOW_S`` of samples to encode: the end of ``sound``, then ``TAIL_SAMPLES`` of silence; padded in front."""
    size = round(WINDOW_S * RATE) - TAIL_SAMPLES
    return np.asarray(np.pad(sound[-size:], (max(0, size - len(sound)), TAIL_SAMPLES)), np.float32)


def with_context(features: Array, ahead: int) -> Array:
    """Features around the one that is ``ahead`` before the end, of windows (..., features, SIZE)."""
    now = features.shape[-2] - ahead
    picked = features[..., [now + offset for offset in CONTEXT_OFFSETS if offset < ahead], :]
    return np.asarray(picked.reshape(*features.shape[:-2], -1), np.float32)


@dataclass(frozen=True)
class LiveModel:
    """Weights of the linear maps from features to opening and width."""

    mean: Array
    """Of features, shape (SIZE,)."""
    spread: Array
    matrix: Array
    """Shape (MAX_AHEAD - MIN_AHEAD + 1, len(CONTEXT_OFFSETS) * SIZE, 2), from ``MAX_AHEAD`` down to ``MIN_AHEAD``;
    weights of offsets beyond the window are 0."""
    centre: Array
    gain: Array
    """Shape (2,): restores the usual spread of speech, which regression shrinks."""

    @classmethod
    @cache
    def builtin(cls) -> LiveModel:
        """The weights in this folder."""
        with np.load(Path(__file__).with_name("live.npz"), allow_pickle=False) as data:
            return cls(**{field.name: data[field.name].astype(np.float32) for field in fields(cls)})

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (MAX_AHEAD - MIN_AHEAD + 1, 2), at the features that a window estimates."""
        normalised = (features - self.mean) / self.spread
        contexts = [with_context(normalised, ahead) for ahead in range(MAX_AHEAD, MIN_AHEAD - 1, -1)]
        estimates = np.stack([context @ self.matrix[row, : len(context)] for row, context in enumerate(contexts)])
        return np.asarray(self.centre + self.gain * estimates, dtype=np.float32)


class LiveAudioToMouth:
    """Estimates the mouth of one live stream. Memory stays bounded while frames are drawn."""

    def __init__(
        self, encoder: Encoder, model: LiveModel, rate: int, start_s: float = 0.0, correction: Correction | None = None
    ) -> None:
        """``encoder`` takes ``WINDOW_S``; ``start_s`` is the stream's time of the first sample that will be pushed."""
        self._encoder, self._model, self._correction = encoder, model, correction
        self._resampler = None if rate == RATE else Resampler(rate, RATE)
        self._start_s = start_s
        # sound from the start of the next window on
        self._sound = np.zeros(round(WINDOW_S * RATE) - FIRST_FEATURES * SAMPLES_PER_FEATURE, np.float32)
        self._levelled = Levelled()
        self._loudness = np.full(LOUDNESS_FRAMES, -9.0, np.float32)  # of the latest frames, 10 ms each
        self._feature_count = 0  # features encoded so far
        self._ended = False
        self._track = np.zeros((0, 2), np.float32)
        self._first = 0  # number of the first feature kept in ``_track``

    def push(self, samples: Array, last: bool = False) -> None:
        """Store samples; ``last`` says that silence follows. This is cheap: ``ready`` does the work."""
        resampled = samples if self._resampler is None else self._resampler.push(samples, last)
        self._sound = np.concatenate([self._sound, np.asarray(resampled, np.float32)])
        self._ended |= last

    def ready(self, time_s: float) -> bool:
        """Whether the mouth at a stream time is known, after encoding the complete windows up to it."""
        index = int((time_s - self._start_s) * PER_S + 1e-6)
        while self._feature_count - MIN_AHEAD - 1 < index and self._estimate_window():
            pass
        return self._feature_count - MIN_AHEAD - 1 >= index

    def mouth_at(self, time_s: float) -> Array:
        """Opening and width, shape (2,), at a stream time that is ready. Earlier times are dropped."""
        self.ready(time_s)
        if not len(self._track):
            return np.zeros(2, np.float32)
        position = (time_s - self._start_s) * PER_S - self._first
        mouth = interpolated_row(self._track, position)
        dropped = max(0, min(int(position), len(self._track)) - PER_S)
        self._track, self._first = self._track[dropped:], self._first + dropped
        return mouth

    def _estimate_window(self) -> bool:
        """Estimate the next window. Returns False while its sound is incomplete."""
        size = round(WINDOW_S * RATE) - TAIL_SAMPLES
        if len(self._sound) < size:
            if not self._ended:
                return False
            self._sound = np.pad(self._sound, (0, size - len(self._sound)))
        new_features = HOP if self._feature_count else FIRST_FEATURES
        loudness = self._levelled.push(self._sound[size - new_features * SAMPLES_PER_FEATURE : size])[:, 4:32].mean(1)
        self._loudness = np.concatenate([self._loudness, loudness])[-LOUDNESS_FRAMES:]
        estimates = self._model.estimate(self._encoder(window_samples(self._sound[:size])))
        if self._correction is not None:
            estimates = self._correction.apply_keeping_closures(estimates)
        estimates *= self._mobility()[:, None]
        self._sound = self._sound[HOP * SAMPLES_PER_FEATURE :]
        self._feature_count += new_features
        first = self._feature_count - MAX_AHEAD
        previous = self._track[: max(0, first - self._first)]
        self._track = np.concatenate([previous, estimates[max(0, -first) :]])
        return True

    def _mobility(self) -> Array:
        """Mobility of the mouth, 0 (silence) to 1, at each of the features that a window estimates."""
        # lips part before the first sound and stay apart for a moment; the last frame is one before the window's end
        loudest = np.array(
            [
                self._loudness[max(0, frame - GATE_REACH[0]) : frame + GATE_REACH[1] + 1].max()
                for frame in range(LOUDNESS_FRAMES)
            ]
        )
        return mobility(loudest)[[LOUDNESS_FRAMES + 1 - 2 * ahead for ahead in range(MAX_AHEAD, MIN_AHEAD - 1, -1)]]
