"""Recorded sound to mouth: a linear map of Whisper's encoder features, trained by ``tools/train_mouth.py``.

Whisper needs seconds of sound at once, so this module is for recordings; ``live`` is for conversations. Windows lie at
fixed times of the recording, so the sizes of the pushed pieces do not matter. The first window is short, so that the
video starts early.
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

CONTEXT_OFFSETS = np.array([-20, -12, -8, -5, -2, 0, 2, 5, 8, 12, 20])
"""Features (20 ms) around the drawn time that the linear map uses."""
CONTEXT_BEFORE_S = 3.0
"""Sound encoded before the part that a window estimates, as context."""
CONTEXT_AFTER_S = 2.0
"""The same after it."""
FIRST_WINDOW_S = 3.0
"""Length of the first window; the first picture needs ``FIRST_WINDOW_S + CONTEXT_AFTER_S`` of sound."""
LATER_WINDOW_S = WINDOW_S - CONTEXT_BEFORE_S - CONTEXT_AFTER_S
"""Length of each later window."""
CROSSFADE = 10
"""Features over which the estimates of two windows are crossfaded."""
SAMPLES_PER_FEATURE = RATE // PER_S
"""Samples per feature."""
LOUDNESS_GATE = (-2.0, -1.5)
"""Loudness relative to the speaker's level (log10 of power) below which the mouth rests, and above which it moves
freely."""
GATE_REACH = (6, 16)
"""Frames (10 ms) before and after the drawn time in which sound lets the mouth move."""
GATE_KERNEL = np.hanning(21)[1:-1] / np.hanning(21).sum()
"""Smoothing kernel of the gate, 10 ms per weight: sound may start and stop abruptly, a mouth does not."""
MIN_LEVEL = -4.0
"""Lowest level (log10 of mean band power) that counts as speech."""
MAX_LEVEL_FALL = 0.5
"""Largest fall of the speaker's level from one window to the next."""


@dataclass(frozen=True)
class Window:
    """A stretch of sound that is encoded at once, in features (``PER_S`` a second) from the start of the recording."""

    context_start: int
    start: int
    """First feature that the window estimates."""
    stop: int
    """One past the last feature that it estimates."""
    context_stop: int
    """End of its sound."""


