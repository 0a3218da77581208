"""The four stages of a turn as tasks joined by bounded queues: listen, think, speak, draw.

A ``Flow`` runs stages at the same time and hands out what they produce, in order, as one stream of events.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2
from huasheng.llm.v1 import llm_pb2
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.clauses import ClauseSplitter
from services.common.errors import HuashengError
from services.gateway.clients import Clients, answers, mapped, metadata
from services.gateway.turn.events import (
    Drawn,
    Event,
    Fallback,
    Media,
    Reply,
    Sound,
    Spoken,
    Summary,
    Transcript,
    VideoHeader,
    VoiceHeader,
)
from services.gateway.turn.idle_position import Idle
from services.gateway.turn.timings import Timings

CHUNK_BYTES = 64 * 1024
ROLES = {"system": llm_pb2.ROLE_SYSTEM, "user": llm_pb2.ROLE_USER, "assistant": llm_pb2.ROLE_ASSISTANT}


@dataclass(frozen=True)
class Look:
    """Who is drawn and how; empty means the render service's default."""

    owner: str
    avatar_id: str = ""
    engine: str = ""
    model: str = ""
    device: str = ""
    max_side_px: int = 0
    is_live: bool = False
    idle: Idle | None = None
    """The loop on the person's screen; without it the video starts on the loop's first frame."""


@dataclass(frozen=True)
class Voice:
    """Who speaks; empty means the default of the text's language."""

    owner: str
    voice_id: str = ""
    engine: str = ""
    language: str = ""
    speed: float = 0.0
    sampling: dict[str, Any] = field(default_factory=dict)
    """Fields of the tts service's ``Sampling``; the engine refuses what it does not follow."""
    alone: bool = False
    """No other engine, and no other voice, may speak in its place."""


