"""Which live conversations are to end, for all replicas: each looks here for those that are its own."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.gateway.ids import new_id
from services.gateway.store.account_tables import live_endings
from services.gateway.store.db import Database, Row

KEPT_S = 3600.0
"""Rows older than this are removed: all replicas have seen them, whatever their clocks say."""


class LiveEndingStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, what: Row) -> str:
        """Keep an ending for the other replicas. Returns its id. Raises ``database-down``."""
        now, ending_id = time.time(), new_id("e")
        with self._db.begin() as c:
            c.execute(sa.delete(live_endings).where(live_endings.c.at < now - KEPT_S))
            c.execute(sa.insert(live_endings).values(id=ending_id, at=now, what=what))
        return ending_id

    def all(self) -> dict[str, Row]:
        """Endings by id. Raises ``database-down``."""
        with self._db.begin() as c:
            return {r.id: r.what for r in c.execute(sa.select(live_endings.c.id, live_endings.c.what))}
