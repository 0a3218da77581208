"""Videos of an avatar that says a text or a recording."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.gateway.api import requests, schemas
from services.gateway.api.checks import check_text, speech_asset
from services.gateway.api.deps import Before, Context, Key, Lang, Limit, Owner
from services.gateway.api.job_answers import job_of, start_job
from services.gateway.api.lists import listed_async
from services.gateway.api.problems import ACCEPTED, SPEECH_REFUSED
from services.gateway.catalogue.avatars import check_avatar_and_model
from services.gateway.catalogue.voices import with_voice

router = APIRouter(prefix="/api/v1", tags=["videos"])


@router.post("/videos", status_code=202, response_model=schemas.Job, responses=ACCEPTED | SPEECH_REFUSED)
async def make_video(
    request: Request, gateway: Context, owner: Owner, body: requests.VideoRequest, key: Key = None
) -> Response:
    """Make the avatar say a text or a recording."""
    params = body.params()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_text_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "")
    avatar_name = await check_avatar_and_model(gateway.clients, owner, body.avatar_id, body.model)

    async def complete(given: dict[str, Any]) -> dict[str, Any]:
        given = given | {"avatar_name": avatar_name}  # not before: a repeat with the same key may find another name
        return given if body.text is None else await with_voice(gateway.clients, gateway.avatar_voices, owner, given)

    return await start_job(
        request, gateway, owner, key, kind="video", params=params, asset_id=body.audio_asset_id, complete=complete
    )


@router.get("/videos", response_model=schemas.Items[schemas.Job])
async def videos(gateway: Context, owner: Owner, lang: Lang, limit: Limit = 50, before: Before = None) -> Any:
    """The gallery: finished video jobs."""
    rows = await asyncio.to_thread(
        gateway.jobs.search, owner, kind="video", states=("succeeded",), limit=limit, before=before
    )
    return schemas.Items(items=await listed_async(rows, lambda row: job_of(gateway, row, lang)))
