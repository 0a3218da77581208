"""Who watches which job: in-process publish/subscribe. Replicas learn of each other's jobs from the table."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

Event = tuple[str, dict[str, Any]]


class Subscription:
    """One watcher's queue. When it falls behind, what waits is dropped and ``behind`` asks for a new snapshot."""

    def __init__(self, owner: str, job_id: str | None) -> None:
        self.owner, self.job_id = owner, job_id
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=256)
        self.behind = False

    def put(self, event: Event | None) -> None:
        """Add an event without waiting; None only wakes the watcher."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.behind = True
        self.queue.put_nowait(event)

    async def get(self, timeout: float) -> Event | None:
        """The next event; None after ``timeout`` seconds or when woken for nothing."""
        try:
            return await asyncio.wait_for(self.queue.get(), timeout)
        except TimeoutError:
            return None


class Hub:
    """Hands events to the watchers of a job and of its owner. Lives on one event loop."""

    def __init__(self) -> None:
        self._watchers: set[Subscription] = set()
        self.closing = asyncio.Event()
        """Set when the gateway stops, so that endless streams end."""

    def close(self) -> None:
        """The gateway stops: wake all watchers."""
        self.closing.set()
        for w in self._watchers:
            w.put(None)

    @contextlib.contextmanager
    def subscribe(self, owner: str, job_id: str | None = None) -> Iterator[Subscription]:
        """Watch one job, or all jobs of an owner."""
        one = Subscription(owner, job_id)
        self._watchers.add(one)
        try:
            yield one
        finally:
            self._watchers.discard(one)

    def publish(self, owner: str, job_id: str, event: str, data: dict[str, Any]) -> None:
        """Tell everybody who watches."""
        for w in self._watchers:
            if w.owner == owner and w.job_id in (None, job_id):
                w.put((event, data))
