"""Recorded sound to mouth: what Whisper's encoder hears, mapped linearly; trained by ``tools/train_mouth.py``.

Whisper wants seconds of sound at once, so it is for recordings; ``live`` follows a conversation. Sound is gathered
in windows that lie at fixed times of the recording, so that pushing it in other pieces gives the same mouth. The first
window is short: the video starts early.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from services.render.audio.log_mel import HOP, RATE, WINDOW, Array, log_mel
from services.render.audio.resampling import Resampler
from services.render.audio.whisper import PER_S, WINDOW_S

Encoder = Callable[[Array], Array]
"""See ``whisper.WhisperEncoder``."""

OFFSETS = np.array([-20, -12, -8, -5, -2, 0, 2, 5, 8, 12, 20])
"""Features (20 ms) heard around the time that is drawn."""
BEFORE_S = 3.0
"""Sound encoded before the part that a window tells of; so much is heard in its context."""
AFTER_S = 2.0
FIRST_S = 3.0
"""What the first window tells of; the first picture needs ``FIRST_S + AFTER_S`` of sound."""
REST_S = WINDOW_S - BEFORE_S - AFTER_S
"""What each later window tells of."""
BLEND = 10
"""Features over which one window's estimate goes over into the next one's."""
STEP = RATE // PER_S
"""Samples a feature."""
GATE = (-2.0, -1.5)
"""Loudness under the speaker's level (log10 of power) at which the mouth is at rest, and at which it moves freely."""
NEAR = (6, 16)
"""Frames (10 ms) before and after the time that is drawn in which sound lets the mouth move."""
EASE = np.hanning(21)[1:-1] / np.hanning(21).sum()
"""Weights, 10 ms each, by which that freedom comes and goes: sound may begin and end at once, a mouth does not."""
LEAST_LEVEL = -4.0
"""Softest level (log10 of mean band power) taken for speech."""
SINK = 0.5
"""How much softer a speaker may be in a window than in the one before."""


@dataclass(frozen=True)
class Window:
    """Sound encoded at once, and what it tells of; all are numbers of features, ``PER_S`` a second."""

    begin: int
    first: int
    """First feature that it tells of."""
    end: int
    """After the last one that it tells of."""
    until: int
    """Where its sound ends."""


class Estimator(Protocol):
    """Makes mouths of features: ``ClipModel``, or a model of one person (``person.PersonModel``)."""

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (n, 2), at each of the features."""


@dataclass(frozen=True)
class ClipModel:
    """Weights of the linear map from features to opening and width."""

    mean: Array
    spread: Array
    matrix: Array
    centre: Array
    gain: Array
    """Shape (2,): regression shrinks; this gives speech its usual spread back."""

    @classmethod
    @cache
    def builtin(cls) -> ClipModel:
        """The weights in this folder."""
        return cls.load(Path(__file__).with_name("clip.npz"))

    @classmethod
    def load(cls, path: Path) -> ClipModel:
        """Weights that ``save`` wrote; nothing in it can run. Raises ``OSError``, ``ValueError``, ``TypeError``."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{name: data[name].astype(np.float32) for name in data.files})

    def save(self, path: Path) -> None:
        """Write the weights, the matrix as float16, for ``load``. Not atomic: write beside and move."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with path.open("wb") as file:
            np.savez_compressed(file, **{**arrays, "matrix": self.matrix.astype(np.float16)})

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (n, 2), at each of the features (n, SIZE)."""
        return np.asarray(self.centre + self.parts(features).sum(1), dtype=np.float32)

    def parts(self, features: Array) -> Array:
        """What each moment heard adds to ``centre`` in the estimate, shape (n, len(OFFSETS), 2)."""
        # (around(features) - mean) / spread, mapped; that is 17 MB a window, so each feature is mapped before it
        weights = (self.matrix / self.spread[:, None]).reshape(len(OFFSETS), -1, 2)
        index = np.clip(np.arange(len(features))[:, None] + OFFSETS, 0, len(features) - 1)
        means = self.mean.reshape(len(OFFSETS), -1)
        each = [(features @ w)[k] - m @ w for w, k, m in zip(weights, index.T, means, strict=True)]
        return np.asarray(self.gain * np.stack(each, 1), dtype=np.float32)


def told(first: int, heard: int, whole: bool) -> Window | None:
    """The window that tells of features from number ``first`` on when ``heard`` of them have sounded.

    None while too little has sounded, or when the sound is ``whole`` and all is told.
    """
    end = first + round((REST_S if first else FIRST_S) * PER_S)
    until = end + round(AFTER_S * PER_S)
    if heard < until and not (whole and heard > first):
        return None
    return Window(max(0, first - round(BEFORE_S * PER_S)), first, min(end, heard), min(until, heard))


