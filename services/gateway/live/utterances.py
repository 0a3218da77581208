"""What the user says in a live session: words that ask, that go on, that interrupt, and sounds that do not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from services.common import audio
from services.gateway.live import echo
from services.gateway.live import messages as m
from services.gateway.live.answer import Answer
from services.gateway.live.hearing import Hearing
from services.gateway.live.outbox import Outbox
from services.gateway.live.question import Question
from services.gateway.live.turns import Turns
from services.gateway.live.words import ends_with_stop, is_backchannel, is_stop, joined, says_little

JOIN_S = 1.0
"""Speech that begins so soon after the end of an utterance belongs to it."""
JOIN_HEARD_US, JOIN_GAP_US = 1_000_000, 2_000_000
"""So little of an answer was heard, so soon after the user's last sound, that who speaks on had not finished."""
BEFORE_US = 300_000
"""Sound before the beginning of speech that is compared with what was played: first consonants are soft."""
SILENT_AFTER_US = 200_000
"""From holding an answer until its echo is over."""
SHORT_US = 600_000
"""Shorter speech is no interruption, unless it bids to stop: recognisers make words of a cough or a hum."""
HOLD_S = 2.5
"""Longest time that an answer is held for words that do not come."""


class Utterances:
    """Takes the messages of the asr service one by one. ``set_state`` gets what the avatar does."""

    def __init__(
        self, turns: Turns, outbox: Outbox, hearing: Hearing, set_state: Callable[[m.State], Awaitable[None]]
    ) -> None:
        self._turns, self._outbox, self._hearing, self._set_state = turns, outbox, hearing, set_state
        self.spoke_at = time.monotonic()
        """When the user last began to speak."""
        self._held_until = 0.0
        self._held_us = 0
        self._likeness = 0.0  # of this utterance's beginning, to what was played
        self._is_echo = False  # whether this utterance is the avatar's own voice, also when its answer is over
        self._ended_at = -JOIN_S
        self._answers: deque[Answer] = deque(maxlen=6)  # an echo may reach from one into the next
        self._before = ""  # words whose answer was cancelled because the user spoke on
        self._began_us = 0
        self._cut_off = ""  # a question whose answer may have begun too early: the user speaks again
        self._said_us = -JOIN_GAP_US  # when the user's last sound ended, in time of the microphone

    async def check_hold(self) -> None:
        """Go on with an answer that was held for words that have not come."""
        if self._turns.is_held and time.monotonic() > self._held_until:
            await self.resume()

    async def heard(self, response: Any) -> None:
        """A ``StreamTranscribeResponse``."""
        kind = response.WhichOneof("payload")
        if kind == "speech_started":
            await self._speech_started(response.speech_started.pts_us)
        elif kind == "partial":
            await self._words(response.partial.text, self._began_us + SHORT_US)  # that of longer speech
            if not self._is_quiet():
                await self._outbox.event(m.Partial(text=joined(self._before, response.partial.text)))
        elif kind == "paused":
            await self._paused(response.paused)
        elif kind == "speech_resumed":
            await self._turns.drop_draft()
            if self._turns.answer and self._outbox.played_us > 0 and not self._is_quiet():
                await self._hold()
        elif kind == "speech_ended":
            self._said_us = response.speech_ended.pts_us
            await self._outbox.event(m.SpeechEnded(at_us=response.speech_ended.pts_us))
        elif kind == "final":
            await self._final(response.final)

    async def _speech_started(self, at_us: int) -> None:
        self.spoke_at = time.monotonic()
        self._is_echo, self._began_us, self._cut_off = False, at_us, ""
        a = self._turns.answer
        if a and self._outbox.played_us > 0:
            self._likeness = self._likeness_to_played(a)
            self._is_echo = self._likeness >= echo.ECHO_AT_ONCE
            if not self._is_echo:
                if self._outbox.position_us() < JOIN_HEARD_US and 0 <= at_us - self._said_us < JOIN_GAP_US:
                    self._cut_off = a.question.text
                await self._hold()
        elif a and a.question.text and time.monotonic() - self._ended_at < JOIN_S:
            self._before = a.question.text
            await self._turns.drop_answer()
            await self._set_state("hearing")
        elif not a:
            await self._set_state("hearing")
        if not self._is_echo:
            await self._outbox.event(m.SpeechStarted(at_us=at_us))

    async def _hold(self) -> None:
        """The client falls silent until it is clear whether these are words."""
        self._turns.is_held, self._held_until = True, time.monotonic() + HOLD_S
        self._held_us = self._hearing.position_us
        await self._outbox.event(m.Hold(gen=self._turns.generation))
        await self._set_state("held")

    def _likeness_to_played(self, answer: Answer) -> float:
        """Correlation of the utterance's sound, not of the silence before it, with what was played, -1 to 1."""
        pcm, rate_hz = answer.sound_around(self._outbox.position_us())
        if not pcm:
            return 0.0
        played = audio.resample(audio.from_pcm16(pcm), rate_hz, echo.RATE_HZ)
        begin = self._began_us - BEFORE_US
        heard = self._hearing.since(begin)
        if self._turns.is_held:  # the client has been silent since then
            lost = self._hearing.position_us - begin - heard.size * 1_000_000 // echo.RATE_HZ
            end = self._held_us + SILENT_AFTER_US - begin - lost
            heard = heard[: max(0, end) * echo.RATE_HZ // 1_000_000]
        return echo.correlation(heard, played[-heard.size - round((echo.MAX_DELAY_S + 0.4) * echo.RATE_HZ) :])

    def _is_own_voice(self, answer: Answer, text: str) -> bool:
        """Whether the words are the avatar's: told by the words themselves, or by the sound in which they came."""
        if ends_with_stop(text):
            return False
        if answer not in self._answers:
            self._answers.append(answer)
        spoken = "".join(clause for a in self._answers for clause, _, _ in a.clauses)
        if echo.share_repeated(text, spoken) >= (echo.REPEATED if self._likeness < echo.ALIKE else echo.REPEATED_ALIKE):
            return True
        return self._likeness_to_played(answer) >= echo.ECHO

    def _is_quiet(self) -> bool:
        """Whether what is heard is not, or not yet, taken for the user's words."""
        return self._turns.is_held or self._is_echo

    def _is_mere_sound(self, text: str, until_us: int) -> bool:
        """Whether nobody stops talking for it: a cough, "嗯", or something short that the recogniser took for words."""
        return says_little(text) or (until_us - self._began_us < SHORT_US and not is_stop(text))

    async def _words(self, text: str, until_us: int) -> None:
        """Words while the avatar speaks: they interrupt it unless they are its own, or mere sounds of listening."""
        a = self._turns.answer
        if a and self._is_quiet() and not self._is_mere_sound(text, until_us):
            if self._is_own_voice(a, text):
                self._is_echo = True
                if self._turns.is_held:
                    await self.resume()
                return
            self._is_echo = False
            if self._cut_off and not is_stop(text):
                self._before = self._cut_off
                await self._turns.drop_answer()
            else:
                await self._turns.interrupt("speech", self._outbox.position_us())
            await self._set_state("hearing")

    async def _paused(self, paused: Any) -> None:
        await self._words(paused.text, paused.pts_us)
        if self._turns.is_held and self._is_mere_sound(paused.text, paused.pts_us):
            await self.resume()  # words that follow hold it again
        text = joined(self._before, paused.text)
        if self._is_quiet() or self._turns.answer or not text:
            return
        await self._turns.draft_answer(Question(text, paused.language))

    async def _final(self, final: Any) -> None:
        await self._words(final.text, final.end_us)
        if self._is_quiet():
            if self._turns.is_held:
                await self.resume()
            return
        text, is_joined = joined(self._before, final.text), bool(self._before)
        self._before = ""
        if self._turns.answer:
            is_heard = self._outbox.played_us > 0
            if is_backchannel(final.text) or (is_heard and self._is_mere_sound(final.text, final.end_us)):
                return  # a sound while the answer is being thought of
            await self._turns.interrupt("speech", self._outbox.position_us())
        await self._outbox.event(m.Final(text=text, language=final.language, joined=is_joined))
        for fallback in final.fallbacks:
            fields = {k: getattr(fallback, k) for k in ("service", "wanted", "used", "reason")}
            await self._outbox.event(m.Fallback(**fields))
        if not text:
            await self._turns.drop_draft()
            await self._set_state("listening")
            return
        self._ended_at = time.monotonic()
        await self._turns.begin(Question(text, final.language))
        if self._turns.answer:
            silence_ms = round((self._hearing.position_us - self._said_us) / 1000)
            self._turns.answer.record.span.event("endpoint", silence_ms=silence_ms, joined=is_joined)

    async def resume(self) -> None:
        """It was nothing: the client goes on where it is."""
        self._turns.is_held = False
        if self._turns.answer:
            await self._outbox.event(m.Resume(gen=self._turns.generation))
            await self._set_state("speaking")
