"""Training, and the models that come of it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import requests as bodies
from services.gateway.api import schemas, views
from services.gateway.api.deps import Context, Key, Owner, start_job
from services.gateway.api.problems import responses
from services.gateway.api.work import ACCEPTED
from services.gateway.avatars import find_model, list_models
from services.gateway.store.jobs import ACTIVE, Row
from services.gateway.training import STEPS, check_device, engine_to_train, training_id

router = APIRouter(prefix="/api/v1", tags=["trainings"])


@router.post(
    "/trainings",
    status_code=202,
    response_model=schemas.Job,
    responses=ACCEPTED
    | responses("training-unavailable", "unknown-engine", "engine-unavailable", "wrong-kind", "no-audio"),
)
async def make_training(
    request: Request, gateway: Context, owner: Owner, body: bodies.TrainingRequest, key: Key = None
) -> Response:
    """Train a model of the person in a video; refused at once while no engine can train."""
    asset = await asyncio.to_thread(gateway.assets.get, owner, body.video_asset_id)
    if asset["kind"] != "video":
        raise HuashengError("wrong-kind", name=asset["name"], kind=asset["kind"], needed="video")
    if not asset["has_audio"]:
        raise HuashengError("no-audio", name=asset["name"])
    engine = await engine_to_train(gateway, body.engine)
    await check_device(gateway, body.device)
    models = await list_models(gateway, owner)

    async def prepare(given: Row) -> Row:
        made = {
            "engine": engine.name,
            "steps": body.steps or engine.default_steps or STEPS,
            "name": body.name or asset["name"].rsplit(".", 1)[0],
        }
        return given | made | {"training_id": await asyncio.to_thread(name_it, made["name"])}

    def name_it(name: str) -> str:
        return training_id(gateway.jobs, models, owner, asset, name, asset["id"].replace("a_", "j_"))

    return await start_job(request, gateway, owner, key, "training", body.model_dump(), asset["id"], prepare)


@router.get("/models", response_model=schemas.Items[schemas.Model], responses=responses("service-down"))
async def models(gateway: Context, owner: Owner) -> Any:
    """Built-in and trained models."""
    return {"items": [views.linked(m, gateway.signer) for m in await list_models(gateway, owner)]}


@router.get("/models/{model_id}", response_model=schemas.Model, responses=responses("unknown-id"))
async def model(gateway: Context, owner: Owner, model_id: str) -> Any:
    """One model."""
    return views.linked(await find_model(gateway, owner, model_id), gateway.signer)


@router.delete("/models/{model_id}", status_code=204, responses=responses("unknown-id", "builtin-stays", "in-use"))
async def delete_model(gateway: Context, owner: Owner, model_id: str) -> None:
    """Delete a model that you trained; its avatar stays."""
    if (await find_model(gateway, owner, model_id))["is_builtin"]:
        raise HuashengError("builtin-stays", id=model_id)
    at_work = await asyncio.to_thread(gateway.jobs.search, owner, None, ACTIVE, 200, None)
    if any(j["params"].get("model") == model_id for j in at_work):
        raise HuashengError("in-use", id=model_id)
    await gateway.clients.short("render", "DeleteModel", render_pb2.DeleteModelRequest(owner=owner, model_id=model_id))
