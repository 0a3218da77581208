"""Engines in their order: the next does the work when one is not set up, down, or slow to begin.

Once an engine has begun it is too late: what it said is out, and its failure is the caller's. Each engine has a circuit
breaker (M. T. Nygard, *Release It!*, chapter 5): an engine that failed is asked last until a pause is over; then a
single request tries it, and it is back in its turn when that succeeds. All of this belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from huasheng.common.v1 import common_pb2

from services.common import metrics
from services.common.errors import HuashengError
from services.common.settings import EngineSettings

log = logging.getLogger("huasheng.fallback")
T = TypeVar("T")
Clock = Callable[[], float]
Trouble = Callable[[str], HuashengError | None]

TICK_S = 0.05
"""How often an engine that has not begun is looked at."""
GRACE_S = 0.5
"""More for the last engine: where it has that deadline as well, it tells better what was wrong."""
_END: Any = object()
_OWN_LIMITS = ("bad-request", "unspeakable-text")
"""Refusals that may lie in what one engine does not know, such as a language."""
_STATES = {
    "closed": common_pb2.BREAKER_STATE_CLOSED,
    "open": common_pb2.BREAKER_STATE_OPEN,
    "half-open": common_pb2.BREAKER_STATE_HALF_OPEN,
}


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
        """How long it still rests, in seconds; 0 unless the breaker is open."""
        return max(0.0, self._again_at - self._clock()) if self.error else 0.0

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if not self.error:
            return "closed"
        return "open" if self.retry_s else "half-open"

    @property
    def trouble(self) -> HuashengError | None:
        """Why it is not in its turn now; None when it is. Half-open, it is in its turn for one request at a time."""
        return self.error if self.retry_s or self._is_tried else None

    def begin(self) -> None:
        """It is asked now; one of the next three follows."""
        self._is_tried = self.error is not None

    def succeeded(self) -> None:
        """It did its work, or refused for a reason that lies in the request."""
        self.error, self._is_tried = None, False

    def failed(self, error: HuashengError) -> None:
        """It could not do its work."""
        self.error, self._is_tried = error, False
        self._again_at = self._clock() + self._pause_s

    def left(self) -> None:
        """The caller went away before it was known."""
        self._is_tried = False


class Begun(AsyncIterator[T]):
    """The pieces of work that an engine has begun; must be closed. Raises what the engine raises later."""

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
                self._breaker.failed(e)  # too late for this caller; the next one is spared
            raise

    async def aclose(self) -> None:
        """Free the engine."""
        await self._rest.aclose()


class Lineup:
    """The engines of one service in their order. ``ailing`` tells why an engine would only keep its caller waiting."""

    def __init__(
        self, service: str, settings: EngineSettings, ailing: Trouble = lambda _: None, clock: Clock = time.monotonic
    ) -> None:
        self._service, self._settings, self._ailing, self._clock = service, settings, ailing, clock
        self.breakers = {n: Breaker(settings.cooldown_s, clock) for n in settings.engine_names()}
        self.closing: set[asyncio.Task[None]] = set()
        """Work that was given up and has not ended yet."""

    def order(self, first: str = "", alone: bool = False) -> list[str]:
        """Who is asked, the wanted one first. ``first`` must be one of the settings, or empty."""
        names = list(self.breakers)
        first = first or names[0]
        return [first] if alone else [first, *(n for n in names if n != first)]

    def in_turn(self, names: Sequence[str], unavailable: Trouble) -> str:
        """Whose turn it is. Raises what is wrong with the first when none can be asked."""
        can = [n for n in names if not unavailable(n)]
        if not can:
            raise unavailable(names[0]) or HuashengError("internal", service=self._service)
        return next((n for n in can if not self._trouble(n)), can[0])

    def _trouble(self, name: str) -> HuashengError | None:
        return self.breakers[name].trouble or self._ailing(name)

    def info(self, name: str) -> dict[str, Any]:
        """What ``EngineInfo`` tells of the engine's breaker."""
        if not (breaker := self.breakers.get(name)):
            return {}
        error = breaker.error
        return {
            "breaker": _STATES[breaker.state],
            "breaker_reason": f"{error.text('detail', 'en')} {error.text('hint', 'en')}" if error else "",
            "breaker_retry_s": round(breaker.retry_s, 1),
        }

    async def begin(
        self,
        names: Sequence[str],
        work: Callable[[str], AsyncGenerator[T, None]],
        unavailable: Trouble,
        limit_s: float,
        *,
        limits_last: bool = False,
        busy_since: Callable[[], float | None] | None = None,
    ) -> Begun[T]:
        """Have the first of ``names`` that can begin the work. Raises what was wrong with the first one when none can.

        ``limit_s`` is for all of them to begin: while another could take over, an engine has the settings' share of
        what is left of it; the last has no limit but its own, or with ``limits_last`` what is left. An engine is at
        work since ``busy_since()``; None: it waits for its caller. An error that no other engine would mend is raised.
        """
        why: dict[str, HuashengError] = {}
        waiting, left_s = list(names), limit_s
        while waiting:
            troubles = {n: self._trouble(n) for n in waiting}
            name = next((n for n in waiting if not troubles[n]), waiting[0])
            waiting.remove(name)
            why |= {n: e for n, e in troubles.items() if e}
            if error := unavailable(name):
                why[name] = error
                continue
            helped = any(not troubles[n] and not unavailable(n) for n in waiting)
            limit = left_s * self._settings.fallback_share if helped else left_s + GRACE_S if limits_last else None
            began = self._clock()
            pieces = work(name)
            breaker = self.breakers[name]
            breaker.begin()
            try:
                first = await self._first(name, pieces, busy_since or partial(float, began), limit)
            except HuashengError as e:
                if e.reason.fallback:
                    breaker.failed(e)
                else:
                    breaker.succeeded()
                    # what a stand-in does not know was not asked of it in the first place
                    if e.slug not in _OWN_LIMITS or name == names[0]:
                        raise
                why[name] = e
                left_s = max(0.0, left_s - (self._clock() - began))
                log.warning("engine cannot do it", extra={"engine": name, "reason": e.slug})
            except BaseException:
                breaker.left()
                raise
            else:
                breaker.succeeded()
                return Begun(name, self._told(names, name, why), first, pieces, breaker)
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
            raise HuashengError("engine-failed", engine=name, why="an error of our own; see the log") from e
        finally:
            if not has_begun:  # it ends in its own time: neither the caller nor the next engine waits for that
                closing = asyncio.create_task(self._close(coming, pieces))
                self.closing.add(closing)
                closing.add_done_callback(self.closing.discard)

    async def _close(self, coming: asyncio.Future[T], pieces: AsyncGenerator[T, None]) -> None:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await pieces.aclose()

    def _told(self, names: Sequence[str], used: str, why: dict[str, HuashengError]) -> list[common_pb2.Fallback]:
        out = []
        for wanted in names[: names.index(used)]:
            reason = why[wanted].slug
            metrics.FALLBACKS.labels(self._service, wanted, used).inc()
            log.info("another engine takes over", extra={"wanted": wanted, "used": used, "reason": reason})
            out.append(common_pb2.Fallback(service=self._service, wanted=wanted, used=used, reason=reason))
        return out
