"""One job at work in this process: its state, its progress for the table and the watchers, its files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from services.gateway.jobs.background import BackgroundTasks
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.progressive_file import ProgressiveFile
from services.gateway.jobs.rate_book import RateBook
from services.gateway.jobs.stage_clock import StageClock
from services.gateway.store.db import Row
from services.gateway.store.jobs import JobStore
from services.gateway.turn.timings import Timings

PUBLISH_S = 0.2
"""Shortest time between two progress events of one stage."""
SAVE_S = 0.5
"""Shortest time between two updates of the row in one stage."""


class JobRun:
    """One run of a job. A crash ends it; the next run continues with the ``partial`` results in the row."""

    def __init__(
        self,
        row: Row,
        *,
        store: JobStore,
        hub: Hub,
        background: BackgroundTasks,
        folder: Path,
        retry_s: float,
        book: RateBook,
    ) -> None:
        self.id: str = row["id"]
        self.owner: str = row["owner"]
        self.key_id: str = row["key_id"]
        self.executor: str = row["executor"]
        """The replica that runs it."""
        self.kind: str = row["kind"]
        self.params: dict[str, Any] = row["params"]
        self.created_at: float = row["created_at"]
        self.partial: dict[str, Any] = dict(row["partial"])
        """What is known already, for those who read the job before it is over."""
        self.folder = folder
        """Work in progress; removed when the job is over."""
        self.retry_s = retry_s
        """How long a step waits for a service that is down."""
        self.stage = ""
        self.progress = 0.0
        self.eta_s: float | None = None
        self.step_task: asyncio.Task[Any] | None = None
        """The attempt at work, for ``cancel``."""
        self.is_cancelled = bool(row["cancel_requested"])
        self.is_abandoned = False
        """Another run of the job begins elsewhere, or later: this one must end without a trace."""
        self.ended = asyncio.Event()
        self.video: ProgressiveFile | None = None
        self.timings = Timings(time.time() - self.created_at, self._publish_timing)
        self._store, self._hub, self._background = store, hub, background
        self.book = book
        """What stages took in earlier jobs."""
        self._saving = asyncio.Lock()
        self._keys: list[str] = []
        self._clock = StageClock({}, 1.0)
        self._published_at = self._saved_at = 0.0

    def publish(self, event: str, **data: Any) -> None:
        """Send an event to the watchers."""
        self._hub.publish(self.owner, self.id, event, {"id": self.id, "kind": self.kind, **data})

    def _publish_timing(self, stage: str, ms: float) -> None:
        self.partial["timings_ms"] = dict(self.timings.ms)
        self.publish("timing", stage=stage, ms=ms)

    def plan(self, keys: list[str], work: float) -> None:
        """Estimate by what earlier jobs took: by the first of ``keys`` that is known, for ``work`` units.

        A success is remembered under all keys. Called again, it only changes the work.
        """
        self._clock.work = work
        if keys != self._keys:
            self._keys, self._clock.rates = keys, self.book.rates(*keys)

    def learn(self) -> None:
        """The job succeeded: remember what its stages took."""
        self._clock.leave()
        if self._clock.measured and self._keys:
            self.book.learn(self._keys, self._clock.measured, self._clock.work)

    def report(
        self, stage: str, progress: float | None = None, eta_s: float | None = None, done: float | None = None
    ) -> None:
        """Set stage and progress (0 to 1). A new stage is published and saved at once, progress at intervals.

        ``eta_s`` replaces the estimate; ``done`` is the share of the stage that is done, where progress does not tell.
        """
        now, changed = time.monotonic(), stage != self.stage
        self.stage = stage
        if progress is not None:
            self.progress = min(1.0, max(progress, 0.0))
        self._clock.enter(stage, self.progress, done)
        left = self._clock.remaining_s() if eta_s is None else eta_s
        self.eta_s = None if left is None else round(left, 1)
        if changed or now - self._published_at > PUBLISH_S:
            self._published_at = now
            self._hub.publish_progress(
                self.owner,
                self.id,
                self.kind,
                state="running",
                stage=stage,
                progress=self.progress,
                eta_s=self.eta_s,
            )
        if changed or now - self._saved_at > SAVE_S:
            self._saved_at = now
            self._background.start(self.save())

    async def save(self) -> None:
        """Write stage, progress and partial results to the table."""
        async with self._saving:  # one after the other: an older state must not overwrite a newer one
            await asyncio.to_thread(
                self._store.save,
                self.id,
                self.executor,
                stage=self.stage,
                progress=self.progress,
                eta_s=self.eta_s,
                partial=dict(self.partial),
            )

    def start_over(self) -> None:
        """An attempt begins: drop the progress of the one before."""
        self.timings.restart()
        self.progress, self.eta_s = 0.0, None
        self._clock = StageClock(self._clock.rates, self._clock.work)
        self.abandon_video()

    def new_video(self) -> ProgressiveFile:
        """The file for the video of this attempt."""
        self.video = ProgressiveFile(self.folder / "video.mp4")
        return self.video

    def abandon_video(self) -> None:
        """End the readers of an unfinished video."""
        if self.video:
            self.video.close(complete=False)
            self.video = None

    def cancel(self) -> None:
        """Stop the work at once."""
        self.is_cancelled = True
        self.report("cancelling")
        if self.step_task:
            self.step_task.cancel()

    def abandon(self) -> None:
        """Stop the work at once, as the end of the process would."""
        self.is_abandoned = True
        if self.step_task:
            self.step_task.cancel()
