"""AsrService: takes audio over gRPC and has an engine transcribe it. Knows no engine by name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import soxr
from huasheng.asr.v1 import asr_pb2, asr_pb2_grpc
from huasheng.common.v1 import common_pb2

from services.asr import live as listening
from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine
from services.asr.engines.registry import REGISTRY, make_engines
from services.asr.recogniser import EngineTranscript, Recogniser
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.aio import Inbox, iterate_in_thread
from services.common.audio import Samples
from services.common.engine_info import engine_info
from services.common.engines import EngineSet, OwnSettings, Registry
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback
from services.common.serving import Service
from services.common.settings import SharedSettings
from services.common.storage import Storage

_CHUNK_LIMIT = 1 << 20


class AsrServicer(asr_pb2_grpc.AsrServiceServicer):  # type: ignore[misc]  # generated, untyped
    """The RPCs of ``huasheng.asr.v1.AsrService``."""

    def __init__(self, engines: EngineSet[AsrEngine], settings: AsrSettings, storage: Storage) -> None:
        self.engines, self.settings, self.storage = engines, settings, storage
        self.fallback = EngineFallback("asr", settings)

    async def Transcribe(self, requests: AsyncIterator[Any], _context: Any) -> asr_pb2.TranscribeResponse:
        """One clip. Raises ``silent-audio``, ``no-speech``, ``too-long``, and what decoding and the engine raise."""
        config = await _config(requests)
        recogniser = self._recogniser(config)
        samples = await self._clip(config, requests)
        audio.require_sound(samples, SAMPLE_RATE_HZ)
        transcript = await recogniser.recognise(samples)
        if not transcript.text:
            raise HuashengError("no-speech")
        return asr_pb2.TranscribeResponse(
            text=transcript.text,
            language=transcript.language,
            language_probability=transcript.language_probability,
            duration_us=samples.size * 1_000_000 // SAMPLE_RATE_HZ,
            segments=[
                asr_pb2.Segment(text=s.recognition.text, start_us=round(s.start_s * 1e6), end_us=round(s.end_s * 1e6))
                for s in transcript.segments
            ],
            engine=transcript.engine,
            fallbacks=transcript.fallbacks,
        )

    def _recogniser(self, config: Any) -> Recogniser:
        return Recogniser(
            self.engines,
            self.fallback,
            self.settings,
            first=config.engine,
            alone=config.no_fallback,
            language=_language(config),
        )

    async def _clip(self, config: Any, requests: AsyncIterator[Any]) -> Samples:
        if config.audio_uri:
            key = self.storage.key(config.audio_uri)
            if not await asyncio.to_thread(self.storage.exists, key):
                raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
            return await asyncio.to_thread(self._decode, key)
        rate = _rate(config)
        data = bytearray()
        async for request in requests:
            which = request.WhichOneof("payload")
            if which == "end":
                if not data:
                    raise HuashengError("empty-file", name="audio")
                return await asyncio.to_thread(audio.resample, audio.from_pcm16(bytes(data)), rate, SAMPLE_RATE_HZ)
            if which != "audio":
                raise HuashengError(
                    "bad-order", what=f"{which or 'an empty message'} came where audio or end was expected."
                )
            data += _pcm(request.audio)
            if (seconds := len(data) / 2 / rate) > self.settings.max_audio_s:
                raise HuashengError(
                    "too-long", name="audio", seconds=round(seconds), limit=round(self.settings.max_audio_s)
                )
        raise HuashengError("bad-order", what="The stream ended without an end message.")

    def _decode(self, key: str) -> Samples:
        with self.storage.local(key) as path:
            return audio.decode(path, SAMPLE_RATE_HZ, name=path.name, limit_s=self.settings.max_audio_s)

    async def StreamTranscribe(
        self, requests: AsyncIterator[Any], _context: Any
    ) -> AsyncIterator[asr_pb2.StreamTranscribeResponse]:
        """Live speech, utterance by utterance."""
        config = await _config(requests)
        if config.audio_uri:
            raise HuashengError("bad-request", what="audio_uri is for Transcribe only.")
        rate = _rate(config)
        if config.end_silence_ms and not 200 <= config.end_silence_ms <= 5000:
            raise HuashengError("bad-request", what="end_silence_ms must be 200 to 5000, or 0 for the default.")
        if config.complete_silence_ms and not 100 <= config.complete_silence_ms <= 5000:
            raise HuashengError("bad-request", what="complete_silence_ms must be 100 to 5000, or 0 for none.")
        if config.open_silence_ms and not 200 <= config.open_silence_ms <= 10_000:
            raise HuashengError("bad-request", what="open_silence_ms must be 200 to 10000, or 0 for end_silence_ms.")
        recogniser = self._recogniser(config)
        await recogniser.ready()
        inbox: Inbox[Samples | listening.Interrupted] = Inbox()
        listener = listening.Listener(recogniser, self.settings, _language(config), _endpointing(config))
        reader = asyncio.create_task(_read(requests, rate, inbox))

        def stop() -> None:  # a cancelled call must wake the listening thread, which waits for words or for the inbox
            listener.cancel()
            inbox.close(abandoned=True)

        events = iterate_in_thread(lambda: listener.events(inbox), on_stop=stop)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    yield _response(event)
            await reader  # raises what was wrong with the input
        finally:
            inbox.close(abandoned=True)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, HuashengError):
                await reader

    async def ListEngines(self, _request: Any, _context: Any) -> asr_pb2.ListEnginesResponse:
        """Every engine, and why one cannot be used."""
        states = await asyncio.to_thread(self.engines.states)
        return asr_pb2.ListEnginesResponse(engines=[engine_info(s, self.fallback) for s in states])


async def _config(requests: AsyncIterator[Any]) -> Any:
    async for request in requests:
        if request.WhichOneof("payload") == "config":
            return request.config
        break
    raise HuashengError("bad-order", what="The first message must be config.")


def _language(config: Any) -> str | None:
    return str(config.language) or None


def _endpointing(config: Any) -> listening.Endpointing:
    return listening.Endpointing(
        end_silence_ms=config.end_silence_ms,
        complete_silence_ms=config.complete_silence_ms,
        open_silence_ms=config.open_silence_ms,
        reports_pauses=config.report_pauses,
    )


def _rate(config: Any) -> int:
    form = config.format
    if form.encoding != common_pb2.AUDIO_ENCODING_PCM_S16LE:
        raise HuashengError("bad-request", what="format.encoding must be AUDIO_ENCODING_PCM_S16LE.")
    if not 8000 <= form.sample_rate_hertz <= 48000:
        raise HuashengError("bad-request", what="format.sample_rate_hertz must be 8000 to 48000.")
    if form.channels != 1:
        raise HuashengError("bad-request", what="format.channels must be 1.")
    return int(form.sample_rate_hertz)


def _pcm(chunk: Any) -> bytes:
    if len(chunk.data) > _CHUNK_LIMIT or len(chunk.data) % 2:
        raise HuashengError("bad-request", what="An audio chunk must hold whole 16-bit samples, at most 1 MiB.")
    return bytes(chunk.data)


async def _read(requests: AsyncIterator[Any], rate: int, inbox: Inbox[Samples | listening.Interrupted]) -> None:
    """Fill the inbox from the call; an input that ends without its end message, or is wrong, is abandoned."""
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE_HZ, 1, dtype="float32") if rate != SAMPLE_RATE_HZ else None
    ended = False
    try:
        async for request in requests:
            which = request.WhichOneof("payload")
            if which == "end":
                if resampler:
                    await inbox.put(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
                ended = True
                return
            if which == "interrupt":
                await inbox.put(listening.Interrupted(request.interrupt.generation))
            elif which == "audio":
                samples = audio.from_pcm16(_pcm(request.audio))
                await inbox.put(resampler.resample_chunk(samples) if resampler else samples)
            else:
                raise HuashengError("bad-order", what=f"{which or 'an empty message'} came where audio was expected.")
    finally:
        inbox.close(abandoned=not ended)


def _response(event: listening.Event) -> asr_pb2.StreamTranscribeResponse:
    match event:
        case listening.Started(at_us):
            return asr_pb2.StreamTranscribeResponse(speech_started=asr_pb2.SpeechStarted(pts_us=at_us))
        case listening.Partial(text):
            return asr_pb2.StreamTranscribeResponse(partial=asr_pb2.Partial(text=text))
        case listening.Paused(t, at_us, complete):
            paused = asr_pb2.Paused(pts_us=at_us, text=t.text, language=t.language, complete=complete)
            return asr_pb2.StreamTranscribeResponse(paused=paused)
        case listening.Resumed(at_us):
            return asr_pb2.StreamTranscribeResponse(speech_resumed=asr_pb2.SpeechResumed(pts_us=at_us))
        case listening.Ended(at_us):
            return asr_pb2.StreamTranscribeResponse(speech_ended=asr_pb2.SpeechEnded(pts_us=at_us))
        case listening.Final(t, start_us, end_us):
            assert isinstance(t, EngineTranscript)
            final = asr_pb2.Final(
                text=t.text,
                language=t.language,
                start_us=start_us,
                end_us=end_us,
                engine=t.engine,
                fallbacks=t.fallbacks,
            )
            return asr_pb2.StreamTranscribeResponse(final=final)
        case listening.Interrupted(generation, at_us):
            interrupted = common_pb2.Interrupted(generation=generation, sent_us=at_us)
            return asr_pb2.StreamTranscribeResponse(interrupted=interrupted)


def make_service(
    settings: AsrSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> Service:
    """The service for ``services.common.serving``. ``own``: settings of engines, else the environment's."""
    engines = make_engines(settings, shared, own, registry)
    storage = Storage(shared.storage_url, shared)
    servicer = AsrServicer(engines, settings, storage)

    def load() -> None:
        storage.check(writes=False)
        engines.load()

    def register(server: grpc.aio.Server) -> None:
        asr_pb2_grpc.add_AsrServiceServicer_to_server(servicer, server)

    return Service(
        name="asr",
        full_name="huasheng.asr.v1.AsrService",
        register=register,
        load=load,
        stop=lambda: asyncio.to_thread(engines.close),
    )
