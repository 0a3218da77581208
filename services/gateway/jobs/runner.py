"""The queue of jobs and the workers: each job is a durable workflow (DBOS), continued after a crash of the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from services.common import logs, metrics
from services.common.errors import HuashengError
from services.gateway.jobs.background import BackgroundTasks
from services.gateway.jobs.ending import PASS_S, Endings, Outcome
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.rate_book import RateBook
from services.gateway.jobs.run import JobRun
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Row, is_full
from services.gateway.store.jobs import QUEUES, JobStore

log = logging.getLogger("huasheng.gateway.jobs")

QUEUE_POLL_S = 0.2
CANCEL_POLL_S = 0.5
CANCEL_WAIT_S = 1.0

Handler = Callable[[JobRun], Awaitable[dict[str, Any]]]
"""Does one kind of job. Returns the job's result."""

_runner: Runner | None = None
"""The runner of this process: workflows are module-level functions and find it here."""


@DBOS.workflow(name="huasheng.job", max_recovery_attempts=20)
async def job_workflow(job_id: str) -> str:
    """One job of any kind; its row holds the rest."""
    assert _runner is not None
    return await _runner.work(job_id)


class Runner:
    """The durable queues and the jobs at work in this process."""

    def __init__(self, settings: GatewaySettings, store: JobStore, hub: Hub) -> None:
        self.settings, self.store, self.hub = settings, store, hub
        self.running: dict[str, JobRun] = {}
        self.book = RateBook(settings.data_dir)
        self.endings = Endings(store, settings.executor_id)
        self.is_ready = False
        self._handlers: Mapping[str, Handler] = {}
        self._background = BackgroundTasks()

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        """Open the queues, continue the jobs of a crashed process, enqueue jobs that were accepted but not enqueued."""
        global _runner
        _runner, self._handlers = self, handlers
        config = DBOSConfig(
            name="huasheng-gateway",
            system_database_url=self.settings.dbos_url(),
            db_engine_kwargs={"hide_parameters": True},  # steps hold what people said
            application_version="1",
            executor_id=self.settings.executor_id,
            log_level="WARNING",
        )
        DBOS(config=config)
        logger = logging.getLogger("dbos")
        logger.handlers.clear()  # its lines are formatted as ours are
        logger.propagate = True
        DBOS.launch()  # on the event loop's thread, so that workflows run on this loop
        for queue, concurrency in self.queues().items():
            await DBOS.register_queue_async(
                queue, global_concurrency=concurrency, polling_interval_sec=QUEUE_POLL_S, on_conflict="always_update"
            )
        for row in await asyncio.to_thread(self.store.queued):
            await self.enqueue(row)
        self._background.start(self._watch_cancellations())
        self._background.start(self._watch_endings())
        self.is_ready = True

    def queues(self) -> dict[str, int]:
        """The queues and how many jobs of each run at once."""
        s = self.settings
        return {"dialogue": s.dialogue_concurrency, "render": s.render_concurrency, "training": s.training_concurrency}

    async def enqueue(self, row: Row) -> None:
        """Add an accepted job to its queue; adding it twice does nothing."""
        with SetWorkflowID(row["id"]):
            await DBOS.enqueue_workflow_async(QUEUES[row["kind"]], job_workflow, row["id"])

    async def stop(self) -> None:
        """Stop without finishing: running jobs are continued at the next start."""
        self.is_ready = False
        self._background.cancel()
        for run in self.running.values():
            if run.step_task:
                run.step_task.cancel()
        await asyncio.to_thread(DBOS.destroy)
        # DBOS lends its thread pool to the loop and has closed it
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

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
        for queue in self.queues():
            metrics.QUEUE_DEPTH.labels(queue).set(waiting.get((queue, "queued"), 0))

    async def cancel(self, owner: str, job_id: str) -> None:
        """Cancel a job and wait up to a second for its end. Raises ``unknown-id``."""
        row = await asyncio.to_thread(self.store.request_cancel, owner, job_id)
        if row["state"] == "cancelled":
            with contextlib.suppress(Exception):  # the row decides: a workflow that still starts finds it cancelled
                await DBOS.cancel_workflow_async(job_id)
            self.hub.publish(owner, job_id, "done", {"id": job_id, "kind": row["kind"]})
            await self._publish_positions(row["queue"])
        elif row["state"] == "running":
            with self.hub.subscribe(owner, job_id) as watcher:
                if run := self.running.get(job_id):
                    run.cancel()
                until = time.monotonic() + CANCEL_WAIT_S
                while (left := until - time.monotonic()) > 0:
                    event = await watcher.get(left)
                    if event and event[0] == "done":
                        break

    async def _publish_positions(self, queue: str) -> None:
        """Send the queued jobs of a queue their new positions."""
        for position, row in enumerate(await asyncio.to_thread(self.store.waiting, queue), 1):
            self.hub.publish_progress(row["owner"], row["id"], row["kind"], state="queued", queue_position=position)

    async def work(self, job_id: str) -> str:
        """Run one job. Returns the state that it ended in; ``gone`` when there was nothing to do."""
        logs.job_id.set(job_id)
        row = await asyncio.to_thread(self.store.begin, job_id, self.settings.executor_id)
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
            return await self._carry_out(run)
        finally:
            self.running.pop(job_id, None)

    async def _carry_out(self, run: JobRun) -> str:
        """The work of one job, and its end. Returns the state that it ended in."""
        try:
            outcome = await self._outcome(run)
        finally:
            run.abandon_video()
        if outcome.state == "succeeded":
            await self._learn(run)
        with contextlib.suppress(Exception):  # what is known so far; the end matters more
            await run.save()
        if await self.endings.save(run.id, outcome):
            metrics.JOB_SECONDS.labels(run.kind, outcome.state).observe(time.time() - run.created_at)
        reason = (outcome.error or {}).get("reason", "")
        log.info("job ends", extra={"kind": run.kind, "state": outcome.state, "reason": reason})
        self.hub.publish(run.owner, run.id, "done", {"id": run.id, "kind": run.kind})
        await asyncio.to_thread(shutil.rmtree, run.folder, True)
        return outcome.state

    async def _learn(self, run: JobRun) -> None:
        run.learn()
        try:
            await asyncio.to_thread(self.book.save)
        except OSError as e:  # the estimates are forgotten at the next start; the job is done
            log.warning("measured rates cannot be kept", extra={"why": e.strerror})

    async def _outcome(self, run: JobRun) -> Outcome:
        """The end of a job after its handler has run, whatever happened to it."""
        try:
            await self._publish_positions(QUEUES[run.kind])
            return Outcome("succeeded", await self._handlers[run.kind](run))
        except HuashengError as e:
            if e.slug == "cancelled" and run.is_cancelled:
                return Outcome("cancelled")
            outcome = Outcome.failed(e.slug, **e.params)
        except asyncio.CancelledError:
            if not self.is_ready:
                raise  # the gateway stops: the job goes on at the next start
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
            except Exception as e:
                log.error("jobs cannot be looked after", extra={"why": type(e).__name__})
                continue
            for job_id in ended:
                owner, kind = await asyncio.to_thread(self.store.owner_and_kind, job_id)
                self.hub.publish(owner, job_id, "done", {"id": job_id, "kind": kind})
