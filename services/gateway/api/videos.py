"""Videos of avatars that say a text or a recording, or several in scenes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.gateway.api import schemas
from services.gateway.api.checks import check_text, speech_asset
from services.gateway.api.deps import Context, Key, Owner, Who
from services.gateway.api.job_answers import start_job
from services.gateway.api.problems import ACCEPTED, responses
from services.gateway.api.video_requests import ScenePreviewRequest, VideoRequest
from services.gateway.catalogue.avatars import check_avatar_and_model
from services.gateway.catalogue.restorer import check_restorer
from services.gateway.catalogue.voices import with_voice
from services.gateway.context import Gateway
from services.gateway.dubbing.checks import film_params
from services.gateway.store.db import Row
from services.gateway.studio.checks import check_studio, with_voices
from services.gateway.studio.previewing import preview_scene

router = APIRouter(prefix="/api/v1", tags=["videos"])
Complete = Callable[[Row], Awaitable[Row]]
SCENE_REFUSED = (
    "empty-text",
    "long-text",
    "unknown-voice",
    "synthesis-unsupported",
    "ssml-broken",
    "wrong-kind",
    "words-refused",
)
REFUSED = responses(
    *SCENE_REFUSED, "no-language-model", "restorer-unavailable", "dubbing-unfinished", "no-audio", "too-long"
)


async def video_params(
    gateway: Gateway, owner: str, body: VideoRequest, *, is_moderated: bool = True
) -> tuple[Row, Complete]:
    """The parameters of a video job, checked, and what completes them once it is known that it is no repeat.

    ``is_moderated`` false: the words are looked at later. Raises what ``POST /videos`` is refused for.
    """
    params = body.params()
    await check_restorer(gateway.clients, params)
    if body.dubbing is not None:
        more = await film_params(gateway, owner, params, is_moderated=is_moderated)

        async def complete_film(given: dict[str, Any]) -> dict[str, Any]:
            return given | more

        return params, complete_film
    if body.is_studio:
        avatar_name = await check_studio(gateway, owner, params, is_moderated=is_moderated)
    else:
        if body.text is not None:
            params["text"] = check_text(body.text, gateway.settings.max_text_chars)
            if is_moderated:
                await gateway.clients.moderation.check(params["text"])
        else:
            await speech_asset(gateway, owner, body.audio_asset_id or "")
        drawn = await asyncio.to_thread(gateway.shares.drawn, owner, body.avatar_id, body.model)
        avatar_name = await check_avatar_and_model(gateway.clients, *drawn)

    async def complete(given: dict[str, Any]) -> dict[str, Any]:
        given = given | {"avatar_name": avatar_name}  # not before: a repeat with the same key may find another name
        if body.is_studio:
            return await with_voices(gateway, owner, given)
        return given if body.text is None else await with_voice(gateway, owner, given)

    return params, complete


@router.post("/videos", status_code=202, response_model=schemas.Job, responses=ACCEPTED | REFUSED)
async def make_video(request: Request, gateway: Context, owner: Owner, body: VideoRequest, key: Key = None) -> Response:
    """Make the avatar say a text or a recording; or several avatars, scene by scene; or dub a film."""
    params, complete = await video_params(gateway, owner, body)
    return await start_job(
        request, gateway, owner, key, kind="video", params=params, asset_id=body.audio_asset_id, complete=complete
    )


@router.post(
    "/videos/preview",
    response_model=schemas.ScenePreview,
    responses=responses("unknown-id", "unspeakable-text", *SCENE_REFUSED),
)
async def preview(gateway: Context, who: Who, body: ScenePreviewRequest) -> Any:
    """Speak one scene at once: its sound and its subtitles, before the video is made."""
    owner, params = who.owner, body.params()
    if body.text is not None:
        check_text(body.text, gateway.settings.max_text_chars)
    await asyncio.to_thread(gateway.accounts.quotas.check_made, who)
    await check_studio(gateway, owner, params)
    params = await with_voices(gateway, owner, params)
    await gateway.clients.loaded("tts" if body.text is not None else "asr")
    found = await preview_scene(gateway, owner, params | params["scenes"][0])
    if who.via != "local" and body.text is not None:
        await asyncio.to_thread(gateway.accounts.quotas.add, owner, who.key_id, "speech_s", found["duration_s"])
    return found
