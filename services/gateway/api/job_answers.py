"""Answers about jobs, and the way in which a POST creates something once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse

from services.common.errors import HuashengError, problem
from services.gateway.api import schemas
from services.gateway.api.deps import get_principal
from services.gateway.api.lists import listed_async
from services.gateway.api.problems import language, viewer_language
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso, with_links
from services.gateway.store.db import Row
from services.gateway.store.idempotency import request_hash

NOT_SHOWN = ("reply_is_whole", "reply_engine")
"""What ``partial`` keeps for the next attempt only."""
WITH_VIDEO = ("dialogue", "video")
"""Kinds of jobs that make a video."""
MARKED = (*WITH_VIDEO, "training")
"""Kinds of jobs that put a visible mark into pictures."""


def kept_error(row: Row) -> HuashengError | None:
    """The error in a job's row; one that nobody knows (any more) is ``internal``."""
    kept = row["error"]
    if kept is None:
        return None
    try:
        return HuashengError(kept["reason"], **kept["params"])
    except (KeyError, TypeError):
        return HuashengError("internal", service="gateway")


async def jobs_of(gateway: Gateway, rows: list[Row], lang: str) -> list[schemas.Job]:
    """Jobs as ``job_of`` answers them, with all their places from one query. One that cannot be shown is left out."""
    places = await asyncio.to_thread(gateway.jobs.positions, rows)
    tags = await asyncio.to_thread(gateway.gallery.tags_of, [r["id"] for r in rows if r["kind"] == "video"])
    return await listed_async(rows, lambda row: job_of(gateway, row, lang, places=places, tags=tags))


async def job_of(
    gateway: Gateway,
    row: Row,
    lang: str,
    request_id: str = "",
    *,
    places: dict[str, int] | None = None,
    tags: dict[str, list[str]] | None = None,
) -> schemas.Job:
    """A job with its place in the queue, from its row and, while it runs here, from its run.

    ``places``: those of all queued jobs that are asked for, ``tags`` those of all videos; None to look them up.
    """
    row = gateway.runner.endings.shown(row)
    if places is not None:
        position = places.get(row["id"]) if row["state"] == "queued" else None
    else:
        position = await asyncio.to_thread(gateway.jobs.position, row)
    if tags is None:
        tags = await asyncio.to_thread(gateway.gallery.tags_of, [row["id"]]) if row["kind"] == "video" else {}
    run = gateway.runner.running.get(row["id"])
    if run and row["state"] == "running":  # newer than the table
        row = row | {"stage": run.stage, "progress": run.progress, "eta_s": run.eta_s, "partial": dict(run.partial)}
    error, base = kept_error(row), f"/api/v1/jobs/{quote(row['id'])}"
    found = problem(error, lang, request_id) if error else None
    return schemas.Job(
        id=row["id"],
        kind=row["kind"],
        state=row["state"],
        stage=row["stage"],
        progress=round(row["progress"], 3),
        eta_s=row["eta_s"],
        queue_position=position,
        params=row["params"],
        partial=with_links({k: v for k, v in row["partial"].items() if k not in NOT_SHOWN}, gateway.signer),
        result=with_links(row["result"], gateway.signer) if row["result"] else None,
        error=schemas.Problem.model_validate(found) if found else None,
        created_at=iso(row["created_at"]),
        started_at=iso(row["started_at"]) if row["started_at"] else None,
        finished_at=iso(row["finished_at"]) if row["finished_at"] else None,
        consent_withdrawn=row["consent_withdrawn"],
        name=row["name"],
        tags=tags.get(row["id"], []),
        events_url=f"{base}/events",
        video_url=f"{base}/video" if row["kind"] in WITH_VIDEO else None,
    )


async def once(
    gateway: Gateway,
    owner: str,
    key: str | None,
    *,
    digest: str,
    letter: str,
    create: Callable[[str], Awaitable[tuple[int, dict[str, Any]]]],
) -> JSONResponse:
    """Answer a POST that creates something. A request with the same ``key`` and ``digest`` gets the same answer.

    ``create`` gets the id of the new thing, which starts with ``letter``, and returns status and body. Raises what
    ``create`` raises, ``idempotency-conflict``, ``idempotency-pending``.
    """
    claim = await asyncio.to_thread(gateway.idempotency.claim, owner, key, digest, letter)
    if claim.answer:
        status, body = claim.answer
        return JSONResponse(body, status, {"Idempotency-Replayed": "true"})
    try:
        status, body = await create(claim.resource_id)
    except BaseException:
        await asyncio.to_thread(gateway.idempotency.release, owner, claim)
        raise
    await asyncio.to_thread(gateway.idempotency.answer, owner, claim, status, body)
    return JSONResponse(body, status)


async def start_job(
    request: Request,
    gateway: Gateway,
    owner: str,
    key: str | None,
    *,
    kind: str,
    params: dict[str, Any],
    asset_id: str | None = None,
    complete: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None,
    before: Callable[[str, dict[str, Any]], Awaitable[None]] | None = None,
) -> JSONResponse:
    """Accept a job: 202 with it. ``complete`` adds to the parameters once it is known that this is no repeat;
    ``before`` gets its id and parameters before it is there.

    Raises ``queue-full``, ``quota-jobs``, ``quota-minutes``, ``quota-storage``, and what ``complete`` and ``once``
    raise.
    """

    async def create(job_id: str) -> tuple[int, dict[str, Any]]:
        who = get_principal(request)
        await asyncio.to_thread(gateway.accounts.quotas.check_job, who)
        full = await complete(params) if complete else params
        # not part of what a repeat is known by: the visible mark is in the language of who asked first
        full = full | {"viewer_language": viewer_language(request)} if kind in MARKED else full
        if before:
            await before(job_id, full)
        row = await asyncio.to_thread(
            gateway.jobs.create, owner, job_id, kind=kind, params=full, asset_id=asset_id, key_id=who.key_id
        )
        await gateway.runner.enqueue(row)
        job = await job_of(gateway, row, language(request))
        gateway.hub.publish_progress(
            owner,
            job_id,
            kind,
            state=job.state,
            stage=job.stage,
            progress=job.progress,
            eta_s=job.eta_s,
            queue_position=job.queue_position,
        )
        return 202, job.model_dump()

    digest = request_hash(request.scope["path"], params)
    answer = await once(gateway, owner, key, digest=digest, letter="j", create=create)
    answer.headers["Location"] = f"/api/v1/jobs/{json.loads(bytes(answer.body))['id']}"
    return answer
