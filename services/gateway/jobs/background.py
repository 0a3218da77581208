"""Small pieces of work beside the jobs: kept until they end, logged when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("huasheng.gateway.jobs")


class BackgroundTasks:
    """Starts tasks and holds them: asyncio itself keeps only a weak reference. Must be used on the event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` without waiting for it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (e := task.exception()):
            log.error("background work failed", exc_info=e)

    def cancel(self) -> None:
        """Cancel all that has not ended."""
        for task in [*self._tasks]:
            task.cancel()
