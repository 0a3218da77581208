"""The training job: the render service works, the gateway follows its progress and keeps what it told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import views
from services.gateway.clients import answers, metadata
from services.gateway.context import Gateway
from services.gateway.jobs.runner import JobRun
from services.gateway.training import Told


async def training(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Train a model of one person. A repeat goes on from the last checkpoint: the training's id stays the same."""
    p = run.params
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, p["video_asset_id"])
    request = render_pb2.TrainRequest(
        training_id=p["training_id"],
        owner=run.owner,
        video_uri=gateway.storage.uri(asset["key"]),
        engine=p.get("engine") or "",
        steps=p["steps"],
        device=p.get("device") or "",
        name=p["name"],
    )

    async def train() -> dict[str, Any]:
        run.start_over()
        run.at("train", 0.0)
        told = Told(run.partial)
        call = gateway.clients.render.Train(request, timeout=gateway.settings.train_s, metadata=metadata())
        async with contextlib.aclosing(answers(call, "render")) as stream:
            async for answer in stream:
                if answer.WhichOneof("payload") == "progress":
                    t = answer.progress
                    key = gateway.storage.key(t.preview_uri) if t.preview_uri else None
                    new = told.take(t, key, views.curve(t.curve) if t.HasField("curve") else None)
                    run.tell("training", **views.linked(new, gateway.signer))
                    run.at(t.stage or "train", t.fraction, t.eta_s if t.eta_s > 0 else None)
                else:
                    row = views.model_row(answer.model, gateway.storage)
                    return {k: row[k] for k in ("model_id", "avatar_id", "before", "after", "warnings")} | {
                        "model": row
                    }
        raise HuashengError("service-down", service="render")

    return await run.step("train", train)
