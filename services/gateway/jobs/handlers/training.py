"""The training job: the render service trains a model, the job follows its progress and keeps the loss curve."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.clients import responses_of
from services.gateway.context import Gateway
from services.gateway.jobs.records import Curve, model_record, with_links
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step
from services.gateway.jobs.training_history import TrainingHistory
from services.gateway.marks.marker import Made
from services.gateway.marks.stored import mark_stored
from services.gateway.turn.drawing import render_mark

IN_RESULT = ("model_id", "avatar_id", "before", "after", "warnings")
"""Fields of the model that the result has beside it."""


async def train_model(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """One durable step. A repeat has the same training id and so continues from the last checkpoint."""
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
        mark=render_mark(gateway.marker.visible(p.get("viewer_language") or "")),
    )

    def report(history: TrainingHistory, progress: render_pb2.TrainProgress) -> None:
        preview_key = gateway.storage.key(progress.preview_uri) if progress.preview_uri else None
        curve = Curve.of(progress.curve).model_dump() if progress.HasField("curve") else None
        new = history.add(progress, preview_key, curve)
        run.publish("training", **with_links(new, gateway.signer))
        run.report(progress.stage or "train", progress.fraction, progress.eta_s if progress.eta_s > 0 else None)

    async def train() -> dict[str, Any]:
        run.start_over()
        run.report("train", 0.0)
        history = TrainingHistory(run.partial)
        call = gateway.clients.render.Train(
            request, timeout=gateway.settings.train_s, metadata=gateway.clients.metadata()
        )
        async with contextlib.aclosing(responses_of(call, "render")) as responses:
            async for response in responses:
                if response.WhichOneof("payload") == "progress":
                    report(history, response.progress)
                else:
                    record = model_record(response.model, gateway.storage)
                    await asyncio.to_thread(mark_stored, gateway, _made(run, record), _files(record), run.folder)
                    return {k: record[k] for k in IN_RESULT} | {"model": record}
        raise HuashengError("service-down", service="render")

    return await durable_step(run, "train", train)


def _made(run: JobRun, record: dict[str, Any]) -> Made:
    """What the model's pictures and videos are. Their sound is the person's own, from the clip."""
    return Made(
        run.id,
        run.owner,
        kind="training",
        engine=record["engine"],
        is_sound_made=False,
        avatar_id=record["avatar_id"] or "",
        model_id=record["model_id"],
    )


def _files(record: dict[str, Any]) -> list[str]:
    return [record[k] for k in ("preview_key", "before_video_key", "after_video_key") if record[k]]
