"""Jobs: list, watch, cancel; and their videos while they are made."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from services.common.errors import HuashengError
from services.gateway.api import schemas
from services.gateway.api.deps import Before, Context, Lang, Limit, Owner, RequestId, show_job
from services.gateway.api.files import SAFE, serve
from services.gateway.api.problems import Responses, responses, streamed
from services.gateway.context import Gateway
from services.gateway.jobs.progressive_file import Abandoned
from services.gateway.store.idempotency import request_hash
from services.gateway.store.jobs import ACTIVE, Row

router = APIRouter(prefix="/api/v1", tags=["jobs"])
HEARTBEAT_S = 15.0
RECHECK_S = 2.0
"""How often a watcher looks into the table: jobs on other replicas tell nobody here."""
State = Literal["queued", "running", "succeeded", "failed", "cancelled", "active"]
FORGOTTEN: Responses = {204: {"description": "forgotten"}}
NO_BUFFER = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/jobs", response_model=schemas.Items[schemas.Job])
async def search(
    gateway: Context,
    owner: Owner,
    lang: Lang,
    kind: schemas.JobKind | None = None,
    state: Annotated[list[State] | None, Query()] = None,
    limit: Limit = 50,
    before: Before = None,
) -> Any:
    """Your jobs, newest first."""
    states = {s for given in state or () for s in (ACTIVE if given == "active" else (given,))}
    rows = await asyncio.to_thread(gateway.jobs.search, owner, kind, states, limit, before)
    return {"items": [await show_job(gateway, r, lang) for r in rows]}


@router.get("/jobs/{job_id}", response_model=schemas.Job, responses=responses("unknown-id"))
async def get(gateway: Context, owner: Owner, lang: Lang, rid: RequestId, job_id: str) -> Any:
    """One job."""
    return await show_job(gateway, await asyncio.to_thread(gateway.jobs.get, owner, job_id), lang, rid)


@router.delete(
    "/jobs/{job_id}",
    response_model=schemas.Job,
    responses=FORGOTTEN | responses("unknown-id", "in-use"),
)
async def cancel(gateway: Context, owner: Owner, lang: Lang, job_id: str, forget: bool = False) -> Any:
    """Cancel a job (harmless when it is over); with `forget=true` remove a finished one and its files."""
    if forget:
        await asyncio.to_thread(gateway.jobs.forget, owner, job_id)
        await asyncio.to_thread(gateway.storage.delete, f"results/{job_id}")
        return Response(status_code=204)
    await gateway.runner.cancel(owner, job_id)
    return await show_job(gateway, await asyncio.to_thread(gateway.jobs.get, owner, job_id), lang)


def sse(event: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses=streamed("text/event-stream", "See docs/api.md.") | responses("unknown-id"),
)
async def job_events(gateway: Context, owner: Owner, lang: Lang, rid: RequestId, job_id: str) -> Response:
    """Everything about one job as it happens; ends when the job is over."""
    await asyncio.to_thread(gateway.jobs.get, owner, job_id)  # unknown is a plain 404, not a stream

    async def show() -> Row:
        return await show_job(gateway, await asyncio.to_thread(gateway.jobs.get, owner, job_id), lang, rid)

    async def stream() -> AsyncIterator[str]:
        with gateway.hub.subscribe(owner, job_id) as watcher:
            seen = await show()
            yield sse("snapshot", seen)
            beat = time.monotonic()
            while seen["state"] in ACTIVE and not gateway.hub.closing.is_set():
                event = await watcher.get(RECHECK_S)
                if watcher.behind:
                    watcher.behind = False
                    seen = await show()
                    yield sse("snapshot", seen)
                elif event and event[0] != "done":
                    yield sse(*event)
                    beat = time.monotonic()
                if not event or event[0] == "done":
                    now = await show()
                    if now["state"] != seen["state"] and now["state"] in ACTIVE:
                        yield sse("snapshot", now)
                    seen = now
                if time.monotonic() - beat > HEARTBEAT_S:
                    beat = time.monotonic()
                    yield ": still here\n\n"
            if seen["state"] not in ACTIVE:
                yield sse("done", seen)

    return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_BUFFER)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=streamed("text/event-stream", "See docs/api.md."),
)
async def all_events(gateway: Context, owner: Owner, lang: Lang) -> Response:
    """What happens to all your jobs; never ends by itself."""

    async def active() -> dict[str, Row]:
        rows = await asyncio.to_thread(gateway.jobs.search, owner, None, ACTIVE, 200, None)
        return {r["id"]: await show_job(gateway, r, lang) for r in rows}

    async def stream() -> AsyncIterator[str]:
        with gateway.hub.subscribe(owner) as watcher:
            known = await active()
            yield sse("snapshot", {"jobs": list(known.values())})
            beat = time.monotonic()
            while not gateway.hub.closing.is_set():
                event = await watcher.get(RECHECK_S)
                if watcher.behind:
                    watcher.behind = False
                    known = await active()
                    yield sse("snapshot", {"jobs": list(known.values())})
                elif event and event[0] == "done":
                    known.pop(event[1]["id"], None)
                    row = await asyncio.to_thread(gateway.jobs.get, owner, event[1]["id"])
                    yield sse("done", await show_job(gateway, row, lang))
                elif event:
                    yield sse(*event)
                elif (now := await active()).keys() != known.keys():
                    known = now  # another replica took or ended a job
                    yield sse("snapshot", {"jobs": list(known.values())})
                if time.monotonic() - beat > HEARTBEAT_S:
                    beat = time.monotonic()
                    yield ": still here\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_BUFFER)


@router.head("/jobs/{job_id}/video", include_in_schema=False)
@router.get("/jobs/{job_id}/video", responses=responses("unknown-id", "not-offered", "cancelled"))
async def video(request: Request, gateway: Context, owner: Owner, job_id: str) -> Response:
    """The video: followed while it grows, with ranges once it is finished. Waits while the job is queued."""
    with gateway.hub.subscribe(owner, job_id) as watcher:
        while True:
            row = await asyncio.to_thread(gateway.jobs.get, owner, job_id)
            if row["kind"] not in ("dialogue", "video"):
                raise HuashengError("not-offered", service=row["kind"])
            if row["state"] == "succeeded":
                key = row["result"]["video_key"]
                name, tag = key.rsplit("/", 1)[-1], request_hash(key)[:16]
                return await serve(request, gateway.storage, key, "video/mp4", tag, name, 3600)
            if row["state"] not in ACTIVE:
                error = row["error"] or {"reason": "cancelled", "params": {}}
                raise HuashengError(error["reason"], **error["params"])
            if (growing := _growing(gateway, job_id)) is not None:
                headers = SAFE | NO_BUFFER | {"Accept-Ranges": "none"}
                if request.method == "HEAD":
                    return Response(headers=headers, media_type="video/mp4")
                return StreamingResponse(_until_complete(growing), media_type="video/mp4", headers=headers)
            if gateway.hub.closing.is_set() or await request.is_disconnected():
                raise HuashengError("service-down", service="gateway")
            await watcher.get(RECHECK_S)


def _growing(gateway: Gateway, job_id: str) -> AsyncIterator[bytes] | None:
    """The video of a job at work here, once it shows something; None while there is nothing to follow."""
    run = gateway.runner.running.get(job_id)
    if not run or not run.video or not run.video.is_playable:
        return None
    try:
        return run.video.follow()
    except Abandoned:
        return None  # just finished: the published file is a moment away


async def _until_complete(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for data in parts:
            yield data
    except Abandoned:
        # the only way to say "incomplete" once the headers are out: break the connection off
        raise ConnectionAbortedError("the video starts over") from None
