"""The avatar job: the render service works, the gateway follows its progress."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api.views import avatar_row
from services.gateway.clients import answers, metadata
from services.gateway.context import Gateway
from services.gateway.jobs.runner import JobRun


async def avatar(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Prepare a person. The avatar's id comes from the job's, so that a repeat prepares the same one."""
    p = run.params
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, p["asset_id"])
    request = render_pb2.PrepareAvatarRequest(
        avatar_id=run.id.replace("j_", "p-"),
        owner=run.owner,
        source_uri=gateway.storage.uri(asset["key"]),
        engine=p.get("engine") or "",
        name=p["name"],
    )

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
