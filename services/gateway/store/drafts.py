"""Drafts of videos: scripts as far as they are written."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.db import Database, Row, drafts

MOST = 100
"""Drafts of one owner."""


class DraftStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, owner: str) -> list[Row]:
        """Drafts without their scripts, the last changed first."""
        columns = [c for c in drafts.c if c is not drafts.c.script]
        query = sa.select(*columns).where(drafts.c.owner == owner).order_by(drafts.c.updated_at.desc(), drafts.c.id)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def get(self, owner: str, draft_id: str) -> Row:
        """One draft with its script. Raises ``unknown-id``."""
        with self._db.begin() as c:
            row = c.execute(sa.select(drafts).where(_is(owner, draft_id))).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="draft", id=draft_id[:80])
        return dict(row)

    def create(self, owner: str, name: str, script: Row) -> Row:
        """A new draft, of version 1. Raises ``drafts-full``."""
        now = time.time()
        row = {"id": new_id("d"), "owner": owner, "name": name, "script": script, "version": 1}
        row |= {"created_at": now, "updated_at": now}
        with self._db.begin() as c:
            if (c.scalar(sa.select(sa.func.count()).where(drafts.c.owner == owner)) or 0) >= MOST:
                raise HuashengError("drafts-full", limit=MOST)
            c.execute(sa.insert(drafts).values(row))
        return row

    def change(self, owner: str, draft_id: str, version: int, name: str, script: Row) -> Row:
        """Replace the draft that was read as ``version``. Raises ``draft-changed``, ``unknown-id``."""
        values = {"name": name, "script": script, "version": version + 1, "updated_at": time.time()}
        with self._db.begin() as c:
            as_read = sa.and_(_is(owner, draft_id), drafts.c.version == version)
            is_changed = c.execute(sa.update(drafts).where(as_read).values(values)).rowcount > 0
        there = self.get(owner, draft_id)
        if not is_changed:
            raise HuashengError("draft-changed", version=there["version"])
        return there | values

    def delete(self, owner: str, draft_id: str) -> bool:
        """Delete a draft; False when there is none."""
        with self._db.begin() as c:
            return bool(c.execute(sa.delete(drafts).where(_is(owner, draft_id))).rowcount)


def _is(owner: str, draft_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(drafts.c.owner == owner, drafts.c.id == draft_id)
