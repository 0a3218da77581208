"""Sessions of people who signed in with a browser."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import digest, new_secret
from services.gateway.accounts.principal import Principal
from services.gateway.ids import new_id
from services.gateway.store.account_tables import sessions, users
from services.gateway.store.db import Database, Row

DAY_S = 86_400.0
LONGEST_S = 90 * DAY_S
"""Even one that is used every day ends then."""
SEEN_EVERY_S = 60.0
"""How exactly the last use is kept: a write for every request would cost more than the request."""


class SessionStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database, idle_days: float) -> None:
        self._db, self._idle_s = db, idle_days * DAY_S

    def open(self, user_id: str, agent: str, address: str) -> str:
        """A new session. Returns its secret, for the cookie."""
        secret, now = new_secret(), time.time()
        row = {
            "id": new_id("s"),
            "hash": digest(secret),
            "user_id": user_id,
            "agent": agent[:200],
            "address": address[:64],
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + LONGEST_S,
        }
        with self._db.begin() as c:
            c.execute(sa.delete(sessions).where(self._is_over(now)))
            c.execute(sa.insert(sessions).values(row))
            c.execute(sa.update(users).where(users.c.id == user_id).values(last_seen_at=now))
        return secret

    def _is_over(self, now: float) -> sa.ColumnElement[bool]:
        return sa.or_(sessions.c.expires_at < now, sessions.c.last_used_at < now - self._idle_s)

    def find(self, secret: str) -> Principal | None:
        """Whose session it is; None when it is unknown, over, or the person may not come in any more."""
        now = time.time()
        query = (
            sa.select(sessions.c.id.label("session_id"), sessions.c.last_used_at, users)
            .join(users, users.c.id == sessions.c.user_id)
            .where(sessions.c.hash == digest(secret), sa.not_(self._is_over(now)), sa.not_(users.c.disabled))
        )
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
            if row and row["last_used_at"] < now - SEEN_EVERY_S:
                there = sessions.c.id == row["session_id"]
                c.execute(sa.update(sessions).where(there).values(last_used_at=now))
                c.execute(sa.update(users).where(users.c.id == row["id"]).values(last_seen_at=now))
        if not row:
            return None
        return Principal(
            row["id"],
            row["owner"],
            row["name"],
            is_admin=row["role"] == "admin",
            via="session",
            credential_id=row["session_id"],
            limits=row["limits"],
        )

    def of_user(self, user_id: str) -> list[Row]:
        """Their sessions, the last used first."""
        query = sa.select(sessions).where(sessions.c.user_id == user_id, sa.not_(self._is_over(time.time())))
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.order_by(sessions.c.last_used_at.desc())).mappings()]

    def end(self, user_id: str, session_id: str) -> None:
        """End one. Raises ``unknown-id``."""
        with self._db.begin() as c:
            mine = sa.and_(sessions.c.user_id == user_id, sessions.c.id == session_id)
            if not c.execute(sa.delete(sessions).where(mine)).rowcount:
                raise HuashengError("unknown-id", kind="session", id=session_id[:80])

    def end_all(self, user_id: str, but: str = "") -> int:
        """End all but one. Returns how many."""
        with self._db.begin() as c:
            mine = sa.and_(sessions.c.user_id == user_id, sessions.c.id != but)
            return c.execute(sa.delete(sessions).where(mine)).rowcount
