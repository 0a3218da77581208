"""The engines of one call, as one: the next hears the same speech when one is not set up, down or too slow."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from huasheng.common.v1 import common_pb2

from services.asr.engines.base import Segment, Transcript, join, primary
from services.asr.engines.registry import Engines
from services.asr.engines.vad import Vad
from services.common.aio import iterate_in_thread
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.fallback import Lineup

_LOOK_S = 0.1


@dataclass(frozen=True)
class Recognised(Transcript):
    """A transcript and who made it."""

    engine: str = ""
    fallbacks: list[common_pb2.Fallback] = field(default_factory=list)


class Recogniser:
    """Made on the event loop; ``transcribe`` and ``works_ahead`` are for a thread that listens."""

    def __init__(self, engines: Engines, lineup: Lineup, first: str, alone: bool, language: str | None) -> None:
        """Raises ``unknown-engine`` and ``engine-unavailable`` for a ``first`` that must not be asked for."""
        if first:
            engines.require(first)
        self._engines, self._lineup, self._language = engines, lineup, language
        names = lineup.order(first, alone)
        self._names = [n for n in names if n == names[0] or engines.knows(n, language, names[0])]
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # ids for the log

    async def recognise(self, samples: Samples) -> Recognised:
        """The words of a clip (16 kHz). Raises what the engines raise."""
        heard_at = time.monotonic()

        async def hear(name: str) -> AsyncGenerator[list[Segment], None]:
            nonlocal heard_at
            engine = await asyncio.to_thread(self._engines.get, name)
            heard_at, segments, cancelled = time.monotonic(), [], threading.Event()
            found = iterate_in_thread(
                lambda: engine.segments(samples, self._language, cancelled), on_stop=cancelled.set
            )
            async with contextlib.aclosing(found):
                async for segment in found:
                    segments.append(segment)
                    heard_at = time.monotonic()
            yield segments  # as a whole: until then the next engine can start over

        def work(name: str) -> AsyncGenerator[list[Segment], None]:
            nonlocal heard_at
            heard_at = time.monotonic()
            return hear(name)

        limit_s = self._engines.settings.first_text_s
        begun = await self._lineup.begin(
            self._names, work, self._engines.unavailable, limit_s, busy_since=lambda: heard_at
        )
        async with contextlib.aclosing(begun):
            t = join(await anext(begun), self._language)
        return Recognised(t.text, t.language, t.language_probability, t.segments, begun.engine, begun.fallbacks)

    # for live listening

    async def ready(self) -> None:
        """Load what a live stream needs before its first words. Raises what is wrong with the first engine."""
        wrong: list[HuashengError] = []
        for name in self._names:
            try:
                self.vad: Vad = (await asyncio.to_thread(self._engines.get, name)).vad
                return
            except HuashengError as e:
                wrong.append(e)
        raise wrong[0]

    @property
    def works_ahead(self) -> bool:
        """Whether the engine whose turn it is may be asked before an utterance has ended."""
        return self._engines.works_ahead(self._lineup.in_turn(self._names, self._engines.unavailable))

    def transcribe(
        self, samples: Samples, _language: str | None = None, cancelled: threading.Event | None = None
    ) -> Recognised:
        """``recognise``, waited for in another thread; no words when ``cancelled`` is set."""
        work = self._context.run(asyncio.run_coroutine_threadsafe, self.recognise(samples), self._loop)
        while True:
            try:
                return work.result(_LOOK_S)
            except TimeoutError:
                if cancelled and cancelled.is_set():
                    work.cancel()
                    return Recognised("", primary(self._language or ""), 0.0, [])
