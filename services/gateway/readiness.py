"""Whether this gateway should be asked: what ``/readyz`` answers and the health of its gRPC port shows."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from services.gateway.store.db import Database

if TYPE_CHECKING:
    from services.common.serving import HealthBoard
    from services.gateway.jobs.runner import Runner

log = logging.getLogger("huasheng.gateway")
PROBE_S = 5.0
"""How long the database may take to answer, in seconds."""
WATCH_S = 5.0
"""Pause between two looks of ``watch``, in seconds."""


class Readiness:
    """For one event loop."""

    def __init__(self, db: Database, runner: Runner) -> None:
        self._db, self._runner = db, runner
        self._probe: asyncio.Task[None] | None = None
        self.is_stopping = False
        """Set by the first signal to stop: requests are still answered, and new ones should go elsewhere."""

    async def missing(self) -> list[str]:
        """What keeps the gateway from taking jobs, by name; empty when nothing does."""
        found = ["stopping"] if self.is_stopping else []
        if not self._runner.is_ready:
            found.append("jobs")
        if not await self._has_database():
            found.append("database")
        return found

    async def _has_database(self) -> bool:
        # one question at a time: a database that hangs must not take a thread with every look
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(asyncio.to_thread(self._db.probe))
            self._probe.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(PROBE_S):
                await asyncio.shield(self._probe)
        except Exception:  # whatever the error is, the database cannot be used
            return False
        return True

    async def watch(self, board: HealthBoard) -> None:
        """Keep the health of the gRPC port in step, until cancelled. Calls are answered as before."""
        shown: list[str] = []
        while True:
            missing = await self.missing()
            if missing != shown:
                log.warning("not ready" if missing else "ready again", extra={"missing": missing})
                # the name alone: a call that needs nothing of what is missing is still answered
                await board.set(not missing, board.full_name)
                shown = missing
            await asyncio.sleep(WATCH_S)
