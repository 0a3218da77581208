"""Avatars and models of the render service: found by id, checked before a job is accepted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Clients
from services.gateway.store.job_things import named_in
from services.gateway.store.jobs import ACTIVE, JobStore
from services.gateway.turn.choices import AvatarChoice
from services.gateway.turn.idle_position import IdlePosition

if TYPE_CHECKING:
    from services.gateway.context import Gateway

BUILTIN = "builtin"
"""Owner of built-in avatars and models, and the id of the built-in avatar."""


async def list_avatars(clients: Clients, owner: str) -> list[Any]:
    """The built-in avatar, then the owner's (``Avatar``)."""
    found = await clients.call("render", "ListAvatars", render_pb2.ListAvatarsRequest(owner=owner))
    return list(found.avatars)


async def get_avatar(clients: Clients, owner: str, avatar_id: str, *, waits: bool = True) -> Any:
    """One avatar (``Avatar``); the built-in one for an empty id. Raises ``unknown-id``."""
    request = render_pb2.GetAvatarRequest(owner=owner, avatar_id=avatar_id)
    return (await clients.call("render", "GetAvatar", request, waits=waits)).avatar


async def list_models(clients: Clients, owner: str) -> list[Any]:
    """Built-in models, then the owner's trained ones (``Model``)."""
    found = await clients.call("render", "ListModels", render_pb2.ListModelsRequest(owner=owner))
    return list(found.models)


async def get_model(clients: Clients, owner: str, model_id: str, *, waits: bool = True) -> Any:
    """One model (``Model``). Raises ``unknown-id``."""
    request = render_pb2.GetModelRequest(owner=owner, model_id=model_id)
    return (await clients.call("render", "GetModel", request, waits=waits)).model


async def is_drawn(clients: Clients, jobs: JobStore, owner: str, avatar_id: str) -> bool:
    """Whether a job that has not ended draws the avatar, or one of the models that belong to it."""
    active = [job["params"] for job in await asyncio.to_thread(jobs.search, owner, states=ACTIVE)]
    if avatar_id in named_in(active, "avatar_id"):
        return True
    drawn = named_in(active, "model")
    return bool(drawn) and any(
        m.model_id in drawn and m.avatar_id == avatar_id for m in await list_models(clients, owner)
    )


async def check_avatar_and_model(clients: Clients, owner: str, avatar_id: str | None, model_id: str | None) -> str:
    """The avatar's name, empty when it is not known. Raises ``unknown-id``.

    A render service that is down is no error here: the job will wait for it.
    """
    name = ""
    try:
        if avatar_id:
            name = (await get_avatar(clients, owner, avatar_id, waits=False)).name
        if model_id:
            await get_model(clients, owner, model_id, waits=False)
    except HuashengError as e:
        if e.slug == "unknown-id":
            raise
    return name


async def drawn_of_job(gateway: Gateway, owner: str, params: dict[str, Any]) -> AvatarChoice:
    """Who is drawn in a job. Raises ``unknown-id`` for what is shared no more."""
    drawn_owner, avatar_id, model_id = await asyncio.to_thread(
        gateway.shares.drawn, owner, params.get("avatar_id"), params.get("model")
    )
    return AvatarChoice.of_params(drawn_owner, params | {"avatar_id": avatar_id, "model": model_id})


async def drawn_avatar(clients: Clients, avatar: AvatarChoice) -> Any:
    """The avatar (``Avatar``) that is drawn: the chosen one or the model's. Raises ``unknown-id``."""
    avatar_id = avatar.avatar_id
    if avatar.model_id and not avatar_id:
        avatar_id = (await get_model(clients, avatar.owner, avatar.model_id)).avatar_id
    return await get_avatar(clients, avatar.owner, avatar_id)


async def idle_position(
    clients: Clients, avatar: AvatarChoice, frame: int | None, asked_at: float
) -> IdlePosition | None:
    """The position of the idle loop that was on ``frame`` at ``asked_at`` (``time.time()``).

    None when no loop was shown, or when its frame rate cannot be found: then rendering will report what is wrong.
    """
    if frame is None:
        return None
    try:
        fps = (await drawn_avatar(clients, avatar)).fps
    except HuashengError:
        return None
    return IdlePosition(max(0, frame), fps, time.monotonic() - (time.time() - asked_at))
