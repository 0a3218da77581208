"""Finds out who makes a request, and refuses what they may not do, before any route sees it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.acts import SAFE, Act
from services.gateway.accounts.keys import KEY, TOKEN
from services.gateway.accounts.principal import LOCAL, Principal
from services.gateway.accounts.rules import Need, rule_of

if TYPE_CHECKING:
    from services.gateway.accounts.stores import Accounts
    from services.gateway.context import Gateway

log = logging.getLogger("huasheng.gateway.accounts")
COOKIE, SECURE_COOKIE = "huasheng_session", "__Host-huasheng_session"
STRANGERS_PER_MINUTE = 10
_THIS_MACHINE = ("127.0.0.1", "::1")


def cookie_name(request: HTTPConnection) -> str:
    """Over TLS the name that browsers give to nobody else of the domain (RFC 6265bis, cookie name prefixes)."""
    return SECURE_COOKIE if request.url.scheme in ("https", "wss") else COOKIE


def address_of(request: HTTPConnection) -> str:
    """The client's address; behind a proxy that is trusted, the one that it names."""
    return request.client.host if request.client else ""


async def identify(accounts: Accounts, request: HTTPConnection, token: str = "") -> Principal:
    """Who asks: by ``Authorization: Bearer`` with a key, by ``token`` of a page elsewhere, or by the session's cookie.

    Raises ``sign-in-needed`` without any, ``key-refused`` for one that is unknown, over or revoked.
    """
    if not accounts.is_on:
        return LOCAL
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" or token:
        secret = given.strip() if kind.lower() == "bearer" else token
        found = None
        if secret.startswith(TOKEN):
            found = await asyncio.to_thread(accounts.tokens.find, secret)
        elif secret.startswith(KEY):
            found = await asyncio.to_thread(accounts.keys.find, secret)
        if found is None:
            raise HuashengError("key-refused")
        return found
    cookie = request.cookies.get(cookie_name(request), "")
    person = await asyncio.to_thread(accounts.sessions.find, cookie) if cookie else None
    if person is None:
        raise HuashengError("sign-in-needed")
    return person


def check_page(request: HTTPConnection, who: Principal, *, changes: bool) -> None:
    """A browser sends the cookie also with requests of other sites' pages: a change must come from ours.

    Raises ``foreign-origin``. Browsers name the page in ``Origin``, or its relation in ``Sec-Fetch-Site``.
    """
    if who.via != "session" or not changes:
        return
    origin = request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc == request.headers.get("host", "?"):
        return
    if not origin and request.headers.get("sec-fetch-site") == "same-origin":
        return
    raise HuashengError("foreign-origin", origin=origin[:100] or "?")


def check_need(who: Principal, need: Need) -> None:
    """Raises ``not-allowed``."""
    match need:
        case Need.PERSON:
            is_allowed = who.via in ("session", "local")
        case Need.LINK_OR_READ:
            is_allowed = who.may("read")
        case Need.SCRAPE:
            is_allowed = who.may("admin")
        case Need.READ | Need.CREATE | Need.LIVE | Need.ADMIN:
            is_allowed = who.may(need.value)
        case Need.NOTHING | Need.OPEN:
            is_allowed = True
    if not is_allowed:
        raise HuashengError("not-allowed", need=need.value)


class Access:
    """Plain ASGI. Refusals are raised, for the middleware around it to answer."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self.app, self._gateway = app, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set ``request.state.principal`` and pass the request on, or raise."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        rule, need = rule_of(request.method, scope["path"])
        try:
            who = request.state.principal = await self._principal(request, need)
        except HuashengError as e:
            await self._refused(request, rule, e)
            raise
        if who is None or who.via == "local":
            await self.app(scope, receive, send)
            return
        act = Act(who, address_of(request))
        acts.current.set(act)
        if not acts.is_logged(rule):
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                location = dict(message["headers"]).get(b"location", b"").decode("latin-1")
                await self._note(rule, act, acts.things_of(act, request.path_params, location))
            await send(message)

        await self.app(scope, receive, sending)

    async def _note(self, rule: str, act: Act, things: list[str]) -> None:
        """Lines of the audit log for what was changed, before the answer is sent. It was done: a database that is away
        loses them, which is logged."""
        add = self._gateway.accounts.audit.add
        try:
            await asyncio.to_thread(add, rule, *things, who=act.who, address=act.address)
        except HuashengError as e:
            log.error("the audit log misses a line", extra={"reason": e.slug, "route": rule})

    async def _refused(self, request: Request, rule: str, error: HuashengError) -> None:
        who: Principal | None = getattr(request.state, "principal", None)
        secret = request.headers.get("authorization", "").partition(" ")[2].strip()
        note = self._gateway.accounts.refusals.note
        await note(error.slug, rule, who=who, secret=secret, address=address_of(request))

    async def _principal(self, request: Request, need: Need) -> Principal | None:
        accounts = self._gateway.accounts
        if not accounts.is_on:
            return LOCAL
        if need is Need.NOTHING or (need is Need.LINK_OR_READ and request.query_params.get("sig")):
            return None
        if need is Need.SCRAPE and address_of(request) in _THIS_MACHINE and "authorization" not in request.headers:
            return None
        try:
            who = request.state.principal = await identify(accounts, request)
        except HuashengError as e:
            if need is not Need.OPEN or e.slug != "sign-in-needed":
                raise
            accounts.rates.take(address_of(request), STRANGERS_PER_MINUTE, request)
            return None
        if who.via == "token":  # for the live conversation's socket alone
            raise HuashengError("not-allowed", need=need.value)
        check_page(request, who, changes=request.method not in SAFE)
        check_need(who, need)
        accounts.rates.check(who, request)
        return who
