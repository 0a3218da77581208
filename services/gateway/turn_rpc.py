"""The gateway's own gRPC door: one turn as a stream, for programs that would rather not speak HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from services.common import logs
from services.common.errors import HuashengError
from services.gateway.api.deps import LOCAL, MAX_PERSONA, check_text
from services.gateway.avatars import shown_idle
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.turn.events import Fallback, Media, Reply, Summary, Transcript, VideoHeader
from services.gateway.turn.pipeline import Turn, run_turn
from services.gateway.turn.stages import Look, Voice
from services.gateway.turn.timings import Timings
from services.gateway.voices import voice_of_avatar

FULL_NAME = "huasheng.gateway.v1.GatewayService"


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):  # type: ignore[misc]  # grpcio ships no types
    """Proto to ``run_turn`` and back."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def StreamTurn(self, requests: AsyncIterator[Any], _context: Any) -> AsyncIterator[Any]:
        """Raises ``bad-order``, ``empty-text``, ``long-text``, ``unknown-id`` and whatever a stage raises."""
        g = self.gateway
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("payload") != "config":
            raise HuashengError("bad-order", what="config must come first")
        config, asked_at = first.config, time.time()
        has_audio = config.HasField("format")
        if has_audio == bool(config.text):
            raise HuashengError("bad-request", what="give either text or an audio format")
        if has_audio and (
            config.format.encoding != common_pb2.AUDIO_ENCODING_PCM_S16LE
            or config.format.channels != 1
            or not 8000 <= config.format.sample_rate_hertz <= 48000
        ):
            raise HuashengError("bad-request", what="audio must be 16-bit mono PCM of 8000 to 48000 Hz")
        text = "" if has_audio else check_text(config.text, g.settings.max_question_chars)
        conversation = await asyncio.to_thread(g.conversations.open, LOCAL, config.conversation_id or None)
        history = await asyncio.to_thread(g.conversations.history, LOCAL, conversation, g.settings.max_history)
        turn_id = logs.turn_id.get() or new_id("t")
        logs.turn_id.set(turn_id)
        rate = config.format.sample_rate_hertz
        look = Look(LOCAL, config.avatar_id, config.engine, config.model_id, is_live=True)
        # counted from when it was asked: the loop goes on through all that prepares the answer
        frame = config.idle_frame if config.HasField("idle_frame") else None
        idle = await shown_idle(g, LOCAL, look, frame, asked_at)
        voice_id = config.voice_id
        if not voice_id and not config.tts_engine:
            voice_id = await voice_of_avatar(g, LOCAL, config.avatar_id, config.model_id) or ""
        voice = Voice(LOCAL, voice_id, config.tts_engine, alone=config.no_fallback)
        turn = Turn(
            replace(look, idle=idle),
            voice,
            text=text,
            rate=rate,
            pcm=self._audio(requests, rate) if has_audio else None,
            history=history,
            persona=config.persona[:MAX_PERSONA],
            asr_engine=config.asr_engine,
            llm_engine=config.llm_engine,
            llm_model=config.llm_model,
            alone=config.no_fallback,
        )
        timings, question, reply, end_frame = Timings(), "", "", 0
        async with contextlib.aclosing(run_turn(g.clients, turn, timings)) as events:
            async for event in events:
                if isinstance(event, Fallback):
                    told = common_pb2.Fallback(**asdict(event))
                    yield gateway_pb2.StreamTurnResponse(fallback=told)
                elif isinstance(event, Transcript):
                    question = event.text
                    said = gateway_pb2.TurnTranscript(text=event.text, language=event.language)
                    yield gateway_pb2.StreamTurnResponse(transcript=said)
                elif isinstance(event, Reply) and event.text:
                    reply += event.text
                    yield gateway_pb2.StreamTurnResponse(reply=gateway_pb2.TurnReply(text=event.text))
                elif isinstance(event, VideoHeader):
                    made = gateway_pb2.TurnVideo(
                        width=event.width,
                        height=event.height,
                        fps=event.fps,
                        mime_type=event.mime_type,
                        start_frame=event.start_frame,
                    )
                    yield gateway_pb2.StreamTurnResponse(video=made)
                elif isinstance(event, Summary):
                    end_frame = event.end_frame
                elif isinstance(event, Media):
                    media = gateway_pb2.TurnMedia(data=event.data, end_us=event.end_us)
                    yield gateway_pb2.StreamTurnResponse(media=media)
        await asyncio.to_thread(g.conversations.add_turn, LOCAL, conversation, turn_id, question, reply)
        timings.mark("total")
        finished = gateway_pb2.TurnFinished(conversation_id=conversation, timings_ms=timings.ms, end_frame=end_frame)
        yield gateway_pb2.StreamTurnResponse(finished=finished)

    async def _audio(self, requests: AsyncIterator[Any], rate: int) -> AsyncIterator[bytes]:
        limit = self.gateway.settings.max_audio_s
        taken = 0
        async for request in requests:
            what = request.WhichOneof("payload")
            if what == "end":
                return
            if what != "audio":
                raise HuashengError("bad-order", what="only audio and end may follow config")
            taken += len(request.audio.data)
            if taken > limit * rate * 2:
                raise HuashengError("too-long", name="audio", seconds=taken // (2 * rate), limit=round(limit))
            yield request.audio.data
        raise HuashengError("cancelled")  # ended without its end marker: abandoned
