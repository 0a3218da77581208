"""The POSTs that make jobs, and the lists of what came of them."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway import schemas, views
from services.gateway.clients import meaning, metadata
from services.gateway.context import Gateway
from services.gateway.deps import (
    Before,
    Context,
    Key,
    Lang,
    Limit,
    Owner,
    check_text,
    show_job,
    speech_asset,
    start_job,
)
from services.gateway.jobs import Row
from services.gateway.problems import responses

router = APIRouter(prefix="/api/v1")
ACCEPTED = responses("unknown-id", "bad-request", "queue-full", "idempotency-conflict", "service-down")


async def find_avatar(gateway: Gateway, owner: str, avatar_id: str | None) -> Row:
    """The avatar of that name, or the built-in one. Raises ``unknown-id``."""
    found = await gateway.clients.short("render", "ListAvatars", render_pb2.ListAvatarsRequest(owner=owner))
    for a in found.avatars:
        if a.avatar_id == avatar_id or not avatar_id:
            return views.avatar_row(a, gateway.storage)
    raise HuashengError("unknown-id", kind="avatar", id=avatar_id or views.BUILTIN)


async def check_avatar(gateway: Gateway, owner: str, avatar_id: str | None) -> None:
    """Raises ``unknown-id`` while somebody still looks; a render service that is down is left to the job."""
    if avatar_id:
        try:
            await find_avatar(gateway, owner, avatar_id)
        except HuashengError as e:
            if e.slug == "unknown-id":
                raise


@router.post("/avatars", status_code=202, response_model=schemas.Job, responses=ACCEPTED, tags=["avatars"])
async def make_avatar(
    request: Request, gateway: Context, owner: Owner, body: schemas.AvatarRequest, key: Key = None
) -> Response:
    """Prepare a person from a video or portrait."""
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.asset_id)
    if asset["kind"] == "audio":
        raise HuashengError("wrong-kind", name=asset["name"], kind="audio", needed="video / image")
    return await start_job(request, gateway, owner, key, "avatar", body.model_dump(), asset["id"])


@router.get(
    "/avatars", response_model=schemas.Items[schemas.Avatar], responses=responses("service-down"), tags=["avatars"]
)
async def avatars(gateway: Context, owner: Owner) -> Any:
    """Prepared avatars, the built-in one first."""
    found = await gateway.clients.short("render", "ListAvatars", render_pb2.ListAvatarsRequest(owner=owner))
    return {"items": [views.linked(views.avatar_row(a, gateway.storage), gateway.signer) for a in found.avatars]}


@router.get("/avatars/{avatar_id}", response_model=schemas.Avatar, responses=responses("unknown-id"), tags=["avatars"])
async def avatar(gateway: Context, owner: Owner, avatar_id: str) -> Any:
    """One avatar."""
    return views.linked(await find_avatar(gateway, owner, avatar_id), gateway.signer)


@router.delete(
    "/avatars/{avatar_id}", status_code=204, responses=responses("unknown-id", "builtin-stays"), tags=["avatars"]
)
async def delete_avatar(gateway: Context, owner: Owner, avatar_id: str) -> None:
    """Delete an avatar that you made."""
    if (await find_avatar(gateway, owner, avatar_id))["is_builtin"]:
        raise HuashengError("builtin-stays", id=avatar_id)
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    await gateway.clients.short("render", "DeleteAvatar", request)


@router.post(
    "/trainings", status_code=202, response_model=schemas.Job, tags=["trainings"],
    responses=ACCEPTED | responses("training-unavailable"),
)  # fmt: skip
async def make_training(
    request: Request, gateway: Context, owner: Owner, body: schemas.TrainingRequest, key: Key = None
) -> Response:
    """Train a model of the person in a video; refused at once while no engine can train."""
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.video_asset_id)
    if asset["kind"] != "video":
        raise HuashengError("wrong-kind", name=asset["name"], kind=asset["kind"], needed="video")
    await check_training(gateway, owner, body.engine or "")
    return await start_job(request, gateway, owner, key, "training", body.model_dump(), asset["id"])


async def check_training(gateway: Gateway, owner: str, engine: str) -> None:
    """Ask for a training of nothing: an engine that can train misses the video, one that cannot says so.

    Raises ``training-unavailable``, ``unknown-engine``, ``engine-unavailable``, ``service-down``.
    """
    request = render_pb2.TrainRequest(owner=owner, engine=engine)
    call = gateway.clients.render.Train(request, timeout=gateway.settings.rpc_s, metadata=metadata())
    try:
        await call.read()
    except grpc.aio.AioRpcError as e:
        error = meaning(e, "render")
        if error.slug in ("not-offered",):
            raise HuashengError("training-unavailable", why="no engine offers it") from e
        if error.slug in (
            "training-unavailable",
            "unknown-engine",
            "engine-unavailable",
            "service-down",
            "service-loading",
        ):
            raise error from e
    finally:
        call.cancel()


@router.get(
    "/models", response_model=schemas.Items[schemas.Model], responses=responses("service-down"), tags=["trainings"]
)
async def models(gateway: Context, owner: Owner) -> Any:
    """Built-in and trained models."""
    found = await gateway.clients.short("render", "ListModels", render_pb2.ListModelsRequest(owner=owner))
    return {"items": [views.model_row(m) for m in found.models]}


@router.post(
    "/videos", status_code=202, response_model=schemas.Job, tags=["videos"],
    responses=ACCEPTED | responses("empty-text", "long-text", "silent-audio", "no-audio", "too-long"),
)  # fmt: skip
async def make_video(
    request: Request, gateway: Context, owner: Owner, body: schemas.VideoRequest, key: Key = None
) -> Response:
    """Make the avatar say a text or a recording."""
    params = body.model_dump()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_text_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "", gateway.settings.max_audio_s)
    await check_avatar(gateway, owner, body.avatar_id)
    return await start_job(request, gateway, owner, key, "video", params, body.audio_asset_id)


@router.get("/videos", response_model=schemas.Items[schemas.Job], tags=["videos"])
async def videos(gateway: Context, owner: Owner, lang: Lang, limit: Limit = 50, before: Before = None) -> Any:
    """The gallery: finished video jobs."""
    rows = await asyncio.to_thread(gateway.jobs.search, owner, "video", ("succeeded",), limit, before)
    return {"items": [await show_job(gateway, r, lang) for r in rows]}


@router.post(
    "/dialogues", status_code=202, response_model=schemas.Job, tags=["dialogues"],
    responses=ACCEPTED | responses("empty-text", "long-text", "silent-audio", "no-audio", "too-long"),
)  # fmt: skip
async def make_dialogue(
    request: Request, gateway: Context, owner: Owner, body: schemas.DialogueRequest, key: Key = None
) -> Response:
    """Ask a question; the answer is a video of the avatar saying it."""
    params = body.model_dump()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_question_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "", gateway.settings.max_audio_s)
    await check_avatar(gateway, owner, body.avatar_id)

    async def prepare(given: Row) -> Row:
        opened = await asyncio.to_thread(gateway.conversations.open, owner, given["conversation_id"])
        return given | {"conversation_id": opened}

    return await start_job(request, gateway, owner, key, "dialogue", params, body.audio_asset_id, prepare)
