"""Signing in by name and password, with a limit on guesses that all replicas share: it is in the database."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import digest, is_password
from services.gateway.accounts.users import UserStore
from services.gateway.store.account_tables import failures
from services.gateway.store.db import Database, Row

WINDOW_S = 900.0
LOCK = 0x67756573
"""Of PostgreSQL."""
PER_NAME_AND_ADDRESS, PER_ADDRESS, PER_NAME = 5, 50, 100
"""Wrong guesses in a window. Of a name from everywhere many: else anybody could lock anybody out."""


class SignIn:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database, users: UserStore) -> None:
        self._db, self._users = db, users

    def check(self, name: str, password: str, address: str) -> Row:
        """The person. Raises ``too-many-attempts``, and ``wrong-password`` whatever of the two is wrong."""
        name = name.strip().casefold()[:64]
        subjects = {
            digest(f"both {name} {address}"): PER_NAME_AND_ADDRESS,
            digest(f"address {address}"): PER_ADDRESS,
            digest(f"name {name}"): PER_NAME,
        }
        guess = self._begin(subjects)
        user = self._users.named(name)
        kept = user["password_hash"] if user and not user["disabled"] else ""
        if is_password(kept, password):
            assert user
            with self._db.begin() as c:
                both = failures.c.subject == next(iter(subjects))
                c.execute(sa.delete(failures).where(sa.or_(both, failures.c.id.in_(guess))))
            return user
        raise HuashengError("wrong-password")

    def _begin(self, subjects: dict[str, int]) -> list[int]:
        """Ids of the rows of a guess, which counts before its password is compared: many at once are many."""
        now = time.time()
        query = (
            sa.select(failures.c.subject, sa.func.count(), sa.func.min(failures.c.at))
            .where(failures.c.subject.in_(subjects), failures.c.at > now - WINDOW_S)
            .group_by(failures.c.subject)
        )
        with self._db.begin() as c:
            if not self._db.is_sqlite:  # others see a row once it is committed: one guess after the other
                c.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            c.execute(sa.delete(failures).where(failures.c.at < now - WINDOW_S))
            waits = [first + WINDOW_S - now for s, count, first in c.execute(query) if count >= subjects[s]]
            if not waits:
                rows = [c.execute(sa.insert(failures).values(subject=s, at=now)) for s in subjects]
                return [int(r.inserted_primary_key[0]) for r in rows if r.inserted_primary_key]
        raise HuashengError("too-many-attempts", minutes=int(max(waits) // 60) + 1, retry_s=int(max(waits)) + 1)
