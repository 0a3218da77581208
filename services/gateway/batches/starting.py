"""Starts the rows of batches as places come free. One replica does it for all; a restart goes on where it was."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from pydantic import ValidationError

from services.common.errors import HuashengError
from services.gateway.accounts.principal import LOCAL, Principal
from services.gateway.api.video_requests import VideoRequest
from services.gateway.api.videos import video_params
from services.gateway.batches.template import rendered
from services.gateway.context import Gateway
from services.gateway.store.db import Row

log = logging.getLogger("huasheng.gateway.batches")
LOOK_S = 1.0
MORE = 2
"""Jobs of an owner's batches that wait beside those that the renderers can take: enough to keep them busy, few enough
that what the owner asks for meanwhile comes soon."""
HOLDING = ("queue-full", "quota-jobs", "quota-minutes", "quota-storage", "database-down", "disk-full")
"""Reasons that pass, besides retryable ones: the row waits."""


async def keep_starting(gateway: Gateway) -> None:
    """Start rows until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            if gateway.runner.lease.leads:
                await start_some(gateway)
        except HuashengError as e:
            log.warning("rows of batches cannot be started", extra={"reason": e.slug})
        except Exception:
            log.exception("rows of batches cannot be started")


async def start_some(gateway: Gateway) -> None:
    """Start what there is place for: a few rows of each owner, never more than half of the queue's places."""
    batches = await asyncio.to_thread(gateway.batches.unfinished)
    if not batches:
        return
    waiting = await asyncio.to_thread(gateway.jobs.queue_counts)
    free = max(1, gateway.settings.max_queued_jobs // 2) - sum(n for (_, s), n in waiting.items() if s == "queued")
    ahead = gateway.runner.capacity.limits["render"] + MORE
    started: Counter[str] = Counter()
    for batch in batches:
        owner = batch["owner"]
        if owner not in started:
            started[owner] = await asyncio.to_thread(gateway.batches.active, owner)
        who = await asyncio.to_thread(principal_of, gateway, batch)
        room = min(free, ahead - started[owner])
        if who is None or room <= 0:
            continue
        for row in await asyncio.to_thread(gateway.batches.to_start, batch["id"], room):
            held_by = await _start(gateway, batch, row, who)
            if held_by != batch["held_by"]:
                await asyncio.to_thread(gateway.batches.hold, batch["id"], held_by)
                batch["held_by"] = held_by
            if held_by:
                break
            free, started[owner] = free - 1, started[owner] + 1


def principal_of(gateway: Gateway, batch: Row) -> Principal | None:
    """Who asked for a batch, with the limits of today; None when their account is closed."""
    if not gateway.accounts.is_on:
        return LOCAL
    try:
        user = gateway.accounts.users.get(batch["user_id"])
    except HuashengError as e:
        if e.slug == "unknown-id":
            return None
        raise
    if user["disabled"]:
        return None
    keys = {k["id"]: k for k in gateway.accounts.keys.of_user(user["id"])}
    key = keys.get(batch["key_id"])
    return Principal(
        user["id"],
        user["owner"],
        user["name"],
        is_admin=user["role"] == "admin",
        via="key" if batch["key_id"] else "session",
        credential_id=batch["key_id"],
        limits=user["limits"] | (key["limits"] if key else {}),
    )


async def _start(gateway: Gateway, batch: Row, row: Row, who: Principal) -> Row | None:
    """Start one row. Returns why none can be started now, else None: it was started, or has failed for good."""
    try:
        await _create(gateway, batch, row, who)
    except ValidationError:  # it was checked; the rules have changed since
        await _fail(gateway, row, "bad-request", {"what": "the row does not fit this version"})
    except HuashengError as e:
        if e.retryable or e.slug in HOLDING:
            return {"reason": e.slug, "params": e.params}
        await _fail(gateway, row, e.slug, e.params)
    return None


async def _fail(gateway: Gateway, row: Row, reason: str, params: Row) -> None:
    log.info("a row of a batch cannot be started", extra={"batch": row["batch_id"], "reason": reason})
    await asyncio.to_thread(gateway.batches.end_start, row, "failed", {"reason": reason, "params": params})


async def _create(gateway: Gateway, batch: Row, row: Row, who: Principal) -> None:
    await asyncio.to_thread(gateway.accounts.quotas.check_job, who)
    body = VideoRequest.model_validate(rendered(batch["template"], row["cells"]))
    params, complete = await video_params(gateway, who.owner, body)
    about = {"viewer_language": batch["viewer_language"], "batch_id": batch["id"]}
    full = await complete(params) | about
    job_id = await asyncio.to_thread(gateway.batches.claim, row)
    if job_id is None:
        return
    job = await asyncio.to_thread(
        gateway.jobs.create,
        who.owner,
        job_id,
        kind="video",
        params=full,
        asset_id=body.audio_asset_id,
        key_id=who.key_id,
        name=row["name"],
    )
    await gateway.runner.enqueue(job)
    if not await asyncio.to_thread(gateway.batches.end_start, row, "started"):
        await gateway.runner.cancel(who.owner, job_id)
        return
    gateway.hub.publish_progress(who.owner, job_id, "video", state=job["state"])
