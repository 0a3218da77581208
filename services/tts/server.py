"""TtsService over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import grpc
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common.engine_info import engine_info, error_message
from services.common.engines import EngineSet, OwnSettings, Registry, why
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback
from services.common.processors import slots_of
from services.common.serving import Service
from services.common.settings import DATA_DIR, SharedSettings
from services.common.storage import Storage
from services.tts import text_rpc, voices_rpc
from services.tts.clause_cache import ClauseCache, Spoken
from services.tts.engine_selection import select_engines
from services.tts.engines.base import TtsEngine
from services.tts.engines.registry import REGISTRY, make_engines
from services.tts.preparing import Preparer
from services.tts.session import SynthesisSession
from services.tts.settings import TtsSettings
from services.tts.voices import ReadsVoices, StoredVoice, VoiceStore

log = logging.getLogger("huasheng.tts")


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):  # type: ignore[misc]  # generated code without types
    """Answers the RPCs; ``load`` must have run before any is answered."""

    def __init__(self, engines: EngineSet[TtsEngine], settings: TtsSettings, store: VoiceStore) -> None:
        self.engines, self.settings, self.store = engines, settings, store
        self.fallback = EngineFallback("tts", settings, engines.problem)
        self.cache = ClauseCache(settings.cache_mb * 1_000_000)
        self.preparer = Preparer(self.cache)

    def load(self) -> None:
        """Load all engines of the settings, of which one must load. Raises what ``Storage.check`` does."""
        self.store.storage.check()
        self.engines.load()
        self.store.sweep()

    async def stop(self) -> None:
        """End the engines with all that they started."""
        await self.preparer.close()
        await asyncio.to_thread(self.engines.close)

    async def StreamSynthesize(
        self, requests: AsyncIterator[tts_pb2.StreamSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.StreamSynthesizeResponse]:
        """See the proto."""
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("payload") != "config":
            raise HuashengError("bad-order", what="The first message must be config.")
        with self.preparer.speech():
            selection = await select_engines(first.config, self.fallback, self.engines, self.store)
            memory = Spoken(self.cache, first.config.owner)
            session = SynthesisSession(self.fallback, selection, self.settings, memory)
            reading = asyncio.create_task(session.read(requests, context))
            try:
                async with contextlib.aclosing(session.answers()) as answers:
                    async for answer in answers:
                        yield answer
            finally:
                session.abandon()
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def Warm(self, request: tts_pb2.WarmRequest, _context: grpc.aio.ServicerContext) -> tts_pb2.WarmResponse:
        """For the engine that would be asked first and can work."""
        selection = await select_engines(request.config, self.fallback, self.engines, self.store)
        name = self.fallback.next_engine(selection.names, selection.unavailable.get)
        return tts_pb2.WarmResponse(ready=self.preparer.prepare(*selection.requests[name], request.texts))

    async def GetCapacity(
        self, _request: tts_pb2.GetCapacityRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.GetCapacityResponse:
        """How many streams of speech are synthesised, and how many may be."""
        capacity = common_pb2.Capacity(slots=slots_of(self.settings.slots), used=self.preparer.speaking)
        return tts_pb2.GetCapacityResponse(capacity=capacity)

    async def Preview(
        self, request: tts_pb2.PreviewRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.PreviewResponse:
        """By the engine that would be asked first and can work."""
        if len(request.text) > self.settings.max_chars:
            raise HuashengError("long-text", count=len(request.text), limit=self.settings.max_chars)
        config = tts_pb2.SynthesisConfig(
            engine=request.engine,
            voice_id=request.voice_id,
            language=request.language,
            owner=request.owner,
            pronunciations=request.pronunciations,
        )
        selection = await select_engines(config, self.fallback, self.engines, self.store)
        name = self.fallback.next_engine(selection.names, selection.unavailable.get)
        engine, asked = selection.requests[name]
        tell = engine.preview_words if request.words_only else engine.preview
        return text_rpc.preview_response(await asyncio.to_thread(tell, request.text, asked))

    async def ListVoices(
        self, request: tts_pb2.ListVoicesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        """The voices of all loaded engines, and those that the owner has made."""
        loaded = self.engines.loaded
        voices = [voices_rpc.own_voice(v, e) for e in loaded.values() for v in e.voices()]
        stored = await asyncio.to_thread(self._stored, request.owner, request.voice_id)
        cloned = [self._message(v) for v in stored if v.engine in loaded]
        return tts_pb2.ListVoicesResponse(voices=voices + cloned, cloning=self._cloning())

    def _stored(self, owner: str, voice_id: str) -> list[StoredVoice]:
        """The owner's own voices; with ``voice_id`` that one, which needs no listing."""
        if not voice_id:
            return self.store.list(owner)
        try:
            return [self.store.find(owner, voice_id)]
        except HuashengError as e:
            if e.slug != "unknown-voice":
                raise
            return []

    def _message(self, voice: StoredVoice) -> tts_pb2.Voice:
        return voices_rpc.cloned_voice(voice, self.store, self.engines.get(voice.engine))

    def _cloning(self) -> tts_pb2.Cloning:
        """The first engine that clones; else the first that would, and why it was not loaded."""
        for name, engine in self.engines.loaded.items():
            if engine.can_clone:
                return tts_pb2.Cloning(engine=name, models=engine.clone_models())
        for name, failure in self.engines.failures.items():
            if self.engines.type_of(name).can_clone:
                return tts_pb2.Cloning(failed_engine=name, why=why(failure), problem=error_message(failure))
        return tts_pb2.Cloning()

    async def CreateVoice(
        self, request: tts_pb2.CreateVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.CreateVoiceResponse:
        """A voice for the first engine that clones; refused with what to install where there is none."""
        cloning = self._cloning()
        if cloning.failed_engine:
            cause = HuashengError(cloning.problem.reason, **cloning.problem.params).because()
            raise HuashengError("engine-unavailable", **cause | {"engine": cloning.failed_engine})
        if not cloning.engine:
            raise HuashengError("cloning-unavailable", engine=self.settings.engine_names()[0])
        engine = self.engines.get(cloning.engine)
        made = await asyncio.to_thread(voices_rpc.create, self.store, self.settings, engine, request)
        log.info("voice made", extra={"voice": made.voice_id, "clips": len(made.clips)})
        return tts_pb2.CreateVoiceResponse(voice=self._message(made))

    async def AddVoiceClip(
        self, request: tts_pb2.AddVoiceClipRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.AddVoiceClipResponse:
        """Another recording for a cloned voice."""
        self._refuse_builtin(request.voice_id)
        voice = await asyncio.to_thread(voices_rpc.add_clip, self.store, self.settings, request)
        return tts_pb2.AddVoiceClipResponse(voice=self._message(voice))

    async def RemoveVoiceClip(
        self, request: tts_pb2.RemoveVoiceClipRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.RemoveVoiceClipResponse:
        """A cloned voice without one of its recordings."""
        self._refuse_builtin(request.voice_id)
        remove = self.store.remove_clip
        voice = await asyncio.to_thread(remove, request.owner, request.voice_id, request.clip_id)
        return tts_pb2.RemoveVoiceClipResponse(voice=self._message(voice))

    async def RenameVoice(
        self, request: tts_pb2.RenameVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.RenameVoiceResponse:
        """Another name for a cloned voice."""
        self._refuse_builtin(request.voice_id)
        name = voices_rpc.checked_name(request.name)
        voice = await asyncio.to_thread(self.store.rename, request.owner, request.voice_id, name)
        return tts_pb2.RenameVoiceResponse(voice=self._message(voice))

    async def DeleteVoice(
        self, request: tts_pb2.DeleteVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.DeleteVoiceResponse:
        """Delete a cloned voice with its recordings."""
        self._refuse_builtin(request.voice_id)
        await asyncio.to_thread(self.store.delete, request.owner, request.voice_id)
        self.cache.forget(request.voice_id)
        log.info("voice deleted", extra={"voice": request.voice_id})
        return tts_pb2.DeleteVoiceResponse()

    async def ForgetOwner(
        self, request: tts_pb2.ForgetOwnerRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ForgetOwnerResponse:
        """Delete an owner's voices, and what was said for them."""
        await asyncio.to_thread(self.store.forget_owner, request.owner)
        self.cache.forget_owner(request.owner)
        log.info("all that an owner had is deleted", extra={"owner": request.owner})
        return tts_pb2.ForgetOwnerResponse()

    def _refuse_builtin(self, voice_id: str) -> None:
        if any(v.voice_id == voice_id for e in self.engines.loaded.values() for v in e.voices()):
            raise HuashengError("builtin-stays", id=voice_id)

    async def ListEngines(
        self, _request: tts_pb2.ListEnginesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListEnginesResponse:
        """Every engine, and why one cannot be used."""
        infos = [engine_info(s, self.fallback) for s in self.engines.states()]
        return tts_pb2.ListEnginesResponse(engines=infos)


def make_service(
    settings: TtsSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> Service:
    """The service for ``services.common.serving``. ``own``: settings of engines, else the environment's."""
    engines = make_engines(settings, shared, own, registry)
    folders = [s.voices_dir for s in engines.own.values() if isinstance(s, ReadsVoices)]
    store = VoiceStore(Storage(shared.storage_url, shared), folders[0] if folders else DATA_DIR / "voices")
    servicer = TtsServicer(engines, settings, store)
    return Service(
        name="tts",
        full_name="huasheng.tts.v1.TtsService",
        register=lambda server: tts_pb2_grpc.add_TtsServiceServicer_to_server(servicer, server),
        load=servicer.load,
        stop=servicer.stop,
    )
