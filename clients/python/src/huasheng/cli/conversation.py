"""A live conversation on a terminal: what is typed or spoken goes up, words and sound come back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from huasheng import live
from huasheng._async.live import AsyncConversation
from huasheng._playback import REPORT_S
from huasheng.cli import exits
from huasheng.cli.session import Session, print_json, words
from huasheng.cli.sound import Loudspeaker, Microphone
from huasheng.cli.typing_in import Lines

LEAVE = "/quit"
SAMPLE_US = 1000
"""More than a sample lasts: within so much the end is the end."""


class Conversation:
    """One conversation until it is left.

    ``is_piped``: questions come from a file, so each waits for the answer before, and the last answer is the end.
    """

    def __init__(
        self, session: Session, talk: AsyncConversation, *, is_piped: bool, speaker: Loudspeaker | None
    ) -> None:
        self._session, self._talk, self._is_piped, self._speaker = session, talk, is_piped, speaker
        self._is_answered = asyncio.Event()
        self._is_answered.set()
        self._is_left = asyncio.Event()
        self._presses = 0
        self._gen = 0
        self._end_us: int | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.code = exits.OK

    async def run(self, microphone: Microphone | None) -> int:
        """Talk until the end; returns the exit code. Raises ``HuashengError``, ``SoundError``."""
        work = [self._hear(), self._ask(), self._wait_to_leave()]
        more = [self._speak(microphone)] if microphone else []
        more += [self._report(self._speaker)] if self._speaker else []
        tasks = [asyncio.create_task(w) for w in work + more]
        try:
            with self._ctrl_c():
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.code

    @contextlib.contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(self._pressed))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _pressed(self) -> None:
        """Ctrl-C: the first interrupts the answer, the second leaves."""
        self._presses += 1
        if self._presses > 1:
            self.code = exits.CANCELLED
            self._is_left.set()
            return
        if self._is_heard:
            task = asyncio.create_task(self._interrupt())
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        self._session.note("Ctrl-C once more leaves")

    @property
    def _is_heard(self) -> bool:
        """Whether an answer is awaited or still being played."""
        is_playing = self._end_us is not None and self._talk.position_us < self._end_us - SAMPLE_US
        return is_playing or not self._is_answered.is_set()

    async def _interrupt(self) -> None:
        if self._speaker:
            await self._talk.played(self._gen, self._speaker.position_us)
            self._speaker.stop()
        await self._talk.interrupt()

    async def _wait_to_leave(self) -> None:
        await self._is_left.wait()

    async def _ask(self) -> None:
        lines = Lines()
        while (text := await lines.next()) not in (None, LEAVE):
            if self._is_piped:
                await self._is_answered.wait()
            self._presses = 0
            self._is_answered.clear()
            await self._talk.say(str(text))
        if self._is_piped:
            await self._is_answered.wait()

    async def _hear(self) -> None:
        async for item in self._talk.items():
            self._show(item)
            if self._speaker:
                self._play(self._speaker, item)
            match item:
                case live.Turn():
                    self._presses, self._gen, self._end_us = 0, item.gen, None
                    self._is_answered.clear()
                case live.End():
                    self._end_us = item.duration_us
                case live.Interrupted():
                    self._end_us = None
                    self._is_answered.set()
                case live.Timings() | live.Error():
                    self._is_answered.set()
                case _:
                    pass

    def _play(self, speaker: Loudspeaker, item: live.LiveEvent | live.Media) -> None:
        match item:
            case live.Turn():
                speaker.begin(item.sample_rate_hz)
            case live.Sound():
                speaker.add(item.pts_us, item.data)
            case live.Hold() | live.Resume():
                speaker.hold(isinstance(item, live.Hold))
            case live.Interrupted():
                speaker.stop()
            case _:
                pass

    async def _report(self, speaker: Loudspeaker) -> None:
        """Say what was played, so that the gateway sends more, and knows what was heard."""
        told: tuple[int, int, bool] | None = None
        while True:
            await asyncio.sleep(REPORT_S)
            us = speaker.position_us
            is_end = self._end_us is not None and us >= self._end_us - SAMPLE_US
            if self._gen and told != (now := (self._gen, us, is_end)):
                await self._talk.played(*now[:2], is_end=is_end)
                told = now

    async def _speak(self, microphone: Microphone) -> None:
        while True:
            await self._talk.microphone(await microphone.read())

    def _show(self, item: live.LiveEvent | live.Media) -> None:
        """The transcript on stdout, what happens beside it on stderr."""
        if self._session.is_json:
            if told := _as_json(item):
                print_json(told)
            return
        match item:
            case live.Queue():
                self._session.note(f"place {item.position} in the queue")
            case live.Turn():
                self._session.show(f"? {item.question}", {})
            case live.Clause():
                self._session.show(f"  {item.text}", {})
            case live.Interrupted():
                self._session.show("  (interrupted)", {})
            case live.Fallback():
                self._session.note(f"{item.service}: {item.used} in place of {item.wanted} ({item.reason})")
            case live.Warning():
                self._session.note(f"{item.reason}: {item.text}")
            case live.Error():
                self._session.note(f"huasheng: {words(item.problem)}")
            case live.Reconnecting():
                self._session.note("the connection is lost; trying again")
            case _:
                pass


def _as_json(item: live.LiveEvent | live.Media) -> dict[str, Any] | None:
    """What a program may want to know, one object an event; None for the rest."""
    match item:
        case live.Welcome():  # without the session, with which the conversation could be taken over
            return {"type": "welcome", "conversation_id": item.conversation_id, "resumed": item.resumed}
        case live.Final():
            return {"type": "heard", "text": item.text, "language": item.language}
        case live.Turn():
            return {"type": "question", "text": item.question}
        case live.Clause():
            return {"type": "clause", "text": item.text, "start_us": item.start_us, "end_us": item.end_us}
        case live.Interrupted():
            return {"type": "interrupted", "heard": item.heard, "reason": item.reason}
        case live.Timings():
            return {"type": "answered", "timings_ms": item.ms}
        case live.Fallback() | live.Warning() | live.Error() | live.Reconnecting():
            return {"type": type(item).__name__.lower(), **item.model_dump(mode="json", exclude={"seq"})}
        case _:
            return None
