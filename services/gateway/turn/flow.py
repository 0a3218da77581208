"""Runs stages at the same time and merges their events into one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from services.gateway.clients import Clients
from services.gateway.turn.events import Event
from services.gateway.turn.timings import Timings

T = TypeVar("T")


class Flow:
    """The stages of one turn. The first failure ends all of them; leaving ``events`` early cancels them."""

    def __init__(self, clients: Clients, timings: Timings) -> None:
        self.clients, self.timings = clients, timings
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
            await stage
        except Exception as e:  # raised by ``events``
            await self._events.put(e)
        self._running -= 1
        if not self._running:
            await self._events.put(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        """All events until every stage has ended. Raises the first failure of a stage."""
        try:
            while (item := await self._events.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def items(queue: asyncio.Queue[T | None], first: T | None = None) -> AsyncIterator[T]:
    """The items of a queue until ``None``; ``first`` is one that was taken from it before."""
    if first is not None:
        yield first
    while (item := await queue.get()) is not None:
        yield item
