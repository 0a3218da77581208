"""How jobs end: the last row is written even when the database cannot take it at once, and no job is left without one.

A job and its durable workflow are two rows, in two tables, and a full disk or a bug may keep either from being written.
What remains is found by comparing the two: else a job would be "running" for ever and keep its place in the queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from dbos import DBOS

from services.gateway.jobs.lease import Lease
from services.gateway.store.db import Row
from services.gateway.store.jobs import JobStore

log = logging.getLogger("huasheng.gateway.jobs")

PAUSES_S = (0.2, 1.0, 3.0)
"""Pauses between the first attempts to write the last row, which the job itself makes."""
LOST_AFTER = 3
"""Passes in a row in which a job is seen that says it runs and does not, before it is failed."""
PASS_S = 2.0
_AT_WORK = ("PENDING", "ENQUEUED", "DELAYED")
"""States of a workflow that has not ended."""


@dataclass(frozen=True)
class Outcome:
    """The end of a job: ``succeeded`` with a result, ``failed`` with an error, or ``cancelled``."""

    state: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    def write(self, store: JobStore, job_id: str, executor: str) -> bool:
        """Write it for the replica that ran the job. Returns whether that ended the job."""
        return store.finish(job_id, executor, self.state, self.result, self.error)

    @classmethod
    def failed(cls, reason: str = "internal", **params: str) -> Outcome:
        """A failure; without a reason one that nobody foresaw."""
        return cls("failed", error={"reason": reason, "params": params or {"service": "gateway"}})


@dataclass
class Endings:
    """The ends of this replica's jobs."""

    store: JobStore
    lease: Lease
    unsaved: dict[str, tuple[Outcome, str]] = field(default_factory=dict)
    """Ends that the database has not taken yet, and which replica's they are, by job: whoever reads the job is told
    already."""
    _lost: dict[str, int] = field(default_factory=dict)
    _outlived: set[str] = field(default_factory=set)

    def shown(self, row: Row) -> Row:
        """The row of a job as it should be: with its end, even if that is not written yet."""
        if row["id"] not in self.unsaved:
            return row
        outcome, _ = self.unsaved[row["id"]]
        return row | {"state": outcome.state, "result": outcome.result, "error": outcome.error, "eta_s": None}

    async def save(self, job_id: str, executor: str, outcome: Outcome) -> bool:
        """Write a job's end, in a while if not now. Returns whether this call ended it."""
        for pause in (*PAUSES_S, None):
            try:
                return await asyncio.to_thread(outcome.write, self.store, job_id, executor)
            except (TypeError, ValueError):  # a result that cannot be written at all
                log.error("the result of a job cannot be kept", extra={"job": job_id})
                outcome = Outcome.failed()
            except Exception as e:  # whatever it is: the job must end
                log.error("the end of a job cannot be written", extra={"why": type(e).__name__})
                self.unsaved[job_id] = outcome, executor
            if pause is not None:
                await asyncio.sleep(pause)
        return False

    async def write_unsaved(self) -> list[str]:
        """Try again what could not be written. Returns the jobs that have ended by it."""
        ended = []
        for job_id, (outcome, executor) in list(self.unsaved.items()):
            if await asyncio.to_thread(outcome.write, self.store, job_id, executor):
                ended.append(job_id)
            del self.unsaved[job_id]
        return ended

    async def fail_lost(self, at_work: Collection[str]) -> list[str]:
        """Fail jobs that say they run and do not; ``at_work`` are those that do. Returns them."""
        rows = await asyncio.to_thread(self.store.running_on, self.lease.id)
        ids = [r["id"] for r in rows if r["id"] not in at_work and r["id"] not in self.unsaved]
        self._lost = {i: self._lost.get(i, 0) + 1 for i in ids}
        lost = []
        for job_id in ids:
            workflow = await DBOS.get_workflow_status_async(job_id)
            is_over = workflow is None or workflow.status not in _AT_WORK
            # one that has just been taken from its queue is not at work yet; one that another took begins there
            is_mine = workflow and workflow.status == "PENDING" and workflow.executor_id == self.lease.id
            if is_over or (is_mine and self._lost[job_id] >= LOST_AFTER):
                log.error("a job was lost", extra={"job": job_id})
                await asyncio.to_thread(Outcome.failed().write, self.store, job_id, self.lease.id)
                lost.append(job_id)
        return lost

    async def free_places(self, at_work: Collection[str]) -> None:
        """End workflows whose job is over: they would keep a place in the queue."""
        pending = await DBOS.list_workflows_async(
            status="PENDING", executor_id=self.lease.id, load_input=False, load_output=False
        )
        ids = [w.workflow_id for w in pending if w.workflow_id not in at_work and w.workflow_id not in self.unsaved]
        over = await asyncio.to_thread(self.store.over, ids) if ids else set()
        for job_id in over & self._outlived:  # seen for the first time, it may be about to end
            log.warning("a workflow outlived its job", extra={"job": job_id})
            await DBOS.cancel_workflow_async(job_id)
        self._outlived = over
