"""Listens to a live stream: finds utterances by voice activity detection and has an engine transcribe them.

An engine works in a thread of its own, so that the beginning and end of speech are reported at once. At the first short
pause the utterance is transcribed ahead; when no more speech comes, that text is the final one and is ready before the
end-silence is over.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.asr.engines.base import SAMPLE_RATE_HZ, Transcript
from services.asr.settings import AsrSettings
from services.asr.vad import SILENCE, SPEECH, WINDOW, Vad, VadStream
from services.common.aio import Inbox
from services.common.audio import Samples

_ONSET = 3  # windows of speech that begin an utterance: about 0.1 s, longer than a click
_PREROLL = 12  # windows kept from before the beginning: 0.4 s, first consonants are soft


@dataclass(frozen=True)
class Interrupted:
    """Input: forget the utterance. Output: done; ``at_us`` is the media time up to which audio was taken."""

    generation: int
    at_us: int = 0


@dataclass(frozen=True)
class Started:
    """An utterance has begun."""

    at_us: int


@dataclass(frozen=True)
class Partial:
    """Text so far."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The utterance has ended; ``at_us`` is the end of its speech."""

    at_us: int


@dataclass(frozen=True)
class Final:
    """The utterance; empty text when the sound was not speech."""

    transcript: Transcript
    start_us: int
    end_us: int


Event = Started | Partial | Ended | Final | Interrupted


def _us(sample: int) -> int:
    return sample * 1_000_000 // SAMPLE_RATE_HZ


class Transcriber(Protocol):
    """An engine, or all engines of a call."""

    @property
    def vad(self) -> Vad:
        """Finds speech."""

    @property
    def works_ahead(self) -> bool:
        """Whether it may be asked before an utterance has ended."""

    def transcribe(
        self, samples: Samples, language: str | None, cancelled: threading.Event | None, draft: bool
    ) -> Transcript:
        """The words of an utterance; a draft while it goes on."""


class Listener:
    """One caller's stream. Not for several threads."""

    def __init__(
        self, engine: Transcriber, settings: AsrSettings, language: str | None, end_silence_ms: int = 0
    ) -> None:
        self._engine, self._settings, self._language = engine, settings, language
        per_ms = SAMPLE_RATE_HZ / 1000 / WINDOW
        self._end_windows = max(1, round((end_silence_ms or settings.end_silence_ms) * per_ms))
        self._pause_windows = max(1, round(settings.pause_ms * per_ms))
        self._longest = round(settings.max_utterance_s * 1000 * per_ms)
        self._partial_every = round(settings.partial_interval_s * 1000 * per_ms)
        self._vad = VadStream(engine.vad)
        self._rest: Samples = np.zeros(0, np.float32)
        self._position = 0  # samples taken, whole windows
        self._before: deque[Samples] = deque(maxlen=_PREROLL)
        self._cancelled = threading.Event()
        self._work = ThreadPoolExecutor(1, thread_name_prefix="asr-live")
        self._partial: Future[Transcript] | None = None
        self._reset()

    def _reset(self) -> None:
        for job in (self._partial, getattr(self, "_ahead", None)):
            if job:
                job.cancel()
        self._speaking = False
        self._onset = 0
        self._utterance: list[Samples] = []
        self._quiet = 0
        self._last_speech = 0
        self._next_partial = self._partial_every
        self._partial = None
        self._ahead: Future[Transcript] | None = None
        self._last_text = ""

    def events(self, inbox: Inbox[Samples | Interrupted]) -> Iterator[Event]:
        """What happens in the stream (16 kHz samples, interrupts). Ends with the input; an abandoned one is dropped.

        Raises what the engine raises.
        """
        try:
            for item in inbox:
                if isinstance(item, Interrupted):
                    self._reset()
                    yield Interrupted(item.generation, _us(self._position))
                else:
                    yield from self._feed(item)
            if self._speaking and not inbox.abandoned:
                yield from self._finish()
        finally:
            self._cancelled.set()
            self._work.shutdown(wait=False, cancel_futures=True)

    def cancel(self) -> None:
        """End the current transcription early, from another thread: its text is not wanted."""
        self._cancelled.set()

    def _feed(self, samples: Samples) -> Iterator[Event]:
        probabilities = self._vad.feed(samples)
        x = np.concatenate([self._rest, samples])
        self._rest = x[probabilities.size * WINDOW :]
        for i, p in enumerate(probabilities):
            self._position += WINDOW
            window = x[i * WINDOW : (i + 1) * WINDOW]
            yield from self._continue(window, float(p)) if self._speaking else self._wait(window, float(p))
        yield from self._partials()

    def _wait(self, window: Samples, p: float) -> Iterator[Event]:
        self._before.append(window)
        self._onset = self._onset + 1 if p >= SPEECH else 0
        if self._onset >= _ONSET:
            self._speaking = True
            self._utterance = list(self._before)
            self._before.clear()
            self._last_speech = self._position
            yield Started(_us(self._position - self._onset * WINDOW))

    def _continue(self, window: Samples, p: float) -> Iterator[Event]:
        self._utterance.append(window)
        if p >= SILENCE:
            self._quiet = 0
            self._last_speech = self._position
            if self._ahead:  # it was not the end; what was transcribed ahead is still a partial text
                self._partial = self._partial or self._ahead
                self._ahead = None
        else:
            self._quiet += 1
        if self._quiet >= self._end_windows or len(self._utterance) >= self._longest:
            yield from self._finish()
        elif self._engine.works_ahead:
            if self._quiet >= self._pause_windows and not self._ahead:
                self._ahead = self._transcribe()
            elif len(self._utterance) >= self._next_partial and not self._partial and not self._quiet:
                self._next_partial = len(self._utterance) + self._partial_every
                self._partial = self._transcribe(draft=True)

    def _transcribe(self, draft: bool = False) -> Future[Transcript]:
        speech = np.concatenate(self._utterance)
        return self._work.submit(self._engine.transcribe, speech, self._language, self._cancelled, draft)

    def _partials(self) -> Iterator[Event]:
        for job in (self._partial, self._ahead):
            if job and job.done():
                text = job.result().text
                if job is self._partial:
                    self._partial = None
                if text and text != self._last_text:
                    self._last_text = text
                    yield Partial(text)

    def _finish(self) -> Iterator[Event]:
        start = self._position - len(self._utterance) * WINDOW
        end = self._last_speech
        yield Ended(_us(end))
        if self._partial:
            self._partial.cancel()
        ahead = self._ahead or self._transcribe()
        self._before.extend(self._utterance[-_PREROLL:])
        transcript = ahead.result()
        self._reset()
        yield Final(transcript, _us(start), _us(end))
