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
from services.asr.turn_end import COMPLETE, OPEN, completeness
from services.asr.vad import SILENCE, SPEECH, WINDOW, Vad, VadStream
from services.common.aio import Inbox
from services.common.audio import Samples

_ONSET = 3  # windows of speech that begin an utterance: about 0.1 s, longer than a click
_REPORTED_PAUSE_MS = 128  # the caller answers by these words: the earlier they are there, the sooner it can
_SILENT, _FORGETS = 0.1, 16  # half a second of surely no speech, after which the network's state is dropped
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
class Paused:
    """A short pause, and the words so far; ``complete``: how finished they sound, 0 to 1."""

    transcript: Transcript
    at_us: int
    complete: float


@dataclass(frozen=True)
class Resumed:
    """Speech again after a reported pause."""

    at_us: int


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


Event = Started | Partial | Paused | Resumed | Ended | Final | Interrupted


@dataclass(frozen=True)
class Endpointing:
    """When an utterance ends. Silences in milliseconds; 0 for the settings' own."""

    end_silence_ms: int = 0
    complete_silence_ms: int = 0
    """Enough after words that sound complete; 0: they need as much as any."""
    open_silence_ms: int = 0
    """Needed after words that sound unfinished, and while the words are not known; 0: as much as any."""
    reports_pauses: bool = False
    """Whether each short pause is reported with the words so far; then listening never waits for words."""


