"""Sharing: with all members, or by a link that can be withdrawn and may expire."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.sessions import DAY_S
from services.gateway.accounts.shares import Audience, Kind
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Owner, Person
from services.gateway.api.download_names import download_name
from services.gateway.api.files import StoredFile, result_tag, serve
from services.gateway.api.problems import responses
from services.gateway.api.requests import Body
from services.gateway.catalogue.avatars import BUILTIN, get_avatar, get_model
from services.gateway.catalogue.voices import get_own_voice
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class ShareRequest(Body):
    """Share a thing of one's own."""

    kind: Kind
    id: Annotated[str, Field(min_length=1, max_length=80)]
    audience: Audience
    days: Annotated[float, Field(gt=0, le=3650)] | None = None
    """How long; None: until it is withdrawn."""


class Share(BaseModel):
    """Something that is shared."""

    id: str
    """Also the id under which others use it."""
    kind: Kind
    resource_id: str
    name: str
    audience: Audience
    link: str | None
    created_at: str
    expires_at: str | None
    is_over: bool


class SharedThing(BaseModel):
    """Something that another person shares."""

    id: str
    kind: Kind
    name: str
    owner_name: str
    audience: Audience
    """``link``: it was taken into one's list, and can be taken out again."""
    expires_at: str | None
    file_url: str | None
    """A video, or an avatar's idle loop."""


def _share(gateway: Gateway, row: Row) -> Share:
    token = gateway.shares.token(row["id"])
    return Share(
        **{n: row[n] for n in ("id", "kind", "resource_id", "name", "audience")},
        link=f"{gateway.settings.address()}/shared/{token}" if row["audience"] == "link" else None,
        created_at=iso(row["created_at"]),
        expires_at=iso(row["expires_at"]) if row["expires_at"] else None,
        is_over=(row["expires_at"] or time.time() + 1) < time.time(),
    )


def _thing(row: Row, file_url: str | None) -> SharedThing:
    return SharedThing(
        **{n: row[n] for n in ("id", "kind", "name", "owner_name", "audience")},
        expires_at=iso(row["expires_at"]) if row["expires_at"] else None,
        file_url=file_url if row["kind"] in ("video", "avatar") else None,
    )


async def _name(gateway: Gateway, owner: str, kind: Kind, identity: str) -> str:
    """The name of a thing of the owner's own.

    Raises ``unknown-id``, ``unknown-voice``, ``builtin-stays``, ``consent-withdrawn``.
    """
    clients = gateway.clients
    if kind == "video":
        row = await asyncio.to_thread(gateway.jobs.get, owner, identity)
        if row["state"] != "succeeded" or not (row["result"] or {}).get("video_key"):
            raise HuashengError("unknown-id", kind="video", id=identity)
        if row["consent_withdrawn"]:
            raise HuashengError("consent-withdrawn")
        return str(row["params"].get("text") or "")[:80] or download_name(row, "video.mp4")
    if kind == "voice":
        return str((await get_own_voice(clients, owner, identity)).name)
    find = get_avatar if kind == "avatar" else get_model
    found = await find(clients, owner, identity)
    if found.owner == BUILTIN:
        raise HuashengError("builtin-stays", id=identity)
    return str(found.name)


@router.post(
    "/shares",
    status_code=201,
    response_model=Share,
    responses=responses(
        "unknown-id", "unknown-voice", "builtin-stays", "consent-withdrawn", "service-down", "accounts-off"
    ),
)
async def share(gateway: Context, who: Person, body: ShareRequest) -> Any:
    """Share an avatar, voice, model or video with all members, or with whoever has the link."""
    name = await _name(gateway, who.owner, body.kind, body.id)
    row = await asyncio.to_thread(
        gateway.shares.create,
        who.owner,
        body.kind,
        body.id,
        name=name,
        audience=body.audience,
        expires_at=time.time() + body.days * DAY_S if body.days else None,
    )
    acts.note(f"{row['id']} {body.kind} {body.id} {body.audience}")
    return _share(gateway, row)


@router.get("/shares", response_model=schemas.Items[Share])
async def mine(gateway: Context, owner: Owner) -> Any:
    """What one shares."""
    rows = await asyncio.to_thread(gateway.shares.of_owner, owner)
    return schemas.Items(items=[_share(gateway, r) for r in rows])


@router.get("/shares/with-me", response_model=schemas.Items[SharedThing])
async def with_me(gateway: Context, owner: Owner, kind: Annotated[Kind | None, Query()] = None) -> Any:
    """What others share with one; avatars, voices and models stand in their own lists too."""
    rows = await asyncio.to_thread(gateway.shares.with_me, owner, kind)
    return schemas.Items(items=[_thing(r, f"/api/v1/shares/{r['id']}/file") for r in rows])


@router.delete("/shares/{share_id}", status_code=204, responses=responses("unknown-id"))
async def withdraw(gateway: Context, owner: Owner, share_id: str) -> None:
    """Stop sharing, or take what another shares out of one's list."""
    await asyncio.to_thread(gateway.shares.withdraw, owner, share_id)


@router.get("/shares/{share_id}/file", responses=responses("unknown-id", "bad-range"))
async def file_for_member(request: Request, gateway: Context, owner: Owner, share_id: str) -> Response:
    """The video, or the avatar's idle loop, that is shared with one."""
    rows = await asyncio.to_thread(gateway.shares.with_me, owner)
    for row in rows:
        if row["id"] == share_id:
            return await _file(request, gateway, row)
    raise HuashengError("unknown-id", kind="share", id=share_id[:80])


@router.get("/shared/{token}", response_model=SharedThing, responses=responses("link-used"))
async def open_link(gateway: Context, token: str) -> Any:
    """What a link shares."""
    row = await asyncio.to_thread(gateway.shares.of_token, token)
    return _thing(row, f"/api/v1/shared/{token}/file")


@router.post("/shared/{token}", response_model=SharedThing, responses=responses("link-used", "accounts-off"))
async def accept(gateway: Context, who: Person, token: str) -> Any:
    """Take what a link shares into one's own lists."""
    row = await asyncio.to_thread(gateway.shares.accept, token, who.owner)
    return _thing(row, f"/api/v1/shares/{row['id']}/file")


@router.get("/shared/{token}/file", responses=responses("link-used", "unknown-id", "bad-range"))
async def file_by_link(request: Request, gateway: Context, token: str) -> Response:
    """The video, or the avatar's idle loop, that a link shares."""
    return await _file(request, gateway, await asyncio.to_thread(gateway.shares.of_token, token))


async def _file(request: Request, gateway: Gateway, row: Row) -> Response:
    """Asked anew for each use, so that nothing is shown once a share has ended."""
    if row["kind"] == "video":
        job = await asyncio.to_thread(gateway.jobs.get, row["owner"], row["resource_id"])
        key, name = job["result"]["video_key"], download_name(job, "video.mp4")
    elif row["kind"] == "avatar":
        avatar = await get_avatar(gateway.clients, row["owner"], row["resource_id"])
        key, name = gateway.storage.key(avatar.idle_uri) if avatar.idle_uri else "none", f"{row['name']}.mp4"
    else:
        raise HuashengError("unknown-id", kind="file", id=row["id"])
    return await serve(request, gateway, StoredFile(key, "video/mp4", etag=result_tag(key), name=name), 0)
