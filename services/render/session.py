"""One rendering: audio and phonemes in, header, video, progress and summary out. Synchronous, in one thread.

Sound is given out only together with the picture that goes with it, so both tracks end together and an interrupt cuts
both at the same place.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from services.common import metrics, tracing
from services.common.aio import Inbox
from services.common.audio import from_pcm16
from services.common.errors import HuashengError
from services.render.audio.speech import SpeechOnly
from services.render.composition.composer import Composer
from services.render.engines.base import RenderSession
from services.render.media.mark import VisibleMark
from services.render.outputs import Form, InterruptedOut, Output, ProgressOut, SummaryOut
from services.render.restore.restorer import Restoring
from services.render.types import Frame, PhonemeSpan, Working

PROGRESS_S = 0.5
"""Time between two progress messages."""


@dataclass(frozen=True)
class AudioIn:
    """Sound, 16-bit PCM, and the time of the first sample on the caller's clock."""

    pcm: bytes
    pts_us: int


@dataclass(frozen=True)
class PhonemesIn:
    """Phonemes on the caller's clock, before their audio."""

    spans: list[PhonemeSpan]


@dataclass(frozen=True)
class InterruptIn:
    """Barge-in: ``number`` counts those of this stream, since a newer one may overtake an unanswered one."""

    generation: int
    number: int


@dataclass(frozen=True)
class EndIn:
    """The normal end."""


@dataclass(frozen=True)
class Part:
    """Which pictures of the whole video are given out, see ``VideoPart`` in the proto; the default is all."""

    at: int = 0
    skip: int = 0
    count: int = 0


Input = AudioIn | PhonemesIn | InterruptIn | EndIn


class Source(Protocol):
    """Where input comes from; filled by another thread."""

    inbox: Inbox[Input]
    interrupts: int
    """Number of the newest interrupt: what was pushed before it need not be drawn."""


