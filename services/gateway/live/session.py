"""A live conversation: what the user says and does comes in one by one, answers are begun, sent, held and broken off.

All state changes in ``run``, in one task; what comes in waits in ``inbox``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Any

from huasheng.asr.v1 import asr_pb2

from services.common import logs, tracing
from services.common.errors import HuashengError, problem
from services.gateway.context import Gateway
from services.gateway.live import messages as m
from services.gateway.live.answer import Answer
from services.gateway.live.hearing import Hearing, HearingFailed
from services.gateway.live.openings import GREETINGS, Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.question import Question
from services.gateway.live.setup import Choices, changed, check_change, voice_of
from services.gateway.live.turns import Ended, Turns
from services.gateway.live.utterances import Utterances
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.stages import synthesis_config

log = logging.getLogger("huasheng.gateway.live")

CHECK_S, CHECK_HELD_S = 1.0, 0.1
"""Between two looks at the clock."""
END_WAIT_S = 20.0
"""How long the client may take to play what it has, beyond its length."""


@dataclass(frozen=True)
class _Checked:
    """A change of settings that can be made."""

    change: m.ChangeSettings
    voice: VoiceChoice | None


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
        self._warming: asyncio.Task[None]
        self._checking, self._changing = asyncio.Lock(), set[asyncio.Task[None]]()
        self._state: m.State | None = None
        self._began = self._active = time.monotonic()

    async def run(self, lang: str) -> None:
        """Serve the user until ``Bye``. Raises ``live-idle``, ``live-too-long``, ``live-slow``."""
        logs.turn_id.set(self.id)
        span = tracing.root("live session", self.id, session_id=self.id)
        try:
            with span.active():
                await self._serve(lang)
        finally:
            span.end()

    async def _serve(self, lang: str) -> None:
        self._lang = lang
        hello = self.chosen.hello
        self._warming = asyncio.create_task(self._warm())
        try:
            await self.hearing.listen(hello.listening)
            await self._set_state("listening")
            if hello.greet and not await self.turns.history(1):
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
            for task in (self._warming, *self._changing):
                task.cancel()
            await self.hearing.stop()
            for answer in (self.turns.answer, self.turns.draft):
                if answer:
                    await answer.cancel()
            if self.turns.answer:
                await self.turns.save(self.turns.answer, self.outbox.position_us(), interrupted=True)

    def detach(self, wait_s: float) -> None:
        """The connection was lost: the session ends unless its client comes back in time."""
        self._leaving = asyncio.get_running_loop().call_later(wait_s, self.task.cancel)

    async def refuse(self, error: HuashengError) -> None:
        """End the session: its person may not go on."""
        await self.inbox.put(error)

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

    async def _check(self, change: m.ChangeSettings) -> None:
        """Find the voice without holding up what else comes in."""
        hello, voice = self.chosen.hello.model_copy(update={"voice_id": change.voice_id}), None
        try:
            check_change(self.chosen.who, change)
            async with self._checking:  # the last change wins
                if change.voice_id is not None:
                    voice = await voice_of(self._gateway, self.owner, hello)
                await self.inbox.put(_Checked(change, voice))
        except HuashengError as e:
            await self._tell_settings(e)

    async def _use(self, checked: _Checked) -> None:
        before, self.chosen = self.chosen, changed(self.chosen, checked.change, checked.voice)
        await self.turns.use(self.chosen)
        await self.hearing.change(self.chosen.hello.language, self.chosen.hello.patience)
        if self.chosen.voice != before.voice:
            self._warming.cancel()
            self._openings.forget()
            self._warming = asyncio.create_task(self._warm())
        await self._tell_settings(None)

    async def _tell_settings(self, error: HuashengError | None) -> None:
        hello, why = self.chosen.hello, problem(error, self._lang) if error else None
        await self._event(
            m.SettingsChanged(voice_id=hello.voice_id, language=hello.language, patience=hello.patience, problem=why)
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
            case _Checked():
                await self._use(item)
            case HearingFailed():
                await self._error(item.error)
            case HuashengError():
                raise item
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
            case m.ChangeSettings():
                task = asyncio.create_task(self._check(item))
                self._changing.add(task)
                task.add_done_callback(self._changing.discard)

    async def _played(self, played: m.PlayedMessage) -> None:
        was = self.outbox.played_us
        await self.outbox.acknowledge(played, played.is_end)
        a = self.turns.answer
        if a is None or played.gen != self.turns.generation:
            return
        if played.us > 0 and was == 0 and not self.turns.is_held:
            a.timings.mark("first_heard")
            a.record.span.event("first_heard", ms=a.timings.ms["first_heard"])
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
