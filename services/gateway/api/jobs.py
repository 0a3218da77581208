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
from services.gateway.accounts import acts
from services.gateway.accounts.principal import Principal
from services.gateway.api import schemas
from services.gateway.api.deps import Before, Context, Lang, Limit, Owner, RequestId, Who
from services.gateway.api.download_names import download_name
from services.gateway.api.files import SAFE, TYPES, StoredFile, result_tag, serve
from services.gateway.api.job_answers import WITH_VIDEO, job_of, jobs_of, kept_error
from services.gateway.api.problems import Responses, responses, streamed
from services.gateway.context import Gateway
from services.gateway.dubbing.film_avatar import check_script_unused, forget_film
from services.gateway.jobs.progressive_file import Abandoned
from services.gateway.store.jobs import ACTIVE

router = APIRouter(prefix="/api/v1", tags=["jobs"])
HEARTBEAT_S = 15.0
RECHECK_S = 2.0
"""How often one who waits for a video reads the table."""
LOOK_UP_S = 60.0
"""How often a watcher of events does, whatever was published: what other replicas do is, as ``changed``. The first time
is sooner: what changed while the watcher came may not have been."""
PERMISSION_S = 5.0
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
    rows = await asyncio.to_thread(gateway.jobs.search, owner, kind=kind, states=states, limit=limit, before=before)
    return schemas.Items(items=await jobs_of(gateway, rows, lang))


@router.get("/jobs/{job_id}", response_model=schemas.Job, responses=responses("unknown-id"))
async def get(gateway: Context, owner: Owner, lang: Lang, rid: RequestId, job_id: str) -> Any:
    """One job."""
    return await _find(gateway, owner, job_id, lang, rid)


async def _find(gateway: Gateway, owner: str, job_id: str, lang: str, rid: str = "") -> schemas.Job:
    return await job_of(gateway, await asyncio.to_thread(gateway.jobs.get, owner, job_id), lang, rid)


@router.delete(
    "/jobs/{job_id}",
    response_model=schemas.Job,
    responses=FORGOTTEN | responses("unknown-id", "in-use"),
)
async def cancel(gateway: Context, owner: Owner, lang: Lang, job_id: str, forget: bool = False) -> Any:
    """Cancel a job (harmless when it is over); with `forget=true` remove a finished one and its files."""
    if forget:
        row = await asyncio.to_thread(gateway.jobs.get, owner, job_id)
        if row["kind"] == "dubbing" and row["state"] not in ACTIVE:
            await check_script_unused(gateway, owner, job_id)
            await forget_film(gateway, owner, row["params"]["film_asset_id"], except_job=job_id)
        await asyncio.to_thread(gateway.jobs.forget, owner, job_id)
        await asyncio.to_thread(gateway.storage.delete, f"results/{job_id}")
        acts.note(f"{job_id} forgotten")
        return Response(status_code=204)
    await gateway.runner.cancel(owner, job_id)
    return await _find(gateway, owner, job_id, lang)


