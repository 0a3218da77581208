"""One turn of a conversation: question in, talking-face answer out, all stages at work at the same time.

The jobs, the gRPC service and the REST API use it alike; it knows nothing of HTTP, jobs or databases.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from services.common.errors import HuashengError
from services.common.script import language_of
from services.gateway.clients import Clients
from services.gateway.turn.choices import AvatarChoice, VoiceChoice
from services.gateway.turn.drawing import render
from services.gateway.turn.drawing_parts import render_in_parts
from services.gateway.turn.events import Event, Transcript
from services.gateway.turn.flow import Flow
from services.gateway.turn.pieces import PartStore
from services.gateway.turn.stages import (
    SpeechQueue,
    clause_queue,
    feed_recording,
    generate_reply,
    recognise,
    speech_queue,
    split_text,
    synthesise,
)
from services.gateway.turn.timings import Timings


@dataclass(frozen=True)
class Turn:
    """What is asked and who answers. Exactly one of ``text``, ``pcm`` and ``uri`` is given."""

    avatar: AvatarChoice
    voice: VoiceChoice
    text: str = ""
    pcm: AsyncIterable[bytes] | None = None
    """16-bit mono PCM at ``sample_rate_hz``, as it arrives."""
    sample_rate_hz: int = 16000
    uri: str = ""
    """Storage URI of a recording."""
    language: str = ""
    """BCP 47; empty to detect it."""
    history: list[tuple[str, str]] = field(default_factory=list)
    """Earlier messages: (``user`` | ``assistant``, text), oldest first."""
    persona: str = ""
    """Who the avatar is, for the language model."""
    reply: str = ""
    """The answer when an earlier attempt has produced it: the language model is not asked again."""
    asr_engine: str = ""
    """Engine that is asked first; empty for the service's default. ``voice`` names the one of the tts service."""
    llm_engine: str = ""
    llm_model: str = ""
    """Language model of that engine; empty for its default."""
    no_fallback: bool = False
    """No other engine may recognise or answer in the place of one that cannot."""


async def recognise_question(clients: Clients, turn: Turn, timings: Timings) -> Transcript:
    """The question as text. Raises ``no-speech``."""
    if turn.text:
        return Transcript(turn.text, turn.language or language_of(turn.text), "", 0.0)
    transcript = await recognise(
        clients,
        timings,
        uri=turn.uri,
        pcm=turn.pcm,
        sample_rate_hz=turn.sample_rate_hz,
        language=turn.language,
        engine=turn.asr_engine,
        no_fallback=turn.no_fallback,
    )
    if not transcript.text:
        raise HuashengError("no-speech")
    return transcript


async def run_turn(clients: Clients, turn: Turn, timings: Timings) -> AsyncGenerator[Event, None]:
    """Events in order: transcript; pieces of the reply, speech and video mixed; summary last.

    A fallback comes before the output of the engine that took over. Closing the generator cancels every call. Raises
    ``HuashengError``.
    """
    question = await recognise_question(clients, turn, timings)
    for fallback in question.fallbacks:
        yield fallback
    yield question
    s = clients.settings
    flow = Flow(clients, timings, s.llm_s + s.tts_s + s.render_s)
    clauses, speech = clause_queue(), speech_queue()
    if turn.reply:
        flow.start(split_text(turn.reply, clauses))
    else:
        reply = generate_reply(
            flow,
            clauses,
            history=[*turn.history, ("user", question.text)],
            # the script does not distinguish English from French, which the language model can answer as well
            language=turn.language if turn.text else question.language,
            persona=turn.persona,
            engine=turn.llm_engine,
            model=turn.llm_model,
            no_fallback=turn.no_fallback,
        )
        flow.start(reply)
    flow.start(synthesise(flow, turn.voice, clauses, speech))
    avatar = turn.avatar
    if avatar.mark and not avatar.mark.language:
        avatar = replace(avatar, mark=replace(avatar.mark, language=question.language))
    flow.start(render(flow, avatar, speech))
    async with contextlib.aclosing(flow.events()) as events:
        async for event in events:
            yield event


def speak_text(clients: Clients, timings: Timings, voice: VoiceChoice, text: str) -> AsyncGenerator[Event, None]:
    """Text to speech without video. Closing the generator cancels the calls."""
    flow, clauses = Flow(clients, timings, clients.settings.tts_s), clause_queue()
    flow.start(split_text(text, clauses))
    flow.start(synthesise(flow, voice, clauses))
    return flow.events()


@dataclass(frozen=True)
class InParts:
    """How a long video is drawn by several renderers: where parts are kept, and the avatar's pictures a second."""

    store: PartStore
    fps: float


def _drawing(flow: Flow, avatar: AvatarChoice, speech: SpeechQueue, parts: InParts | None) -> Coroutine[Any, Any, None]:
    if parts:
        return render_in_parts(flow, avatar, speech, parts.store, parts.fps)
    return render(flow, avatar, speech)


def video_of_text(
    clients: Clients,
    timings: Timings,
    avatar: AvatarChoice,
    voice: VoiceChoice,
    text: str,
    parts: InParts | None = None,
) -> AsyncGenerator[Event, None]:
    """Text to speech and video. Closing the generator cancels the calls."""
    flow = Flow(clients, timings, clients.settings.tts_s + clients.settings.render_s)
    clauses, speech = clause_queue(), speech_queue()
    flow.start(split_text(text, clauses))
    flow.start(synthesise(flow, voice, clauses, speech))
    flow.start(_drawing(flow, avatar, speech, parts))
    return flow.events()


def video_of_recording(
    clients: Clients,
    timings: Timings,
    avatar: AvatarChoice,
    pcm: AsyncIterable[bytes],
    sample_rate_hz: int,
    parts: InParts | None = None,
) -> AsyncGenerator[Event, None]:
    """Recorded speech, 16-bit mono PCM, to video. Closing the generator cancels the calls."""
    flow, speech = Flow(clients, timings, clients.settings.render_s), speech_queue()
    flow.start(feed_recording(pcm, sample_rate_hz, speech))
    flow.start(_drawing(flow, avatar, speech, parts))
    return flow.events()