class Estimator(Protocol):
    """Estimates mouths from features: ``ClipModel``, or a model of one person (``person.PersonModel``)."""

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
    """Shape (2,): restores the usual spread of speech, which regression shrinks."""

    @classmethod
    @cache
    def builtin(cls) -> ClipModel:
        """The weights in this folder."""
        return cls.load(Path(__file__).with_name("clip.npz"))

    @classmethod
    def load(cls, path: Path) -> ClipModel:
        """Read what ``save`` wrote, without pickles. Raises ``OSError``, ``ValueError``, ``TypeError``."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{name: data[name].astype(np.float32) for name in data.files})

    def save(self, path: Path) -> None:
        """Write the weights for ``load``, the matrix as float16. Not atomic: write to another name and rename."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with path.open("wb") as file:
            np.savez_compressed(file, **{**arrays, "matrix": self.matrix.astype(np.float16)})

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (n, 2), at each of the features (n, SIZE)."""
        return np.asarray(self.centre + self.parts(features).sum(1), dtype=np.float32)

    def parts(self, features: Array) -> Array:
        """Contribution of each offset to the estimate, relative to ``centre``, shape (n, len(CONTEXT_OFFSETS), 2)."""
        # (with_context(features) - mean) / spread takes 17 MB per window, so each feature is mapped before it is
        # shifted
        weights = (self.matrix / self.spread[:, None]).reshape(len(CONTEXT_OFFSETS), -1, 2)
        index = np.clip(np.arange(len(features))[:, None] + CONTEXT_OFFSETS, 0, len(features) - 1)
        means = self.mean.reshape(len(CONTEXT_OFFSETS), -1)
        parts = [
            (features @ weight)[rows] - mean @ weight
            for weight, rows, mean in zip(weights, index.T, means, strict=True)
        ]
        return np.asarray(self.gain * np.stack(parts, 1), dtype=np.float32)


def window_after(first: int, available: int, ended: bool) -> Window | None:
    """The window that estimates features from number ``first`` on, when ``available`` of them have arrived.

    None while there is too little sound, or when the sound has ``ended`` and everything is estimated.
    """
    end = first + round((LATER_WINDOW_S if first else FIRST_WINDOW_S) * PER_S)
    context_stop = end + round(CONTEXT_AFTER_S * PER_S)
    if available < context_stop and not (ended and available > first):
        return None
    return Window(
        max(0, first - round(CONTEXT_BEFORE_S * PER_S)), first, min(end, available), min(context_stop, available)
    )


def with_context(features: Array) -> Array:
    """Each feature with its neighbours, shape (n, len(CONTEXT_OFFSETS) * SIZE); the ends are repeated outwards."""
    index = np.clip(np.arange(len(features))[:, None] + CONTEXT_OFFSETS[None], 0, len(features) - 1)
    return np.asarray(
        features[index].reshape(len(features), len(CONTEXT_OFFSETS) * features.shape[1]), dtype=np.float32
    )


class ClipAudioToMouth:
    """Estimates the mouth of one recording. Memory stays bounded when frames are drawn while sound arrives."""

    def __init__(self, encoder: Encoder, model: Estimator, rate: int, start_s: float = 0.0) -> None:
        """``start_s`` is the stream time of the first sample that will be pushed."""
        self._encoder, self._model, self._rate = encoder, model, rate
        self._resampler = None if rate == RATE else Resampler(rate, RATE)
        self._start_s = start_s
        self._sound = np.zeros(0, np.float32)
        self._dropped = 0  # samples before ``_sound``
        self._ended = False
        self._estimated = 0  # features estimated so far
        self._track = np.zeros((0, 2), np.float32)
        self._first = 0  # number of the first feature kept in ``_track``
        self._tail = np.zeros((0, 2), np.float32)
        self._level = MIN_LEVEL

    def push(self, samples: Array, last: bool = False) -> None:
        """Store samples; ``last`` marks the end of the recording. This is cheap: ``ready`` does the work."""
        for k in range(0, max(1, len(samples)), self._rate):
            piece = np.asarray(samples[k : k + self._rate], np.float32)
            if self._resampler is not None:
                piece = self._resampler.push(piece, last and k + self._rate >= len(samples))
            self._sound = np.concatenate([self._sound, piece])
        self._ended |= last

    def ready(self, time_s: float) -> bool:
        """Whether the mouth at a stream time is known, after encoding the complete windows before it."""
        while self._first + len(self._track) < round((time_s - self._start_s) * PER_S) + 2 and self._estimate_window():
            pass
        return self._first + len(self._track) >= round((time_s - self._start_s) * PER_S) + 2 or self._ended

    def mouth_at(self, time_s: float) -> Array:
        """Opening and width, shape (2,), at a stream time that is ready. Earlier times are dropped."""
        self.ready(time_s)
        position = (time_s - self._start_s) * PER_S - self._first
        if not len(self._track):
            return np.zeros(2, np.float32)
        mouth = interpolated_row(self._track, position)
        dropped = max(0, int(position) - PER_S)
        self._track, self._first = self._track[dropped:], self._first + dropped
        return mouth

    def _estimate_window(self) -> bool:
        """Estimate the next window. Returns False while its sound is incomplete."""
        window = window_after(self._estimated, (self._dropped + len(self._sound)) // SAMPLES_PER_FEATURE, self._ended)
        if window is None:
            return False
        sound = self._sound[
            window.context_start * SAMPLES_PER_FEATURE - self._dropped : window.context_stop * SAMPLES_PER_FEATURE
            - self._dropped
        ]
        features = self._encoder(sound)
        track = self._model.estimate(features) * self._mobility(sound, len(features))[:, None]
        track = track[
            window.start - window.context_start : min(window.stop + CROSSFADE, window.context_stop)
            - window.context_start
        ]
        blend = min(len(self._tail), len(track))
        share = (np.arange(blend, dtype=np.float32)[:, None] + 1) / (CROSSFADE + 1)
        track[:blend] = self._tail[:blend] * (1 - share) + track[:blend] * share
        length = window.stop - window.start
        self._track = np.concatenate([self._track, track[:length]])
        self._tail = track[length:]
        self._estimated = window.stop
        dropped = max(0, self._estimated - round(CONTEXT_BEFORE_S * PER_S)) * SAMPLES_PER_FEATURE - self._dropped
        self._sound, self._dropped = self._sound[dropped:], self._dropped + dropped
        return True

    def _mobility(self, sound: Array, count: int) -> Array:
        """Mobility of the mouth, 0 (silence) to 1, at ``count`` features of a window; silence follows ``sound``."""
        padded = np.pad(sound, (0, count * SAMPLES_PER_FEATURE - len(sound)))
        loudness = log_mel(np.pad(padded, WINDOW // 2))[:, 4:32].mean(1)
        speaker_level = float(np.percentile(loudness[: len(sound) // HOP + 1], 90))
        self._level = max(MIN_LEVEL, self._level - MAX_LEVEL_FALL, speaker_level)
        # lips part before the first sound and stay apart for a moment after the last
        loudest = np.lib.stride_tricks.sliding_window_view(
            np.pad(loudness, GATE_REACH, mode="edge"), sum(GATE_REACH) + 1
        ).max(1)
        return mobility(loudest[: 2 * count] - self._level)[::2]


def interpolated_row(track: Array, position: float) -> Array:
    """The row of (n, k) at a fractional position, by linear interpolation; the ends are repeated outwards."""
    position = min(max(position, 0.0), len(track) - 1)
    low = int(position)
    share = np.float32(position - low)
    return np.asarray(track[low] * (1 - share) + track[min(low + 1, len(track) - 1)] * share)


def mobility(loudness: Array) -> Array:
    """Mobility of the mouth, 0 to 1, at frames (10 ms) with the given loudness relative to the speaker's level."""
    open_share = np.clip((loudness - LOUDNESS_GATE[0]) / (LOUDNESS_GATE[1] - LOUDNESS_GATE[0]), 0, 1)
    return np.asarray(
        np.convolve(np.pad(open_share, len(GATE_KERNEL) // 2, mode="edge"), GATE_KERNEL, "valid"), dtype=np.float32
    )