class _Job:
    """A transcription at work, which can be given up alone."""

    def __init__(self, future: Future[Transcript], cancelled: threading.Event) -> None:
        self.future, self.cancelled = future, cancelled

    def cancel(self) -> None:
        self.cancelled.set()
        self.future.cancel()


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
        self, engine: Transcriber, settings: AsrSettings, language: str | None, how: Endpointing | None = None
    ) -> None:
        self._engine, self._settings, self._language = engine, settings, language
        per_ms = SAMPLE_RATE_HZ / 1000 / WINDOW
        how = how or Endpointing()
        self._reports = how.reports_pauses
        end_ms = how.end_silence_ms or settings.end_silence_ms
        self._end_windows = max(1, round(end_ms * per_ms))
        self._complete_windows = max(1, round(min(how.complete_silence_ms or end_ms, end_ms) * per_ms))
        self._open_windows = max(self._end_windows, round(how.open_silence_ms * per_ms))
        self._pause_windows = max(1, round((_REPORTED_PAUSE_MS if self._reports else settings.pause_ms) * per_ms))
        self._longest = round(settings.max_utterance_s * 1000 * per_ms)
        self._partial_every = round(settings.partial_interval_s * 1000 * per_ms)
        self._vad = VadStream(engine.vad)
        self._rest: Samples = np.zeros(0, np.float32)
        self._position = 0  # samples taken, whole windows
        self._before: deque[Samples] = deque(maxlen=_PREROLL)
        self._is_cancelled = False
        # the last words must not wait for a draft that is given up at that moment
        self._work = ThreadPoolExecutor(2, thread_name_prefix="asr-live")
        self._jobs: list[_Job] = []
        self._partial: _Job | None = None
        self._ahead: _Job | None = None
        self._finals: deque[tuple[_Job, int, int]] = deque()
        self._reset()

    def _reset(self) -> None:
        for job in (self._partial, self._ahead):
            if job:
                job.cancel()
        self._new_utterance()

    def _new_utterance(self) -> None:
        self._speaking = False
        self._onset = self._silent = 0
        self._utterance: list[Samples] = []
        self._quiet = 0
        self._last_speech = 0
        self._next_partial = self._partial_every
        self._partial = self._ahead = None
        self._is_reported = False
        self._complete = 0.0
        self._last_text = ""

    def events(self, inbox: Inbox[Samples | Interrupted]) -> Iterator[Event]:
        """What happens in the stream (16 kHz samples, interrupts). Ends with the input; an abandoned one is dropped.

        Raises what the engine raises.
        """
        try:
            for item in inbox:
                if isinstance(item, Interrupted):
                    self._reset()
                    self._finals.clear()
                    yield Interrupted(item.generation, _us(self._position))
                else:
                    yield from self._feed(item)
            if self._speaking and not inbox.abandoned:
                yield from self._finish()
            if not inbox.abandoned:
                yield from self._ready_finals(wait=True)
        finally:
            self.cancel()
            self._work.shutdown(wait=False, cancel_futures=True)

    def cancel(self) -> None:
        """End the current transcription early, from another thread: its text is not wanted."""
        self._is_cancelled = True
        for job in list(self._jobs):
            job.cancelled.set()

    def _feed(self, samples: Samples) -> Iterator[Event]:
        probabilities = self._vad.feed(samples)
        x = np.concatenate([self._rest, samples])
        self._rest = x[probabilities.size * WINDOW :]
        for i, p in enumerate(probabilities):
            self._position += WINDOW
            window = x[i * WINDOW : (i + 1) * WINDOW]
            yield from self._continue(window, float(p)) if self._speaking else self._wait(window, float(p))
        yield from self._ready_finals(wait=False)
        yield from self._partials()

    def _wait(self, window: Samples, p: float) -> Iterator[Event]:
        self._before.append(window)
        self._silent = self._silent + 1 if p < _SILENT else 0
        if self._silent >= _FORGETS:
            self._vad.forget()
            self._silent = 0
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
            if self._is_reported:
                self._is_reported = False
                yield Resumed(_us(self._position - WINDOW))
        else:
            self._quiet += 1
        if self._quiet >= self._enough() or len(self._utterance) >= self._longest:
            yield from self._finish()
        elif self._engine.works_ahead:
            if self._quiet >= self._pause_windows and not self._ahead:
                if self._partial and self._reports:
                    self._partial.cancel()
                    self._partial = None
                self._ahead = self._transcribe()
            elif len(self._utterance) >= self._next_partial and not self._partial and not self._quiet:
                self._next_partial = len(self._utterance) + self._partial_every
                self._partial = self._transcribe(draft=True)

    def _enough(self) -> int:
        """Windows of silence that end the utterance."""
        if not self._is_reported:  # nothing can be answered before the words are known: speech may as well go on
            return self._open_windows if self._ahead and self._reports else self._end_windows
        if self._complete >= COMPLETE:
            return self._complete_windows
        return self._open_windows if 0 < self._complete < OPEN else self._end_windows

    def _transcribe(self, draft: bool = False) -> _Job:
        speech, cancelled = np.concatenate(self._utterance), threading.Event()
        if self._is_cancelled:
            cancelled.set()
        future = self._work.submit(self._engine.transcribe, speech, self._language, cancelled, draft)
        job = _Job(future, cancelled)
        self._jobs = [j for j in self._jobs if not j.future.done()] + [job]
        return job

    def _partials(self) -> Iterator[Event]:
        for job in (self._partial, self._ahead):
            if job and job.future.done():
                transcript = job.future.result()
                text = transcript.text
                if job is self._partial:
                    self._partial = None
                elif self._reports and not self._is_reported:
                    self._is_reported, self._complete = True, completeness(text)
                    yield Paused(transcript, _us(self._last_speech), self._complete)
                if text and text != self._last_text:
                    self._last_text = text
                    yield Partial(text)

    def _finish(self) -> Iterator[Event]:
        start = self._position - len(self._utterance) * WINDOW
        end = self._last_speech
        yield Ended(_us(end))
        if self._partial:
            self._partial.cancel()
        self._finals.append((self._ahead or self._transcribe(), _us(start), _us(end)))
        self._before.extend(self._utterance[-_PREROLL:])
        self._new_utterance()
        yield from self._ready_finals(wait=not self._reports)

    def _ready_finals(self, wait: bool) -> Iterator[Event]:
        while self._finals and (wait or self._finals[0][0].future.done()):
            job, start_us, end_us = self._finals.popleft()
            yield Final(job.future.result(), start_us, end_us)
