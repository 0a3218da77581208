"""The engines of one call, as one: the next gets the same speech when one is not set up, down or too slow."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from huasheng.common.v1 import common_pb2

from services.asr.engines.base import AsrEngine, Segment, Transcript, join, primary
from services.asr.settings import AsrSettings
from services.asr.vad import Vad
from services.common.aio import iterate_in_thread
from services.common.audio import Samples
from services.common.engines import EngineSet
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback

_CHECK_S = 0.1
"""Between two checks of whether an utterance is still wanted."""


@dataclass(frozen=True)
class EngineTranscript(Transcript):
    """A transcript and the engine that made it."""

    engine: str = ""
    fallbacks: list[common_pb2.Fallback] = field(default_factory=list)


class Recogniser:
    """Made on the event loop; ``transcribe`` and ``works_ahead`` are for a thread that listens."""

    def __init__(
        self,
        engines: EngineSet[AsrEngine],
        fallback: EngineFallback,
        settings: AsrSettings,
        *,
        first: str,
        alone: bool,
        language: str | None,
    ) -> None:
        """Raises ``unknown-engine`` and ``engine-unavailable`` for a ``first`` that must not be asked for."""
        if first:
            engines.require(first)
        self._engines, self._fallback, self._settings, self._language = engines, fallback, settings, language
        names = fallback.order(first, alone)
        self._names = [n for n in names if n == names[0] or self._can_replace(n, names[0])]
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # ids for the log

    def _can_replace(self, name: str, other: str) -> bool:
        """Whether an engine is made for the language of the call, or for all that the other engine is made for."""
        known = set(self._engines.type_of(name).languages)
        if self._language and primary(self._language) in known:
            return True
        return known >= set(self._engines.type_of(other).languages)

    async def recognise(self, samples: Samples, draft: bool = False) -> EngineTranscript:
        """The words of a clip (16 kHz); a draft is quicker and less right. Raises what the engines raise."""
        progress_at = time.monotonic()

        async def segments_of(name: str) -> AsyncGenerator[list[Segment], None]:
            nonlocal progress_at
            engine = await asyncio.to_thread(self._engines.get, name)
            progress_at, segments, cancelled = time.monotonic(), [], threading.Event()
            found = iterate_in_thread(
                lambda: engine.segments(samples, self._language, cancelled, draft), on_stop=cancelled.set
            )
            async with contextlib.aclosing(found):
                async for segment in found:
                    segments.append(segment)
                    progress_at = time.monotonic()
            yield segments  # as a whole: until then the next engine can start over

        def work(name: str) -> AsyncGenerator[list[Segment], None]:
            nonlocal progress_at
            progress_at = time.monotonic()
            return segments_of(name)

        limit_s = self._settings.first_text_s
        run = await self._fallback.begin(
            self._names, work, self._engines.unavailable, limit_s, busy_since=lambda: progress_at
        )
        async with contextlib.aclosing(run):
            joined = join(await anext(run), self._language)
        return EngineTranscript(**vars(joined), engine=run.engine, fallbacks=run.fallbacks)

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
        """Whether the engine that is asked next may be asked before an utterance has ended."""
        name = self._fallback.next_engine(self._names, self._engines.unavailable)
        return self._engines.type_of(name).works_ahead

    def transcribe(
        self,
        samples: Samples,
        _language: str | None = None,
        cancelled: threading.Event | None = None,
        draft: bool = False,
    ) -> EngineTranscript:
        """``recognise``, waited for in another thread; no words when ``cancelled`` is set."""
        # a copy: two threads may ask at the same time, and a context can be entered by one only
        ids = self._context.copy()
        work = ids.run(asyncio.run_coroutine_threadsafe, self.recognise(samples, draft), self._loop)
        while True:
            try:
                return work.result(_CHECK_S)
            except TimeoutError:
                if cancelled and cancelled.is_set():
                    work.cancel()
                    return EngineTranscript("", primary(self._language or ""), 0.0, [])