def around(features: Array) -> Array:
    """Each feature with its neighbours, shape (n, len(OFFSETS) * SIZE); the first and last stand for what is beyond."""
    index = np.clip(np.arange(len(features))[:, None] + OFFSETS[None], 0, len(features) - 1)
    return np.asarray(features[index].reshape(len(features), len(OFFSETS) * features.shape[1]), dtype=np.float32)


class ClipListener:
    """Follows one recording; memory does not grow with its length when it is drawn while it comes."""

    def __init__(self, encoder: Encoder, model: Estimator, rate: int, start_s: float = 0.0) -> None:
        """``start_s`` is the stream's time of the first sample that will be pushed."""
        self._encoder, self._model, self._rate = encoder, model, rate
        self._resampler = None if rate == RATE else Resampler(rate, RATE)
        self._start_s = start_s
        self._sound = np.zeros(0, np.float32)
        self._dropped = 0  # samples before ``_sound``
        self._whole = False
        self._told = 0  # features told so far, all windows together
        self._track = np.zeros((0, 2), np.float32)
        self._first = 0  # number of the first feature kept in ``_track``
        self._tail = np.zeros((0, 2), np.float32)
        self._level = LEAST_LEVEL

    def push(self, samples: Array, last: bool = False) -> None:
        """Keep more; ``last`` tells that the recording is complete. Costs little: ``knows`` does the work."""
        for k in range(0, max(1, len(samples)), self._rate):
            piece = np.asarray(samples[k : k + self._rate], np.float32)
            if self._resampler is not None:
                piece = self._resampler.push(piece, last and k + self._rate >= len(samples))
            self._sound = np.concatenate([self._sound, piece])
        self._whole |= last

    def knows(self, time_s: float) -> bool:
        """Whether the mouth at a stream time can be told, after hearing the windows before it that are complete."""
        while self._first + len(self._track) < round((time_s - self._start_s) * PER_S) + 2 and self._hear():
            pass
        return self._first + len(self._track) >= round((time_s - self._start_s) * PER_S) + 2 or self._whole

    def mouth_at(self, time_s: float) -> Array:
        """Opening and width, shape (2,), at a stream time that is known; earlier ones cannot be asked for any more."""
        self.knows(time_s)
        at = (time_s - self._start_s) * PER_S - self._first
        if not len(self._track):
            return np.zeros(2, np.float32)
        out = between(self._track, at)
        drop = max(0, int(at) - PER_S)
        self._track, self._first = self._track[drop:], self._first + drop
        return out

    def _hear(self) -> bool:
        """Tell of the next window if its sound is there."""
        window = told(self._told, (self._dropped + len(self._sound)) // STEP, self._whole)
        if window is None:
            return False
        sound = self._sound[window.begin * STEP - self._dropped : window.until * STEP - self._dropped]
        features = self._encoder(sound)
        track = self._model.estimate(features) * self._free(sound, len(features))[:, None]
        track = track[window.first - window.begin : min(window.end + BLEND, window.until) - window.begin]
        blend = min(len(self._tail), len(track))
        share = (np.arange(blend, dtype=np.float32)[:, None] + 1) / (BLEND + 1)
        track[:blend] = self._tail[:blend] * (1 - share) + track[:blend] * share
        length = window.end - window.first
        self._track = np.concatenate([self._track, track[:length]])
        self._tail = track[length:]
        self._told = window.end
        drop = max(0, self._told - round(BEFORE_S * PER_S)) * STEP - self._dropped
        self._sound, self._dropped = self._sound[drop:], self._dropped + drop
        return True

    def _free(self, sound: Array, count: int) -> Array:
        """How freely the mouth moves at each of so many features of the window, 0 (silence) to 1; silence follows."""
        padded = np.pad(sound, (0, count * STEP - len(sound)))
        loud = log_mel(np.pad(padded, WINDOW // 2))[:, 4:32].mean(1)
        own = float(np.percentile(loud[: len(sound) // HOP + 1], 90))
        self._level = max(LEAST_LEVEL, self._level - SINK, own)
        # lips part before the first sound is heard, and stay a moment
        near = np.lib.stride_tricks.sliding_window_view(np.pad(loud, NEAR, mode="edge"), sum(NEAR) + 1).max(1)
        return eased(near[: 2 * count] - self._level)[::2]


def between(track: Array, at: float) -> Array:
    """The row of (n, k) at a place between two rows; the first and the last stand for what is beyond."""
    at = min(max(at, 0.0), len(track) - 1)
    low = int(at)
    share = np.float32(at - low)
    return np.asarray(track[low] * (1 - share) + track[min(low + 1, len(track) - 1)] * share)


def eased(near: Array) -> Array:
    """How freely the mouth moves, 0 to 1, at frames (10 ms) whose loudness around them, under the level, is given."""
    free = np.clip((near - GATE[0]) / (GATE[1] - GATE[0]), 0, 1)
    return np.asarray(np.convolve(np.pad(free, len(EASE) // 2, mode="edge"), EASE, "valid"), dtype=np.float32)
