"""Signing in with OpenID Connect, from the button to the person."""

from __future__ import annotations

import asyncio

from services.common.errors import HuashengError
from services.gateway.accounts.oidc_pending import PendingSignIns
from services.gateway.accounts.oidc_people import UNKNOWN, let_in
from services.gateway.accounts.oidc_provider import Provider
from services.gateway.accounts.stores import Accounts
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Row

CALLBACK = "/api/v1/sign-in/oidc/callback"


class OpenIdSignIn:
    """Created once at start, where a provider is set up."""

    def __init__(self, settings: GatewaySettings, accounts: Accounts, key: bytes) -> None:
        self._settings, self._accounts = settings, accounts
        self._provider, self._pending = Provider(settings), PendingSignIns(key)
        self._back = settings.address() + CALLBACK

    async def begin(self, next_path: str) -> tuple[str, str]:
        """A cookie's value, and the address at the provider. Raises ``bad-request``, ``provider-down``."""
        cookie, pending = self._pending.begin(next_path)
        return cookie, await self._provider.address(pending, self._back)

    async def finish(
        self, cookie: str, *, state: str, code: str, error: str, issuer: str, address: str
    ) -> tuple[Row, str]:
        """The person who came back, and the page to go to. ``address``: of the browser, for the audit log.

        Raises ``sign-in-stale``, and what ``Provider.claims`` and ``let_in`` raise.
        """
        pending = self._pending.find(cookie, state)
        try:
            if error or not code:
                raise HuashengError("provider-refused")
            claims = await self._provider.claims(code, issuer, pending, self._back)
        except HuashengError as e:
            if e.slug != "provider-down":
                add = self._accounts.audit.add
                await asyncio.to_thread(add, "sign-in refused", e.slug, name=UNKNOWN, address=address)
            raise
        return await asyncio.to_thread(let_in, self._accounts, self._settings, claims, address), pending.next
