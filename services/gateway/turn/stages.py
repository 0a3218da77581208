"""Stages of a turn as tasks joined by bounded queues: recognise, generate the reply, synthesise (then: drawing.py)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable

from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2
from huasheng.llm.v1 import llm_pb2
from huasheng.tts.v1 import tts_pb2

from services.common import tracing
from services.common.clauses import ClauseSplitter
from services.common.errors import HuashengError
from services.gateway.clients import Clients, Sent, mapped, responses_of
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.events import (
    Reply,
    SpeechAudio,
    SpeechHeader,
    SpokenClause,
    TextWarning,
    Transcript,
)
from services.gateway.turn.flow import Flow, items
from services.gateway.turn.messages import audio_chunks, fallbacks_of, pcm_format, pronunciations_of
from services.gateway.turn.moderation import CONTEXT
from services.gateway.turn.timings import Timings

ROLES = {"system": llm_pb2.ROLE_SYSTEM, "user": llm_pb2.ROLE_USER, "assistant": llm_pb2.ROLE_ASSISTANT}

ClauseQueue = asyncio.Queue["str | None"]
"""Clauses to speak, in order; None after the last one."""
Synthesised = tts_pb2.StreamSynthesizeResponse
SpeechQueue = asyncio.Queue["Synthesised | None"]
"""Speech to render, as the tts service sends it; None at the end."""


def clause_queue() -> ClauseQueue:
    """A queue between the text and the tts service."""
    return asyncio.Queue(maxsize=16)


def speech_queue() -> SpeechQueue:
    """A queue between the speech and the render service."""
    return asyncio.Queue(maxsize=32)


async def recognise(
    clients: Clients,
    timings: Timings,
    *,
    uri: str = "",
    pcm: AsyncIterable[bytes] | None = None,
    sample_rate_hz: int = 16000,
    language: str = "",
    engine: str = "",
    no_fallback: bool = False,
) -> Transcript:
    """Speech to text, from a storage URI or from PCM as it arrives. An empty text means no speech."""

    async def requests() -> AsyncIterator[asr_pb2.TranscribeRequest]:
        config = asr_pb2.RecognitionConfig(
            engine=engine,
            language=language,
            audio_uri=uri,
            format=pcm_format(sample_rate_hz) if pcm is not None else None,
            no_fallback=no_fallback,
        )
        yield asr_pb2.TranscribeRequest(config=config)
        if pcm is not None:
            async for chunk in audio_chunks(pcm, sample_rate_hz):
                yield asr_pb2.TranscribeRequest(audio=chunk)
        timings.begin("asr")  # the user has finished: from here on they wait
        yield asr_pb2.TranscribeRequest(end=common_pb2.EndOfInput())

    timings.begin("asr")
    sent = Sent(requests())
    with tracing.span("asr"), mapped("asr", sent):
        found = await clients.asr.Transcribe(sent, timeout=clients.settings.asr_s, metadata=clients.metadata())
        timings.mark("asr", "asr")
    return Transcript(
        text=found.text.strip(),
        language=found.language,
        engine=found.engine,
        duration_s=found.duration_us / 1e6,
        language_probability=found.language_probability,
        segments=[(s.text, s.start_us / 1e6, s.end_us / 1e6) for s in found.segments],
        fallbacks=fallbacks_of(found.fallbacks),
    )


async def generate_reply(
    flow: Flow,
    clauses: ClauseQueue,
    *,
    history: list[tuple[str, str]],
    language: str = "",
    persona: str = "",
    engine: str = "",
    model: str = "",
    no_fallback: bool = False,
) -> None:
    """The conversation (role, text; oldest first) to an answer, cut into clauses while it arrives."""
    splitter, answered_by, length = ClauseSplitter(), "", 0
    timings, clients = flow.timings, flow.clients
    request = llm_pb2.StreamChatRequest(
        messages=[llm_pb2.ChatMessage(role=ROLES[r], content=t) for r, t in history],
        language=language,
        persona=persona,
        engine=engine,
        model=model,
        no_fallback=no_fallback,
    )
    timings.begin("llm")
    call = clients.llm.StreamChat(request, timeout=clients.settings.llm_s, metadata=clients.metadata())
    async with contextlib.aclosing(responses_of(call, "llm")) as responses:
        async for response in responses:
            payload = response.WhichOneof("payload")
            if payload == "started":
                answered_by = response.started.engine
                for fallback in fallbacks_of(response.started.fallbacks):
                    await flow.emit(fallback)
            elif payload == "delta" and response.delta.text:
                timings.mark("llm_first_token", "llm")
                length += len(response.delta.text)
                await flow.emit(Reply(response.delta.text))
                for clause in splitter.feed(response.delta.text):
                    await clauses.put(clause)
    if not length:
        raise HuashengError("engine-failed", engine=answered_by or "llm", why="empty answer")
    timings.mark("llm", "llm")
    await flow.emit(Reply("", is_last=True, engine=answered_by))
    for clause in splitter.flush():
        await clauses.put(clause)
    await clauses.put(None)


async def split_text(text: str, clauses: ClauseQueue) -> None:
    """Known text, cut into clauses."""
    splitter = ClauseSplitter()
    for clause in [*splitter.feed(text), *splitter.flush()]:
        await clauses.put(clause)
    await clauses.put(None)


def synthesis_config(voice: VoiceChoice) -> tts_pb2.SynthesisConfig:
    """A voice as the tts service takes it."""
    return tts_pb2.SynthesisConfig(
        engine=voice.engine,
        voice_id=voice.voice_id,
        language=voice.language,
        speed=voice.speed,
        owner=voice.owner,
        sampling=tts_pb2.Sampling(**voice.sampling),
        no_fallback=voice.no_fallback,
        pronunciations=pronunciations_of(voice.dictionary),
    )


async def synthesise(
    flow: Flow,
    voice: VoiceChoice,
    clauses: ClauseQueue,
    speech: SpeechQueue | None = None,
    *,
    change: Callable[[AsyncIterator[Synthesised]], AsyncIterator[Synthesised]] | None = None,
) -> None:
    """Clauses to speech. All responses of the tts service go to ``speech`` as well, in their order.

    ``change`` may put others between them.
    """
    timings, clients = flow.timings, flow.clients

    async def requests() -> AsyncIterator[tts_pb2.StreamSynthesizeRequest]:
        yield tts_pb2.StreamSynthesizeRequest(config=synthesis_config(voice))
        index, said = 0, ""
        async for clause in items(clauses):
            await clients.moderation.check(clause, said)
            said = (said + clause)[-CONTEXT:]
            timings.begin_once("tts")
            yield tts_pb2.StreamSynthesizeRequest(clause=tts_pb2.Clause(index=index, text=clause))
            index += 1
        timings.begin_once("tts")
        yield tts_pb2.StreamSynthesizeRequest(end=common_pb2.EndOfInput())

    audio_bytes, sent = 0, Sent(requests())
    call = clients.tts.StreamSynthesize(sent, timeout=clients.settings.tts_s, metadata=clients.metadata())
    async with contextlib.aclosing(responses_of(call, "tts", sent)) as responses:
        async for response in change(responses) if change else responses:
            payload = response.WhichOneof("payload")
            if payload == "header":
                header = response.header
                for fallback in fallbacks_of(header.fallbacks):
                    await flow.emit(fallback)
                await flow.emit(SpeechHeader(header.format.sample_rate_hertz, header.engine, header.voice_id))
            elif payload == "clause":
                mark = response.clause
                await flow.emit(SpokenClause(mark.text, mark.start_us / 1e6, mark.end_us / 1e6, mark.cached))
            elif payload == "audio":
                timings.mark("tts_first_audio", "tts")
                audio_bytes += len(response.audio.data)
            elif payload == "finished":
                for w in response.finished.warnings:
                    await flow.emit(TextWarning(w.reason, w.text, w.script))
            if speech is not None:
                await speech.put(response)
            if payload == "audio":  # after the renderer has it: the user waits for the video
                await flow.emit(SpeechAudio(response.audio.data))
    if not audio_bytes:
        raise HuashengError("unspeakable-text")
    timings.mark("tts", "tts")
    if speech is not None:
        await speech.put(None)


async def feed_recording(pcm: AsyncIterable[bytes], sample_rate_hz: int, speech: SpeechQueue) -> None:
    """Recorded speech into ``speech``, without phonemes."""
    header = tts_pb2.SynthesisHeader(format=pcm_format(sample_rate_hz), has_phonemes=False)
    await speech.put(tts_pb2.StreamSynthesizeResponse(header=header))
    async for chunk in audio_chunks(pcm, sample_rate_hz):
        await speech.put(tts_pb2.StreamSynthesizeResponse(audio=chunk))
    await speech.put(None)
