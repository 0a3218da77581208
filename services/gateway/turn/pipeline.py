"""One turn of a conversation: question in, talking-face answer out, all stages at work at the same time.

Used by the dialogue job, by the gRPC door and by the live socket alike; knows nothing of HTTP, jobs or databases.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass, field

from services.common.errors import HuashengError
from services.common.script import language_of
from services.gateway.clients import Clients
from services.gateway.turn.events import Event, Transcript
from services.gateway.turn.stages import Drawing, Flow, Look, Voice, draw, listen, recite, speak, think
from services.gateway.turn.timings import Timings


@dataclass(frozen=True)
class Turn:
    """What is asked and who answers. Exactly one of ``text``, ``pcm`` and ``uri`` is given."""

    look: Look
    voice: Voice
    text: str = ""
    pcm: AsyncIterable[bytes] | None = None
    """16-bit mono PCM at ``rate`` Hz, as it comes."""
    rate: int = 16000
    uri: str = ""
    language: str = ""
    """BCP 47; empty to detect it."""
    history: list[tuple[str, str]] = field(default_factory=list)
    """Earlier messages: (``user`` | ``assistant``, text), oldest first."""
    persona: str = ""
    """Who the avatar is, for the language model."""
    reply: str = ""
    """The answer when it is known already (an earlier attempt got that far): the language model is not asked again."""
    asr_engine: str = ""
    """Engine that is asked first; empty for the service's default. The voice names that of the tts service."""
    llm_engine: str = ""
    llm_model: str = ""
    """Language model of that engine; empty for its default."""
    alone: bool = False
    """No other engine may listen or answer in the place of one that cannot."""


async def hear(clients: Clients, turn: Turn, timings: Timings) -> Transcript:
    """The question as text. Raises ``no-speech``."""
    if turn.text:
        return Transcript(turn.text, turn.language or language_of(turn.text), "", 0.0)
    heard = await listen(
        clients,
        timings,
        uri=turn.uri,
        pcm=turn.pcm,
        rate=turn.rate,
        language=turn.language,
        engine=turn.asr_engine,
        alone=turn.alone,
    )
    if not heard.text:
        raise HuashengError("no-speech")
    return heard


async def run_turn(clients: Clients, turn: Turn, timings: Timings) -> AsyncGenerator[Event, None]:
    """Events in order: transcript; reply pieces, speech and video among each other; summary last.

    An engine that was passed over is told before what the other one made.

    Closing the generator cancels every call. Raises ``HuashengError``.
    """
    heard = await hear(clients, turn, timings)
    for fallback in heard.fallbacks:
        yield fallback
    yield heard
    flow = Flow()
    clauses: asyncio.Queue[str | None] = asyncio.Queue(maxsize=16)
    drawing: Drawing = asyncio.Queue(maxsize=32)
    if turn.reply:
        flow.start(recite(turn.reply, clauses))
    else:
        history = [*turn.history, ("user", heard.text)]
        # the script cannot tell English from French, which the language model can answer as well
        language = turn.language if turn.text else heard.language
        wanted = turn.persona, turn.llm_engine, turn.llm_model, turn.alone
        thinking = think(flow, clients, timings, history, language, clauses, *wanted)
        flow.start(thinking)
    flow.start(speak(flow, clients, timings, turn.voice, clauses, drawing))
    flow.start(draw(flow, clients, timings, turn.look, drawing))
    async with contextlib.aclosing(flow.events()) as events:
        async for event in events:
            yield event
