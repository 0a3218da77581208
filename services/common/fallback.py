"""Engines in their order: the next one takes over when one is not set up, down, or slow to begin.

After an engine has begun, nothing replaces it: part of its answer is out, and its failure goes to the caller. Each
engine has a circuit breaker (M. T. Nygard, *Release It!*, chapter 5): an engine that failed is asked last until a pause
is over. Then a single request tries it, and it is asked in its turn again when that succeeds. All of this belongs to
one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from huasheng.common.v1 import common_pb2

from services.common import metrics, tracing
from services.common.errors import HuashengError
from services.common.settings import EngineSettings

log = logging.getLogger("huasheng.fallback")
T = TypeVar("T")
Clock = Callable[[], float]
Problem = Callable[[str], HuashengError | None]

TICK_S = 0.05
"""Seconds between two checks of an engine that has not begun."""
GRACE_S = 0.5
"""Added to the limit of the last engine: its own deadline, if it is the same, gives a better reason."""
_END: Any = object()
_OWN_LIMITS = ("bad-request", "unspeakable-text")
"""Refusals that may lie in what one engine does not know, such as a language."""


class Breaker:
    """Whether one engine is asked in its turn."""

    def __init__(self, pause_s: float, clock: Clock = time.monotonic) -> None:
        self.error: HuashengError | None = None
        """What went wrong when it was last asked; None while the breaker is closed."""
        self._pause_s, self._clock = pause_s, clock
        self._again_at = 0.0
        self._is_tried = False

    @property
    def retry_s(self) -> float:
        """Seconds until the engine is tried again; 0 unless the breaker is open."""
        return max(0.0, self._again_at - self._clock()) if self.error else 0.0

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if not self.error:
            return "closed"
        return "open" if self.retry_s else "half-open"

    @property
    def blocker(self) -> HuashengError | None:
        """Why the engine is passed over now; None when it is not. A half-open breaker lets one request at a time in."""
        return self.error if self.retry_s or self._is_tried else None

    def begin(self) -> None:
        """The engine is asked now; a call of ``succeeded``, ``failed`` or ``left`` follows."""
        self._is_tried = self.error is not None

    def succeeded(self) -> None:
        """The engine did its work, or refused for a reason that lies in the request."""
        self.error, self._is_tried = None, False

    def failed(self, error: HuashengError) -> None:
        """The engine could not do its work."""
        self.error, self._is_tried = error, False
        self._again_at = self._clock() + self._pause_s

    def left(self) -> None:
        """The caller went away before the outcome was known."""
        self._is_tried = False


class EngineRun(AsyncIterator[T]):
    """The pieces of work of the engine that began it; must be closed. Raises what the engine raises later."""

    def __init__(
        self,
        engine: str,
        fallbacks: list[common_pb2.Fallback],
        first: T,
        rest: AsyncGenerator[T, None],
        breaker: Breaker,
    ) -> None:
        self.engine = engine
        self.fallbacks = fallbacks
        """The engines that were passed over, in their order."""
        self._first, self._rest, self._breaker = first, rest, breaker

    async def __anext__(self) -> T:
        if self._first is not _END:
            first, self._first = self._first, _END
            return first
        try:
            return await anext(self._rest)
        except HuashengError as e:
            if e.reason.fallback:
                self._breaker.failed(e)  # too late for this caller, but the next one asks another engine
            raise

    async def aclose(self) -> None:
        """Free the engine."""
        await self._rest.aclose()


class EngineFallback:
    """The engines of one service in their order.

    ``problem`` says why an engine cannot work at this moment: it would only keep its caller waiting.
    """

    def __init__(
        self, service: str, settings: EngineSettings, problem: Problem = lambda _: None, clock: Clock = time.monotonic
    ) -> None:
        self._service, self._settings, self._problem, self._clock = service, settings, problem, clock
        self.breakers = {n: Breaker(settings.cooldown_s, clock) for n in settings.engine_names()}
        self.closing: set[asyncio.Task[None]] = set()
        """Work that was given up and has not ended yet."""

    def order(self, first: str = "", alone: bool = False) -> list[str]:
        """The engines to ask, ``first`` before the others; it must be one of the settings, or empty."""
        names = list(self.breakers)
        first = first or names[0]
        return [first] if alone else [first, *(n for n in names if n != first)]

    def next_engine(self, names: Sequence[str], unavailable: Problem) -> str:
        """The engine that is asked next. Raises what is wrong with the first when none can be asked."""
        usable = [n for n in names if not unavailable(n)]
        if not usable:
            raise unavailable(names[0]) or HuashengError("internal", service=self._service)
        return next((n for n in usable if not self._blocker(n)), usable[0])

    def _blocker(self, name: str) -> HuashengError | None:
        """Why an engine is asked only after the others; None when it is asked in its turn."""
        return self.breakers[name].blocker or self._problem(name)

    async def begin(
        self,
        names: Sequence[str],
        work: Callable[[str], AsyncGenerator[T, None]],
        unavailable: Problem,
        limit_s: float,
        *,
        limits_last: bool = False,
        busy_since: Callable[[], float | None] | None = None,
    ) -> EngineRun[T]:
        """Ask the engines of ``names`` until one begins the work. Raises the error of the first one when none does.

        ``limit_s`` is the time for all of them to begin. While another engine could take over, an engine has the
        settings' share of what is left; the last one has its own limit only, or with ``limits_last`` what is left.
        ``busy_since()`` is when the engine got work; None while it waits for its caller. An error that no other engine
        would mend is raised at once.
        """
        why: dict[str, HuashengError] = {}
        waiting, left_s = list(names), limit_s
        while waiting:
            blockers = {n: self._blocker(n) for n in waiting}
            name = next((n for n in waiting if not blockers[n]), waiting[0])
            waiting.remove(name)
            why |= {n: e for n, e in blockers.items() if e}
            if error := unavailable(name):
                why[name] = error
                continue
            has_substitute = any(not blockers[n] and not unavailable(n) for n in waiting)
            share_s = left_s * self._settings.fallback_share
            limit = share_s if has_substitute else left_s + GRACE_S if limits_last else None
            asked_at = self._clock()
            pieces = work(name)
            breaker = self.breakers[name]
            breaker.begin()
            try:
                first = await self._first(name, pieces, busy_since or partial(float, asked_at), limit)
            except HuashengError as e:
                if e.reason.fallback:
                    breaker.failed(e)
                else:
                    breaker.succeeded()
                    # a substitute may not know what was asked of the first engine
                    if e.slug not in _OWN_LIMITS or name == names[0]:
                        raise
                why[name] = e
                left_s = max(0.0, left_s - (self._clock() - asked_at))
                log.warning("engine cannot do it", extra={"engine": name, "reason": e.slug})
                tracing.event("engine cannot do it", engine=name, reason=e.slug)
            except BaseException:
                breaker.left()
                raise
            else:
                breaker.succeeded()
                tracing.current().set(engine=name)
                return EngineRun(name, self._fallbacks(names, name, why), first, pieces, breaker)
        raise why[names[0]]

    async def _first(
        self, name: str, pieces: AsyncGenerator[T, None], busy_since: Callable[[], float | None], limit_s: float | None
    ) -> T:
        coming: asyncio.Future[T] = asyncio.ensure_future(anext(pieces, _END))
        has_begun = False
        try:
            while not coming.done():
                since = busy_since()
                if limit_s is not None and since is not None and self._clock() - since >= limit_s:
                    raise HuashengError("engine-slow", engine=name, seconds=f"{limit_s:.1f}")
                await asyncio.wait({coming}, timeout=TICK_S)
            first = coming.result()
            has_begun = True
            return first
        except HuashengError:
            raise
        except Exception as e:
            log.exception("unexpected error of an engine", extra={"engine": name})
            raise HuashengError("engine-failed", engine=name, cause="own-error", service=self._service) from e
        finally:
            if not has_begun:  # it ends in its own time: neither the caller nor the next engine waits
                closing = asyncio.create_task(self._close(coming, pieces))
                self.closing.add(closing)
                closing.add_done_callback(self.closing.discard)

    async def _close(self, coming: asyncio.Future[T], pieces: AsyncGenerator[T, None]) -> None:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await pieces.aclose()

    def _fallbacks(self, names: Sequence[str], used: str, why: dict[str, HuashengError]) -> list[common_pb2.Fallback]:
        out = []
        for wanted in names[: names.index(used)]:
            reason = why[wanted].slug
            metrics.FALLBACKS.labels(self._service, wanted, used).inc()
            log.info("another engine takes over", extra={"wanted": wanted, "used": used, "reason": reason})
            tracing.event("fallback", wanted=wanted, used=used, reason=reason)
            out.append(common_pb2.Fallback(service=self._service, wanted=wanted, used=used, reason=reason))
        return out
