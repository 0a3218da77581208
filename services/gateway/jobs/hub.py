"""Events of jobs for their watchers: publish/subscribe within the process. Other replicas read the table."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

Event = tuple[str, dict[str, Any]]
"""Name and data, as the server-sent events carry them."""


class Subscription:
    """The queue of one watcher. When it overflows, all that waits is dropped and ``behind`` asks for a new snapshot."""

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
        """The next event; None after ``timeout`` seconds or when woken without an event."""
        try:
            async with asyncio.timeout(timeout):
                return await self.queue.get()
        except TimeoutError:
            return None


class Hub:
    """Passes events to the watchers of a job and of its owner. Must be used on one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Subscription]] = {}
        """By owner."""
        self.closing = asyncio.Event()
        """Set when the gateway stops, so that endless streams end."""

    def close(self) -> None:
        """The gateway stops: wake all watchers."""
        self.closing.set()
        for w in (w for watchers in self._watchers.values() for w in watchers):
            w.put(None)

    @property
    def owners(self) -> set[str]:
        """Whose jobs are watched."""
        return set(self._watchers)

    @contextlib.contextmanager
    def subscribe(self, owner: str, job_id: str | None = None) -> Iterator[Subscription]:
        """Watch one job, or all jobs of an owner."""
        one = Subscription(owner, job_id)
        watchers = self._watchers.setdefault(owner, set())
        watchers.add(one)
        try:
            yield one
        finally:
            watchers.discard(one)
            if not watchers and self._watchers.get(owner) is watchers:
                del self._watchers[owner]

    def publish(self, owner: str, job_id: str, event: str, data: dict[str, Any]) -> None:
        """Send an event to all watchers of the job."""
        for w in self._watchers.get(owner, ()):
            if w.job_id in (None, job_id):
                w.put((event, data))

    def publish_progress(
        self,
        owner: str,
        job_id: str,
        kind: str,
        *,
        state: str,
        stage: str = "",
        progress: float = 0.0,
        eta_s: float | None = None,
        queue_position: int | None = None,
    ) -> None:
        """Send how far a job is: ``progress`` 0 to 1, ``queue_position`` from 1 while it is queued."""
        data = {
            "id": job_id,
            "kind": kind,
            "state": state,
            "stage": stage,
            "progress": round(progress, 3),
            "eta_s": eta_s,
            "queue_position": queue_position,
        }
        self.publish(owner, job_id, "progress", data)