class Flow:
    """Runs stages and yields their events; the first failure ends all. Leaving ``events`` early cancels every stage."""

    def __init__(self) -> None:
        self._out: asyncio.Queue[Event | BaseException | None] = asyncio.Queue(maxsize=64)
        self._tasks: list[asyncio.Task[None]] = []
        self._running = 0

    async def emit(self, event: Event) -> None:
        """Hand out an event, waiting while the reader is behind."""
        await self._out.put(event)

    def start(self, stage: Coroutine[Any, Any, None]) -> None:
        """Run a stage."""
        self._running += 1
        self._tasks.append(asyncio.create_task(self._guard(stage)))

    async def _guard(self, stage: Coroutine[Any, Any, None]) -> None:
        try:
            await stage
        except Exception as e:  # handed to the reader
            await self._out.put(e)
        self._running -= 1
        if not self._running:
            await self._out.put(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        """All events until every stage has ended."""
        try:
            while (item := await self._out.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def drain(queue: asyncio.Queue[Any], ahead: Any = None) -> AsyncIterator[Any]:
    """The items of a queue until ``None``; ``ahead`` was taken from it before."""
    if ahead is not None:
        yield ahead
    while (item := await queue.get()) is not None:
        yield item


def pcm_format(rate: int) -> common_pb2.AudioFormat:
    """The one format services exchange: 16-bit mono PCM."""
    return common_pb2.AudioFormat(encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=rate, channels=1)


async def listen(
    clients: Clients,
    timings: Timings,
    *,
    uri: str = "",
    pcm: AsyncIterable[bytes] | None = None,
    rate: int = 16000,
    language: str = "",
    engine: str = "",
    alone: bool = False,
) -> Transcript:
    """Speech to text, from a storage URI or from PCM as it comes. An empty text means no speech."""

    async def requests() -> AsyncIterator[asr_pb2.TranscribeRequest]:
        config = asr_pb2.RecognitionConfig(
            engine=engine,
            language=language,
            audio_uri=uri,
            format=pcm_format(rate) if pcm is not None else None,
            no_fallback=alone,
        )
        yield asr_pb2.TranscribeRequest(config=config)
        sent = 0
        if pcm is not None:
            async for data in pcm:
                chunk = common_pb2.AudioChunk(data=data, pts_us=sent * 1_000_000 // (2 * rate))
                yield asr_pb2.TranscribeRequest(audio=chunk)
                sent += len(data)
        timings.begin("asr")  # from here the person waits
        yield asr_pb2.TranscribeRequest(end=common_pb2.EndOfInput())

    timings.begin("asr")
    with mapped("asr"):
        found = await clients.asr.Transcribe(requests(), timeout=clients.settings.asr_s, metadata=metadata())
    timings.mark("asr", "asr")
    segments = [(s.text, s.start_us / 1e6, s.end_us / 1e6) for s in found.segments]
    return Transcript(
        found.text.strip(),
        found.language,
        found.engine,
        found.duration_us / 1e6,
        found.language_probability,
        segments,
        fallbacks(found.fallbacks),
    )


def fallbacks(told: Iterable[common_pb2.Fallback]) -> list[Fallback]:
    """What a service tells of the engines that it passed over."""
    return [Fallback(f.service, f.wanted, f.used, f.reason, f.wanted_voice, f.used_voice) for f in told]


async def think(
    flow: Flow,
    clients: Clients,
    timings: Timings,
    history: list[tuple[str, str]],
    language: str,
    clauses: asyncio.Queue[str | None],
    persona: str = "",
    wanted: str = "",
    model: str = "",
    alone: bool = False,
) -> None:
    """The conversation (role, text; oldest first) to an answer, cut into clauses as it comes."""
    splitter, engine, length = ClauseSplitter(), "", 0
    request = llm_pb2.StreamChatRequest(
        messages=[llm_pb2.ChatMessage(role=ROLES[r], content=t) for r, t in history],
        language=language,
        persona=persona,
        engine=wanted,
        model=model,
        no_fallback=alone,
    )
    timings.begin("llm")
    call = clients.llm.StreamChat(request, timeout=clients.settings.llm_s, metadata=metadata())
    async with contextlib.aclosing(answers(call, "llm")) as stream:
        async for answer in stream:
            what = answer.WhichOneof("payload")
            if what == "started":
                engine = answer.started.engine
                for fallback in fallbacks(answer.started.fallbacks):
                    await flow.emit(fallback)
            elif what == "delta" and answer.delta.text:
                timings.mark("llm_first_token", "llm")
                length += len(answer.delta.text)
                await flow.emit(Reply(answer.delta.text))
                for clause in splitter.feed(answer.delta.text):
                    await clauses.put(clause)
    if not length:
        raise HuashengError("engine-failed", engine=engine or "llm", why="empty answer")
    timings.mark("llm", "llm")
    await flow.emit(Reply("", is_last=True, engine=engine))
    for clause in splitter.flush():
        await clauses.put(clause)
    await clauses.put(None)


async def recite(text: str, clauses: asyncio.Queue[str | None]) -> None:
    """Known text, cut into clauses."""
    splitter = ClauseSplitter()
    for clause in [*splitter.feed(text), *splitter.flush()]:
        await clauses.put(clause)
    await clauses.put(None)


Drawing = asyncio.Queue["tts_pb2.StreamSynthesizeResponse | None"]


async def speak(
    flow: Flow,
    clients: Clients,
    timings: Timings,
    voice: Voice,
    clauses: asyncio.Queue[str | None],
    drawing: Drawing | None,
) -> None:
    """Clauses to speech. Everything the tts service says is passed on to ``drawing`` in its order."""

    async def requests() -> AsyncIterator[tts_pb2.StreamSynthesizeRequest]:
        yield tts_pb2.StreamSynthesizeRequest(
            config=tts_pb2.SynthesisConfig(
                engine=voice.engine,
                voice_id=voice.voice_id,
                language=voice.language,
                speed=voice.speed,
                owner=voice.owner,
                sampling=tts_pb2.Sampling(**voice.sampling),
                no_fallback=voice.alone,
            )
        )
        index = 0
        async for clause in drain(clauses):
            timings.begin_once("tts")
            yield tts_pb2.StreamSynthesizeRequest(clause=tts_pb2.Clause(index=index, text=clause))
            index += 1
        timings.begin_once("tts")
        yield tts_pb2.StreamSynthesizeRequest(end=common_pb2.EndOfInput())

    heard = 0
    call = clients.tts.StreamSynthesize(requests(), timeout=clients.settings.tts_s, metadata=metadata())
    async with contextlib.aclosing(answers(call, "tts")) as stream:
        async for answer in stream:
            what = answer.WhichOneof("payload")
            if what == "header":
                h = answer.header
                for fallback in fallbacks(h.fallbacks):
                    await flow.emit(fallback)
                await flow.emit(VoiceHeader(h.format.sample_rate_hertz, h.engine, h.voice_id))
            elif what == "clause":
                mark = answer.clause
                await flow.emit(Spoken(mark.text, mark.start_us / 1e6, mark.end_us / 1e6))
            elif what == "audio":
                timings.mark("tts_first_audio", "tts")
                heard += len(answer.audio.data)
            if drawing is not None:
                await drawing.put(answer)
            if what == "audio":  # after the renderer has it: the video is what the person waits for
                await flow.emit(Sound(answer.audio.data))
    if not heard:
        raise HuashengError("unspeakable-text")
    timings.mark("tts", "tts")
    if drawing is not None:
        await drawing.put(None)


async def play(pcm: AsyncIterable[bytes], rate: int, drawing: Drawing) -> None:
    """Recorded speech into ``drawing``, without phonemes."""
    header = tts_pb2.SynthesisHeader(format=pcm_format(rate), has_phonemes=False)
    await drawing.put(tts_pb2.StreamSynthesizeResponse(header=header))
    sent = 0
    async for data in pcm:
        chunk = common_pb2.AudioChunk(data=data, pts_us=sent * 1_000_000 // (2 * rate))
        await drawing.put(tts_pb2.StreamSynthesizeResponse(audio=chunk))
        sent += len(data)
    await drawing.put(None)


async def draw(flow: Flow, clients: Clients, timings: Timings, look: Look, drawing: Drawing) -> None:
    """Speech (as the tts service tells it) to video."""
    first = await drawing.get()
    if first is None or first.WhichOneof("payload") != "header":
        raise HuashengError("bad-order", what="the tts service did not send its header first")
    header, ahead, start = first.header, None, 0
    if look.idle:
        ahead = await drawing.get()  # speech is there: drawing begins now, so now it is known where the loop will be
        if ahead is None:
            raise HuashengError("unspeakable-text")
        start = look.idle.at(time.monotonic())

    async def requests() -> AsyncIterator[render_pb2.StreamRenderRequest]:
        config = render_pb2.RenderConfig(
            avatar_id=look.avatar_id,
            owner=look.owner,
            engine=look.engine,
            model_id=look.model,
            device=look.device,
            format=header.format,
            has_phonemes=header.has_phonemes,
            max_side_px=look.max_side_px,
            live=look.is_live,
            start_frame=start,
        )
        yield render_pb2.StreamRenderRequest(config=config)
        async for item in drain(drawing, ahead):
            what = item.WhichOneof("payload")
            if what == "phonemes":
                yield render_pb2.StreamRenderRequest(phonemes=render_pb2.Phonemes(spans=item.phonemes.spans))
            elif what == "audio":
                timings.begin_once("render")
                yield render_pb2.StreamRenderRequest(audio=item.audio)
        yield render_pb2.StreamRenderRequest(end=common_pb2.EndOfInput())

    is_complete = False
    call = clients.render.StreamRender(requests(), timeout=clients.settings.render_s, metadata=metadata())
    async with contextlib.aclosing(answers(call, "render")) as stream:
        async for answer in stream:
            what = answer.WhichOneof("payload")
            if what == "header":
                h = answer.header
                await flow.emit(VideoHeader(h.width, h.height, h.fps, h.mime_type, h.engine, start))
            elif what == "media":
                await flow.emit(Media(answer.media.data, answer.media.end_us))
                if answer.media.end_us > 0:
                    timings.mark("render_first_frame", "render")
                    timings.mark("first_video")
            elif what == "progress":
                await flow.emit(Drawn(answer.progress.rendered_us / 1e6))
            elif what == "summary":
                is_complete = True
                timings.mark("render", "render")
                s = answer.summary
                await flow.emit(Summary(s.frames, s.passthrough_frames, s.duration_us / 1e6, s.end_frame))
    if not is_complete:
        raise HuashengError("service-down", service="render")
