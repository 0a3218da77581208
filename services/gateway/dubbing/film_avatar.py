"""The hidden avatar of a film that is dubbed: prepared once for an upload, deleted with it or with its last script."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.catalogue.avatars import get_avatar
from services.gateway.clients import responses_of
from services.gateway.context import Gateway
from services.gateway.store.db import Row

PREFIX = "f-"


def film_avatar_id(asset_id: str) -> str:
    """The id of the avatar of an uploaded film."""
    return PREFIX + asset_id.removeprefix("a_")


async def prepared(gateway: Gateway, owner: str, asset: Row, report: Callable[[str, float], None]) -> Any:
    """The avatar (``Avatar``) of a film, prepared now where it is not there. ``report`` gets stage and share done.
    Raises what preparing raises."""
    avatar_id = film_avatar_id(asset["id"])
    try:
        return await get_avatar(gateway.clients, owner, avatar_id)
    except HuashengError as e:
        if e.slug != "unknown-id":
            raise
    request = render_pb2.PrepareAvatarRequest(
        avatar_id=avatar_id,
        owner=owner,
        source_uri=gateway.storage.uri(asset["key"]),
        name=asset["name"],
        is_film=True,
    )
    call = gateway.clients.render.PrepareAvatar(
        request, timeout=gateway.settings.render_s, metadata=gateway.clients.metadata()
    )
    async with contextlib.aclosing(responses_of(call, "render")) as responses:
        async for response in responses:
            if response.WhichOneof("payload") == "progress":
                report(response.progress.stage, response.progress.fraction)
            else:
                return response.avatar
    raise HuashengError("service-down", service="render")


async def forget_film(gateway: Gateway, owner: str, asset_id: str, except_job: str = "") -> None:
    """Delete the avatar of a film, unless a script other than ``except_job`` is about the same film. Raises
    ``service-down``."""
    scripts = await asyncio.to_thread(gateway.jobs.of_kind, owner, "dubbing")
    of_film = [row["id"] for row in scripts if row["params"]["film_asset_id"] == asset_id]
    if not of_film or (except_job and set(of_film) - {except_job}):
        return
    await delete_film_avatar(gateway, owner, film_avatar_id(asset_id))


async def delete_film_avatar(gateway: Gateway, owner: str, avatar_id: str) -> None:
    """One that was never prepared is no error. Raises ``service-down``."""
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    try:
        await gateway.clients.call("render", "DeleteAvatar", request)
    except HuashengError as e:
        if e.slug != "unknown-id":
            raise


async def check_script_unused(gateway: Gateway, owner: str, job_id: str) -> None:
    """Raises ``in-use`` while a film is made of a script."""
    active = await asyncio.to_thread(gateway.jobs.search, owner, kind="video", states=("queued", "running"))
    if any((row["params"].get("dubbing") or {}).get("job_id") == job_id for row in active):
        raise HuashengError("in-use", id=job_id)
