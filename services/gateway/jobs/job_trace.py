"""The trace of a job: its ids follow from the job's, so that whichever process takes the job up goes on with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from services.common import tracing
from services.gateway.jobs.run import JobRun
from services.gateway.store.db import Row


@contextlib.contextmanager
def job_trace(run: JobRun, row: Row) -> Iterator[None]:
    """The job's span, from when it was accepted; ``row`` as it was when this run began.

    Only the process in which the job ends sends it.
    """
    span = tracing.root(f"job {run.kind}", run.id, since=run.created_at, job_id=run.id, turn_id=run.id, kind=run.kind)
    with span.active():
        tracing.past("queued", f"{run.id} queued", run.created_at, row["started_at"])
        if row["partial"]:
            span.event("taken up again")
        try:
            yield
        except asyncio.CancelledError:
            raise  # the job goes on elsewhere
        except Exception:
            span.end(state="lost")
            raise
    if not run.is_abandoned:
        span.end()
