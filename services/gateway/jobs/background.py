"""Small pieces of work beside the jobs: kept until they end, logged when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from services.common.errors import HuashengError

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
        if task.cancelled() or not (e := task.exception()):
            return
        if isinstance(e, HuashengError):  # foreseen: how it came about tells nothing
            log.warning("background work failed", extra={"reason": e.slug})
        else:
            log.error("background work failed", exc_info=e)

    def cancel(self) -> None:
        """Cancel all that has not ended."""
        for task in [*self._tasks]:
            task.cancel()
