"""The gallery: finished videos, their names and tags, many at once, and what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.common.aio import iterate_in_thread
from services.common.errors import HuashengError, problem
from services.gateway.accounts import acts
from services.gateway.api import schemas
from services.gateway.api.deps import Before, Context, Lang, Limit, Owner, Who
from services.gateway.api.download_names import download_name
from services.gateway.api.job_answers import job_of, jobs_of
from services.gateway.api.problems import responses
from services.gateway.api.requests import Body
from services.gateway.context import Gateway
from services.gateway.media.zipping import zipped
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["gallery"])
MAX_NAME, MAX_TAGS, MAX_TAG, MAX_AT_ONCE = 80, 12, 40, 200
LEFT_OUT = "not-included.txt"
"""In a zip: ids of videos that are not there."""


def _one_line(text: str) -> str:
    plain = " ".join(text.split())
    if not plain:
        raise ValueError("a tag is not empty")
    return plain


Tag = Annotated[str, Field(max_length=MAX_TAG), AfterValidator(_one_line)]


class VideoChange(Body):
    """A new name, new tags; what is left out stays. An empty name is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "新年祝福", "tags": ["2027", "春节"]}]})
    name: str | None = Field(default=None, max_length=MAX_NAME)
    tags: list[Tag] | None = Field(default=None, max_length=MAX_TAGS)


class BulkRequest(Body):
    """Delete videos, or get them as a zip file."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["j_01m3…"], "action": "zip"}]})
    ids: list[Annotated[str, Field(max_length=80)]] = Field(min_length=1, max_length=MAX_AT_ONCE)
    action: Literal["delete", "zip"]


class BulkFailure(BaseModel):
    """One that was not done, and why."""

    id: str
    problem: schemas.Problem


class BulkAnswer(BaseModel):
    """What was deleted, and what was not."""

    done: list[str]
    failed: list[BulkFailure]


class TagUse(BaseModel):
    """A tag and how many videos have it."""

    tag: str
    videos: int


class StoredKind(BaseModel):
    """How much is stored of a kind: uploads, and what jobs of each kind made."""

    kind: Literal["upload", "video", "dialogue", "dubbing", "avatar", "training"]
    bytes: int
    things: int


class StorageUse(BaseModel):
    """What is stored in bytes; ``limit_bytes`` null: no limit."""

    items: list[StoredKind]
    total_bytes: int
    limit_bytes: int | None


@router.get("/videos", response_model=schemas.Items[schemas.Job])
async def videos(
    gateway: Context,
    owner: Owner,
    lang: Lang,
    q: Annotated[str, Query(max_length=200, description="Words that are all in the name or the text.")] = "",
    tag: Annotated[str, Query(max_length=MAX_TAG)] = "",
    avatar_id: Annotated[str, Query(max_length=80, description="An avatar or model that is drawn.")] = "",
    limit: Limit = 50,
    before: Before = None,
) -> Any:
    """The gallery: finished video jobs, the newest first."""
    rows = await asyncio.to_thread(
        gateway.gallery.search, owner, q=q, tag=tag, avatar_id=avatar_id, limit=limit, before=before
    )
    return schemas.Items(items=await jobs_of(gateway, rows, lang))


@router.get("/videos/tags", response_model=schemas.Items[TagUse])
async def tags(gateway: Context, owner: Owner) -> Any:
    """The tags of your videos."""
    return {"items": await asyncio.to_thread(gateway.gallery.tags, owner)}


@router.patch("/videos/{job_id}", response_model=schemas.Job, responses=responses("unknown-id"))
async def change_video(gateway: Context, owner: Owner, lang: Lang, job_id: str, body: VideoChange) -> Any:
    """Name a video and tag it. Downloads are named after it."""
    name = None if body.name is None else " ".join(body.name.split())
    return await job_of(gateway, await asyncio.to_thread(gateway.gallery.change, owner, job_id, name, body.tags), lang)


@router.post(
    "/videos/bulk",
    response_model=BulkAnswer,
    responses=responses("unknown-id")
    | {200: {"content": {"application/zip": {}}, "description": "what was done; the zip file"}},
)
async def bulk(gateway: Context, owner: Owner, lang: Lang, body: BulkRequest) -> Any:
    """Delete videos (each as `DELETE /jobs/{id}?forget=true` does), or get them and their subtitles as a zip file."""
    ids = list(dict.fromkeys(body.ids))
    if body.action == "delete":
        return await _delete(gateway, owner, ids, lang)
    rows = await asyncio.to_thread(gateway.gallery.some, owner, ids)
    if not rows:
        raise HuashengError("unknown-id", kind="job", id=ids[0][:80])
    there = {r["id"] for r in rows}
    acts.note("zip")
    return zip_of(gateway, _files(rows), [i for i in ids if i not in there], "videos.zip")


async def _delete(gateway: Gateway, owner: str, ids: list[str], lang: str) -> BulkAnswer:
    done, failed = [], []
    for job_id in ids:
        try:
            await asyncio.to_thread(_forget, gateway, owner, job_id)
            done.append(job_id)
        except HuashengError as e:
            failed.append(BulkFailure(id=job_id, problem=schemas.Problem.model_validate(problem(e, lang, ""))))
    acts.note(*(f"{job_id} forgotten" for job_id in done))
    return BulkAnswer(done=done, failed=failed)


def _forget(gateway: Gateway, owner: str, job_id: str) -> None:
    if gateway.jobs.get(owner, job_id)["kind"] != "video":
        raise HuashengError("unknown-id", kind="job", id=job_id[:80])
    gateway.jobs.forget(owner, job_id)
    gateway.storage.delete(f"results/{job_id}")


def zip_of(gateway: Gateway, files: Iterator[tuple[str, str]], missing: list[str], name: str) -> Response:
    """A zip of stored files as a streamed answer."""
    pieces = iterate_in_thread(lambda: zipped(gateway.storage, files, missing, LEFT_OUT))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _files(rows: list[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for key in video_keys(row):
            yield download_name(row, key.rsplit("/", 1)[-1]), key


def video_keys(row: Row) -> list[str]:
    """Storage keys of a finished video and of its subtitles."""
    result = row["result"] or {}
    found = [result.get("video_key"), result.get("subtitles_key"), *(result.get("subtitles_keys") or {}).values()]
    return list(dict.fromkeys(key for key in found if key))


@router.get("/me/storage", response_model=StorageUse)
async def storage(gateway: Context, who: Who) -> Any:
    """What is stored, by kind."""
    items = await asyncio.to_thread(gateway.gallery.stored, who.owner)
    limits = await asyncio.to_thread(gateway.accounts.quotas.limits, who)
    most = int(limits["stored_mb"] * 2**20)
    return {"items": items, "total_bytes": sum(i["bytes"] for i in items), "limit_bytes": most or None}
