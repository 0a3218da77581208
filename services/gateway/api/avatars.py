"""Avatars: prepared from uploads, listed, given a voice, deleted."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import requests, schemas
from services.gateway.api.checks import kind_words
from services.gateway.api.consents import CLIP_REASONS, check_clip, check_consent, drop_clip, record
from services.gateway.api.deps import Context, Key, Owner
from services.gateway.api.job_answers import start_job
from services.gateway.api.lists import listed
from services.gateway.api.problems import ACCEPTED, responses
from services.gateway.catalogue.avatars import get_avatar, is_drawn, list_avatars
from services.gateway.catalogue.voices import get_voice
from services.gateway.jobs import records
from services.gateway.jobs.handlers.avatar import avatar_id_of
from services.gateway.store.avatar_voices import NO_VOICE

router = APIRouter(prefix="/api/v1", tags=["avatars"])


@router.post("/avatars", status_code=202, response_model=schemas.Job, responses=ACCEPTED | responses(*CLIP_REASONS))
async def make_avatar(
    request: Request, gateway: Context, owner: Owner, body: requests.AvatarRequest, key: Key = None
) -> Response:
    """Prepare a person from a video or portrait."""
    check_consent(gateway, body.consent)
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.asset_id)
    if asset["kind"] == "audio":
        raise HuashengError(
            "wrong-kind",
            name=asset["name"],
            **kind_words("audio"),
            needed="a film or a picture",
            needed_zh="视频或图片",
        )

    async def keep_consent(job_id: str, _params: dict[str, Any]) -> None:
        given = body.consent
        clip = await check_clip(gateway, owner, given, asset)
        if given:
            await record(
                request,
                gateway,
                "avatar",
                avatar_id_of(job_id),
                given.statement,
                asset["sha256"],
                clip=clip,
                clip_asset_id=given.clip_asset_id,
            )

    answer = await start_job(
        request,
        gateway,
        owner,
        key,
        kind="avatar",
        params=body.model_dump(),
        asset_id=asset["id"],
        before=keep_consent,
    )
    await drop_clip(gateway, owner, body.consent)
    return answer


@router.get("/avatars", response_model=schemas.Items[records.Avatar], responses=responses("service-down"))
async def avatars(gateway: Context, owner: Owner) -> Any:
    """Prepared avatars, the built-in one first."""
    found = await list_avatars(gateway.clients, owner)
    voices = await asyncio.to_thread(gateway.avatar_voices.all, owner)
    stated = await asyncio.to_thread(gateway.consents.by_resource, owner, "avatar")

    def shown(avatar: Any) -> records.Avatar:
        voice = voices.get(avatar.avatar_id, NO_VOICE)
        found = records.Avatar.of(avatar, gateway.storage, gateway.signer.media, voice)
        return found.model_copy(update={"consent": records.Stated.of(stated.get(avatar.avatar_id))})

    items = listed(found, shown)
    for share in await asyncio.to_thread(gateway.shares.with_me, owner, "avatar"):
        with contextlib.suppress(HuashengError):  # deleted meanwhile
            items.append(await avatar(gateway, owner, share["id"]))
    return schemas.Items(items=items)


@router.get("/avatars/{avatar_id}", response_model=records.Avatar, responses=responses("unknown-id"))
async def avatar(gateway: Context, owner: Owner, avatar_id: str) -> Any:
    """One avatar."""
    drawn_owner, own_id, _ = await asyncio.to_thread(gateway.shares.drawn, owner, avatar_id, None)
    found = await get_avatar(gateway.clients, drawn_owner, own_id)
    voice = await asyncio.to_thread(gateway.avatar_voices.get, owner, avatar_id)
    if drawn_owner == owner:
        stated = await asyncio.to_thread(gateway.consents.by_resource, owner, "avatar")
        mine = records.Avatar.of(found, gateway.storage, gateway.signer.media, voice)
        return mine.model_copy(update={"consent": records.Stated.of(stated.get(found.avatar_id))})
    shown = records.Avatar.of(found, gateway.storage, gateway.signer.brief_media, voice)
    return shown.model_copy(update={"id": avatar_id, "avatar_id": avatar_id, "is_shared": True})


@router.patch("/avatars/{avatar_id}", response_model=records.Avatar, responses=responses("unknown-id", "unknown-voice"))
async def choose_voice(gateway: Context, owner: Owner, avatar_id: str, body: requests.AvatarVoice) -> Any:
    """Give an avatar a voice, which speaks where a request names none."""
    drawn_owner, own_id, _ = await asyncio.to_thread(gateway.shares.drawn, owner, avatar_id, None)
    await get_avatar(gateway.clients, drawn_owner, own_id)
    if body.voice_id:
        await get_voice(gateway, owner, body.voice_id)
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
    await asyncio.to_thread(gateway.shares.forget, owner, "avatar", avatar_id)
