"""LlmService: has an engine answer a conversation, piece by piece. Knows no engine by name."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
from huasheng.llm.v1 import llm_pb2, llm_pb2_grpc

from services.common.aio import iterate_in_thread
from services.common.engine_info import engine_info
from services.common.engines import EngineSet, EngineState, OwnSettings, Registry, explained
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback
from services.common.serving import Service
from services.common.settings import SharedSettings
from services.llm.conversation import prepare
from services.llm.engines.base import Conversation, Finished, LlmEngine, Message, Piece, Reason
from services.llm.engines.registry import REGISTRY, make_engines
from services.llm.settings import LlmSettings

MOST_OPENINGS = 200
_ROLES = {llm_pb2.ROLE_SYSTEM: "system", llm_pb2.ROLE_USER: "user", llm_pb2.ROLE_ASSISTANT: "assistant"}
_FINISHES = {
    Reason.STOP: llm_pb2.FINISH_REASON_STOP,
    Reason.LENGTH: llm_pb2.FINISH_REASON_LENGTH,
    Reason.FILTERED: llm_pb2.FINISH_REASON_CONTENT_FILTER,
    Reason.UNKNOWN_ANSWER: llm_pb2.FINISH_REASON_UNKNOWN_ANSWER,
}


class LlmServicer(llm_pb2_grpc.LlmServiceServicer):  # type: ignore[misc]  # generated, untyped
    """The RPCs of ``huasheng.llm.v1.LlmService``."""

    def __init__(self, engines: EngineSet[LlmEngine], settings: LlmSettings) -> None:
        self.engines, self.settings = engines, settings
        self.fallback = EngineFallback("llm", settings)

    async def StreamChat(self, request: Any, _context: Any) -> AsyncIterator[llm_pb2.StreamChatResponse]:
        """The answer to a conversation. Raises what ``prepare`` and the engines raise."""
        language = request.language.split("-")[0].lower()
        messages = prepare(_messages(request), request.persona, language, self.settings)
        max_tokens, temperature = _max_tokens(request, self.settings), _temperature(request, self.settings)
        if request.engine:
            self.engines.require(request.engine)
        names = self.fallback.order(request.engine, request.no_fallback)
        model = ""

        async def answer(name: str) -> AsyncGenerator[Piece, None]:
            nonlocal model
            engine = await asyncio.to_thread(self.engines.get, name)
            model = (request.model if name == names[0] else "") or engine.model
            conversation = Conversation(messages, model, language, max_tokens, temperature)
            cancelled = threading.Event()
            pieces = iterate_in_thread(lambda: engine.chat(conversation, cancelled), on_stop=cancelled.set)
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield piece

        run = await self.fallback.begin(
            names, answer, self.engines.unavailable, self.settings.first_token_s, limits_last=True
        )
        async with contextlib.aclosing(run):
            started = llm_pb2.ChatStarted(engine=run.engine, model=model, fallbacks=run.fallbacks)
            yield llm_pb2.StreamChatResponse(started=started)
            async for piece in run:
                yield _response(piece)

    async def ListOpenings(self, request: Any, _context: Any) -> llm_pb2.ListOpeningsResponse:
        """Of the engine that is asked for; an engine that cannot be used has its error."""
        if not 0 <= request.limit <= MOST_OPENINGS:
            raise HuashengError("bad-request", what=f"limit must be 1 to {MOST_OPENINGS}, or 0 for all.")
        if request.engine:
            self.engines.require(request.engine)
        engine = await asyncio.to_thread(self.engines.get, request.engine)
        found = engine.openings(request.language.split("-")[0].lower())
        return llm_pb2.ListOpeningsResponse(openings=found[: request.limit or MOST_OPENINGS])

    async def ListEngines(self, _request: Any, _context: Any) -> llm_pb2.ListEnginesResponse:
        """Every engine, and why one cannot be used."""
        states = await asyncio.to_thread(self.engines.states)
        return llm_pb2.ListEnginesResponse(
            engines=[engine_info(s, self.fallback, explained, models=self._models(s)) for s in states]
        )

    def _models(self, state: EngineState[LlmEngine]) -> tuple[str, ...]:
        return state.about.models(self.engines.own.get(state.name)) if state.about else ()


def _messages(request: Any) -> list[Message]:
    for m in request.messages:
        if m.role not in _ROLES:
            raise HuashengError("bad-request", what="Every message needs a role.")
    return [Message(_ROLES[m.role], m.content) for m in request.messages]


def _max_tokens(request: Any, settings: LlmSettings) -> int:
    if not 0 <= request.max_tokens <= 8192:
        raise HuashengError("bad-request", what="max_tokens must be 1 to 8192, or 0 for the default.")
    return request.max_tokens or settings.max_tokens


def _temperature(request: Any, settings: LlmSettings) -> float:
    if not request.HasField("temperature"):
        return settings.temperature
    if not 0 <= request.temperature <= 2:
        raise HuashengError("bad-request", what="temperature must be 0 to 2.")
    return float(request.temperature)


def _response(piece: Piece) -> llm_pb2.StreamChatResponse:
    if isinstance(piece, Finished):
        finished = llm_pb2.ChatFinished(
            reason=_FINISHES[piece.reason],
            prompt_tokens=piece.prompt_tokens,
            completion_tokens=piece.completion_tokens,
        )
        return llm_pb2.StreamChatResponse(finished=finished)
    return llm_pb2.StreamChatResponse(delta=llm_pb2.ChatDelta(text=piece))


def make_service(
    settings: LlmSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> Service:
    """The service for ``services.common.serving``. ``own``: settings of engines, else the environment's."""
    engines = make_engines(settings, shared, own, registry)
    servicer = LlmServicer(engines, settings)

    def register(server: grpc.aio.Server) -> None:
        llm_pb2_grpc.add_LlmServiceServicer_to_server(servicer, server)

    return Service(
        name="llm",
        full_name="huasheng.llm.v1.LlmService",
        register=register,
        load=engines.load,
        stop=lambda: asyncio.to_thread(engines.close),
    )
