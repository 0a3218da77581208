"""Who did what, when, from where. Rows are only added; they hold ids and names, never contents."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.gateway.accounts.principal import Principal
from services.gateway.store.account_tables import audit
from services.gateway.store.db import Database, Row

LONGEST = 120
"""Characters of an action, and of what it was done to."""


class AuditStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        action: str,
        *things: str,
        who: Principal | None = None,
        user: Row | None = None,
        name: str = "",
        address: str = "",
    ) -> None:
        """One row for each thing, or one without. Where nobody is signed in: the ``user`` that it is about, else a
        ``name`` such as ``system``."""
        row = {
            "at": time.time(),
            "actor": (who.name if who else user["name"] if user else name)[:64],
            "actor_id": who.user_id if who else user["id"] if user else "",
            "via": who.via if who else "system",
            "action": action[:LONGEST],
            "address": address[:64],
        }
        with self._db.begin() as c:
            c.execute(sa.insert(audit), [row | {"object": thing[:LONGEST]} for thing in things or ("",)])

    def search(self, limit: int, before: int | None, actor_id: str = "", action: str = "") -> list[Row]:
        """Newest first."""
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before:
            query = query.where(audit.c.id < before)
        if actor_id:
            query = query.where(audit.c.actor_id == actor_id)
        if action:
            query = query.where(audit.c.action == action)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]
