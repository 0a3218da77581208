"""Avatars and models as the render service knows them: found by id, checked before a job is accepted."""

from __future__ import annotations

import time

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.api import views
from services.gateway.context import Gateway
from services.gateway.store.jobs import Row
from services.gateway.turn.idle_position import Idle
from services.gateway.turn.stages import Look


async def find_avatar(gateway: Gateway, owner: str, avatar_id: str | None) -> Row:
    """The avatar of that name, or the built-in one. Raises ``unknown-id``."""
    found = await gateway.clients.short("render", "ListAvatars", render_pb2.ListAvatarsRequest(owner=owner))
    for a in found.avatars:
        if a.avatar_id == avatar_id or not avatar_id:
            return views.avatar_row(a, gateway.storage)
    raise HuashengError("unknown-id", kind="avatar", id=avatar_id or views.BUILTIN)


async def list_models(gateway: Gateway, owner: str) -> list[Row]:
    """Built-in and trained models."""
    found = await gateway.clients.short("render", "ListModels", render_pb2.ListModelsRequest(owner=owner))
    return [views.model_row(m, gateway.storage) for m in found.models]


async def find_model(gateway: Gateway, owner: str, model_id: str) -> Row:
    """The model of that name. Raises ``unknown-id``."""
    for m in await list_models(gateway, owner):
        if m["id"] == model_id:
            return m
    raise HuashengError("unknown-id", kind="model", id=model_id)


async def check_known(gateway: Gateway, owner: str, avatar_id: str | None, model_id: str | None) -> None:
    """Raises ``unknown-id`` while somebody still looks; a render service that is down is left to the job."""
    try:
        if avatar_id:
            await find_avatar(gateway, owner, avatar_id)
        if model_id:
            await find_model(gateway, owner, model_id)
    except HuashengError as e:
        if e.slug == "unknown-id":
            raise


async def shown_idle(gateway: Gateway, owner: str, look: Look, frame: int | None, asked_at: float) -> Idle | None:
    """The idle loop that was on ``frame`` at ``asked_at`` (``time.time()``).

    None when none was shown, or when nobody knows its pace: then the drawing will tell what is wrong.
    """
    if frame is None:
        return None
    avatar_id = look.avatar_id
    try:
        if look.model and not avatar_id:
            avatar_id = (await find_model(gateway, owner, look.model))["avatar_id"]
        avatar = await find_avatar(gateway, owner, avatar_id)
    except HuashengError:
        return None
    return Idle(max(0, frame), avatar["fps"], time.monotonic() - (time.time() - asked_at))
