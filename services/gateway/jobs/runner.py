"""The queue of jobs and the workers: each job is a durable workflow (DBOS), continued after a crash of the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID
from prometheus_client import Counter

from services.common import logs, metrics, tracing
from services.common.errors import HuashengError
from services.gateway.jobs import durable
from services.gateway.jobs.background import BackgroundTasks
from services.gateway.jobs.capacity import Capacity
from services.gateway.jobs.ending import PASS_S, Endings, Outcome
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.job_trace import job_trace
from services.gateway.jobs.lease import Lease
from services.gateway.jobs.rate_book import RateBook
from services.gateway.jobs.run import JobRun
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Row, is_full
from services.gateway.store.jobs import QUEUES, JobStore

log = logging.getLogger("huasheng.gateway.jobs")

TAKEN_OVER = Counter("huasheng_jobs_taken_over_total", "Jobs of a replica that was gone, put back into their queues")
CANCEL_POLL_S = 0.5
CANCEL_WAIT_S = 1.0
POSITIONS_S = 0.5
"""How long new places in a queue are waited for: jobs that begin together move it once."""
CHANGES_S = 2.0
LOSE_S = 3.0
"""How long the end of abandoned work is waited for."""

Handler = Callable[[JobRun], Awaitable[dict[str, Any]]]
"""Does one kind of job. Returns the job's result."""

OnMade = Callable[[str, str, str, dict[str, Any]], None]
"""Gets owner, API key (or empty), job id and result."""

_runner: Runner | None = None
"""The runner of this process: workflows are module-level functions and find it here."""


@DBOS.workflow(name="huasheng.job", max_recovery_attempts=20)
async def job_workflow(job_id: str) -> str:
    """One job of any kind; its row holds the rest."""
    assert _runner is not None
    return await _runner.work(job_id)


