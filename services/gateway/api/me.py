"""One's own account: profile, password, sessions, keys, tokens, what was used."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import time
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from services.common.aio import iterate_in_thread
from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.access import address_of
from services.gateway.accounts.credentials import hash_password
from services.gateway.accounts.export import export
from services.gateway.accounts.principal import SCOPES
from services.gateway.accounts.removal import REMOVED, remove_account, things_elsewhere
from services.gateway.accounts.sessions import DAY_S
from services.gateway.api import account_schemas as a
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Person, Who
from services.gateway.api.files import disposition
from services.gateway.api.problems import responses, streamed
from services.gateway.api.sign_in import forget_cookie, set_cookie
from services.gateway.catalogue.avatars import get_avatar
from services.gateway.jobs.records import iso

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Days = Annotated[int, Query(ge=1, le=366, description="So many days, today's among them.")]


def first_day(days: int) -> str:
    """The first of the last ``days`` days, in UTC."""
    return (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days - 1)).isoformat()


@router.get("/me", response_model=a.Me)
async def me(gateway: Context, who: Who) -> Any:
    """Who asks, what they may do, and what they used. Without accounts: the one user, ``local``."""
    accounts = gateway.accounts
    user = await asyncio.to_thread(accounts.users.get, who.user_id) if who.user_id else None
    return a.Me(
        accounts=accounts.is_on,
        id=who.user_id,
        name=who.name,
        display_name=user["display_name"] if user else "",
        role="admin" if who.is_admin else "member",
        via=who.via,
        scopes=[s for s in SCOPES if who.may(s)],
        has_password=bool(user and user["password_hash"]),
        limits=await asyncio.to_thread(accounts.quotas.limits, who),
        used=await asyncio.to_thread(accounts.quotas.used, who.owner)
        | {"live_sessions": gateway.live.count_of(who.owner)},
    )


@router.patch("/me", response_model=a.Me, responses=responses("accounts-off"))
async def rename(gateway: Context, who: Person, body: a.ProfileRequest) -> Any:
    """Change one's shown name."""
    await asyncio.to_thread(gateway.accounts.users.change, who.user_id, display_name=body.display_name.strip())
    return await me(gateway, who)


@router.put(
    "/me/password",
    status_code=204,
    responses=responses("wrong-password", "too-many-attempts", "weak-password", "accounts-off"),
)
async def change_password(request: Request, gateway: Context, who: Person, body: a.PasswordRequest) -> Response:
    """Change one's password; ends all other sessions, and gives this one a new cookie."""
    accounts = gateway.accounts

    def change() -> str:
        user = accounts.users.get(who.user_id)
        if user["subject"] and not user["password_hash"]:  # it would stay good after the provider has let them go
            raise HuashengError("not-allowed", need="password-link")
        if user["password_hash"]:  # guessed as seldom as at the door: the session may be a thief's
            accounts.sign_in.check(user["name"], body.old.get_secret_value(), address_of(request))
        kept = hash_password(body.new.get_secret_value(), user["name"])
        accounts.users.change(who.user_id, password_hash=kept)
        old = next(s for s in accounts.sessions.of_user(who.user_id) if s["id"] == who.credential_id)
        accounts.sessions.end_all(who.user_id)
        return accounts.sessions.open(who.user_id, old["agent"], old["address"])

    answer = Response(status_code=204)
    set_cookie(request, answer, await asyncio.to_thread(change))
    return answer


@router.get(
    "/me/export",
    response_class=StreamingResponse,
    responses=streamed("application/zip", "records as JSON, and files") | responses("service-down", "accounts-off"),
)
async def download_mine(gateway: Context, who: Person) -> Response:
    """All that is one's own as a zip file: uploads, results, conversations, avatars, voices, consent, usage."""
    user = await asyncio.to_thread(gateway.accounts.users.get, who.user_id)
    things, keys = await things_elsewhere(gateway, who.owner)
    name = f"huasheng-{user['name']}-{dt.datetime.now(dt.UTC):%Y-%m-%d}.zip"
    headers = {"Content-Disposition": disposition(name, True), "Cache-Control": "no-store"}
    pieces = iterate_in_thread(functools.partial(export, gateway, user, things, keys))
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.delete(
    "/me",
    status_code=204,
    responses=responses("wrong-password", "too-many-attempts", "last-admin", "service-down", "accounts-off"),
)
async def remove_me(request: Request, gateway: Context, who: Person, body: a.RemoveRequest) -> Response:
    """Delete oneself and all that is one's own, for good."""
    user = await asyncio.to_thread(gateway.accounts.users.get, who.user_id)
    if user["password_hash"]:
        given = body.password.get_secret_value()
        await asyncio.to_thread(gateway.accounts.sign_in.check, user["name"], given, address_of(request))
    if body.name.strip().casefold() != user["name"]:
        raise HuashengError("bad-request", what="name: write your own name, so that nothing is deleted by mistake")
    await remove_account(gateway, user)
    await asyncio.to_thread(gateway.accounts.audit.add, "account removed", who.user_id, name=REMOVED)
    answer = Response(status_code=204)
    forget_cookie(answer)
    return answer


