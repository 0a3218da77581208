"""A live conversation: what the user says and does comes in one by one, answers are begun, sent, held and broken off.

All state changes in ``run``, in one task; what comes in waits in ``inbox``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from huasheng.asr.v1 import asr_pb2

from services.common import logs
from services.common.errors import HuashengError, problem
from services.gateway.context import Gateway
from services.gateway.live import messages as m
from services.gateway.live.answer import Answer
from services.gateway.live.hearing import Hearing, HearingFailed
from services.gateway.live.openings import GREETINGS, Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.question import Question
from services.gateway.live.setup import Choices
from services.gateway.live.turns import Ended, Turns
from services.gateway.live.utterances import Utterances
from services.gateway.turn.stages import synthesis_config

log = logging.getLogger("huasheng.gateway.live")

CHECK_S, CHECK_HELD_S = 1.0, 0.1
"""Between two looks at the clock."""
END_WAIT_S = 20.0
"""How long the client may take to play what it has, beyond its length."""


class LiveSession:
    """``run`` ends when the user leaves, with ``HuashengError`` when a limit or a failure ends it."""

    def __init__(self, gateway: Gateway, chosen: Choices, session_id: str, on_rate: Any) -> None:
        self.id, self.chosen, self.owner = session_id, chosen, chosen.owner
        self.outbox = Outbox()
        self.inbox: asyncio.Queue[Any] = asyncio.Queue(1000)
        self.task: asyncio.Task[None]
        self._leaving: asyncio.TimerHandle | None = None
        self._gateway, self._lang = gateway, "en"
        self._openings = Openings()
        self.turns = Turns(
            gateway,
            chosen,
            self.outbox,
            self._openings,
            put=self.inbox.put,
            set_state=self._set_state,
            on_rate=on_rate,
        )
        hello = chosen.hello
        self.hearing = Hearing(
            gateway.clients,
            self.inbox.put,
            language=hello.language,
            engine=hello.engines.get("asr", ""),
            no_fallback=not hello.fallback,
            patience=hello.patience,
        )
        self.utterances = Utterances(self.turns, self.outbox, self.hearing, self._set_state)
        self._state: m.State | None = None
        self._began = self._active = time.monotonic()

    async def run(self, lang: str) -> None:
        """Serve the user until ``Bye``. Raises ``live-idle``, ``live-too-long``, ``live-slow``."""
        self._lang = lang
        logs.turn_id.set(self.id)
        hello = self.chosen.hello
        warming = asyncio.create_task(self._warm())
        try:
            await self.hearing.listen(hello.listening)
            await self._set_state("listening")
            if hello.greet:
                language = self.chosen.language(lang)
                await self.turns.begin(Question("", language, reply=GREETINGS.get(language, GREETINGS["en"])))
            while True:
                item = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_HELD_S if self.turns.is_held else CHECK_S):
                        item = await self.inbox.get()
                if isinstance(item, m.Bye):
                    return
                if item is not None:
                    await self._handle(item)
                await self._check_times()
        finally:
            warming.cancel()
            await self.hearing.stop()
            for answer in (self.turns.answer, self.turns.draft):
                if answer:
                    await answer.cancel()
            if self.turns.answer:
                await self.turns.save(self.turns.answer, self.outbox.position_us(), interrupted=True)

    def detach(self, wait_s: float) -> None:
        """The connection was lost: the session ends unless its client comes back in time."""
        self._leaving = asyncio.get_running_loop().call_later(wait_s, self.task.cancel)

    async def attach(self, hello: m.Hello) -> None:
        """The client is back."""
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None
        if hello.last:
            await self.outbox.acknowledge(hello.last)
        await self.outbox.take_up(hello.last_seq)

    async def _warm(self) -> None:
        config = synthesis_config(self.chosen.voice)
        llm = self.chosen.hello.engines.get("llm", "")
        await self._openings.warm(
            self._gateway.clients, self.chosen.voice, config, llm, self.chosen.language(self._lang)
        )

    async def _check_times(self) -> None:
        now, settings = time.monotonic(), self._gateway.settings
        await self.utterances.check_hold()
        a = self.turns.answer
        if a and a.sent_at is not None and now - a.sent_at > a.length_us / 1e6 + END_WAIT_S:
            await self.turns.finish()  # the client does not say that it has played it
        if now - max(self._active, self.utterances.spoke_at) > settings.live_idle_s:
            raise HuashengError("live-idle", minutes=round(settings.live_idle_s / 60))
        if now - self._began > settings.live_total_s:
            raise HuashengError("live-too-long", minutes=round(settings.live_total_s / 60))

    async def _handle(self, item: Any) -> None:
        match item:
            case m.PlayedMessage():
                await self._played(item)
            case m.Idle():
                self.turns.idle = (item.frame, time.monotonic())
            case Ended():
                await self._ended(item.answer, item.error)
            case HearingFailed():
                await self._error(item.error)
            case asr_pb2.StreamTranscribeResponse():
                await self.utterances.heard(item)
            case _:
                self._active = time.monotonic()
                await self._asked_for(item)

    async def _asked_for(self, item: Any) -> None:
        match item:
            case m.Text():
                await self.turns.drop_draft()
                await self.turns.interrupt("text", self.outbox.position_us())
                await self.turns.begin(Question(item.text))
            case m.Interrupt() if self.turns.answer and item.gen in (0, self.turns.generation):
                await self.turns.interrupt("hand", item.heard_us)
                await self._set_state("listening")
            case m.Listen():
                await self.hearing.listen(item.mode)
            case m.Talk():
                await self.hearing.talk(item.on)
            case m.Again(what="ask") if self.turns.asked.text:
                await self.turns.interrupt("text", self.outbox.position_us())
                await self.turns.begin(Question(self.turns.asked.text, self.turns.asked.language))
            case m.Again(what="continue") if self.turns.rest:
                await self.turns.interrupt("text", self.outbox.position_us())
                await self.turns.begin(Question("", self.turns.asked.language, reply=self.turns.rest))
            case m.ChangeTransport():
                await self.turns.change_transport(item)

    async def _played(self, played: m.PlayedMessage) -> None:
        was = self.outbox.played_us
        await self.outbox.acknowledge(played, played.is_end)
        a = self.turns.answer
        if a is None or played.gen != self.turns.generation:
            return
        if played.us > 0 and was == 0 and not self.turns.is_held:
            a.timings.mark("first_heard")
            await self._set_state("speaking")
        if played.is_end or (a.is_sent and played.us >= a.length_us):
            await self.turns.finish()

    async def _ended(self, answer: Answer, error: HuashengError | None) -> None:
        if answer is self.turns.draft and error:
            self.turns.draft = None  # tried again when the question is final
        if answer is not self.turns.answer:
            return
        if error:
            await self._error(error)
            await self.turns.interrupt("failed", self.outbox.position_us())
            await self._set_state("listening")

    # events

    async def _event(self, message: Any) -> None:
        await self.outbox.event(message)

    async def _set_state(self, state: m.State) -> None:
        if state != self._state:
            self._state = state
            await self._event(m.StateMessage(state=state))

    async def _error(self, error: HuashengError) -> None:
        await self._event(m.Error(fatal=False, problem=problem(error, self._lang)))
