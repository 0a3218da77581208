"""One answer of a live session: made while the user may still speak, sent from ``commit`` on, cancelled at once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from services.common.errors import HuashengError
from services.common.script import main_language
from services.gateway.clients import Clients
from services.gateway.live import messages as m
from services.gateway.live.filling import filled
from services.gateway.live.openings import Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.words import heard
from services.gateway.turn import events as turn_events
from services.gateway.turn.choices import AvatarChoice, VoiceChoice
from services.gateway.turn.drawing import render
from services.gateway.turn.flow import Flow
from services.gateway.turn.stages import (
    ClauseQueue,
    Synthesised,
    clause_queue,
    generate_reply,
    speech_queue,
    split_text,
    synthesise,
)
from services.gateway.turn.timings import Timings

OPENER_AFTER_S = 0.15
"""An answer whose first clause is not there by then begins with an opener."""
SOUND_AHEAD_US = 300_000
"""How much further than the pictures sound is sent."""
SOUND_KEPT_S = 4.0
"""Played sound that is kept to recognise its echo."""


@dataclass(frozen=True)
class Question:
    """What is answered, and how."""

    text: str
    language: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)
    reply: str = ""
    """The answer itself, when it is known."""
    persona: str = ""
    llm_engine: str = ""
    llm_model: str = ""


class Answer:
    """Runs by itself; ``on_end`` is called when all was sent, or with what went wrong."""

    def __init__(
        self,
        clients: Clients,
        outbox: Outbox,
        openings: Openings,
        *,
        turn_id: str,
        question: Question,
        avatar: AvatarChoice,
        voice: VoiceChoice,
        on_end: Callable[[Answer, HuashengError | None], Awaitable[None]],
        on_rate: Callable[[float], None],
    ) -> None:
        self.turn_id, self.question = turn_id, question
        self._clients, self._outbox, self._openings = clients, outbox, openings
        self._avatar, self._voice, self._on_end, self._on_rate = avatar, voice, on_end, on_rate
        self.generation = 0
        self.reply = ""
        self.clauses: list[tuple[str, int, int]] = []
        self.sent_at: float | None = None
        self.timings = Timings()
        self._opener = ""
        self._committed = asyncio.Event()
        self._rate_hz = 0
        self._sound: deque[tuple[int, bytes]] = deque()
        self._unsent: deque[tuple[int, bytes]] = deque()
        self._sound_us = 0
        self._task = asyncio.create_task(self._run())

    @property
    def is_sent(self) -> bool:
        """Whether all of it was sent; ``sent_at`` is when (``time.monotonic()``)."""
        return self.sent_at is not None

    @property
    def length_us(self) -> int:
        """Length of the speech that was made so far."""
        return self._sound_us

    def commit(self, generation: int) -> None:
        """Send it."""
        self.generation = generation
        self._committed.set()

    @property
    def is_committed(self) -> bool:
        """Whether it is being sent."""
        return self._committed.is_set()

    async def cancel(self) -> None:
        """Stop all its work at once."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def heard_text(self, heard_us: int) -> str:
        """The words of the answer that were heard, without the opener."""
        skip = 1 if self._opener and self.clauses and self.clauses[0][0] == self._opener else 0
        return heard(self.clauses[skip:], heard_us)

    def rest(self, heard_us: int) -> str:
        """What was thought of but not heard."""
        said = self.heard_text(heard_us)
        place = self.reply.find(said[-12:]) if said else -1
        return self.reply[place + len(said[-12:]) :].strip() if place >= 0 else self.reply.strip()

    def sound_around(self, position_us: int) -> tuple[bytes, int]:
        """16-bit PCM that was played up to ``position_us`` and a little after, and its rate in Hz."""
        wanted = [d for at, d in self._sound if at <= position_us + 300_000]
        return b"".join(wanted), self._rate_hz

    async def _run(self) -> None:
        try:
            await self._answer()
        except HuashengError as e:
            await self._on_end(self, e)
        else:
            self.sent_at = time.monotonic()
            await self._on_end(self, None)

    async def _answer(self) -> None:
        q, flow = self.question, Flow(self._clients, self.timings, self._clients.settings.live_total_s)
        clauses, spoken, speech = clause_queue(), clause_queue(), speech_queue()
        if q.reply:
            flow.start(split_text(q.reply, clauses))
        else:
            reply = generate_reply(
                flow,
                clauses,
                history=[*q.history, ("user", q.text)],
                language=q.language,
                persona=q.persona,
                engine=q.llm_engine,
                model=q.llm_model,
                no_fallback=self._voice.no_fallback,
            )
            flow.start(reply)
        flow.start(self._with_opener(clauses, spoken))
        flow.start(synthesise(flow, self._voice, spoken, speech, change=self._without_gaps))
        flow.start(render(flow, self._avatar, speech))
        early: list[turn_events.Event] = []  # speech that came before the format of the pictures
        has_video = False
        async with contextlib.aclosing(flow.events()) as events:
            async for event in events:
                await self._committed.wait()
                if isinstance(event, turn_events.SpeechHeader):
                    self._rate_hz = event.sample_rate_hz
                elif isinstance(event, turn_events.VideoHeader):
                    has_video = True
                    await self._send_turn(event)
                    for waiting in early:
                        await self._send(waiting)
                elif has_video or isinstance(event, turn_events.Fallback | turn_events.Reply):
                    await self._send(event)
                else:
                    early.append(event)

    def _without_gaps(self, responses: AsyncIterator[Synthesised]) -> AsyncIterator[Synthesised]:
        began: float | None = None

        def ahead_us(end: int) -> int | None:
            nonlocal began
            is_playing = self.is_committed and self._outbox.generation == self.generation
            position = self._outbox.position_us()
            if not is_playing or not position:
                return None
            began = began or time.monotonic()
            # a client that plays faster than time needs no silence: at most as much as time has passed is heard
            return end - min(position, round((time.monotonic() - began) * 1e6))

        return filled(responses, ahead_us)

    async def _with_opener(self, clauses: ClauseQueue, spoken: ClauseQueue) -> None:
        """Passes clauses on; an opener comes first where the first clause is late or must be synthesised."""
        first: str | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENER_AFTER_S):
                first = await clauses.get()
        is_quick = first is not None and self._openings.is_ready(first)
        if not self.question.reply and not is_quick:
            language = self.question.language[:2] or main_language(self.question.text)
            self._opener = self._openings.opener(self.question.text, language)
        else:
            self._openings.rotate()
        if self._opener:
            await spoken.put(self._opener)
        if first is None:
            first = await clauses.get()
        while first is not None:
            await spoken.put(first)
            first = await clauses.get()
        await spoken.put(None)

    async def _send_turn(self, video: turn_events.VideoHeader) -> None:
        await self._event(
            m.Turn(
                gen=self.generation,
                turn=self.turn_id,
                question=self.question.text,
                video=m.VideoFormat(
                    width=video.width,
                    height=video.height,
                    fps=video.fps,
                    codec=video.codec,
                    description=base64.b64encode(video.description).decode(),
                    mime_type=video.mime_type,
                ),
                sample_rate_hz=self._rate_hz,
                start_frame=video.start_frame,
            )
        )

    async def _event(self, message: m.Event) -> None:
        await self._outbox.event(message)

    async def _send(self, event: turn_events.Event) -> None:
        gen = self.generation
        if isinstance(event, turn_events.Fallback):
            await self._event(
                m.Fallback(service=event.service, wanted=event.wanted, used=event.used, reason=event.reason)
            )
        elif isinstance(event, turn_events.Reply):
            self.reply += event.text
            await self._event(m.Reply(gen=gen, text=event.text, is_last=event.is_last, engine=event.engine))
        elif isinstance(event, turn_events.SpokenClause):
            clause = (event.text, round(event.start_s * 1e6), round(event.end_s * 1e6))
            self.clauses.append(clause)
            await self._event(
                m.Clause(gen=gen, text=clause[0], start_us=clause[1], end_us=clause[2], cached=event.is_cached)
            )
        elif isinstance(event, turn_events.SpeechAudio):
            self._keep_sound(event.pcm)
        elif isinstance(event, turn_events.Picture):
            await self._send_sound(event.pts_us + SOUND_AHEAD_US)
            await self._outbox.media(m.PICTURE, gen, event.pts_us, event.data, event.is_key)
        elif isinstance(event, turn_events.Media):
            await self._send_sound(event.end_us + SOUND_AHEAD_US)
            await self._outbox.media(m.MP4, gen, event.end_us, event.data)
        elif isinstance(event, turn_events.TextWarning):
            await self._event(m.Warn(gen=gen, reason=event.reason, text=event.text))
        elif isinstance(event, turn_events.RenderProgress) and event.frames_per_second:
            self._on_rate(event.frames_per_second)
        elif isinstance(event, turn_events.VideoSummary):
            await self._send_sound(round(event.duration_s * 1e6))
            await self._event(m.End(gen=gen, duration_us=round(event.duration_s * 1e6), end_frame=event.end_frame))

    def _keep_sound(self, pcm: bytes) -> None:
        """Sound waits for its pictures: sent alone it would fill the client's buffer, and hold them up."""
        self._unsent.append((self._sound_us, pcm))
        self._sound_us += len(pcm) * 500_000 // self._rate_hz

    async def _send_sound(self, until_us: int) -> None:
        while self._unsent and self._unsent[0][0] <= until_us:
            at, pcm = self._unsent.popleft()
            self._sound.append((at, pcm))
            if self._avatar.single_pictures:
                await self._outbox.media(m.SOUND, self.generation, at, pcm)
        oldest = self._outbox.position_us() - SOUND_KEPT_S * 1e6
        while self._sound and self._sound[0][0] < oldest:
            self._sound.popleft()
