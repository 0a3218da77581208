"""One answer of a live session: made while the user may still speak, sent from ``commit`` on, cancelled at once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from services.common.errors import HuashengError
from services.common.script import main_language
from services.gateway.clients import Clients
from services.gateway.live import messages as m
from services.gateway.live.filling import filled
from services.gateway.live.frames import MP4, PICTURE, SOUND
from services.gateway.live.openings import Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.question import Question
from services.gateway.live.spoken import SpokenSound
from services.gateway.live.turn_record import TurnRecord
from services.gateway.live.words import heard, unheard
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
        self.reply = question.reply
        self.clauses: list[tuple[str, int, int]] = []
        self.sent_at: float | None = None
        self.record = TurnRecord(turn_id)
        self.timings = Timings()
        self._opener = ""
        self._committed = asyncio.Event()
        self._thought = asyncio.Event()
        if question.reply:
            self._thought.set()
        self._error: HuashengError | None = None
        self._is_muted = False
        self._sound = SpokenSound()
        self._task = asyncio.create_task(self._run())

    @property
    def is_sent(self) -> bool:
        """Whether all of it was sent; ``sent_at`` is when (``time.monotonic()``)."""
        return self.sent_at is not None

    @property
    def length_us(self) -> int:
        """Length of the speech that was made so far."""
        return self._sound.length_us

    def commit(self, generation: int) -> None:
        """Send it."""
        self.generation = generation
        self.record.asked()
        self._committed.set()

    @property
    def is_committed(self) -> bool:
        """Whether it is being sent."""
        return self._committed.is_set()

    def mute(self) -> None:
        """Send nothing more, but go on thinking: for ``all_unheard``."""
        self._is_muted = True

    @property
    def is_thought(self) -> bool:
        """Whether all its words are known, or no more will come."""
        return self._thought.is_set()

    async def all_unheard(self, heard_us: int) -> str:
        """What was not heard, once all words are known; then the answer ends. Raises what it failed with."""
        await self._thought.wait()
        await self.cancel()
        if self._error:
            raise self._error
        return self.rest(heard_us)

    async def cancel(self) -> None:
        """Stop all its work at once."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.record.over("broken-off")
        if self.question.rest_of:
            await self.question.rest_of.cancel()

    def heard_text(self, heard_us: int) -> str:
        """The words of the answer that were heard, without the opener."""
        skip = 1 if self._opener and self.clauses and self.clauses[0][0] == self._opener else 0
        return heard(self.clauses[skip:], heard_us)

    def rest(self, heard_us: int) -> str:
        """What was thought of but not heard."""
        return unheard(self.reply, self.heard_text(heard_us))

    def sound_around(self, position_us: int) -> tuple[bytes, int]:
        """16-bit PCM that was played up to ``position_us`` and a little after, and its rate in Hz."""
        return self._sound.around(position_us), self._sound.rate_hz

    async def _run(self) -> None:
        try:
            with self.record.active():
                await self._answer()
        except HuashengError as e:
            self.record.over("failed", e.slug)
            self._error = None if self.is_thought else e
            self._thought.set()
            await self._on_end(self, e)
        else:
            self.sent_at = time.monotonic()
            await self._on_end(self, None)

    async def _answer(self) -> None:
        q, flow = self.question, Flow(self._clients, self.timings, self._clients.settings.live_total_s)
        spoken, speech = clause_queue(), speech_queue()
        clauses: ClauseQueue = asyncio.Queue()  # unbounded: all words are known soon, however long their speech takes
        await self._clients.loaded(*(() if q.reply or q.rest_of else ("llm",)), "tts", "render")
        if q.rest_of:
            flow.start(self._say_rest(q.rest_of, clauses))
        elif q.reply:
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
                    self._sound.rate_hz = event.sample_rate_hz
                elif isinstance(event, turn_events.VideoHeader):
                    has_video = True
                    await self._send_turn(event)
                    for waiting in early:
                        await self._send(waiting)
                elif has_video or isinstance(event, turn_events.Fallback | turn_events.Reply):
                    await self._send(event)
                else:
                    early.append(event)

    async def _say_rest(self, before: Answer, clauses: ClauseQueue) -> None:
        self.reply = await before.all_unheard(self.question.heard_us)
        self._thought.set()
        await split_text(self.reply, clauses)

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
        is_begun = self.question.reply or self.question.rest_of
        if not is_begun and not is_quick:
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
                sample_rate_hz=self._sound.rate_hz,
                start_frame=video.start_frame,
            )
        )

    async def _event(self, message: m.Event) -> None:
        if self._is_muted:
            return
        await self._outbox.event(message)

    async def _send(self, event: turn_events.Event) -> None:
        gen = self.generation
        if isinstance(event, turn_events.Fallback):
            await self._event(
                m.Fallback(service=event.service, wanted=event.wanted, used=event.used, reason=event.reason)
            )
        elif isinstance(event, turn_events.Reply):
            self.reply += event.text
            if event.is_last:
                self._thought.set()
            await self._event(m.Reply(gen=gen, text=event.text, is_last=event.is_last, engine=event.engine))
        elif isinstance(event, turn_events.SpokenClause):
            clause = (event.text, round(event.start_s * 1e6), round(event.end_s * 1e6))
            self.clauses.append(clause)
            await self._event(
                m.Clause(gen=gen, text=clause[0], start_us=clause[1], end_us=clause[2], cached=event.is_cached)
            )
            self.record.clause_sent()
        elif isinstance(event, turn_events.SpeechAudio):
            self._sound.add(event.pcm)
        elif isinstance(event, turn_events.Picture):
            await self._send_sound(event.pts_us + SOUND_AHEAD_US)
            await self._outbox.media(PICTURE, gen, event.pts_us, event.data, event.is_key)
        elif isinstance(event, turn_events.Media):
            await self._send_sound(event.end_us + SOUND_AHEAD_US)
            await self._outbox.media(MP4, gen, event.end_us, event.data)
        elif isinstance(event, turn_events.TextWarning):
            await self._event(m.Warn(gen=gen, reason=event.reason, text=event.text, script=event.script))
        elif isinstance(event, turn_events.RenderProgress) and event.frames_per_second:
            self._on_rate(event.frames_per_second)
        elif isinstance(event, turn_events.VideoSummary):
            await self._send_sound(round(event.duration_s * 1e6))
            await self._event(m.End(gen=gen, duration_us=round(event.duration_s * 1e6), end_frame=event.end_frame))

    async def _send_sound(self, until_us: int) -> None:
        for at, pcm in self._sound.take(until_us):
            if self._avatar.single_pictures:
                await self._outbox.media(SOUND, self.generation, at, pcm)
        self._sound.forget(self._outbox.position_us())
