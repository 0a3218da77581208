"""Prepares texts for later, one after the other, while nobody waits for speech."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from services.common import metrics
from services.common.errors import HuashengError
from services.tts.clause_cache import ClauseCache, Preparing
from services.tts.engines.base import SpeechRequest, Stop, TextClause, TtsEngine

log = logging.getLogger("huasheng.tts.preparing")

MOST_TEXTS, LONGEST_TEXT = 200, 60
"""Of one request."""
MOST_WAITING = 400
MOST_KNOWN = 2000
"""Texts whose outcome is remembered."""
QUIET_S = 1.0
"""Pause after the last speech: the next clause of a dialogue may be near."""
REST_SHARE = 1.0
"""Pause after each text, as a share of the time it took: recognition and drawing want the cores as well."""
AGAIN_S = 600.0
"""A text that failed, or whose speech had to give way to others', is not tried again sooner."""

Job = tuple[Hashable, ...]
"""How and what: the same for texts that are said in the same way."""


@dataclass(frozen=True)
class _Outcome:
    keys: tuple[Hashable, ...]
    """Of the stretches; empty when it failed."""
    at: float


def _job(engine: TtsEngine, request: SpeechRequest, text: str) -> Job:
    r = request
    return (engine.name, r.voice_id, r.language, r.speed, r.cloned, r.sampling, r.dictionary.key, text)


class Preparer:
    """The texts that wait, and what became of others. Belongs to one event loop."""

    def __init__(self, cache: ClauseCache, quiet_s: float = QUIET_S, rest_share: float = REST_SHARE) -> None:
        self._cache, self._quiet_s, self._rest_share = cache, quiet_s, rest_share
        self._waiting: OrderedDict[Job, tuple[TtsEngine, SpeechRequest, str]] = OrderedDict()
        self._known: OrderedDict[Job, _Outcome] = OrderedDict()
        self._speaking = 0
        self._spoke_at = -quiet_s
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stop = Stop()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Texts that wait."""
        return len(self._waiting)

    @property
    def outcomes(self) -> int:
        """Texts that were prepared or failed."""
        return len(self._known)

    @property
    def speaking(self) -> int:
        """Streams of speech that are awaited now."""
        return self._speaking

    @contextlib.contextmanager
    def speech(self) -> Iterator[None]:
        """Speech is awaited during this block: the text at work is given up, and no other is begun."""
        self._speaking += 1
        self._quiet.clear()
        self._stop.set()
        try:
            yield
        finally:
            self._speaking -= 1
            if not self._speaking:
                self._spoke_at = time.monotonic()
                self._quiet.set()

    def prepare(self, engine: TtsEngine, request: SpeechRequest, texts: Sequence[str]) -> list[str]:
        """The texts that are at hand, in their order; the others are prepared before those of earlier requests.

        Raises ``bad-request`` for too many or too long texts.
        """
        if len(texts) > MOST_TEXTS or any(len(t) > LONGEST_TEXT for t in texts):
            raise HuashengError("bad-request", what=f"At most {MOST_TEXTS} texts of {LONGEST_TEXT} characters.")
        if not engine.repeats(request) or not self._cache.keeps:
            return []
        ready, missing = [], []
        for text in dict.fromkeys(texts):
            job = _job(engine, request, text)
            if self._is_ready(job):
                ready.append(text)
            elif not self._is_settled(job):
                missing.append((job, text))
        for job, text in reversed(missing):
            self._waiting[job] = (engine, request, text)
            self._waiting.move_to_end(job, last=False)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem()
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())
        return ready

    def _is_ready(self, job: Job) -> bool:
        known = self._known.get(job)
        return bool(known and known.keys) and all(map(self._cache.has_prepared, known.keys if known else ()))

    def _is_settled(self, job: Job) -> bool:
        known = self._known.get(job)
        return known is not None and time.monotonic() - known.at < AGAIN_S

    async def _work(self) -> None:
        while self._waiting:
            await self._wait_for_quiet()
            job, (engine, request, text) = self._waiting.popitem(last=False)
            began = time.monotonic()
            keys = await self._keys(engine, request, text)
            if keys is None:  # given up for speech: first again
                self._waiting[job] = (engine, request, text)
                self._waiting.move_to_end(job, last=False)
                continue
            self._known[job] = _Outcome(keys, time.monotonic())
            self._known.move_to_end(job)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
            await asyncio.sleep(self._rest_share * (time.monotonic() - began))

    async def _wait_for_quiet(self) -> None:
        while self._speaking or (left := self._spoke_at + self._quiet_s - time.monotonic()) > 0:
            if self._speaking:
                await self._quiet.wait()
            else:
                await asyncio.sleep(left)
        self._stop = Stop()

    async def _keys(self, engine: TtsEngine, request: SpeechRequest, text: str) -> tuple[Hashable, ...] | None:
        """Keys of what is in the cache now; empty after an error; None when it was given up."""
        memory, stop = Preparing(self._cache), self._stop
        asked = dataclasses.replace(request, stop=stop, left_out=[], ignored=[], memory=memory)

        def speak() -> None:
            for _ in engine.synthesize(iter([TextClause(0, text)]), asked):
                pass

        try:
            await asyncio.to_thread(speak)
        except HuashengError as e:
            log.warning("a text was not prepared", extra={"engine": engine.name, "reason": e.slug})
            memory.keys.clear()
        except Exception:
            log.exception("unexpected error of an engine", extra={"engine": engine.name})
            memory.keys.clear()
        if stop.is_set():
            return None
        metrics.TTS_PREPARED.labels("done" if memory.keys else "failed").inc()
        return tuple(memory.keys)

    async def close(self) -> None:
        """End the work; returns when the engine is free."""
        self._waiting.clear()
        self._stop.set()
        if self._task:
            self._speaking += 1  # nothing is begun any more
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
