"""Avatars: prepared from uploads, listed, given a voice, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import requests, schemas
from services.gateway.api.checks import kind_words
from services.gateway.api.deps import Context, Key, Owner
from services.gateway.api.job_answers import start_job
from services.gateway.api.lists import listed
from services.gateway.api.problems import ACCEPTED, responses
from services.gateway.catalogue.avatars import get_avatar, is_drawn, list_avatars
from services.gateway.catalogue.voices import get_voice
from services.gateway.jobs import records
from services.gateway.store.avatar_voices import NO_VOICE

router = APIRouter(prefix="/api/v1", tags=["avatars"])


@router.post("/avatars", status_code=202, response_model=schemas.Job, responses=ACCEPTED)
async def make_avatar(
    request: Request, gateway: Context, owner: Owner, body: requests.AvatarRequest, key: Key = None
) -> Response:
    """Prepare a person from a video or portrait."""
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.asset_id)
    if asset["kind"] == "audio":
        raise HuashengError(
            "wrong-kind",
            name=asset["name"],
            **kind_words("audio"),
            needed="a film or a picture",
            needed_zh="视频或图片",
        )
    return await start_job(request, gateway, owner, key, kind="avatar", params=body.model_dump(), asset_id=asset["id"])


@router.get("/avatars", response_model=schemas.Items[records.Avatar], responses=responses("service-down"))
async def avatars(gateway: Context, owner: Owner) -> Any:
    """Prepared avatars, the built-in one first."""
    found = await list_avatars(gateway.clients, owner)
    voices = await asyncio.to_thread(gateway.avatar_voices.all, owner)

    def shown(avatar: Any) -> records.Avatar:
        voice = voices.get(avatar.avatar_id, NO_VOICE)
        return records.Avatar.of(avatar, gateway.storage, gateway.signer.media, voice)

    return schemas.Items(items=listed(found, shown))


@router.get("/avatars/{avatar_id}", response_model=records.Avatar, responses=responses("unknown-id"))
async def avatar(gateway: Context, owner: Owner, avatar_id: str) -> Any:
    """One avatar."""
    found = await get_avatar(gateway.clients, owner, avatar_id)
    voice = await asyncio.to_thread(gateway.avatar_voices.get, owner, avatar_id)
    return records.Avatar.of(found, gateway.storage, gateway.signer.media, voice)


@router.patch("/avatars/{avatar_id}", response_model=records.Avatar, responses=responses("unknown-id", "unknown-voice"))
async def choose_voice(gateway: Context, owner: Owner, avatar_id: str, body: requests.AvatarVoice) -> Any:
    """Give an avatar a voice, which speaks where a request names none."""
    await get_avatar(gateway.clients, owner, avatar_id)
    if body.voice_id:
        await get_voice(gateway.clients, owner, body.voice_id)
    await asyncio.to_thread(gateway.avatar_voices.set, owner, avatar_id, body.voice_id or None)
    return await avatar(gateway, owner, avatar_id)


@router.delete("/avatars/{avatar_id}", status_code=204, responses=responses("unknown-id", "builtin-stays", "in-use"))
async def delete_avatar(gateway: Context, owner: Owner, avatar_id: str) -> None:
    """Delete an avatar that you made, with its models, unless a job that has not ended or a conversation draws it."""
    if gateway.live.draws(owner, avatar_id) or await is_drawn(gateway.clients, gateway.jobs, owner, avatar_id):
        raise HuashengError("in-use", id=avatar_id)
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    await gateway.clients.call("render", "DeleteAvatar", request)
    await asyncio.to_thread(gateway.avatar_voices.set, owner, avatar_id, None)
