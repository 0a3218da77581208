"""The avatar job: the render service prepares a person, the job follows its progress."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.clients import responses_of
from services.gateway.context import Gateway
from services.gateway.jobs.records import avatar_record
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step


def avatar_id_of(job_id: str) -> str:
    """The id of the avatar that a job prepares."""
    return job_id.replace("j_", "p-")


async def prepare_avatar(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """One durable step. The avatar's id is derived from the job's, so that a repeat prepares the same avatar."""
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, run.params["asset_id"])
    request = render_pb2.PrepareAvatarRequest(
        avatar_id=avatar_id_of(run.id),
        owner=run.owner,
        source_uri=gateway.storage.uri(asset["key"]),
        engine=run.params.get("engine") or "",
        name=run.params["name"],
    )

    keys = [f"avatar/{asset['kind']}/{request.engine}"]

    async def prepare() -> dict[str, Any]:
        run.plan(keys, asset["duration_s"] or 1.0)
        run.start_over()
        run.report("prepare", 0.0)
        call = gateway.clients.render.PrepareAvatar(
            request, timeout=gateway.settings.render_s, metadata=gateway.clients.metadata()
        )
        async with contextlib.aclosing(responses_of(call, "render")) as responses:
            async for response in responses:
                if response.WhichOneof("payload") == "progress":
                    run.report(response.progress.stage, response.progress.fraction)
                else:
                    record = avatar_record(response.avatar, gateway.storage)
                    return {"avatar_id": record["avatar_id"], "avatar": record, "report": record["report"]}
        raise HuashengError("service-down", service="render")

    return await durable_step(run, "prepare", prepare)
