"""Signing in and out, the first admin, and links with which people choose their password."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from services.common.errors import HuashengError
from services.common.errors import problem as described
from services.gateway.accounts.access import COOKIE, SECURE_COOKIE, address_of, cookie_name
from services.gateway.accounts.credentials import hash_password
from services.gateway.accounts.sessions import LONGEST_S
from services.gateway.api import account_schemas as a
from services.gateway.api.deps import Context, Lang, Person, RequestId
from services.gateway.api.problems import responses
from services.gateway.api.schemas import Problem
from services.gateway.context import Gateway
from services.gateway.store.db import Row

SAID = (
    "provider-off",
    "provider-down",
    "provider-refused",
    "provider-untrusted",
    "sign-in-stale",
    "not-a-member",
    "account-closed",
    "accounts-off",
    "database-down",
)
"""What ``sign_in_oidc`` sends a browser to the sign-in page with."""
Named = Annotated[str, Query(description="The ``problem`` of the sign-in page's own address.")]
router = APIRouter(prefix="/api/v1", tags=["accounts"])


def need_accounts(gateway: Gateway) -> None:
    """Raises ``accounts-off``."""
    if not gateway.accounts.is_on:
        raise HuashengError("accounts-off")


async def new_session(request: Request, gateway: Gateway, user: Row) -> str:
    """The secret of a new session, whatever cookie came: nobody can fix a session beforehand."""
    accounts = gateway.accounts
    if old := request.cookies.get(cookie_name(request)):
        who = await asyncio.to_thread(accounts.sessions.find, old)
        if who:
            await asyncio.to_thread(accounts.sessions.end, who.user_id, who.credential_id)
    agent = request.headers.get("user-agent", "")
    return await asyncio.to_thread(accounts.sessions.open, user["id"], agent, address_of(request))


async def signed_in(request: Request, gateway: Gateway, user: Row, status: int = 200) -> JSONResponse:
    """The answer to a person who has signed in, with the cookie of a new session."""
    secret = await new_session(request, gateway, user)
    answer = JSONResponse({"name": user["name"], "display_name": user["display_name"], "role": user["role"]}, status)
    set_cookie(request, answer, secret)
    return answer


def set_cookie(request: Request, answer: Response, secret: str) -> None:
    """The session's cookie: no script reads it, no other site's form sends it."""
    answer.set_cookie(
        cookie_name(request),
        secret,
        max_age=int(LONGEST_S),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    answer.headers["Cache-Control"] = "no-store"


def forget_cookie(answer: Response) -> None:
    """Remove the cookie from the browser."""
    for name in (COOKIE, SECURE_COOKIE):
        answer.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="lax")


@router.get("/sign-in", response_model=a.SignInWays, response_model_exclude_unset=True)
async def ways(gateway: Context, lang: Lang, reference: RequestId, problem: Named = "") -> Any:
    """How one signs in here, and why the last try at the OpenID provider failed."""
    accounts = gateway.accounts
    is_set_up = not accounts.is_on or await asyncio.to_thread(accounts.users.has_admin)
    found = a.SignInWays(accounts=accounts.is_on, set_up=is_set_up, provider=gateway.settings.provider_name())
    if problem in SAID:
        found.problem = Problem.model_validate(described(HuashengError(problem), lang, reference))
    return found


@router.post("/sign-in", responses=responses("wrong-password", "too-many-attempts", "accounts-off"))
async def sign_in(request: Request, gateway: Context, body: a.SignInRequest) -> Response:
    """Sign in with name and password; the answer sets the session's cookie."""
    need_accounts(gateway)
    accounts, address = gateway.accounts, address_of(request)
    try:
        user = await asyncio.to_thread(accounts.sign_in.check, body.name, body.password.get_secret_value(), address)
    except HuashengError as e:
        is_noted = e.slug == "wrong-password" or (
            e.slug == "too-many-attempts" and accounts.refusals.is_new(e.slug, body.name, address)
        )
        if is_noted:
            # only a name that exists: a password that was typed in its place must not be kept
            known = await asyncio.to_thread(accounts.users.named, body.name)
            await asyncio.to_thread(
                accounts.audit.add, "sign-in refused", e.slug, user=known, name="(unknown)", address=address
            )
        raise
    await asyncio.to_thread(accounts.audit.add, "sign-in", user=user, address=address)
    return await signed_in(request, gateway, user)


