"""TtsService over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.fallback import Lineup
from services.common.serving import Service
from services.tts import voices_rpc
from services.tts.engine_selection import cast
from services.tts.engines.base import EngineSetup, TtsEngine
from services.tts.engines.registry import REGISTRY
from services.tts.session import SynthesisSession
from services.tts.settings import TtsSettings
from services.tts.voices import StoredVoice, VoiceStore

log = logging.getLogger("huasheng.tts")


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):  # type: ignore[misc]  # generated code without types
    """Answers the RPCs; ``load`` must have run before any is answered."""

    def __init__(self, settings: TtsSettings, setup: EngineSetup, store: VoiceStore) -> None:
        self.settings, self.store = settings, store
        self._setup = setup
        self._made: list[TtsEngine] = []
        self._engines: dict[str, TtsEngine] = {}
        self._problems: dict[str, str] = {}
        self.lineup = Lineup("tts", settings, self._ailing)

    def load(self) -> None:
        """Load all engines of the settings. One must load; why another did not is told by ListEngines."""
        wrong: list[HuashengError] = []
        for name in self.settings.engine_names():
            cls = engine_class(REGISTRY, name, "tts")
            try:
                engine: TtsEngine = cls(self._setup)
                self._made.append(engine)
                engine.load()
            except HuashengError as e:
                log.warning("engine not available", extra={"engine": name, "reason": e.slug})
                wrong.append(e)
                self._problems[name] = f"{e.text('detail', 'en')} {e.text('hint', 'en')}"
                continue
            self._engines[name] = engine
            metrics.ENGINE_LOADED.labels("tts", name).set(1)
        if not self._engines:
            raise wrong[0]
        self.store.sweep()

    def _ailing(self, name: str) -> HuashengError | None:
        engine = self._engines.get(name)
        problem = engine.problem() if engine else ""
        return HuashengError("tts-unreachable", engine=name, why=problem) if problem else None

    async def stop(self) -> None:
        """End the engines with all that they started."""
        await asyncio.gather(*(asyncio.to_thread(e.close) for e in self._made))

    def _absent(self, name: str) -> HuashengError:
        """Why an engine is not among the loaded ones."""
        if name in self._problems:
            return HuashengError("engine-unavailable", engine=name, why=self._problems[name])
        names = self.settings.engine_names()
        if name in names:
            return HuashengError("service-loading", service="tts")
        return HuashengError("unknown-engine", service="tts", engine=name, engines=", ".join(names))

    async def StreamSynthesize(
        self, requests: AsyncIterator[tts_pb2.StreamSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.StreamSynthesizeResponse]:
        """See the proto."""
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("payload") != "config":
            raise HuashengError("bad-order", what="The first message must be config.")
        session = SynthesisSession(
            self.lineup,
            await cast(first.config, self.lineup, self._engines, self._absent, self.store),
            self.settings,
        )
        reading = asyncio.create_task(session.read(requests, context))
        try:
            async with contextlib.aclosing(session.answers()) as answers:
                async for answer in answers:
                    yield answer
        finally:
            session.abandon()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def ListVoices(
        self, request: tts_pb2.ListVoicesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        """The voices of all loaded engines, and those that the owner has made."""
        voices = [voices_rpc.own_voice(v, e) for e in self._engines.values() for v in e.voices()]
        stored = await asyncio.to_thread(self.store.list, request.owner)
        cloned = [self._shown(v) for v in stored if v.engine in self._engines]
        return tts_pb2.ListVoicesResponse(voices=voices + cloned, cloning=self._cloning())

    def _shown(self, voice: StoredVoice) -> tts_pb2.Voice:
        if voice.engine not in self._engines:
            raise self._absent(voice.engine)
        return voices_rpc.cloned_voice(voice, self.store, self._engines[voice.engine])

    def _cloning(self) -> tts_pb2.Cloning:
        """The first engine that clones; else the first that would, and why it was not loaded."""
        for name, engine in self._engines.items():
            if engine.can_clone:
                return tts_pb2.Cloning(engine=name, models=self.settings.gpt_sovits_models)
        for name, why in self._problems.items():
            if engine_class(REGISTRY, name, "tts").can_clone:  # type: ignore[attr-defined]  # a TtsEngine
                return tts_pb2.Cloning(failed_engine=name, why=why)
        return tts_pb2.Cloning()

    async def CreateVoice(
        self, request: tts_pb2.CreateVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.CreateVoiceResponse:
        """A voice for the first engine that clones; refused with what to install where there is none."""
        cloning = self._cloning()
        if cloning.failed_engine:
            raise HuashengError("engine-unavailable", engine=cloning.failed_engine, why=cloning.why)
        if not cloning.engine:
            raise HuashengError("cloning-unavailable", engine=self.settings.engine_names()[0])
        made = await asyncio.to_thread(voices_rpc.create, self.store, self.settings, cloning.engine, request)
        log.info("voice made", extra={"voice": made.voice_id, "clips": len(made.clips)})
        return tts_pb2.CreateVoiceResponse(voice=self._shown(made))

    async def AddVoiceClip(
        self, request: tts_pb2.AddVoiceClipRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.AddVoiceClipResponse:
        """Another recording for a cloned voice."""
        self._refuse_builtin(request.voice_id)
        voice = await asyncio.to_thread(voices_rpc.add_clip, self.store, self.settings, request)
        return tts_pb2.AddVoiceClipResponse(voice=self._shown(voice))

    async def RemoveVoiceClip(
        self, request: tts_pb2.RemoveVoiceClipRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.RemoveVoiceClipResponse:
        """A cloned voice without one of its recordings."""
        self._refuse_builtin(request.voice_id)
        remove = self.store.remove_clip
        voice = await asyncio.to_thread(remove, request.owner, request.voice_id, request.clip_id)
        return tts_pb2.RemoveVoiceClipResponse(voice=self._shown(voice))

    async def RenameVoice(
        self, request: tts_pb2.RenameVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.RenameVoiceResponse:
        """Another name for a cloned voice."""
        self._refuse_builtin(request.voice_id)
        name = voices_rpc.checked_name(request.name)
        voice = await asyncio.to_thread(self.store.rename, request.owner, request.voice_id, name)
        return tts_pb2.RenameVoiceResponse(voice=self._shown(voice))

    async def DeleteVoice(
        self, request: tts_pb2.DeleteVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.DeleteVoiceResponse:
        """Delete a cloned voice with its recordings."""
        self._refuse_builtin(request.voice_id)
        await asyncio.to_thread(self.store.delete, request.owner, request.voice_id)
        log.info("voice deleted", extra={"voice": request.voice_id})
        return tts_pb2.DeleteVoiceResponse()

    def _refuse_builtin(self, voice_id: str) -> None:
        if any(v.voice_id == voice_id for e in self._engines.values() for v in e.voices()):
            raise HuashengError("builtin-stays", id=voice_id)

    async def ListEngines(
        self, _request: tts_pb2.ListEnginesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListEnginesResponse:
        """Every engine, and why one cannot be used."""
        infos = []
        enabled = self.settings.engine_names()
        for name in dict.fromkeys((*enabled, *REGISTRY)):
            cls: Any = engine_class(REGISTRY, name, "tts")
            if name not in enabled:
                problem = f"it is not enabled; add {name} to TTS_ENGINES and start the tts service again"
            elif name in self._engines:
                problem = self._engines[name].problem()
            else:
                problem = self._problems.get(name, "It is still loading.")
            infos.append(
                common_pb2.EngineInfo(
                    name=name,
                    available=not problem,
                    reason=problem,
                    is_default=name == enabled[0],
                    languages=cls.languages,
                    license=cls.license,
                    description=cls.description,
                    **self.lineup.info(name),
                )
            )
        return tts_pb2.ListEnginesResponse(engines=infos)


def service(settings: TtsSettings, setup: EngineSetup, store: VoiceStore) -> Service:
    """The service for ``services.common.serving``."""
    servicer = TtsServicer(settings, setup, store)
    return Service(
        name="tts",
        full_name="huasheng.tts.v1.TtsService",
        register=lambda server: tts_pb2_grpc.add_TtsServiceServicer_to_server(servicer, server),
        load=servicer.load,
        stop=servicer.stop,
    )
