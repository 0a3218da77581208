"""Durable steps of a job (DBOS): a finished step is not repeated after a crash.

A step that meets a service that is down waits for it, within limits. Cancelling the job stops the step at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS

from services.common import tracing
from services.common.errors import HuashengError
from services.gateway.jobs.run import JobRun

log = logging.getLogger("huasheng.gateway.jobs")

WAITABLE = ("service-down", "service-loading", "service-token", "busy", "database-down", "storage-down")
MAX_CRASHES = 4
"""How often a service may die in the middle of one step: an input that kills its engine must not be tried for ever."""
CRASH_S = 5.0
"""A service that fails after this much work has crashed over it; one that fails earlier was not there."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0

StepBody = Callable[[], Awaitable[dict[str, Any]]]


async def durable_step(run: JobRun, name: str, body: StepBody) -> dict[str, Any]:
    """Run ``body`` and record its result under ``name``; a repeat of the job uses that. Raises ``HuashengError``."""

    async def recorded() -> dict[str, Any]:
        # errors are recorded as data: the workflow store would keep exceptions as pickles
        if run.is_abandoned:
            raise asyncio.CancelledError
        if run.is_cancelled:  # while the step was being begun
            return {"reason": "cancelled", "params": {}}
        run.step_task = asyncio.ensure_future(_attempts(run, name, body))
        try:
            return {"value": await run.step_task}
        except HuashengError as e:
            return {"reason": e.slug, "params": e.params}
        except asyncio.CancelledError:
            if run.is_abandoned or not run.is_cancelled:
                raise  # the gateway stops, or has lost its lease: the step is not finished
            return {"reason": "cancelled", "params": {}}
        finally:
            run.step_task = None

    if run.is_abandoned:
        raise asyncio.CancelledError
    if run.is_cancelled:
        raise HuashengError("cancelled")
    outcome: dict[str, Any] = await DBOS.run_step_async({"name": name}, recorded)
    if "reason" in outcome:
        raise HuashengError(outcome["reason"], **outcome["params"])
    value: dict[str, Any] = outcome["value"]
    return value


async def _attempts(run: JobRun, name: str, body: StepBody) -> dict[str, Any]:
    with tracing.span(f"step {name}"):
        return await _until_done(run, body)


async def _until_done(run: JobRun, body: StepBody) -> dict[str, Any]:
    """``body`` until it succeeds, fails for good, or a service was down for too long."""
    waited, pause, crashes = 0.0, FIRST_PAUSE_S, 0
    while True:
        began = time.monotonic()
        try:
            return await body()
        except OSError as e:
            if e.errno != 28:
                raise
            raise HuashengError("disk-full") from e
        except HuashengError as e:
            service = e.params.get("service", "database" if e.slug == "database-down" else "")
            if e.slug not in WAITABLE or waited >= run.retry_s or crashes >= MAX_CRASHES:
                raise
            if service not in ("database", "storage") and time.monotonic() - began > CRASH_S:
                crashes, waited, pause = crashes + 1, 0.0, FIRST_PAUSE_S
            log.warning("job waits for %s", service, extra={"reason": e.slug, "waited_s": round(waited, 1)})
            tracing.event("attempt failed", reason=e.slug, service=service, waited_s=waited)
            run.abandon_video()
            run.report(f"waiting-for-{service}")
        await asyncio.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, LONGEST_PAUSE_S)