class Runner:
    """The durable queues and the jobs at work in this process."""

    def __init__(
        self,
        settings: GatewaySettings,
        store: JobStore,
        lease: Lease,
        capacity: Capacity,
        hub: Hub,
        on_made: OnMade,
    ) -> None:
        """``on_made`` counts a finished job's result."""
        self.settings, self.store, self.hub = settings, store, hub
        self.running: dict[str, JobRun] = {}
        self.book = RateBook(settings.data_dir)
        self.lease, self.capacity = lease, capacity
        self.endings = Endings(store, lease)
        self.is_ready = False
        self._handlers: Mapping[str, Handler] = {}
        self._background = BackgroundTasks()
        self._on_made = on_made
        self._moved: set[str] = set()

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        """Open the queues, continue the jobs of a crashed process, enqueue jobs that were accepted but not enqueued."""
        global _runner
        _runner, self._handlers = self, handlers
        before = await self.lease.join()
        durable.launch(self.settings.dbos_url(), self.lease.id)
        for queue, limit in self.capacity.limits.items():
            await durable.add_queue(queue, limit)
        await self._take_over(before)
        self._background.start(self.lease.keep(self._lose, self._take_over))
        self._background.start(self._watch_cancellations())
        self._background.start(self._watch_endings())
        self._background.start(self.capacity.keep(self.store))
        self._background.start(self._watch_table())
        self.is_ready = True

    async def enqueue(self, row: Row) -> None:
        """Add an accepted job to its queue; adding it twice does nothing."""
        tracing.current().link(row["id"])
        with SetWorkflowID(row["id"]), SetEnqueueOptions(priority=row["priority"]):
            await DBOS.enqueue_workflow_async(QUEUES[row["kind"]], job_workflow, row["id"])

    async def hand_over(self) -> None:
        """The gateway is about to stop: take no more jobs from the queues, leave those at work to the others at once.

        Jobs are still accepted. A gateway that is alone works on until it stops.
        """
        if not self.lease.others:
            return
        await durable.stop_taking()
        await self._lose()
        await self.lease.leave()

    async def stop(self) -> None:
        """Stop without finishing: running jobs are continued at the next start."""
        self.is_ready = self.lease.is_held = False
        self._background.cancel()
        await self._lose()
        await asyncio.to_thread(DBOS.destroy)
        # DBOS lends its thread pool to the loop and has closed it
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        with contextlib.suppress(HuashengError):  # without a database the others find out by themselves
            await self.lease.leave()

    async def _lose(self) -> None:
        """End all work without a trace: others may begin it again."""
        ending = list(self.running.values())
        for run in ending:
            run.abandon()
        waits = [asyncio.ensure_future(run.ended.wait()) for run in ending]
        if waits and (await asyncio.wait(waits, timeout=LOSE_S))[1]:
            log.warning("a job does not stop; its end will not count")
        for wait in waits:
            wait.cancel()

    async def _take_over(self, executors: Sequence[str]) -> None:
        """Put what these replicas had in hand back into the queues, and what was accepted but never got there."""
        found = await durable.give_back(executors, self.lease.id)
        await asyncio.to_thread(self.store.adopt, executors, self.lease.id)
        if found:
            TAKEN_OVER.inc(found)
            log.warning("jobs of a replica that is gone go back to their queues", extra={"jobs": found})
        queued = await asyncio.to_thread(self.store.queued)
        if queued:
            there = await DBOS.list_workflows_async(status=["ENQUEUED", "PENDING"], load_input=False, load_output=False)
            known = {w.workflow_id for w in there}
            for row in queued:
                if row["id"] not in known:
                    await self.enqueue(row)

    async def _watch_cancellations(self) -> None:
        """Stop jobs that were cancelled through another replica."""
        while True:
            await asyncio.sleep(CANCEL_POLL_S)
            if not self.running:
                continue
            try:
                found = await asyncio.to_thread(self.store.cancel_requests, list(self.running))
            except HuashengError as e:  # the database is away: asked again, for as long as it takes
                log.warning("cancelled jobs cannot be looked for", extra={"reason": e.slug})
                continue
            for job_id in found:
                if (run := self.running.get(job_id)) and not run.is_cancelled:
                    run.cancel()

    async def refresh_gauges(self) -> None:
        """Count jobs and queues for the metrics; called when they are read."""
        counts = await asyncio.to_thread(self.store.counts)
        for (kind, state), n in counts.items():
            metrics.JOBS.labels(kind, state).set(n)
        for gone in {tuple(s.labels.values()) for m in metrics.JOBS.collect() for s in m.samples} - set(counts):
            metrics.JOBS.labels(*gone).set(0)
        waiting = await asyncio.to_thread(self.store.queue_counts)
        for queue in self.capacity.limits:
            metrics.QUEUE_DEPTH.labels(queue).set(waiting.get((queue, "queued"), 0))

    async def cancel(self, owner: str, job_id: str) -> None:
        """Cancel a job and wait up to a second for its end. Raises ``unknown-id``."""
        row = await asyncio.to_thread(self.store.request_cancel, owner, job_id)
        if row["state"] == "cancelled":
            with contextlib.suppress(Exception):  # the row decides: a workflow that still starts finds it cancelled
                await DBOS.cancel_workflow_async(job_id)
            self.hub.publish(owner, job_id, "done", {"id": job_id, "kind": row["kind"]})
            self._has_moved(row["queue"])
        elif row["state"] == "running":
            with self.hub.subscribe(owner, job_id) as watcher:
                if run := self.running.get(job_id):
                    run.cancel()
                until = time.monotonic() + CANCEL_WAIT_S
                while (left := until - time.monotonic()) > 0:
                    event = await watcher.get(left)
                    if event and event[0] == "done":
                        break

    def _has_moved(self, queue: str) -> None:
        """The jobs of a queue have new places, which those who watch them learn in a moment."""
        if queue not in self._moved:
            self._moved.add(queue)
            self._background.start(self._publish_positions(queue))

    async def _publish_positions(self, queue: str) -> None:
        await asyncio.sleep(POSITIONS_S)
        self._moved.discard(queue)
        if not (owners := self.hub.owners):
            return
        try:
            places = await asyncio.to_thread(self.store.places, queue, owners)
        except HuashengError as e:  # the database is away; they learn the next ones
            log.warning("places in a queue cannot be told", extra={"reason": e.slug})
            return
        for place, row in places:
            self.hub.publish_progress(row["owner"], row["id"], row["kind"], state="queued", queue_position=place)

    async def _watch_table(self) -> None:
        """Tell watchers of what other replicas did to their jobs: one query for all of them."""
        before: dict[str, tuple[str, str]] = {}
        while True:
            await asyncio.sleep(CHANGES_S)
            owners = self.hub.owners
            try:
                now = await asyncio.to_thread(self.store.active, owners) if owners else {}
            except Exception as e:  # the database is away
                log.warning("jobs of other replicas cannot be watched", extra={"why": type(e).__name__})
                continue
            for job_id in {i for i in before.keys() | now.keys() if before.get(i) != now.get(i)}:
                owner, _ = now.get(job_id) or before[job_id]
                self.hub.publish(owner, job_id, "changed", {"id": job_id})
            before = now

    async def work(self, job_id: str) -> str:
        """Run one job. Returns the state that it ended in; ``gone`` when there was nothing to do."""
        logs.job_id.set(job_id)
        if not self.lease.is_held or await durable.executor_of(job_id) != self.lease.id:
            raise asyncio.CancelledError  # taken from the queue while the lease was lost; it goes back there
        if before := self.running.get(job_id):
            before.abandon()
            await before.ended.wait()
        row = await asyncio.to_thread(self.store.begin, job_id, self.lease.id)
        if row is None:
            return "gone"
        run = self.running[job_id] = JobRun(
            row,
            store=self.store,
            hub=self.hub,
            background=self._background,
            folder=self.settings.data_dir / "work" / job_id,
            retry_s=self.settings.retry_s,
            book=self.book,
        )
        run.timings.set("queued", (row["started_at"] - row["created_at"]) * 1000)
        log.info("job begins", extra={"kind": run.kind})
        try:
            with job_trace(run, row):
                return await self._carry_out(run)
        finally:
            self.running.pop(job_id, None)
            run.ended.set()

    async def _carry_out(self, run: JobRun) -> str:
        """The work of one job, and its end. Returns the state that it ended in."""
        try:
            outcome = await self._outcome(run)
        finally:
            run.abandon_video()
        made = outcome.result or {} if outcome.state == "succeeded" else None
        if made is not None:
            await self._learn(run)
            await self._account(run, made)  # before the end: a gateway that dies between the two counts again
        with contextlib.suppress(Exception):  # what is known so far; the end matters more
            await run.save()
        if await self.endings.save(run.id, run.executor, outcome):
            metrics.JOB_SECONDS.labels(run.kind, outcome.state).observe(
                time.time() - run.created_at, tracing.exemplar()
            )
            if made is not None:
                await self._account(run, made)  # counts only what could not be counted before
        reason = (outcome.error or {}).get("reason", "")
        log.info("job ends", extra={"kind": run.kind, "state": outcome.state, "reason": reason})
        tracing.current().set(state=outcome.state)
        if reason:
            tracing.current().fail(reason)
        self.hub.publish(run.owner, run.id, "done", {"id": run.id, "kind": run.kind})
        await asyncio.to_thread(shutil.rmtree, run.folder, True)
        return outcome.state

    async def _learn(self, run: JobRun) -> None:
        run.learn()
        try:
            await asyncio.to_thread(self.book.save)
        except OSError as e:  # the estimates are forgotten at the next start; the job is done
            log.warning("measured rates cannot be kept", extra={"why": e.strerror})

    async def _account(self, run: JobRun, result: dict[str, Any]) -> None:
        """Count what the job made for its owner, if it is not counted yet."""
        try:
            await asyncio.to_thread(self._on_made, run.owner, run.key_id, run.id, result)
        except Exception as e:  # it is done, and its end matters more; the figures miss it
            log.error("what a job made is not counted", extra={"why": getattr(e, "slug", type(e).__name__)})

    async def _outcome(self, run: JobRun) -> Outcome:
        """The end of a job after its handler has run, whatever happened to it."""
        try:
            self._has_moved(QUEUES[run.kind])
            return Outcome("succeeded", await self._handlers[run.kind](run))
        except HuashengError as e:
            if e.slug == "cancelled" and run.is_cancelled:
                return Outcome("cancelled")
            outcome = Outcome.failed(e.slug, **e.params)
        except asyncio.CancelledError:
            if not self.is_ready or run.is_abandoned:
                raise  # the job goes on elsewhere, or at the next start
            log.error("the work of a job was cancelled by nobody")
            outcome = Outcome.failed()
        except Exception as e:
            outcome = Outcome.failed("disk-full") if is_full(e) else Outcome.failed()
            log.exception("job failed unexpectedly")
        metrics.ERRORS.labels("gateway", (outcome.error or {})["reason"]).inc()
        return outcome

    async def _watch_endings(self) -> None:
        """Write ends that could not be written, and end what has none. An error waits for the next pass."""
        while True:
            await asyncio.sleep(PASS_S)
            try:
                ended = await self.endings.write_unsaved()
                ended += await self.endings.fail_lost(self.running)
                await self.endings.free_places(self.running)
                if orphaned := self.lease.unknown(await durable.executors_at_work()):
                    await self._take_over(orphaned)
            except Exception as e:
                log.error("jobs cannot be looked after", extra={"why": type(e).__name__})
                continue
            for job_id in ended:
                owner, kind = await asyncio.to_thread(self.store.owner_and_kind, job_id)
                self.hub.publish(owner, job_id, "done", {"id": job_id, "kind": kind})