class Rendering:
    """Runs one engine session over its input; the caller closes the session."""

    def __init__(
        self,
        session: RenderSession,
        audio_rate_hz: int,
        source: Source,
        form: Form,
        engine: str,
        keys: int = 0,
        *,
        hears: SpeechOnly | None = None,
        mark: VisibleMark | None = None,
        part: Part = Part(),
        composer: Composer | None = None,
        restoring: Restoring | None = None,
    ) -> None:
        """``keys``: pictures at its multiples in the idle loop are decodable by themselves; 0: the encoder chooses.

        ``hears`` is what the session's sound goes through; the video's own does not. ``mark`` is put into the pictures
        of every engine here, before they are encoded. A ``composer`` makes what is shown, mark included. ``restoring``
        comes before both.
        """
        self.session, self.source, self.form, self.engine, self.keys = session, source, form, engine, keys
        self._hears, self._mark, self._part, self._composer = hears, mark, part, composer
        self._restoring = restoring
        self._unheard = round((part.at + part.skip) * audio_rate_hz / session.fps) - round(
            part.at * audio_rate_hz / session.fps
        )  # samples of the part before
        self.rate = audio_rate_hz
        self.frames = 0
        self._ahead = 0  # frames drawn, where the engine has not given all of them out
        self._sound = np.zeros(0, np.float32)  # pushed, but its picture is not drawn yet
        self._spans: list[PhonemeSpan] = []
        self._shift_us: int | None = 0  # caller's clock minus media clock; None: set by the next audio
        self._answered = 0  # number of the last interrupt answered
        self._anew = False  # whether the next picture must not build on earlier ones, which a caller may have dropped
        self._work_s = 0.0
        self._reported_s = time.monotonic()
        self._first_audio: float | None = None

    def run(self) -> Iterator[Output]:
        """All answers. Raises ``cancelled`` when the input was abandoned, and what the engine raises."""
        try:
            yield from self.form.begin()
            yield from self._prepare()
            for item in self.source.inbox:
                match item:
                    case InterruptIn():
                        yield self._answer(item)
                    case _ if self._is_interrupted:
                        pass  # taken just before the interrupt came
                    case AudioIn():
                        yield from self._draw(self._push(item))
                        if self._is_whole:
                            yield from self._finish()
                            return
                    case PhonemesIn():
                        self._spans += item.spans
                    case EndIn():
                        yield from self._end()
                        return
            raise HuashengError("cancelled")  # abandoned: ended without its end mark
        finally:
            self.form.close()

    def _prepare(self) -> Iterator[Output]:
        """Do what takes long; signs of life meanwhile."""
        for _ in itertools.chain.from_iterable(p.prepare() for p in (self._restoring, self._composer) if p):
            if self.source.inbox.abandoned:
                raise HuashengError("cancelled")
            if (progress := self._progress()) is not None:
                yield progress

    @property
    def _is_interrupted(self) -> bool:
        return self.source.interrupts > self._answered

    def _push(self, item: AudioIn) -> Iterator[Frame | Working]:
        if self._first_audio is None:
            self._first_audio = time.monotonic()
        if self._shift_us is None:
            self._shift_us = item.pts_us - self._time_us(self.frames)
        shift, spans, self._spans = self._shift_us, self._spans, []
        samples = from_pcm16(item.pcm)
        if self._unheard:
            dropped, given = self._unheard, samples[self._unheard :]
            self._unheard = max(0, dropped - len(samples))
        else:
            given = samples
        self._sound = np.concatenate([self._sound, given])
        moved = [PhonemeSpan(s.phoneme, s.start_us - shift, s.end_us - shift) for s in spans] if shift else spans
        return self.session.push(self._hears.push(samples) if self._hears else samples, moved)

    def _time_us(self, frames: int) -> int:
        return round(frames / self.session.fps * 1e6)

    def _draw(self, pictures: Iterator[Frame | Working]) -> Iterator[Output]:
        start = time.perf_counter()
        for frame in pictures:
            if self.source.inbox.abandoned:
                raise HuashengError("cancelled")
            if isinstance(frame, Working):
                self._ahead = max(self._ahead, self.frames + frame.frames)
            else:
                given = list(self._encoded(frame))
                self._work_s += time.perf_counter() - start
                yield from given
                if self._is_whole:
                    return
            if (progress := self._progress()) is not None:
                yield progress
            if self._is_interrupted:
                return
            start = time.perf_counter()  # after the yields: waiting for the reader is no work
        self._work_s += time.perf_counter() - start

    def _progress(self) -> ProgressOut | None:
        """How far it is, now and then; it never falls."""
        if time.monotonic() - self._reported_s <= PROGRESS_S:
            return None
        self._reported_s = time.monotonic()
        drawn = max(self.frames, self._ahead)
        return ProgressOut(drawn, self._time_us(drawn), self.speed)

    def _encoded(self, frame: Frame) -> Iterator[Output]:
        count = self._samples_of(self.frames)
        sound, self._sound = self._sound[:count], self._sound[count:]
        if sound.size < count:  # only the last picture of all has less sound than its length
            sound = np.pad(sound, (0, count - sound.size))
        key = self._anew or (self.keys > 0 and frame.frame_index % self.keys == 0)
        self._anew = False
        shown = self._shown(frame, self._part.at + self._part.skip + self.frames)
        self.frames += 1
        metrics.RENDER_FRAMES.labels(self.engine).inc()
        for output in self.form.add(shown, sound, key):
            if self._first_audio:
                metrics.STAGE_SECONDS.labels("render_first_frame").observe(
                    time.monotonic() - self._first_audio, tracing.exemplar()
                )
                tracing.event("render_first_frame")
                self._first_audio = 0.0
            yield output

    def _shown(self, frame: Frame, number: int) -> list[Frame]:
        if self._restoring:
            frame = self._restoring.restored(frame)
        if self._composer:
            return [replace(frame, image=image) for image in self._composer.pictures(frame, number)]
        return [replace(frame, image=self._mark.on(frame.image, number)) if self._mark else frame]

    def _samples_of(self, frame: int) -> int:
        per = self.rate / self.session.fps
        return round((frame + 1) * per) - round(frame * per)

    @property
    def speed(self) -> float:
        """Frames drawn and encoded per second of work."""
        return self.frames / self._work_s if self._work_s else 0.0

    def _answer(self, item: InterruptIn) -> InterruptedOut:
        self._answered = item.number
        self.session.clear()
        if self._hears:
            self._hears.clear()
        self._ahead = 0
        self._sound = np.zeros(0, np.float32)
        self._spans = []
        self._shift_us = None
        self._first_audio = None
        self._anew = True
        return InterruptedOut(item.generation, self.form.end_us)

    def _end(self) -> Iterator[Output]:
        if self._hears:
            yield from self._draw(self.session.push(self._hears.finish()))
        yield from self._draw(self.session.finish())
        yield from self._finish()

    @property
    def _is_whole(self) -> bool:
        """Whether all pictures of the part were given out; what follows was only to be heard."""
        return 0 < self._part.count <= self.frames

    def _finish(self) -> Iterator[Output]:
        yield from self.form.finish()
        metrics.RENDER_FPS.labels(self.engine).set(self.speed)
        yield SummaryOut(
            self.frames, self.session.passthrough_frames, self._time_us(self.frames), self.session.end_frame
        )
