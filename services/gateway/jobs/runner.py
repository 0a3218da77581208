"""Runs jobs as durable workflows (DBOS): finished steps are not repeated after a crash, unfinished ones are.

A step that meets a service that is down waits for it, within limits; a cancelled job stops its calls at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from services.common import logs, metrics
from services.common.errors import HuashengError
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.progressive_file import GrowingFile
from services.gateway.settings import GatewaySettings
from services.gateway.store.jobs import QUEUES, Jobs, Row
from services.gateway.turn.timings import Timings

log = logging.getLogger("huasheng.gateway.jobs")

WAITABLE = ("service-down", "service-loading", "busy")
MAX_CRASHES = 4
"""How often a service may die in the middle of one step: an input that kills its engine must not go round for ever."""
_POLL_S = 0.2

_current: Runner | None = None


class JobRun:
    """One job at work in this process: tells its watchers, keeps the row up to date, can be cancelled."""

    def __init__(self, runner: Runner, row: Row) -> None:
        self.runner = runner
        self.id: str = row["id"]
        self.owner: str = row["owner"]
        self.kind: str = row["kind"]
        self.params: Row = row["params"]
        self.created_at: float = row["created_at"]
        self.partial: Row = dict(row["partial"])
        self.stage = ""
        self.progress = 0.0
        self.eta_s: float | None = None
        self.task: asyncio.Task[Any] | None = None
        self.is_cancelled = bool(row["cancel_requested"])
        self.video: GrowingFile | None = None
        self.timings = Timings(time.time() - self.created_at, self._timed)
        self._began = time.monotonic()
        self._told = self._saved = 0.0

    @property
    def folder(self) -> Path:
        """Work in progress; removed when the job is over."""
        return self.runner.settings.data_dir / "work" / self.id

    def tell(self, event: str, **data: Any) -> None:
        """Tell the watchers."""
        self.runner.hub.publish(self.owner, self.id, event, {"id": self.id, "kind": self.kind, **data})

    def _timed(self, stage: str, ms: float) -> None:
        self.partial["timings_ms"] = dict(self.timings.ms)
        self.tell("timing", stage=stage, ms=ms)

    def at(self, stage: str, progress: float | None = None, eta_s: float | None = None) -> None:
        """Note stage and progress (0–1). Watchers hear 5 times a second, the table twice, a new stage at once.

        ``eta_s`` is for those who know better than progress over time.
        """
        now, changed = time.monotonic(), stage != self.stage
        self.stage = stage
        if progress is not None:
            self.progress = min(1.0, max(progress, 0.0))
            elapsed = now - self._began
            self.eta_s = round(elapsed * (1 - self.progress) / self.progress, 1) if self.progress > 0.05 else None
        if eta_s is not None:
            self.eta_s = round(eta_s, 1)
        if changed or now - self._told > 0.2:
            self._told = now
            self.tell(
                "progress",
                state="running",
                stage=stage,
                progress=round(self.progress, 3),
                eta_s=self.eta_s,
                queue_position=None,
            )
        if changed or now - self._saved > 0.5:
            self._saved = now
            self.runner.background(self.save())

    async def save(self) -> None:
        """Write stage, progress and partial results to the table."""
        await asyncio.to_thread(
            self.runner.jobs.save,
            self.id,
            stage=self.stage,
            progress=self.progress,
            eta_s=self.eta_s,
            partial=dict(self.partial),
        )

    def start_over(self) -> None:
        """An attempt begins: forget the progress of the one before."""
        self.timings.restart()
        self.progress, self.eta_s, self._began = 0.0, None, time.monotonic()
        self.drop_video()

    def new_video(self) -> GrowingFile:
        """The file that the video of this attempt grows in."""
        self.video = GrowingFile(self.folder / "video.mp4")
        return self.video

    def drop_video(self) -> None:
        """End the readers of an unfinished video."""
        if self.video:
            self.video.close(complete=False)
            self.video = None

    async def step(self, name: str, body: Callable[[], Awaitable[Row]]) -> Row:
        """Run ``body`` once and for all: after a crash its recorded answer is used. Raises ``HuashengError``."""

        async def recorded() -> Row:
            # errors are recorded as data: the workflow store would keep exceptions as pickles
            self.task = asyncio.ensure_future(self._attempts(body))
            try:
                return {"value": await self.task}
            except HuashengError as e:
                return {"reason": e.slug, "params": e.params}
            except asyncio.CancelledError:
                if not self.is_cancelled:
                    raise  # the gateway stops: the step is not finished
                return {"reason": "cancelled", "params": {}}
            finally:
                self.task = None

        if self.is_cancelled:
            raise HuashengError("cancelled")
        out: Row = await DBOS.run_step_async({"name": name}, recorded)
        if "reason" in out:
            raise HuashengError(out["reason"], **out["params"])
        value: Row = out["value"]
        return value

    async def _attempts(self, body: Callable[[], Awaitable[Row]]) -> Row:
        waited, pause, crashes = 0.0, 0.5, 0
        while True:
            began = time.monotonic()
            try:
                return await body()
            except OSError as e:
                if e.errno != 28:
                    raise
                raise HuashengError("disk-full") from e
            except HuashengError as e:
                service = e.params.get("service", "")
                if e.slug not in WAITABLE or waited >= self.runner.settings.retry_s or crashes >= MAX_CRASHES:
                    raise
                if time.monotonic() - began > 5:
                    crashes, waited, pause = crashes + 1, 0.0, 0.5
                log.warning("job waits for %s", service, extra={"reason": e.slug, "waited_s": round(waited, 1)})
                self.drop_video()
                self.at(f"waiting-for-{service}")
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 5.0)

    def cancel(self) -> None:
        """Stop the work at once."""
        self.is_cancelled = True
        self.at("cancelling")
        if self.task:
            self.task.cancel()


Handler = Callable[[JobRun], Awaitable[Row]]


@DBOS.workflow(name="huasheng.job", max_recovery_attempts=20)
async def job_workflow(job_id: str) -> str:
    """One job, whatever its kind; the row tells the rest."""
    assert _current is not None
    return await _current.work(job_id)


class Runner:
    """The durable queue and the jobs at work in this process."""

    def __init__(self, settings: GatewaySettings, jobs: Jobs, hub: Hub, handlers: dict[str, Handler]) -> None:
        self.settings, self.jobs, self.hub, self.handlers = settings, jobs, hub, handlers
        self.running: dict[str, JobRun] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self.is_ready = False

    def background(self, work: Any) -> None:
        """Run a small piece of work beside, keeping hold of it."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (e := task.exception()):
            log.error("background work failed", exc_info=e)

    async def start(self) -> None:
        """Open the queues, recover what a crash left, enqueue what was accepted but not yet enqueued."""
        global _current
        _current = self
        config = DBOSConfig(
            name="huasheng-gateway",
            system_database_url=self.settings.dbos_url(),
            application_version="1",
            executor_id=self.settings.executor_id,
            log_level="WARNING",
        )
        DBOS(config=config)
        logger = logging.getLogger("dbos")
        logger.handlers.clear()  # its lines go out as ours do
        logger.propagate = True
        DBOS.launch()  # on the event loop's thread, so that workflows run on this loop
        for queue, at_once in self.queues().items():
            await DBOS.register_queue_async(
                queue, global_concurrency=at_once, polling_interval_sec=_POLL_S, on_conflict="always_update"
            )
        for row in await asyncio.to_thread(self.jobs.unfinished, "queued"):
            await self.enqueue(row)
        self.background(self._look_after())
        self.is_ready = True

    def queues(self) -> dict[str, int]:
        """Queues and how many of their jobs run at once."""
        s = self.settings
        return {"dialogue": s.dialogue_concurrency, "render": s.render_concurrency, "training": s.training_concurrency}

    async def enqueue(self, row: Row) -> None:
        """Hand an accepted job to the queue; twice does no harm."""
        with SetWorkflowID(row["id"]):
            await DBOS.enqueue_workflow_async(QUEUES[row["kind"]], job_workflow, row["id"])

    async def stop(self) -> None:
        """End without finishing: what runs is taken up again at the next start."""
        self.is_ready = False
        for task in [*self._background, *(r.task for r in self.running.values() if r.task)]:
            task.cancel()
        await asyncio.to_thread(DBOS.destroy)
        # DBOS had lent its threads to the loop and has closed them
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def _look_after(self) -> None:
        """Stop jobs that another replica was asked to cancel."""
        while True:
            if self.running:
                for job_id in await asyncio.to_thread(self.jobs.cancel_requests, list(self.running)):
                    if (run := self.running.get(job_id)) and not run.is_cancelled:
                        run.cancel()
            await asyncio.sleep(0.5)

    async def refresh_gauges(self) -> None:
        """Count jobs and queues for the metrics; done when they are read."""
        counts = await asyncio.to_thread(self.jobs.counts)
        for (kind, state), n in counts.items():
            metrics.JOBS.labels(kind, state).set(n)
        for gone in {tuple(s.labels.values()) for m in metrics.JOBS.collect() for s in m.samples} - set(counts):
            metrics.JOBS.labels(*gone).set(0)
        waiting = await asyncio.to_thread(self.jobs.queue_counts)
        for queue in self.queues():
            metrics.QUEUE_DEPTH.labels(queue).set(waiting.get((queue, "queued"), 0))

    async def cancel(self, owner: str, job_id: str) -> None:
        """Cancel a job, and wait up to a second for it to end. Raises ``unknown-id``."""
        row = await asyncio.to_thread(self.jobs.request_cancel, owner, job_id)
        if row["state"] == "cancelled":
            with contextlib.suppress(Exception):  # the row decides; a workflow that still starts finds it cancelled
                await DBOS.cancel_workflow_async(job_id)
            self.hub.publish(owner, job_id, "done", {"id": job_id, "kind": row["kind"]})
            await self._announce(row["queue"])
        elif row["state"] == "running":
            with self.hub.subscribe(owner, job_id) as watcher:
                if run := self.running.get(job_id):
                    run.cancel()
                until = time.monotonic() + 1
                while (left := until - time.monotonic()) > 0:
                    event = await watcher.get(left)
                    if event and event[0] == "done":
                        break

    async def _announce(self, queue: str) -> None:
        """Tell those who wait their new place."""
        for place, row in enumerate(await asyncio.to_thread(self.jobs.waiting, queue), 1):
            data = {
                "id": row["id"],
                "kind": row["kind"],
                "state": "queued",
                "stage": "",
                "progress": 0.0,
                "eta_s": None,
            }
            self.hub.publish(row["owner"], row["id"], "progress", {**data, "queue_position": place})

    async def work(self, job_id: str) -> str:
        """The whole of one job. Returns the state it ended in; ``gone`` when there was nothing to do."""
        logs.job_id.set(job_id)
        row = await asyncio.to_thread(self.jobs.begin, job_id, self.settings.executor_id)
        if row is None:
            return "gone"
        run = self.running[job_id] = JobRun(self, row)
        run.timings.known("queued", (row["started_at"] - row["created_at"]) * 1000)
        log.info("job begins", extra={"kind": run.kind})
        state, result, error = "failed", None, None
        try:
            await self._announce(row["queue"])
            result = await self.handlers[run.kind](run)
            state = "succeeded"
        except HuashengError as e:
            if e.slug == "cancelled" and run.is_cancelled:
                state = "cancelled"
            else:
                error = {"reason": e.slug, "params": e.params}
                metrics.ERRORS.labels("gateway", e.slug).inc()
        except Exception:
            log.exception("job failed unexpectedly")
            error = {"reason": "internal", "params": {"service": "gateway"}}
            metrics.ERRORS.labels("gateway", "internal").inc()
        finally:
            run.drop_video()
            self.running.pop(job_id, None)
        await run.save()
        if await asyncio.to_thread(self.jobs.finish, job_id, state, result, error):
            metrics.JOB_SECONDS.labels(run.kind, state).observe(time.time() - run.created_at)
        log.info("job ends", extra={"kind": run.kind, "state": state, "reason": (error or {}).get("reason", "")})
        self.hub.publish(run.owner, job_id, "done", {"id": job_id, "kind": run.kind})
        await asyncio.to_thread(shutil.rmtree, run.folder, True)
        return state
