"""Signing in by name and password, with a limit on guesses."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import digest, is_password
from services.gateway.accounts.users import UserStore
from services.gateway.store.account_tables import failures
from services.gateway.store.db import Database, Row

WINDOW_S = 900.0
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
        self._refuse_guessing(subjects)
        user = self._users.named(name)
        kept = user["password_hash"] if user and not user["disabled"] else ""
        if is_password(kept, password):
            assert user
            with self._db.begin() as c:
                c.execute(sa.delete(failures).where(failures.c.subject == next(iter(subjects))))
            return user
        with self._db.begin() as c:
            c.execute(sa.insert(failures), [{"subject": s, "at": time.time()} for s in subjects])
        raise HuashengError("wrong-password")

    def _refuse_guessing(self, subjects: dict[str, int]) -> None:
        now = time.time()
        query = (
            sa.select(failures.c.subject, sa.func.count(), sa.func.min(failures.c.at))
            .where(failures.c.subject.in_(subjects), failures.c.at > now - WINDOW_S)
            .group_by(failures.c.subject)
        )
        with self._db.begin() as c:
            c.execute(sa.delete(failures).where(failures.c.at < now - WINDOW_S))
            found = c.execute(query).all()
        waits = [first + WINDOW_S - now for subject, count, first in found if count >= subjects[subject]]
        if waits:
            raise HuashengError("too-many-attempts", minutes=int(max(waits) // 60) + 1, retry_s=int(max(waits)) + 1)