@router.get("/me/sessions", response_model=schemas.Items[a.Session], responses=responses("accounts-off"))
async def sessions(gateway: Context, who: Person) -> Any:
    """Where one is signed in."""
    rows = await asyncio.to_thread(gateway.accounts.sessions.of_user, who.user_id)
    return schemas.Items(items=[a.Session.of(r, who.credential_id) for r in rows])


@router.delete("/me/sessions", status_code=204, responses=responses("accounts-off"))
async def sign_out_everywhere(gateway: Context, who: Person) -> Response:
    """Sign out everywhere, here too."""
    await asyncio.to_thread(gateway.accounts.sessions.end_all, who.user_id)
    await gateway.endings.of_credential(who.user_id)
    answer = Response(status_code=204)
    forget_cookie(answer)
    return answer


@router.delete("/me/sessions/{session_id}", status_code=204, responses=responses("unknown-id", "accounts-off"))
async def end_session(gateway: Context, who: Person, session_id: str) -> None:
    """Sign out of one browser."""
    await asyncio.to_thread(gateway.accounts.sessions.end, who.user_id, session_id)
    await gateway.endings.of_credential(session_id)


@router.get("/me/keys", response_model=schemas.Items[a.ApiKey], responses=responses("accounts-off"))
async def keys(gateway: Context, who: Person) -> Any:
    """One's API keys, without their secrets."""
    rows = await asyncio.to_thread(gateway.accounts.keys.of_user, who.user_id)
    return schemas.Items(items=[a.ApiKey.of(r) for r in rows])


@router.post(
    "/me/keys", status_code=201, response_model=a.NewApiKey, responses=responses("not-allowed", "accounts-off")
)
async def make_key(gateway: Context, who: Person, body: a.KeyRequest) -> Any:
    """A new API key; the answer is the only one that shows it."""
    if "admin" in body.scopes and not who.is_admin:
        raise HuashengError("not-allowed", need="admin")
    limits: dict[str, float] = {}
    own = await asyncio.to_thread(gateway.accounts.quotas.limits, who)
    for name, value in body.limits.items():
        if own[name] and not 0 < value <= own[name]:
            raise HuashengError("bad-request", what=f"limits.{name}: at most {own[name]:g}")
        limits[name] = value
    expires_at = time.time() + body.days * DAY_S if body.days else None
    row, key = await asyncio.to_thread(
        gateway.accounts.keys.create, who.user_id, body.name, body.scopes, expires_at, limits
    )
    acts.note(row["id"])
    return a.NewApiKey(key=key, info=a.ApiKey.of(row))


@router.delete("/me/keys/{key_id}", status_code=204, responses=responses("unknown-id", "accounts-off"))
async def revoke_key(gateway: Context, who: Person, key_id: str) -> None:
    """Revoke a key: it is refused from now on, and so are the tokens made with it."""
    await asyncio.to_thread(gateway.accounts.keys.revoke, who.user_id, key_id)
    await gateway.endings.of_credential(key_id)


@router.post(
    "/tokens",
    status_code=201,
    response_model=a.BrowserToken,
    responses=responses("unknown-id", "service-down", "accounts-off", "not-allowed"),
)
async def make_token(gateway: Context, who: Who, body: a.TokenRequest) -> Any:
    """A short-lived token with which a page elsewhere may talk with one avatar."""
    if who.via == "local":
        raise HuashengError("accounts-off")
    for origin in body.origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("https", "http") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise HuashengError("bad-request", what=f"origins: {origin[:80]!r} is not like https://shop.example")
    drawn_owner, avatar_id, _ = await asyncio.to_thread(gateway.shares.drawn, who.owner, body.avatar_id, None)
    await get_avatar(gateway.clients, drawn_owner, avatar_id)
    row, token = await asyncio.to_thread(
        gateway.accounts.tokens.create,
        who,
        avatar_id=body.avatar_id,
        origins=body.origins,
        turns=body.turns,
        minutes=body.minutes,
    )
    acts.note(row["id"])
    return a.BrowserToken(
        token=token,
        avatar_id=body.avatar_id,
        turns=row["turns_left"],
        origins=row["origins"],
        expires_at=iso(row["expires_at"]),
    )


@router.get("/usage", response_model=schemas.Items[a.UsageRow])
async def usage(gateway: Context, who: Who, days: Days = 30) -> Any:
    """What one used, by day: seconds of video, speech and live conversation, bytes stored at the day's end."""
    rows = await asyncio.to_thread(gateway.accounts.quotas.by_day, first_day(days), who.owner)
    items = [
        a.UsageRow(user_id=who.user_id, name=who.name, day=r["day"], metric=r["metric"], amount=r["amount"])
        for r in rows
    ]
    return schemas.Items(items=items)
