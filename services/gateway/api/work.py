"""The POSTs that make jobs, and the lists of what came of them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import requests as bodies
from services.gateway.api import schemas, views
from services.gateway.api.deps import (
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
from services.gateway.api.problems import responses
from services.gateway.avatars import check_known, find_avatar
from services.gateway.store.jobs import Row
from services.gateway.voices import find_voice, with_voice

router = APIRouter(prefix="/api/v1")
ACCEPTED = responses("unknown-id", "bad-request", "queue-full", "idempotency-conflict", "service-down")


@router.post("/avatars", status_code=202, response_model=schemas.Job, responses=ACCEPTED, tags=["avatars"])
async def make_avatar(
    request: Request, gateway: Context, owner: Owner, body: bodies.AvatarRequest, key: Key = None
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
    voices = await asyncio.to_thread(gateway.avatar_voices.all, owner)
    rows = [views.avatar_row(a, gateway.storage) | voices.get(a.avatar_id, {}) for a in found.avatars]
    return {"items": [views.linked(r, gateway.signer) for r in rows]}


@router.get("/avatars/{avatar_id}", response_model=schemas.Avatar, responses=responses("unknown-id"), tags=["avatars"])
async def avatar(gateway: Context, owner: Owner, avatar_id: str) -> Any:
    """One avatar."""
    row = await find_avatar(gateway, owner, avatar_id)
    voice = await asyncio.to_thread(gateway.avatar_voices.get, owner, avatar_id)
    return views.linked(row | voice, gateway.signer)


@router.patch(
    "/avatars/{avatar_id}",
    response_model=schemas.Avatar,
    responses=responses("unknown-id", "unknown-voice"),
    tags=["avatars"],
)
async def choose_voice(gateway: Context, owner: Owner, avatar_id: str, body: bodies.AvatarVoice) -> Any:
    """Give an avatar a voice, which speaks where a request names none."""
    await find_avatar(gateway, owner, avatar_id)
    if body.voice_id:
        await find_voice(gateway, owner, body.voice_id)
    await asyncio.to_thread(gateway.avatar_voices.set, owner, avatar_id, body.voice_id or None)
    return await avatar(gateway, owner, avatar_id)


@router.delete(
    "/avatars/{avatar_id}", status_code=204, responses=responses("unknown-id", "builtin-stays"), tags=["avatars"]
)
async def delete_avatar(gateway: Context, owner: Owner, avatar_id: str) -> None:
    """Delete an avatar that you made."""
    if (await find_avatar(gateway, owner, avatar_id))["is_builtin"]:
        raise HuashengError("builtin-stays", id=avatar_id)
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    await gateway.clients.short("render", "DeleteAvatar", request)
    await asyncio.to_thread(gateway.avatar_voices.set, owner, avatar_id, None)


@router.post(
    "/videos",
    status_code=202,
    response_model=schemas.Job,
    tags=["videos"],
    responses=ACCEPTED
    | responses(
        "empty-text", "long-text", "silent-audio", "no-audio", "too-long", "unknown-voice", "synthesis-unsupported"
    ),
)
async def make_video(
    request: Request, gateway: Context, owner: Owner, body: bodies.VideoRequest, key: Key = None
) -> Response:
    """Make the avatar say a text or a recording."""
    params = body.params()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_text_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "", gateway.settings.max_audio_s)
    await check_known(gateway, owner, body.avatar_id, body.model)

    async def prepare(given: Row) -> Row:
        return given if body.text is None else await with_voice(gateway, owner, given)

    return await start_job(request, gateway, owner, key, "video", params, body.audio_asset_id, prepare)


@router.get("/videos", response_model=schemas.Items[schemas.Job], tags=["videos"])
async def videos(gateway: Context, owner: Owner, lang: Lang, limit: Limit = 50, before: Before = None) -> Any:
    """The gallery: finished video jobs."""
    rows = await asyncio.to_thread(gateway.jobs.search, owner, "video", ("succeeded",), limit, before)
    return {"items": [await show_job(gateway, r, lang) for r in rows]}


@router.post(
    "/dialogues",
    status_code=202,
    response_model=schemas.Job,
    tags=["dialogues"],
    responses=ACCEPTED
    | responses(
        "empty-text", "long-text", "silent-audio", "no-audio", "too-long", "unknown-voice", "synthesis-unsupported"
    ),
)
async def make_dialogue(
    request: Request, gateway: Context, owner: Owner, body: bodies.DialogueRequest, key: Key = None
) -> Response:
    """Ask a question; the answer is a video of the avatar saying it."""
    params = body.params()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_question_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "", gateway.settings.max_audio_s)
    await check_known(gateway, owner, body.avatar_id, body.model)

    async def prepare(given: Row) -> Row:
        given = await with_voice(gateway, owner, given)
        opened = await asyncio.to_thread(gateway.conversations.open, owner, given["conversation_id"])
        return given | {"conversation_id": opened}

    return await start_job(request, gateway, owner, key, "dialogue", params, body.audio_asset_id, prepare)
