"""One-time links: for the first admin, for new people, for a forgotten password."""

from __future__ import annotations

import time
from typing import Literal

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import digest, new_secret
from services.gateway.store.account_tables import invitations
from services.gateway.store.db import Database, Row

Purpose = Literal["setup", "password"]
GOOD_S = {"setup": 7 * 86_400.0, "password": 3 * 86_400.0}


class InvitationStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, purpose: Purpose, user_id: str | None = None) -> str:
        """A new link's secret; earlier ones for the same purpose and person end."""
        secret, now = new_secret(), time.time()
        with self._db.begin() as c:
            same = sa.and_(invitations.c.purpose == purpose, invitations.c.user_id.is_not_distinct_from(user_id))
            c.execute(sa.delete(invitations).where(sa.or_(same, invitations.c.expires_at < now)))
            c.execute(
                sa.insert(invitations).values(
                    hash=digest(secret),
                    purpose=purpose,
                    user_id=user_id,
                    created_at=now,
                    expires_at=now + GOOD_S[purpose],
                )
            )
        return secret

    def find(self, secret: str) -> Row:
        """What a link is for. Raises ``link-used``."""
        query = sa.select(invitations).where(
            invitations.c.hash == digest(secret), invitations.c.expires_at > time.time()
        )
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("link-used")
        return dict(row)

    def use(self, secret: str) -> None:
        """The link has done its work. Raises ``link-used`` for who comes second."""
        with self._db.begin() as c:
            if not c.execute(sa.delete(invitations).where(invitations.c.hash == digest(secret))).rowcount:
                raise HuashengError("link-used")
