"""Runs stages at the same time and merges their events into one stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from services.common import tracing
from services.common.errors import HuashengError
from services.gateway.clients import Clients
from services.gateway.turn.events import Event
from services.gateway.turn.timings import Timings

T = TypeVar("T")
STAGES = {"generate_reply": "llm", "synthesise": "tts", "render": "render", "render_in_parts": "render"}
"""What the spans of these stages are called: as in the timings of a turn."""


class Flow:
    """The stages of one turn. The first failure ends all of them; leaving ``events`` early cancels them.

    Every call of a stage has a deadline of its own; ``limit_s`` is one for all stages together, waiting included.
    """

    def __init__(self, clients: Clients, timings: Timings, limit_s: float) -> None:
        self.clients, self.timings = clients, timings
        self._ends_at = time.monotonic() + limit_s
        self._is_over = False
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue(maxsize=64)
        self._tasks: list[asyncio.Task[None]] = []
        self._running = 0

    async def emit(self, event: Event) -> None:
        """Send an event to the reader; waits while the reader is behind."""
        await self._events.put(event)

    def start(self, stage: Coroutine[Any, Any, None]) -> None:
        """Run a stage."""
        self._running += 1
        self._tasks.append(asyncio.create_task(self._run(stage)))

    async def _run(self, stage: Coroutine[Any, Any, None]) -> None:
        try:
            name = getattr(stage, "__name__", "stage")
            with tracing.span(STAGES.get(name, name.strip("_"))):
                await stage
        except BaseException as e:  # raised by ``events``
            if self._is_over:
                raise
            # a stage that was cancelled by nobody of ours must not leave the reader waiting for it
            await self._events.put(e if isinstance(e, Exception) else HuashengError("internal", service="gateway"))
        self._running -= 1
        if not self._running:
            await self._events.put(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        """All events until every stage has ended. Raises the first failure of a stage, and ``service-slow``."""
        try:
            while (item := await self._next()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self._is_over = True
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> Event | Exception | None:
        try:
            # not wait_for: that of Python 3.11 loses a cancellation which meets an event, and the turn never ends
            async with asyncio.timeout(max(0.0, self._ends_at - time.monotonic())):
                return await self._events.get()
        except TimeoutError:
            raise HuashengError("service-slow", service="gateway") from None


async def items(queue: asyncio.Queue[T | None], first: T | None = None) -> AsyncIterator[T]:
    """The items of a queue until ``None``; ``first`` is one that was taken from it before."""
    if first is not None:
        yield first
    while (item := await queue.get()) is not None:
        yield item
