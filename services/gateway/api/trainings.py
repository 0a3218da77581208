"""Trainings, and the models that they produce."""

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
from services.gateway.catalogue.avatars import get_model, list_models
from services.gateway.catalogue.trainings import STEPS, check_device, engine_to_train, stem_of, training_id
from services.gateway.jobs import records
from services.gateway.store.job_things import named_in
from services.gateway.store.jobs import ACTIVE

router = APIRouter(prefix="/api/v1", tags=["trainings"])


@router.post(
    "/trainings",
    status_code=202,
    response_model=schemas.Job,
    responses=ACCEPTED | responses("training-unavailable", "unknown-engine", "engine-unavailable", *CLIP_REASONS),
)
async def make_training(
    request: Request, gateway: Context, owner: Owner, body: requests.TrainingRequest, key: Key = None
) -> Response:
    """Train a model of the person in a video; refused at once while no engine can train."""
    check_consent(gateway, body.consent)
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.video_asset_id)
    if asset["kind"] != "video":
        raise HuashengError(
            "wrong-kind", name=asset["name"], **kind_words(asset["kind"]), needed="a film", needed_zh="视频"
        )
    if not asset["has_audio"]:
        raise HuashengError("no-audio", name=asset["name"])
    engine = await engine_to_train(gateway.clients, body.engine)
    await check_device(gateway.clients, body.device)
    used = {m.training_id for m in await list_models(gateway.clients, owner)}
    name = body.name or asset["name"].rsplit(".", 1)[0]

    async def complete(given: dict[str, Any]) -> dict[str, Any]:
        return given | {
            "engine": engine.name,
            "steps": body.steps or engine.default_steps or STEPS,
            "name": name,
            "training_id": await asyncio.to_thread(
                training_id, gateway.jobs, owner, asset=asset, stem=stem_of(name, asset["id"]), used=used
            ),
        }

    async def keep_consent(_job_id: str, params: dict[str, Any]) -> None:
        given = body.consent
        clip = await check_clip(gateway, owner, given, asset)
        if given:
            await record(
                request,
                gateway,
                "training",
                params["training_id"],
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
        kind="training",
        params=body.model_dump(),
        asset_id=asset["id"],
        complete=complete,
        before=keep_consent,
    )
    await drop_clip(gateway, owner, body.consent)
    return answer


@router.get("/models", response_model=schemas.Items[records.Model], responses=responses("service-down"))
async def models(gateway: Context, owner: Owner) -> Any:
    """Built-in and trained models."""
    found = await list_models(gateway.clients, owner)
    items = listed(found, lambda m: records.Model.of(m, gateway.storage, gateway.signer.media))
    for share in await asyncio.to_thread(gateway.shares.with_me, owner, "model"):
        with contextlib.suppress(HuashengError):  # deleted meanwhile
            items.append(await model(gateway, owner, share["id"]))
    return schemas.Items(items=items)


@router.get("/models/{model_id}", response_model=records.Model, responses=responses("unknown-id"))
async def model(gateway: Context, owner: Owner, model_id: str) -> Any:
    """One model."""
    drawn_owner, _, own_id = await asyncio.to_thread(gateway.shares.drawn, owner, None, model_id)
    found = await get_model(gateway.clients, drawn_owner, own_id)
    if drawn_owner == owner:
        return records.Model.of(found, gateway.storage, gateway.signer.media)
    shown = records.Model.of(found, gateway.storage, gateway.signer.brief_media)
    # its avatar is drawn with it, and is not shared by itself
    return shown.model_copy(update={"id": model_id, "model_id": model_id, "avatar_id": None, "is_shared": True})


@router.delete("/models/{model_id}", status_code=204, responses=responses("unknown-id", "builtin-stays", "in-use"))
async def delete_model(gateway: Context, owner: Owner, model_id: str) -> None:
    """Delete a model that you trained; its avatar stays."""
    active = await asyncio.to_thread(gateway.jobs.search, owner, states=ACTIVE)
    if gateway.live.draws(owner, model_id) or model_id in named_in([j["params"] for j in active], "model"):
        raise HuashengError("in-use", id=model_id)
    await gateway.clients.call("render", "DeleteModel", render_pb2.DeleteModelRequest(owner=owner, model_id=model_id))
    await asyncio.to_thread(gateway.shares.forget, owner, "model", model_id)
