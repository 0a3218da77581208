"""Jobs from a tool's side: progress is told, and a request that is cancelled cancels the job that it began."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import anyio
import anyio.lowlevel
from mcp.server.fastmcp import Context

from huasheng import events
from huasheng._async.client import AsyncHuasheng
from huasheng.errors import HuashengError, JobCancelledError, JobFailedError
from huasheng.jobs import Job

Ctx = Context[Any, Any, Any]
CANCEL_S = 10.0


async def follow(hs: AsyncHuasheng, ctx: Ctx, job: Job[Any], wait_s: float) -> Job[Any]:
    """The job once it is over, or as it is after ``wait_s``; tells its progress, which never falls.

    Raises ``HuashengError``.
    """
    told, shown = -1.0, ""
    with anyio.move_on_after(wait_s):
        async with aclosing(hs.jobs.watch(job, timeout=wait_s + CANCEL_S)) as stream:
            async for event in stream:
                if isinstance(event, events.Done):
                    await ctx.report_progress(1.0, 1.0, event.job.state)
                    return event.job
                if isinstance(event, events.Progress) and (event.progress > told or event.stage != shown):
                    told, shown = max(told, event.progress), event.stage
                    await ctx.report_progress(told, 1.0, _words(event))
    return await hs.jobs.get(job)


def _words(event: events.Progress) -> str:
    place = f", place {event.queue_position} in the queue" if event.queue_position else ""
    left = f", {event.eta_s:.0f} s left" if event.eta_s is not None else ""
    return f"{event.stage or event.state}{place}{left}"


async def made(
    hs: AsyncHuasheng, ctx: Ctx, start: Callable[[], Awaitable[Job[Any]]], wait_s: float, *, is_awaited: bool
) -> Job[Any]:
    """Start a job, and wait for it where that is wanted. Raises ``HuashengError``, also when the job failed."""
    with anyio.CancelScope(shield=True):  # the gateway's answer has the id with which it can be cancelled
        job = await start()
    if not is_awaited:
        return job
    try:
        await anyio.lowlevel.checkpoint()
        done = await follow(hs, ctx, job, wait_s)
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_S), suppress(HuashengError):
            await hs.jobs.cancel(job)
        raise
    return succeeded(done)


def succeeded(job: Job[Any]) -> Job[Any]:
    """The job, unless it went wrong. Raises ``JobFailedError``, ``JobCancelledError``."""
    if job.state == "failed":
        raise JobFailedError(job)
    if job.state == "cancelled":
        raise JobCancelledError(job)
    return job
