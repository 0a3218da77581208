"""Dialogues: a question, answered by a video of the avatar."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.gateway.api import requests, schemas
from services.gateway.api.checks import check_text, speech_asset
from services.gateway.api.deps import Context, Key, Owner
from services.gateway.api.job_answers import start_job
from services.gateway.api.problems import ACCEPTED, SPEECH_REFUSED
from services.gateway.catalogue.avatars import check_avatar_and_model
from services.gateway.catalogue.voices import with_voice

router = APIRouter(prefix="/api/v1", tags=["dialogues"])


@router.post("/dialogues", status_code=202, response_model=schemas.Job, responses=ACCEPTED | SPEECH_REFUSED)
async def make_dialogue(
    request: Request, gateway: Context, owner: Owner, body: requests.DialogueRequest, key: Key = None
) -> Response:
    """Ask a question; the answer is a video of the avatar saying it."""
    params = body.params()
    if body.text is not None:
        params["text"] = check_text(body.text, gateway.settings.max_question_chars)
    else:
        await speech_asset(gateway, owner, body.audio_asset_id or "")
    drawn = await asyncio.to_thread(gateway.shares.drawn, owner, body.avatar_id, body.model)
    avatar_name = await check_avatar_and_model(gateway.clients, *drawn)

    async def complete(given: dict[str, Any]) -> dict[str, Any]:
        given = await with_voice(gateway, owner, given)
        opened = await asyncio.to_thread(gateway.conversations.open, owner, given["conversation_id"])
        return given | {"conversation_id": opened, "avatar_name": avatar_name}

    return await start_job(
        request, gateway, owner, key, kind="dialogue", params=params, asset_id=body.audio_asset_id, complete=complete
    )
