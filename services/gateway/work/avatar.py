"""The avatar and training jobs: the render service works, the gateway follows its progress."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.clients import answers, metadata
from services.gateway.context import Gateway
from services.gateway.runner import JobRun
from services.gateway.views import avatar_row, model_row


async def avatar(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Prepare a person. The avatar's id comes from the job's, so that a repeat prepares the same one."""
    p = run.params
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, p["asset_id"])
    request = render_pb2.PrepareAvatarRequest(
        avatar_id=run.id.replace("j_", "p-"), owner=run.owner, source_uri=gateway.storage.uri(asset["key"]),
        engine=p.get("engine") or "", name=p["name"],
    )  # fmt: skip

    async def prepare() -> dict[str, Any]:
        run.start_over()
        run.at("prepare", 0.0)
        call = gateway.clients.render.PrepareAvatar(request, timeout=gateway.settings.render_s, metadata=metadata())
        async with contextlib.aclosing(answers(call, "render")) as stream:
            async for answer in stream:
                if answer.WhichOneof("payload") == "progress":
                    run.at(answer.progress.stage, answer.progress.fraction)
                else:
                    row = avatar_row(answer.avatar, gateway.storage)
                    return {"avatar_id": row["avatar_id"], "avatar": row, "report": row["report"]}
        raise HuashengError("service-down", service="render")

    return await run.step("prepare", prepare)


async def training(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Train a model of one person. A repeat goes on from the last checkpoint: the training's id stays the same."""
    p = run.params
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, p["video_asset_id"])
    request = render_pb2.TrainRequest(
        training_id=training_id(p.get("name") or asset["name"], run.id), owner=run.owner,
        video_uri=gateway.storage.uri(asset["key"]), engine=p.get("engine") or "", steps=p["steps"],
        device=p.get("device") or "", name=p.get("name") or asset["name"],
    )  # fmt: skip

    async def train() -> dict[str, Any]:
        run.start_over()
        run.at("train", 0.0)
        call = gateway.clients.render.Train(request, timeout=gateway.settings.train_s, metadata=metadata())
        async with contextlib.aclosing(answers(call, "render")) as stream:
            async for answer in stream:
                if answer.WhichOneof("payload") == "progress":
                    t = answer.progress
                    run.partial |= {"step": t.step, "steps": t.steps, "loss": t.loss}
                    run.at(t.stage or "train", t.step / t.steps if t.steps else None)
                else:
                    row = model_row(answer.model)
                    return {k: row[k] for k in ("model_id", "avatar_id", "before", "after")} | {"model": row}
        raise HuashengError("service-down", service="render")

    return await run.step("train", train)


def training_id(name: str, job_id: str) -> str:
    """The video's name in letters that storage takes; where nothing is left of it, the job's id."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0]).strip("-_")[:60]
    return stem or job_id.replace("j_", "t-")
