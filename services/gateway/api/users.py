"""What admins do: people, their roles and limits, what they used, the audit log. No contents are shown."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from services.gateway.accounts import acts
from services.gateway.accounts.audit import LONGEST
from services.gateway.accounts.removal import remove_account
from services.gateway.api import account_schemas as a
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Limit, get_admin
from services.gateway.api.me import Days, first_day
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["accounts"], dependencies=[Depends(get_admin)])


def _shown(gateway: Gateway, row: Row) -> a.User:
    return a.User.of(row, gateway.accounts.quotas.used(row["owner"]))


def _link(gateway: Gateway, user: Row) -> str:
    secret = gateway.accounts.invitations.create("password", user["id"])
    return f"{gateway.settings.address()}/password#{secret}"


@router.get("/users", response_model=schemas.Items[a.User], responses=responses("accounts-off"))
async def users(gateway: Context) -> Any:
    """Everybody, with their limits and what they use."""

    def all_shown() -> list[a.User]:
        return [_shown(gateway, row) for row in gateway.accounts.users.all()]

    return schemas.Items(items=await asyncio.to_thread(all_shown))


@router.post("/users", status_code=201, response_model=a.UserLink, responses=responses("name-taken", "accounts-off"))
async def create(gateway: Context, body: a.UserRequest) -> Any:
    """Let a person in: send them the link, with which they choose their password."""

    def make() -> a.UserLink:
        row = gateway.accounts.users.create(body.name, body.role, display_name=body.display_name)
        return a.UserLink(user=_shown(gateway, row), link=_link(gateway, row))

    made = await asyncio.to_thread(make)
    acts.note(made.user.id)
    return made


@router.patch(
    "/users/{user_id}", response_model=a.User, responses=responses("unknown-id", "last-admin", "accounts-off")
)
async def change(gateway: Context, user_id: str, body: a.UserChange) -> Any:
    """Change a person's role, limits or name, or close the account; a closed one is signed out at once."""
    values = body.model_dump(exclude_none=True)

    def apply() -> a.User:
        gateway.accounts.users.get(user_id)
        row = gateway.accounts.users.change(user_id, **values) if values else gateway.accounts.users.get(user_id)
        if row["disabled"]:
            gateway.accounts.sessions.end_all(user_id)
        return _shown(gateway, row)

    found = await asyncio.to_thread(apply)
    shown = [f"{k}={v}" if k in ("role", "disabled") else k for k, v in values.items()]
    acts.note(" ".join([user_id, *shown]))
    if found.disabled:
        await gateway.endings.of_credential(user_id)
    return found


@router.post(
    "/users/{user_id}/password-link", response_model=a.UserLink, responses=responses("unknown-id", "accounts-off")
)
async def password_link(gateway: Context, user_id: str) -> Any:
    """A link with which the person chooses a new password; earlier links end."""

    def make() -> a.UserLink:
        row = gateway.accounts.users.get(user_id)
        return a.UserLink(user=_shown(gateway, row), link=_link(gateway, row))

    return await asyncio.to_thread(make)


@router.delete("/users/{user_id}/sessions", status_code=204, responses=responses("unknown-id", "accounts-off"))
async def sign_out(gateway: Context, user_id: str) -> None:
    """Sign a person out everywhere."""
    await asyncio.to_thread(gateway.accounts.users.get, user_id)
    await asyncio.to_thread(gateway.accounts.sessions.end_all, user_id)
    await gateway.endings.of_credential(user_id)


@router.delete(
    "/users/{user_id}",
    status_code=204,
    responses=responses("unknown-id", "last-admin", "service-down", "accounts-off"),
)
async def remove(gateway: Context, user_id: str) -> None:
    """Remove a person and all that is theirs, for good."""
    await remove_account(gateway, await asyncio.to_thread(gateway.accounts.users.get, user_id))


@router.get("/users/usage", response_model=schemas.Items[a.UsageRow], responses=responses("accounts-off"))
async def usage(gateway: Context, days: Days = 30) -> Any:
    """What everybody used, by day."""

    def rows() -> list[a.UsageRow]:
        people = {u["owner"]: u for u in gateway.accounts.users.all()}
        found = gateway.accounts.quotas.by_day(first_day(days))
        return [
            a.UsageRow(
                user_id=people[r["owner"]]["id"] if r["owner"] in people else "",
                name=people[r["owner"]]["name"] if r["owner"] in people else "",
                day=r["day"],
                metric=r["metric"],
                amount=r["amount"],
            )
            for r in found
        ]

    return schemas.Items(items=await asyncio.to_thread(rows))


@router.get("/audit", response_model=schemas.Items[a.AuditRow], responses=responses("accounts-off"))
async def audit(
    gateway: Context,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, description="An id: only older ones than that.")] = None,
    user_id: Annotated[str, Query(max_length=40)] = "",
    action: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Any:
    """Who did what, when, from where; the newest first."""
    rows = await asyncio.to_thread(gateway.accounts.audit.search, limit, before, user_id, action)
    return schemas.Items(items=[a.AuditRow.of(r) for r in rows])
