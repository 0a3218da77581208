"""The answers of a live session: the one that is sent, and one begun in a pause in case the user has finished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from prometheus_client import Counter

from services.common.errors import HuashengError
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.live import messages as m
from services.gateway.live.answer import Answer
from services.gateway.live.openings import Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.question import Question
from services.gateway.live.setup import Choices
from services.gateway.live.words import normalised
from services.gateway.turn.idle_position import IdlePosition

log = logging.getLogger("huasheng.gateway.live")

FALLBACKS = Counter(
    "huasheng_live_fallbacks_total",
    "Players of live conversations that failed in the browser",
    ["wanted", "used", "reason"],
)
LEAD_S = 0.15
"""From drawing the first picture until it is on the screen, about."""


@dataclass(frozen=True)
class Ended:
    """An answer was sent, or failed."""

    answer: Answer
    error: HuashengError | None


class Turns:
    """``put`` gets ``Ended``; ``set_state`` what the avatar does."""

    def __init__(
        self,
        gateway: Gateway,
        chosen: Choices,
        outbox: Outbox,
        openings: Openings,
        *,
        put: Callable[[Any], Awaitable[None]],
        set_state: Callable[[m.State], Awaitable[None]],
        on_rate: Callable[[float], None],
    ) -> None:
        self._gateway, self._chosen, self._outbox, self._openings = gateway, chosen, outbox, openings
        self._put, self._set_state, self._on_rate = put, set_state, on_rate
        self.transport: m.Transport = chosen.hello.can[0]
        self.generation = 0
        self.answer: Answer | None = None
        self.draft: Answer | None = None
        self.is_held = False
        """Whether the client is silent because the user seems to speak."""
        self.asked = Question("")
        """The last question."""
        self.rest = ""
        """What was not heard of the last answer."""
        self.idle: tuple[int, float] | None = None
        """Frame of the idle loop on the screen, and when it was (``time.monotonic()``)."""

    async def use(self, chosen: Choices) -> None:
        """From the next answer on; what was begun in a pause is begun again."""
        self._chosen = chosen
        await self.drop_draft()

    async def draft_answer(self, question: Question) -> None:
        """Begin an answer that is sent only if these are the user's last words."""
        if not self.draft or normalised(self.draft.question.text) != normalised(question.text):
            await self.drop_draft()
            self.draft = await self._make(question)
            self.draft.record.span.event("begun in a pause")

    async def history(self, limit: int) -> list[tuple[str, str]]:
        """The last messages of the conversation as (role, text), also those from before this session."""
        chosen = self._chosen
        return await asyncio.to_thread(
            self._gateway.conversations.history, chosen.owner, chosen.conversation_id, limit=limit
        )

    async def _make(self, question: Question) -> Answer:
        hello, chosen = self._chosen.hello, self._chosen
        history = await self.history(self._gateway.settings.max_history)
        idle = None
        if self.idle:
            idle = IdlePosition(self.idle[0], chosen.fps, self.idle[1], LEAD_S)
        full = replace(
            question,
            history=history,
            persona=hello.persona,
            llm_engine=hello.engines.get("llm", ""),
            llm_model=hello.engines.get("llm_model", ""),
        )

        async def on_end(answer: Answer, error: HuashengError | None) -> None:
            await self._put(Ended(answer, error))

        return Answer(
            self._gateway.clients,
            self._outbox,
            self._openings,
            turn_id=new_id("t"),
            question=full,
            avatar=replace(chosen.avatar, idle=idle, single_pictures=self.transport == "webcodecs"),
            voice=chosen.voice,
            on_end=on_end,
            on_rate=self._on_rate,
        )

    async def begin(self, question: Question) -> None:
        """Send the answer to a question: the one that was begun in a pause, if the words are still the same."""
        draft, self.draft = self.draft, None
        if draft and normalised(draft.question.text) != normalised(question.text):
            await draft.cancel()
            draft = None
        if question.text:
            await asyncio.to_thread(self._gateway.accounts.check_turn, self._chosen.who)
        self.generation += 1
        await self._outbox.begin(self.generation)
        self.is_held = False
        self.answer = draft or await self._make(question)
        if question.text:
            self.asked = question
        self.rest = ""
        self.answer.commit(self.generation)
        await self._set_state("thinking")

    async def finish(self) -> None:
        """The answer was heard to its end."""
        answer, self.answer = self.answer, None
        if answer:
            self.is_held = False
            await self.save(answer, answer.length_us, interrupted=False)
            await self._outbox.event(m.Timings(gen=answer.generation, ms=answer.timings.ms))
            answer.record.over("heard")
            await self._set_state("listening")

    async def interrupt(self, reason: m.Reason, heard_us: int) -> None:
        """Break off the answer; what was heard of it is kept in the conversation."""
        if answer := self.answer:
            answer.record.span.event("barge-in", reason=reason, heard_ms=round(heard_us / 1000))
            await answer.cancel()
        await self._break_off(reason, heard_us)
        if answer:
            self.rest = answer.rest(heard_us)
            await self.save(answer, heard_us, interrupted=True)

    async def _break_off(self, reason: m.Reason, heard_us: int) -> None:
        answer, self.answer = self.answer, None
        self.is_held = False
        if answer:
            gen, self.generation = self.generation, self.generation + 1
            await self._outbox.begin(self.generation)
            heard, ms = answer.heard_text(heard_us), dict(answer.timings.ms)
            await self._outbox.event(m.Interrupted(gen=gen, heard_us=heard_us, heard=heard, reason=reason, ms=ms))

    async def change_transport(self, change: m.ChangeTransport) -> None:
        """The client's player failed: the session goes on in another form, the answer that was played included."""
        used = change.can[0] if change.can else None
        FALLBACKS.labels(self.transport, used or "none", change.reason).inc()
        why = {"wanted": self.transport, "used": used or "none", "reason": change.reason}
        log.warning("the player of a live conversation failed", extra=why)
        heard_us = change.heard_us if change.gen == self.generation else self._outbox.position_us()
        await self.drop_draft()
        if used is None:
            await self.interrupt("player", heard_us)
            return
        answer = self.answer
        if answer:
            answer.mute()
        await self._break_off("player", heard_us)
        self.transport = used
        await self._outbox.event(m.TransportChanged(transport=used))
        if answer:
            await self._say_rest(answer, heard_us)

    async def _say_rest(self, answer: Answer, heard_us: int) -> None:
        """Of an answer that was muted. Where nothing was heard it is the answer to the same question."""
        heard, language = answer.heard_text(heard_us), answer.question.language
        is_whole = answer.is_thought and not answer.rest(heard_us)
        if heard:
            await self.save(answer, heard_us, interrupted=not is_whole)
        if is_whole:
            await answer.cancel()
            await self._set_state("listening")
            return
        text = "" if heard else answer.question.text
        await self.begin(Question(text, language, rest_of=answer, heard_us=heard_us))

    async def drop_answer(self) -> None:
        """Next to nothing of it was heard: as if it had not been begun."""
        answer, self.answer = self.answer, None
        self.is_held = False
        if answer:
            await answer.cancel()
            self.generation += 1
            await self._outbox.begin(self.generation)
            await self._outbox.event(m.Interrupted(gen=self.generation - 1, heard_us=0, heard="", reason="speech"))

    async def drop_draft(self) -> None:
        """Forget what was begun in a pause."""
        draft, self.draft = self.draft, None
        if draft:
            await draft.cancel()

    async def save(self, answer: Answer, heard_us: int, *, interrupted: bool) -> None:
        """Add the turn to the conversation: of a broken answer what was heard."""
        reply = answer.heard_text(heard_us) if interrupted else answer.reply or answer.question.reply
        if not answer.question.text and not reply:
            return
        if (who := self._chosen.who).via != "local":
            spoken_s = min(heard_us, answer.length_us) / 1e6
            await asyncio.to_thread(self._gateway.accounts.quotas.add, who.owner, who.key_id, "live_s", spoken_s)
        await asyncio.to_thread(
            self._gateway.conversations.add_turn,
            self._chosen.owner,
            self._chosen.conversation_id,
            turn_id=answer.turn_id,
            question=answer.question.text,
            reply=reply,
            interrupted=interrupted,
            timings_ms=dict(answer.timings.ms),
        )
