"""Audio features of a stretch of speech for the networks, frame by frame; constant in silence.

The networks move the mouth a little in silence and in room noise. So where nobody speaks, the features of digital
silence replace those of the sound, and the person's closed mouth replaces the expression; transitions are blended. This
also closes the idle loop: every silent frame is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.render.audio.resampling import Resampler
from services.render.engines.joygen.batching import DeviceOutOfMemory
from services.render.engines.joygen.draw import run_on_device
from services.render.types import Samples

SAMPLE_RATE_HZ = 16000
FRAME_SAMPLES = SAMPLE_RATE_HZ // 25
SPEECH_RMS = 10 ** (-50 / 20)
"""Root mean square of a frame above which somebody speaks: -50 dBFS."""
FRAMES_BEFORE, FRAMES_AFTER = 4, 1
"""Frames around a loud one that count as speech. With the blending the look-ahead is 120 ms, as for the features."""
Floats = npt.NDArray[np.float32]
T = TypeVar("T")


class AudioFeatures(Protocol):
    """Whisper's features of a growing sound at 16 kHz."""

    def push(self, samples: Samples) -> None:
        """Take samples."""

    def ready(self, frame: int) -> bool:
        """Whether ``rows(frame)`` is known."""

    def rows(self, frame: int) -> Floats:
        """Features of a frame at 25 a second, (50, 384)."""

    def finish(self) -> None:
        """End of the sound; from now on every frame is ready."""


class ExpressionSource(Protocol):
    """Expression coefficients of a growing sound at 16 kHz."""

    def push(self, samples: Samples) -> Floats:
        """Take samples; rows (n, 64), at 25 a second, that they complete."""

    def finish(self) -> Floats:
        """The rows that are left."""


@dataclass(frozen=True)
class FrameAudio:
    """Audio features of one frame."""

    sound: Floats
    expression: Floats | None
    speaking: float


class StreamAudioFeatures:
    """See ``services.render.engines.joygen.session.Hearing``."""

    def __init__(
        self, audio_rate_hz: int, features: AudioFeatures, silence: Floats, expressions: ExpressionSource | None = None
    ) -> None:
        """``silence`` (50, 384) are the features of a frame in digital silence."""
        self._resampler = Resampler(audio_rate_hz, SAMPLE_RATE_HZ)
        self._features, self._silence, self._expressions = features, silence, expressions
        self._rows: list[Floats] = []
        self._loud: list[bool] = []
        self._partial_frame = np.zeros(0, np.float32)  # samples of a frame that is not complete yet
        self._ended = False

    def push(self, samples: Samples, last: bool = False) -> None:
        """Take samples; ``last`` says that silence follows."""
        sound = self._resampler.push(samples, last)
        self._measure_loudness(sound)
        _on_device(lambda: self._compute_features(sound, last))
        self._ended = last

    def ready(self, frame: int) -> bool:
        """Whether sound, loudness and expression of the frame are known."""
        if self._ended:
            return True
        if self._expressions is not None and frame >= len(self._rows):
            return False
        return len(self._loud) > frame + FRAMES_AFTER + 1 and self._features.ready(frame)

    def frame_audio(self, frame: int, mobility: float) -> FrameAudio:
        """Audio features of a frame, blended towards silence by ``mobility`` (0: silence, 1: the sound)."""
        speaking = mobility * float(np.mean([self._is_speech(frame + k) for k in (-1, 0, 1)]))
        if speaking <= 0:
            sound = self._silence
        else:
            rows = _on_device(lambda: self._features.rows(frame))
            sound = self._silence + np.float32(speaking) * (rows - self._silence)
        # the sound is shorter than the first expression, or the last frame has only a few samples
        expression = self._rows[min(frame, len(self._rows) - 1)] if self._rows else None
        return FrameAudio(sound, expression, speaking)

    def _compute_features(self, sound: Samples, last: bool) -> None:
        if len(sound):
            self._features.push(sound)
            if self._expressions is not None:
                self._rows += list(self._expressions.push(sound))
        if last:
            self._features.finish()
            if self._expressions is not None:
                self._rows += list(self._expressions.finish())

    def _is_speech(self, frame: int) -> bool:
        return any(self._loud[max(0, frame - FRAMES_BEFORE) : max(0, frame + FRAMES_AFTER + 1)])

    def _measure_loudness(self, sound: Samples) -> None:
        samples = np.concatenate([self._partial_frame, sound])
        count = len(samples) // FRAME_SAMPLES
        self._partial_frame = samples[count * FRAME_SAMPLES :]
        levels = np.sqrt(np.mean(samples[: count * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES) ** 2, axis=1))
        self._loud += (levels > SPEECH_RMS).tolist()


def _on_device(work: Callable[[], T]) -> T:
    """Run on the device. Raises ``device-memory`` when it is out of memory."""
    try:
        return run_on_device(work)
    except DeviceOutOfMemory as e:
        raise HuashengError("device-memory") from e


def silence_features(features: AudioFeatures) -> Floats:
    """Features of a frame in the middle of digital silence, computed with new ``features``."""
    features.push(np.zeros(2 * SAMPLE_RATE_HZ, np.float32))
    return features.rows(25)
