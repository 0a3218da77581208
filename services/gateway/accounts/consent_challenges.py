"""Numbers that people were asked to say in a consent clip: each is good once, for ten minutes, for who asked."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.spoken_number import new_number
from services.gateway.ids import new_id
from services.gateway.store.account_tables import consent_challenges
from services.gateway.store.db import Database, Row

GOOD_S = 600.0
"""How long a number may be said."""
DAY_S = 86_400.0
MOST_A_DAY = 40
"""Numbers for one owner in a day. Whoever could ask without end would get one that an old recording fits."""


class ChallengeStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, owner: str, language: str) -> Row:
        """A new number. Raises ``consent-too-many``."""
        now, table = time.time(), consent_challenges
        row: Row = {
            "id": new_id("c"),
            "owner": owner,
            "number": new_number(),
            "language": language,
            "created_at": now,
            "expires_at": now + GOOD_S,
            "used_at": None,
        }
        with self._db.begin() as c:
            c.execute(sa.delete(table).where(table.c.created_at < now - DAY_S))
            count = c.scalar(sa.select(sa.func.count()).where(table.c.owner == owner))
            if (count or 0) >= MOST_A_DAY:
                raise HuashengError("consent-too-many", limit=MOST_A_DAY)
            c.execute(sa.insert(table).values(row))
        return row

    def use(self, owner: str, challenge_id: str) -> Row:
        """Take a number; from now on it is used. Raises ``unknown-id``, ``consent-used``, ``consent-expired``."""
        table, now = consent_challenges, time.time()
        this = sa.and_(table.c.owner == owner, table.c.id == challenge_id)
        with self._db.begin() as c:
            # first of all, so that of two requests one gets it
            taken = c.execute(sa.update(table).where(this, table.c.used_at.is_(None)).values(used_at=now)).rowcount
            row = c.execute(sa.select(table).where(this)).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="challenge", id=challenge_id[:80])
        if not taken:
            raise HuashengError("consent-used")
        if row["expires_at"] < now:
            raise HuashengError("consent-expired", minutes=round(GOOD_S / 60))
        return dict(row)

    def give_back(self, challenge_id: str) -> None:
        """The number was not judged, since a service failed: it may be used again."""
        table = consent_challenges
        with self._db.begin() as c:
            c.execute(sa.update(table).where(table.c.id == challenge_id).values(used_at=None))