def sse(event: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


class Heartbeat:
    """When a silent stream has to send a comment, so that no proxy on the way closes it."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def reset(self) -> None:
        """Something was sent."""
        self._last = time.monotonic()

    def comment(self) -> str:
        """The comment when one is due, else empty."""
        if time.monotonic() - self._last <= HEARTBEAT_S:
            return ""
        self.reset()
        return ": still here\n\n"


class Permission:
    """Whether a stream may go on: who signed out, or whose key was revoked, is told nothing more."""

    def __init__(self, gateway: Gateway, who: Principal) -> None:
        self._accounts, self._who, self._checked = gateway.accounts, who, time.monotonic()

    async def holds(self) -> bool:
        """Asked at each turn of the stream's loop; looked up every few seconds."""
        if time.monotonic() - self._checked < PERMISSION_S:
            return True
        self._checked = time.monotonic()
        return await asyncio.to_thread(self._accounts.is_good, self._who)


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses=streamed("text/event-stream", "See docs/api.md.") | responses("unknown-id"),
)
async def job_events(gateway: Context, who: Who, lang: Lang, rid: RequestId, job_id: str) -> Response:
    """Everything about one job as it happens; ends when the job is over."""
    owner, permission = who.owner, Permission(gateway, who)
    await asyncio.to_thread(gateway.jobs.get, owner, job_id)  # an unknown id is a plain 404, not a stream

    async def stream() -> AsyncIterator[str]:
        with gateway.hub.subscribe(owner, job_id) as watcher:
            seen = await _find(gateway, owner, job_id, lang, rid)
            yield sse("snapshot", seen.model_dump())
            heartbeat, look_at = Heartbeat(), time.monotonic() + PERMISSION_S - 1
            while seen.state in ACTIVE and not gateway.hub.closing.is_set():
                if not await permission.holds():
                    return
                event = await watcher.get(PERMISSION_S)
                is_changed = bool(event and event[0] in ("done", "changed"))
                if watcher.behind:
                    watcher.behind = False
                    seen = await _find(gateway, owner, job_id, lang, rid)
                    yield sse("snapshot", seen.model_dump())
                elif event and not is_changed:
                    yield sse(*event)
                    heartbeat.reset()
                if is_changed or time.monotonic() > look_at:
                    look_at = time.monotonic() + LOOK_UP_S
                    now = await _find(gateway, owner, job_id, lang, rid)
                    if now.state != seen.state and now.state in ACTIVE:
                        yield sse("snapshot", now.model_dump())
                    seen = now
                if comment := heartbeat.comment():
                    yield comment
            if seen.state not in ACTIVE:
                yield sse("done", seen.model_dump())

    return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_BUFFER)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=streamed("text/event-stream", "See docs/api.md."),
)
async def all_events(gateway: Context, who: Who, lang: Lang) -> Response:
    """What happens to all your jobs; never ends by itself."""
    owner, permission = who.owner, Permission(gateway, who)

    async def active() -> dict[str, schemas.Job]:
        rows = await asyncio.to_thread(gateway.jobs.search, owner, states=ACTIVE)
        return {job.id: job for job in await jobs_of(gateway, rows, lang)}

    def snapshot(jobs: dict[str, schemas.Job]) -> str:
        return sse("snapshot", {"jobs": [job.model_dump() for job in jobs.values()]})

    async def stream() -> AsyncIterator[str]:
        with gateway.hub.subscribe(owner) as watcher:
            known = await active()
            yield snapshot(known)
            heartbeat, look_at = Heartbeat(), time.monotonic() + PERMISSION_S - 1
            while not gateway.hub.closing.is_set() and await permission.holds():
                event = await watcher.get(PERMISSION_S)
                if watcher.behind:
                    watcher.behind = False
                    known = await active()
                    yield snapshot(known)
                elif event and event[0] == "done":
                    known.pop(event[1]["id"], None)
                    job = await _find(gateway, owner, event[1]["id"], lang)
                    yield sse("done", job.model_dump())
                elif event and event[0] != "changed":
                    yield sse(*event)
                elif event or time.monotonic() > look_at:
                    now, look_at = await active(), time.monotonic() + LOOK_UP_S
                    if now.keys() != known.keys():  # another replica took or ended a job
                        known = now
                        yield snapshot(known)
                if comment := heartbeat.comment():
                    yield comment

    return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_BUFFER)


@router.head("/jobs/{job_id}/video", include_in_schema=False)
@router.get("/jobs/{job_id}/video", responses=responses("unknown-id", "not-offered", "cancelled"))
async def video(request: Request, gateway: Context, owner: Owner, job_id: str) -> Response:
    """The video: followed while it grows, with ranges once it is finished. Waits while the job is queued."""
    with gateway.hub.subscribe(owner, job_id) as watcher:
        while True:
            row = gateway.runner.endings.shown(await asyncio.to_thread(gateway.jobs.get, owner, job_id))
            if row["kind"] not in WITH_VIDEO:
                raise HuashengError("not-offered", service=row["kind"])
            if row["state"] == "succeeded":
                key = row["result"]["video_key"]
                file = StoredFile(
                    key,
                    TYPES[key.rsplit(".", 1)[-1]],
                    etag=result_tag(key),
                    name=download_name(row, key.rsplit("/", 1)[-1]),
                )
                return await serve(request, gateway, file, 3600)
            if row["state"] not in ACTIVE:
                raise kept_error(row) or HuashengError("cancelled")
            if (parts := _unfinished_video(gateway, job_id)) is not None:
                headers = SAFE | NO_BUFFER | {"Accept-Ranges": "none"}
                if request.method == "HEAD":
                    return Response(headers=headers, media_type="video/mp4")
                return StreamingResponse(_until_complete(parts), media_type="video/mp4", headers=headers)
            if gateway.hub.closing.is_set() or await request.is_disconnected():
                raise HuashengError("service-down", service="gateway")
            await watcher.get(RECHECK_S)


def _unfinished_video(gateway: Gateway, job_id: str) -> AsyncIterator[bytes] | None:
    """The video of a job at work here, once it can be played; None while there is nothing to follow."""
    run = gateway.runner.running.get(job_id)
    if not run or not run.video or not run.video.is_playable:
        return None
    try:
        return run.video.follow()
    except Abandoned:
        return None  # just finished: the published file follows in a moment


async def _until_complete(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for data in parts:
            yield data
    except Abandoned:
        # after the headers are sent only a broken connection can say "incomplete"
        raise ConnectionAbortedError("the video starts over") from None
