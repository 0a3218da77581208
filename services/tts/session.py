"""One StreamSynthesize call: input into an engine's thread, pieces of speech out as messages, barge-in between."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from typing import TypeVar

import grpc
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.aio import Inbox, iterate_in_thread
from services.common.audio import to_pcm16
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback, EngineRun
from services.tts import text_rpc
from services.tts.engine_selection import EngineSelection
from services.tts.engines.base import Memory, Piece, SpeechRequest, Stop, TextClause, TtsEngine
from services.tts.replay import Replay
from services.tts.settings import TtsSettings

log = logging.getLogger("huasheng.tts")

T = TypeVar("T")
Answer = tts_pb2.StreamSynthesizeResponse

CHUNK_S = 0.2
"""Longest audio chunk."""
MAX_WAITING = 256
"""Clauses that may wait; a caller that sends more has to wait."""
AHEAD = 2
"""Pieces that are synthesised ahead of what the caller has taken."""


class _Generation:
    """What is spoken between two interrupts."""

    def __init__(self) -> None:
        self.inbox: Inbox[TextClause] = Inbox(MAX_WAITING)
        self.stop = Stop()
        self.has_clauses = False
        self.interrupt: int | None = None
        """Number of the interrupt that ended it."""

    def end(self) -> None:
        self.stop.set()
        self.inbox.close(abandoned=True)


class SynthesisSession:
    """State of one call. ``read`` and ``answers`` run at the same time, ``abandon`` at the end.

    Any engine of the selection may begin; the one that gives the first sound then speaks to the end of the call, since
    the header holds its sample rate.
    """

    def __init__(
        self, fallback: EngineFallback, selection: EngineSelection, settings: TtsSettings, memory: Memory
    ) -> None:
        self._fallback, self._selection, self._settings, self._memory = fallback, selection, settings, memory
        self._engine: TtsEngine | None = None
        self._fallbacks: list[common_pb2.Fallback] = []
        self._generations: asyncio.Queue[_Generation] = asyncio.Queue()
        self._current = _Generation()
        self._generations.put_nowait(self._current)
        self._changed = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None
        self._has_header = False
        self._sent = 0  # samples
        self._clause_came: float | None = None
        self._asked: SpeechRequest | None = None

    # input

    async def read(
        self, requests: AsyncIterator[tts_pb2.StreamSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> None:
        """Take the input until its end; what is wrong with it is raised by ``answers``."""
        try:
            async for request in requests:
                kind = request.WhichOneof("payload")
                if kind == "clause":
                    await self._clause(request.clause)
                elif kind == "interrupt":
                    self._interrupt(request.interrupt.generation)
                elif kind == "end":
                    self._ended = True
                    break
                else:
                    raise HuashengError("bad-order", what="After config come clauses, interrupts and end.")
            if not self._ended and not context.cancelled():
                raise HuashengError("bad-order", what="The input broke off without end.")
            self._current.inbox.close()
        except HuashengError as e:
            self._error = e
            self._current.end()
        finally:
            self._changed.set()

    async def _clause(self, clause: tts_pb2.Clause) -> None:
        limit = self._settings.max_chars
        if len(clause.text) > limit:
            raise HuashengError("long-text", count=len(clause.text), limit=limit)
        self._current.has_clauses = True
        if self._clause_came is None:
            self._clause_came = time.monotonic()
        self._changed.set()
        await self._current.inbox.put(TextClause(clause.index, clause.text))

    def _interrupt(self, number: int) -> None:
        self._current.interrupt = number
        self._current.end()
        self._current = _Generation()
        self._generations.put_nowait(self._current)
        self._changed.set()

    # output

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """All messages of the answer, in the order that the proto promises."""
        spoke = False
        while True:
            generation = await self._generations.get()
            async for answer in self._speak(generation):
                spoke = True
                yield answer
            if self._error:
                raise self._error
            if generation.interrupt is None:
                break
            spoke = True  # an interrupt is a good reason to have said nothing
            if self._engine is None:  # none has spoken, but the header names one
                name = self._fallback.next_engine(self._selection.names, self._selection.unavailable.get)
                self._engine = self._selection.requests[name][0]
            for answer in self._header(self._selection.voice_id):
                yield answer
            done = common_pb2.Interrupted(generation=generation.interrupt, sent_us=self._us(self._sent))
            yield Answer(interrupted=done)
        if not spoke:
            raise HuashengError("empty-text")
        warnings = text_rpc.warnings(self._asked.left_out, self._asked.ignored) if self._asked else []
        yield Answer(finished=tts_pb2.SynthesisFinished(duration_us=self._us(self._sent), warnings=warnings))

    async def _speak(self, generation: _Generation) -> AsyncGenerator[Answer, None]:
        # no thread before there is something to say
        while not (generation.has_clauses or generation.stop.is_set() or self._ended or self._error):
            self._changed.clear()
            await self._changed.wait()
        if not generation.has_clauses or generation.stop.is_set():
            return
        if self._engine:
            pieces: AsyncGenerator[Piece, None] | EngineRun[Piece] | None = self._work(
                self._engine.name, generation, generation.inbox
            )
        else:
            pieces = await self._unless_over(self._begin(generation), generation)
        if pieces is None:
            return
        async with contextlib.aclosing(pieces):
            while (piece := await self._unless_over(anext(pieces, None), generation)) is not None:
                for answer in self._messages(piece):
                    yield answer
                    if generation.stop.is_set():
                        return

    async def _begin(self, generation: _Generation) -> EngineRun[Piece]:
        """The engine that can speak, with its first piece."""
        replay = Replay(generation.inbox)
        run = await self._fallback.begin(
            self._selection.names,
            lambda name: self._work(name, generation, replay.reader()),
            self._selection.unavailable.get,
            self._settings.first_audio_s,
            busy_since=lambda: replay.busy_since,
        )
        replay.forget()
        self._engine, self._fallbacks = self._selection.requests[run.engine][0], run.fallbacks
        return run

    async def _work(
        self, name: str, generation: _Generation, clauses: Iterator[TextClause]
    ) -> AsyncGenerator[Piece, None]:
        engine, request = self._selection.requests[name]
        stop = Stop()  # of its own: an engine that is given up must stop while the next one speaks
        with generation.stop.on_set(stop.set):
            own = dataclasses.replace(request, stop=stop, left_out=[], ignored=[], memory=self._memory)
            self._asked = own  # of the engine that speaks last
            pieces = iterate_in_thread(lambda: engine.synthesize(clauses, own), AHEAD, on_stop=stop.set)
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield piece

    async def _unless_over(self, awaited: Awaitable[T], generation: _Generation) -> T | None:
        """The result of ``awaited``; None as soon as the generation is over."""
        coming = asyncio.ensure_future(awaited)
        try:
            while not coming.done():
                self._changed.clear()
                if generation.stop.is_set():
                    return None
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait({coming, changed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
            return coming.result()
        finally:
            if not coming.done():
                generation.stop.set()  # ends the model run, so that this wait is short
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _us(self, samples: int) -> int:
        return samples * 1_000_000 // self._engine.sample_rate if self._engine else 0

    def _header(self, voice_id: str) -> Iterator[Answer]:
        engine = self._engine
        if self._has_header or engine is None:
            return
        self._has_header = True
        rate = engine.sample_rate
        audio = common_pb2.AudioFormat(encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=rate, channels=1)
        if self._selection.voice_id not in ("", voice_id):
            for fallback in self._fallbacks:
                fallback.wanted_voice, fallback.used_voice = self._selection.voice_id, voice_id
        header = tts_pb2.SynthesisHeader(
            format=audio,
            engine=engine.name,
            voice_id=voice_id,
            has_phonemes=engine.has_phonemes,
            fallbacks=self._fallbacks,
        )
        yield Answer(header=header)

    def _messages(self, piece: Piece) -> Iterator[Answer]:
        """Header if it is still due, mark, phonemes, then the audio; ``_sent`` moves as the audio is taken."""
        if self._clause_came is not None:
            log.info("first audio", extra={"ms": round(1000 * (time.monotonic() - self._clause_came))})
            self._clause_came = None
        yield from self._header(piece.voice_id)
        start, us = self._sent, self._us
        yield Answer(
            clause=tts_pb2.ClauseMark(
                index=piece.index,
                text=piece.text,
                start_us=us(start),
                end_us=us(start + piece.samples.size),
                cached=piece.cached,
            )
        )
        spans = [
            common_pb2.PhonemeSpan(phoneme=s.phoneme, start_us=us(start + s.start), end_us=us(start + s.end))
            for s in piece.spans
        ]
        if spans:
            yield Answer(phonemes=tts_pb2.Phonemes(spans=spans))
        assert self._engine is not None
        size = round(CHUNK_S * self._engine.sample_rate)
        for place in range(0, piece.samples.size, size):
            chunk = piece.samples[place : place + size]
            pts = us(self._sent)
            self._sent += chunk.size
            yield Answer(audio=common_pb2.AudioChunk(data=to_pcm16(chunk), pts_us=pts))

    def abandon(self) -> None:
        """End all work; the call is over."""
        self._current.end()
