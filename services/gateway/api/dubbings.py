"""Dubbing: the script of a film in another language. The film is made of it by ``POST /videos``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.gateway.api import schemas
from services.gateway.api.consents import CLIP_REASONS, check_clip, check_consent, drop_clip, record
from services.gateway.api.deps import Context, Key, Owner
from services.gateway.api.dubbing_requests import DubbingRequest
from services.gateway.api.job_answers import start_job
from services.gateway.api.problems import ACCEPTED, responses
from services.gateway.dubbing.checks import check_film, check_speaker
from services.gateway.dubbing.film_avatar import film_avatar_id
from services.gateway.studio.checks import check_translator

router = APIRouter(prefix="/api/v1", tags=["videos"])
REFUSED = ("wrong-kind", "no-audio", "silent-audio", "too-long", "unknown-voice", "synthesis-unsupported")


@router.post(
    "/dubbings",
    status_code=202,
    response_model=schemas.Job,
    responses=ACCEPTED | responses(*REFUSED, "no-language-model", *(r for r in CLIP_REASONS if r not in REFUSED)),
)
async def make_script(
    request: Request, gateway: Context, owner: Owner, body: DubbingRequest, key: Key = None
) -> Response:
    """Recognise what is said in a film, translate it, and fit it to the film's time: a table to correct."""
    check_consent(gateway, body.consent)
    asset = await check_film(gateway, owner, body.film_asset_id)
    params = body.params()
    await check_speaker(gateway, owner, params)
    await check_translator(gateway, body.language)
    avatar_id = film_avatar_id(asset["id"])

    async def complete(given: dict[str, Any]) -> dict[str, Any]:
        return given | {"avatar_id": avatar_id}  # what consent is about, and what is drawn later

    async def keep_consent(_job_id: str, _params: dict[str, Any]) -> None:
        given = body.consent
        clip = await check_clip(gateway, owner, given, asset)
        if given:
            await record(
                request,
                gateway,
                "avatar",
                avatar_id,
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
        kind="dubbing",
        params=params,
        asset_id=asset["id"],
        complete=complete,
        before=keep_consent,
    )
    await drop_clip(gateway, owner, body.consent)
    return answer
