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
from services.gateway.api.problems import language
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso, with_links
from services.gateway.store.db import Row
from services.gateway.store.idempotency import request_hash

NOT_SHOWN = ("reply_is_whole", "reply_engine")
"""What ``partial`` keeps for the next attempt only."""
WITH_VIDEO = ("dialogue", "video")
"""Kinds of jobs that make a video."""


def kept_error(row: Row) -> HuashengError | None:
    """The error in a job's row; one that nobody knows (any more) is ``internal``."""
    kept = row["error"]
    if kept is None:
        return None
    try:
        return HuashengError(kept["reason"], **kept["params"])
    except (KeyError, TypeError):
        return HuashengError("internal", service="gateway")


async def job_of(gateway: Gateway, row: Row, lang: str, request_id: str = "") -> schemas.Job:
    """A job with its place in the queue, from its row and, while it runs here, from its run."""
    row = gateway.runner.endings.shown(row)
    position = await asyncio.to_thread(gateway.jobs.position, row)
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
) -> JSONResponse:
    """Accept a job: 202 with it. ``complete`` adds to the parameters once it is known that this is no repeat.

    Raises ``queue-full`` and what ``complete`` and ``once`` raise.
    """

    async def create(job_id: str) -> tuple[int, dict[str, Any]]:
        full = await complete(params) if complete else params
        row = await asyncio.to_thread(gateway.jobs.create, owner, job_id, kind=kind, params=full, asset_id=asset_id)
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