@router.delete("/sign-in", status_code=204, responses=responses("accounts-off"))
async def sign_out(gateway: Context, who: Person) -> Response:
    """Sign out of this browser."""
    await asyncio.to_thread(gateway.accounts.sessions.end, who.user_id, who.credential_id)
    await gateway.endings.of_credential(who.credential_id)
    answer = Response(status_code=204)
    forget_cookie(answer)
    return answer


@router.post(
    "/set-up", status_code=201, responses=responses("link-used", "weak-password", "name-taken", "accounts-off")
)
async def set_up(request: Request, gateway: Context, body: a.SetUpRequest) -> Response:
    """Make the first admin, who also gets what was made before there were accounts."""
    need_accounts(gateway)
    accounts, link = gateway.accounts, body.link.get_secret_value()

    def create() -> Row:
        if accounts.invitations.find(link)["purpose"] != "setup":
            raise HuashengError("link-used")
        kept = hash_password(body.password.get_secret_value(), body.name)
        shown = body.display_name
        user = accounts.users.create(body.name, "admin", display_name=shown, password_hash=kept, is_first=True)
        accounts.invitations.use(link)
        accounts.audit.add("set-up", user["id"], user=user, address=address_of(request))
        return user

    return await signed_in(request, gateway, await _by_link(request, gateway, create), 201)


async def _by_link(request: Request, gateway: Gateway, use: Callable[[], Row]) -> Row:
    """What a one-time link is used for. A link that is not good has a line in the audit log."""
    try:
        return await asyncio.to_thread(use)
    except HuashengError as e:
        call = f"{request.method} {request.scope['path']}"
        await gateway.accounts.refusals.note(e.slug, call, address=address_of(request))
        raise


def _invited(gateway: Gateway, link: str) -> Row:
    """The person whom a password link is for. Raises ``link-used``."""
    found = gateway.accounts.invitations.find(link)
    if found["purpose"] != "password":
        raise HuashengError("link-used")
    return gateway.accounts.users.get(found["user_id"])


@router.post("/password-links/open", response_model=a.PasswordLink, responses=responses("link-used", "accounts-off"))
async def open_link(gateway: Context, body: a.LinkRequest) -> Any:
    """Whom a password link is for; it stays good."""
    need_accounts(gateway)
    user = await asyncio.to_thread(_invited, gateway, body.link.get_secret_value())
    return a.PasswordLink(
        name=user["name"], display_name=user["display_name"], is_new=not user["password_hash"] and not user["subject"]
    )


@router.post("/password-links/use", responses=responses("link-used", "weak-password", "not-allowed", "accounts-off"))
async def use_link(request: Request, gateway: Context, body: a.NewPasswordRequest) -> Response:
    """Choose a password with a link; ends it, and all sessions of that person, and signs in."""
    need_accounts(gateway)
    accounts, link = gateway.accounts, body.link.get_secret_value()

    def change() -> Row:
        user = _invited(gateway, link)
        if user["disabled"]:
            raise HuashengError("link-used")
        kept = hash_password(body.password.get_secret_value(), user["name"])
        accounts.invitations.use(link)
        accounts.sessions.end_all(user["id"])
        accounts.audit.add("password by link", user["id"], user=user, address=address_of(request))
        return accounts.users.change(user["id"], password_hash=kept)

    return await signed_in(request, gateway, await _by_link(request, gateway, change))
