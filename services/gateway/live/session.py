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

from services.common import audio, logs
from services.common.errors import HuashengError, problem
from services.gateway.context import Gateway
from services.gateway.live import echo
from services.gateway.live import messages as m
from services.gateway.live.answer import Answer, Question
from services.gateway.live.hearing import Hearing, HearingFailed
from services.gateway.live.openings import GREETINGS, Openings
from services.gateway.live.outbox import Outbox
from services.gateway.live.setup import Choices
from services.gateway.live.turns import Ended, Turns
from services.gateway.live.words import is_backchannel, joined
from services.gateway.turn.stages import synthesis_config

log = logging.getLogger("huasheng.gateway.live")

JOIN_S = 1.0
"""Speech that begins so soon after the end of an utterance belongs to it."""
HOLD_S = 2.5
"""Longest time that an answer is held for words that do not come."""
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
        self._state: m.State | None = None
        self._held_until = 0.0
        self._before = ""  # words whose answer was cancelled because the user spoke on
        self._ended_at = -JOIN_S
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
                    item = await asyncio.wait_for(self.inbox.get(), CHECK_HELD_S if self.turns.is_held else CHECK_S)
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
        if self.turns.is_held and now > self._held_until:
            await self._resume()
        a = self.turns.answer
        if a and a.sent_at is not None and now - a.sent_at > a.length_us / 1e6 + END_WAIT_S:
            await self.turns.finish()  # the client does not say that it has played it
        if now - self._active > settings.live_idle_s:
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
                await self._heard(item)
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

    # what the user says

    async def _heard(self, response: Any) -> None:
        kind = response.WhichOneof("payload")
        if kind == "speech_started":
            await self._speech_started(response.speech_started.pts_us)
        elif kind == "partial":
            await self._words(response.partial.text)
            if not self._is_quiet():
                await self._event(m.Partial(text=joined(self._before, response.partial.text)))
        elif kind == "paused":
            await self._paused(response.paused)
        elif kind == "speech_resumed":
            await self.turns.drop_draft()
        elif kind == "speech_ended":
            await self._event(m.SpeechEnded(at_us=response.speech_ended.pts_us))
        elif kind == "final":
            await self._final(response.final)

    async def _speech_started(self, at_us: int) -> None:
        self._active = time.monotonic()
        self.turns.is_echo = False
        a = self.turns.answer
        if a and self.outbox.played_us > 0:
            self.turns.is_echo = self._hears_itself(a)
            if not self.turns.is_echo:
                self.turns.is_held, self._held_until = True, time.monotonic() + HOLD_S
                await self._event(m.Hold(gen=self.turns.generation))
                await self._set_state("held")
        elif a and a.question.text and time.monotonic() - self._ended_at < JOIN_S:
            self._before = a.question.text
            await self.turns.drop_answer()
            await self._set_state("hearing")
        elif not a:
            await self._set_state("hearing")
        if not self.turns.is_echo:
            await self._event(m.SpeechStarted(at_us=at_us))

    def _hears_itself(self, answer: Answer) -> bool:
        pcm, rate_hz = answer.sound_around(self.outbox.position_us())
        if not pcm:
            return False
        played = audio.resample(audio.from_pcm16(pcm), rate_hz, echo.RATE_HZ)
        span = round((echo.MAX_DELAY_S + 1.0) * echo.RATE_HZ)
        return echo.is_echo(self.hearing.recent(), played[-span:])

    def _is_quiet(self) -> bool:
        """Whether what is heard is not, or not yet, taken for the user's words."""
        return self.turns.is_held or self.turns.is_echo

    async def _words(self, text: str) -> None:
        """Words while the avatar speaks: they interrupt it unless they are its own, or mere sounds of listening."""
        if self.turns.answer and self._is_quiet() and not is_backchannel(text):
            if echo.repeats(text, self.turns.answer.reply):
                return
            await self.turns.interrupt("speech", self.outbox.position_us())
            await self._set_state("hearing")

    async def _paused(self, paused: Any) -> None:
        await self._words(paused.text)
        text = joined(self._before, paused.text)
        if self._is_quiet() or self.turns.answer or not text:
            return
        await self.turns.draft_answer(Question(text, paused.language))

    async def _final(self, final: Any) -> None:
        await self._words(final.text)
        if self._is_quiet():
            self.turns.is_echo = False
            if self.turns.is_held:
                await self._resume()
            return
        text, is_joined = joined(self._before, final.text), bool(self._before)
        self._before = ""
        if self.turns.answer:
            if not final.text or is_backchannel(final.text):
                return  # a sound while the answer is being thought of
            await self.turns.interrupt("speech", self.outbox.position_us())
        await self._event(m.Final(text=text, language=final.language, joined=is_joined))
        for fallback in final.fallbacks:
            fields = {k: getattr(fallback, k) for k in ("service", "wanted", "used", "reason")}
            await self._event(m.Fallback(**fields))
        if not text:
            await self.turns.drop_draft()
            await self._set_state("listening")
            return
        self._ended_at = time.monotonic()
        await self.turns.begin(Question(text, final.language))

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

    async def _resume(self) -> None:
        self.turns.is_held = False
        if self.turns.answer:
            await self._event(m.Resume(gen=self.turns.generation))
            await self._set_state("speaking")

    # events

    async def _event(self, message: Any) -> None:
        await self.outbox.event(message)

    async def _set_state(self, state: m.State) -> None:
        if state != self._state:
            self._state = state
            await self._event(m.StateMessage(state=state))

    async def _error(self, error: HuashengError) -> None:
        await self._event(m.Error(fatal=False, problem=problem(error, self._lang)))
