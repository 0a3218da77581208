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
from services.common.serving import Service
from services.tts.engines import REGISTRY
from services.tts.engines.base import EngineSetup, TtsEngine, VoiceInfo
from services.tts.session import SynthesisSession
from services.tts.settings import TtsSettings

log = logging.getLogger("huasheng.tts")

_GENDERS = {"female": tts_pb2.GENDER_FEMALE, "male": tts_pb2.GENDER_MALE}


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):  # type: ignore[misc]  # generated code without types
    """Answers the RPCs; ``load`` must have run before any is answered."""

    def __init__(self, settings: TtsSettings, setup: EngineSetup) -> None:
        self.settings = settings
        self._setup = setup
        self._engines: dict[str, TtsEngine] = {}
        self._problems: dict[str, str] = {}

    def load(self) -> None:
        """Load all engines of the settings. The default engine must load; another's failure is told by ListEngines."""
        for name in self.settings.engine_names():
            cls = engine_class(REGISTRY, name, "tts")
            try:
                engine: TtsEngine = cls(self._setup)
                engine.load()
            except HuashengError as e:
                if not self._engines:
                    raise
                log.warning("engine not available", extra={"engine": name, "reason": e.slug})
                self._problems[name] = f"{e.text('detail', 'en')} {e.text('hint', 'en')}"
                continue
            self._engines[name] = engine
            metrics.ENGINE_LOADED.labels("tts", name).set(1)

    def _engine(self, name: str = "") -> TtsEngine:
        wanted = name or self.settings.engine_names()[0]
        if wanted in self._engines:
            return self._engines[wanted]
        if wanted in self._problems:
            raise HuashengError("engine-unavailable", engine=wanted, why=self._problems[wanted])
        if wanted in self.settings.engine_names():
            raise HuashengError("service-loading", service="tts")
        raise HuashengError(
            "unknown-engine", service="tts", engine=wanted, engines=", ".join(self.settings.engine_names())
        )

    async def StreamSynthesize(
        self, requests: AsyncIterator[tts_pb2.StreamSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.StreamSynthesizeResponse]:
        """See the proto."""
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("payload") != "config":
            raise HuashengError("bad-order", what="The first message must be config.")
        config = first.config
        if config.speed and not 0.5 <= config.speed <= 2:
            raise HuashengError("bad-request", what=f"Speed {config.speed:g} is not within 0.5 and 2.")
        engine = self._engine(config.engine)
        if config.voice_id and config.voice_id not in {v.voice_id for v in engine.voices()}:
            raise HuashengError("unknown-voice", voice=config.voice_id)
        session = SynthesisSession(engine, config, self.settings.max_chars)
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
        self, _request: tts_pb2.ListVoicesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        """The voices of all loaded engines."""
        voices = [_voice(v, e.name) for e in self._engines.values() for v in e.voices()]
        return tts_pb2.ListVoicesResponse(voices=voices)

    async def CreateVoice(
        self, _request: tts_pb2.CreateVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.CreateVoiceResponse:
        """Refuses: no engine of this service clones voices."""
        raise HuashengError("cloning-unavailable", engine=self._engine().name)

    async def DeleteVoice(
        self, request: tts_pb2.DeleteVoiceRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.DeleteVoiceResponse:
        """Refuses: all voices are built in."""
        if any(v.voice_id == request.voice_id for e in self._engines.values() for v in e.voices()):
            raise HuashengError("builtin-stays", id=request.voice_id)
        raise HuashengError("unknown-voice", voice=request.voice_id)

    async def ListEngines(
        self, _request: tts_pb2.ListEnginesRequest, _context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListEnginesResponse:
        """The engines of the settings and whether they loaded."""
        infos = []
        for i, name in enumerate(self.settings.engine_names()):
            cls: Any = engine_class(REGISTRY, name, "tts")
            infos.append(
                common_pb2.EngineInfo(
                    name=name,
                    available=name in self._engines,
                    reason="" if name in self._engines else self._problems.get(name, "It is still loading."),
                    is_default=i == 0,
                    languages=cls.languages,
                    license=cls.license,
                    description=cls.description,
                )
            )
        return tts_pb2.ListEnginesResponse(engines=infos)


def _voice(v: VoiceInfo, engine: str) -> tts_pb2.Voice:
    return tts_pb2.Voice(
        voice_id=v.voice_id,
        name=v.name,
        language=v.language,
        gender=_GENDERS[v.gender],
        engine=engine,
        sample_text=v.sample_text,
    )


def service(settings: TtsSettings, setup: EngineSetup) -> Service:
    """The service for ``services.common.serving``."""
    servicer = TtsServicer(settings, setup)
    return Service(
        name="tts",
        full_name="huasheng.tts.v1.TtsService",
        register=lambda server: tts_pb2_grpc.add_TtsServiceServicer_to_server(servicer, server),
        load=servicer.load,
    )
