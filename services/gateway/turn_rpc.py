"""The gateway's gRPC service: one turn as a stream, for programs that do not use HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote

from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from services.common import logs, tracing
from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.access import check_need
from services.gateway.accounts.principal import LOCAL, Principal
from services.gateway.accounts.rules import Need
from services.gateway.api.checks import check_text
from services.gateway.api.requests import MAX_PERSONA
from services.gateway.catalogue.avatars import idle_position
from services.gateway.catalogue.voices import voice_of_avatar
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.marks.streamed import MarkedTurn
from services.gateway.turn.choices import AvatarChoice, VoiceChoice
from services.gateway.turn.events import (
    Event,
    Fallback,
    Media,
    Reply,
    TextWarning,
    Transcript,
    VideoHeader,
    VideoSummary,
)
from services.gateway.turn.pipeline import Turn, run_turn
from services.gateway.turn.timings import Timings

FULL_NAME = "huasheng.gateway.v1.GatewayService"
LOWEST_HZ, HIGHEST_HZ = 8000, 48000


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):  # type: ignore[misc]  # grpcio ships no types
    """Converts protobuf messages to ``run_turn`` and back."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def StreamTurn(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """With accounts it needs an API key: ``authorization: Bearer …`` among the metadata.

        Raises ``sign-in-needed``, ``key-refused``, ``not-allowed``, ``bad-order``, ``bad-request``, ``empty-text``,
        ``long-text``, ``unknown-id`` and as ``run_turn``.
        """
        g = self.gateway
        who = await self._principal(context)
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("payload") != "config":
            raise HuashengError("bad-order", what="config must come first")
        config, asked_at = first.config, time.time()
        text = _checked_text(config, g.settings.max_question_chars)
        conversation = await asyncio.to_thread(g.conversations.open, who.owner, config.conversation_id or None)
        turn_id = new_id("t")  # of our own: a caller may send the same x-turn-id twice, and both turns are kept
        if who.via != "local":
            acts.current.set(acts.Act(who, _address(context)))
            await asyncio.to_thread(g.accounts.audit.add, "turn", turn_id, who=who, address=_address(context))
        logs.turn_id.set(logs.turn_id.get() or turn_id)
        tracing.current().set(turn_id=turn_id)
        turn = await self._turn(who.owner, config, conversation, text, asked_at)
        if config.HasField("format"):
            turn = replace(turn, pcm=self._audio(requests, turn.sample_rate_hz))
        await g.clients.loaded(*(() if text else ("asr",)), "llm", "tts", "render")
        timings, question, reply, end_frame = Timings(), "", "", 0
        marked = MarkedTurn(g.marker, who.owner, turn_id)
        async with contextlib.aclosing(run_turn(g.clients, turn, timings)) as events:
            async for event in events:
                if isinstance(event, Transcript):
                    question = event.text
                elif isinstance(event, Reply):
                    reply += event.text
                elif isinstance(event, VideoSummary):
                    end_frame = event.end_frame
                if response := _response(marked.passed(event)):
                    yield response
        marked.remember()
        await asyncio.to_thread(
            g.conversations.add_turn, who.owner, conversation, turn_id=turn_id, question=question, reply=reply
        )
        timings.mark("total")
        finished = gateway_pb2.TurnFinished(conversation_id=conversation, timings_ms=timings.ms, end_frame=end_frame)
        yield gateway_pb2.StreamTurnResponse(finished=finished)

    async def _principal(self, context: Any) -> Principal:
        """Who calls. Refusals stand in the audit log."""
        accounts = self.gateway.accounts
        if not accounts.is_on:
            return LOCAL
        kind, _, key = dict(context.invocation_metadata()).get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise HuashengError("sign-in-needed")
        who = await asyncio.to_thread(accounts.keys.find, key.strip())
        try:
            if who is None:
                raise HuashengError("key-refused")
            check_need(who, Need.LIVE)
        except HuashengError as e:
            await accounts.refusals.note(e.slug, "turn", who=who, secret=key.strip(), address=_address(context))
            raise
        await asyncio.to_thread(accounts.check_turn, who)
        return who

    async def _turn(self, owner: str, config: Any, conversation: str, text: str, asked_at: float) -> Turn:
        """The turn that a ``TurnConfig`` asks for, without the recording."""
        g = self.gateway
        history = await asyncio.to_thread(g.conversations.history, owner, conversation, limit=g.settings.max_history)
        drawn_owner, avatar_id, model_id = await asyncio.to_thread(
            g.shares.drawn, owner, config.avatar_id, config.model_id
        )
        avatar = AvatarChoice(drawn_owner, avatar_id=avatar_id, engine=config.engine, model_id=model_id, is_live=True)
        # counted from the time of the question: the loop runs on while the answer is prepared
        frame = config.idle_frame if config.HasField("idle_frame") else None
        idle = await idle_position(g.clients, avatar, frame, asked_at)
        voice_id = config.voice_id
        if not voice_id and not config.tts_engine:
            voice_id = await voice_of_avatar(g, owner, config.avatar_id, config.model_id) or ""
        voice_owner, voice_id = await asyncio.to_thread(g.shares.resolve, owner, "voice", voice_id)
        voice = VoiceChoice(
            voice_owner,
            voice_id=voice_id,
            engine=config.tts_engine,
            no_fallback=config.no_fallback,
            dictionary=tuple(await asyncio.to_thread(g.dictionary.all, owner)),
        )
        return Turn(
            replace(avatar, idle=idle, mark=g.marker.visible("")),
            voice,
            text=text,
            sample_rate_hz=config.format.sample_rate_hertz,
            history=history,
            persona=config.persona,
            asr_engine=config.asr_engine,
            llm_engine=config.llm_engine,
            llm_model=config.llm_model,
            no_fallback=config.no_fallback,
        )

    async def _audio(self, requests: AsyncIterator[Any], sample_rate_hz: int) -> AsyncIterator[bytes]:
        """The PCM of the question. Raises ``bad-order``, ``too-long``, ``cancelled``."""
        limit_s, received, byte_rate = self.gateway.settings.max_audio_s, 0, 2 * sample_rate_hz
        async for request in requests:
            payload = request.WhichOneof("payload")
            if payload == "end":
                return
            if payload != "audio":
                raise HuashengError("bad-order", what="only audio and end may follow config")
            received += len(request.audio.data)
            if received > limit_s * byte_rate:
                raise HuashengError("too-long", name="audio", seconds=received // byte_rate, limit=round(limit_s))
            yield request.audio.data
        raise HuashengError("cancelled")  # the stream ended without its end marker: the caller has gone


def _address(context: Any) -> str:
    """The caller's, of gRPC's ``ipv4:127.0.0.1:50000`` or ``ipv6:%5B::1%5D:50000``."""
    return unquote(str(context.peer())).partition(":")[2].rpartition(":")[0].strip("[]")


def _checked_text(config: Any, limit: int) -> str:
    """The typed question; empty when a recording follows. Raises ``bad-request``, ``empty-text``, ``long-text``."""
    if len(config.persona) > MAX_PERSONA:
        raise HuashengError("long-text", count=len(config.persona), limit=MAX_PERSONA)
    has_audio = config.HasField("format")
    if has_audio == bool(config.text):
        raise HuashengError("bad-request", what="give either text or an audio format")
    if not has_audio:
        return check_text(config.text, limit)
    if (
        config.format.encoding != common_pb2.AUDIO_ENCODING_PCM_S16LE
        or config.format.channels != 1
        or not LOWEST_HZ <= config.format.sample_rate_hertz <= HIGHEST_HZ
    ):
        what = f"audio must be 16-bit mono PCM of {LOWEST_HZ} to {HIGHEST_HZ} Hz"
        raise HuashengError("bad-request", what=what)
    return ""


def _response(event: Event) -> Any:
    """The message of an event; None for events that are not sent."""
    match event:
        case Fallback():
            return gateway_pb2.StreamTurnResponse(fallback=common_pb2.Fallback(**asdict(event)))
        case Transcript():
            transcript = gateway_pb2.TurnTranscript(text=event.text, language=event.language)
            return gateway_pb2.StreamTurnResponse(transcript=transcript)
        case Reply() if event.text:
            return gateway_pb2.StreamTurnResponse(reply=gateway_pb2.TurnReply(text=event.text))
        case TextWarning():
            return gateway_pb2.StreamTurnResponse(warning=gateway_pb2.TurnWarning(**asdict(event)))
        case VideoHeader():
            video = gateway_pb2.TurnVideo(
                width=event.width,
                height=event.height,
                fps=event.fps,
                mime_type=event.mime_type,
                start_frame=event.start_frame,
            )
            return gateway_pb2.StreamTurnResponse(video=video)
        case Media():
            return gateway_pb2.StreamTurnResponse(media=gateway_pb2.TurnMedia(data=event.data, end_us=event.end_us))
        case _:
            return None
