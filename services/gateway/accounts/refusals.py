"""Refusals that stand in the audit log: keys that are not good, calls that one may not make, words."""

from __future__ import annotations

import asyncio
import logging
import time

from services.common.errors import HuashengError
from services.gateway.accounts.audit import AuditStore
from services.gateway.accounts.keys import KeyStore
from services.gateway.accounts.principal import Principal

log = logging.getLogger("huasheng.gateway.accounts")
NOTED = ("key-refused", "not-allowed", "foreign-origin", "link-used")
"""Reasons of an answer that have a line. A browser that is not signed in asks all the time, and has none."""
EVERY_S = 60.0
MOST = 10_000
"""Refusals remembered; the oldest are forgotten first."""
UNKNOWN = "(unknown)"


class Refusals:
    """The same refusal of the same caller has one line a minute at each gateway: nobody fills the log by asking."""

    def __init__(self, audit: AuditStore, keys: KeyStore) -> None:
        self._audit, self._keys = audit, keys
        self._seen: dict[tuple[str, ...], float] = {}

    def is_new(self, *what: str) -> bool:
        """Whether this was not seen within a minute."""
        now = time.monotonic()
        if now - self._seen.get(what, -EVERY_S) < EVERY_S:
            return False
        self._seen.pop(what, None)
        self._seen[what] = now
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        return True

    async def note(
        self, reason: str, call: str, *, who: Principal | None = None, secret: str = "", address: str = ""
    ) -> None:
        """A line for a call (``POST /api/v1/videos``) that was refused. ``secret``: the key that was shown; of one that
        is not good the line names the person whose key begins so. A database that is away loses it, which is logged."""
        if reason not in NOTED or not self.is_new(who.user_id if who else "", address, reason, call):
            return
        try:
            await asyncio.to_thread(self._write, reason, call, who, secret, address)
        except HuashengError as e:
            log.error("the audit log misses a line", extra={"reason": e.slug, "route": call})

    def _write(self, reason: str, call: str, who: Principal | None, secret: str, address: str) -> None:
        user = self._keys.holder(secret) if secret and not who else None
        self._audit.add("refused", f"{reason} {call}", who=who, user=user, name=UNKNOWN, address=address)
