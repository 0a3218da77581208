"""``Idempotency-Key``: the same key with the same request returns the same answer and does nothing twice."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.db import Database, idempotency

KEEP_S = 86_400.0
ABANDONED_S = 60.0
"""A request without an answer after this long died with its process; the next one reuses its resource id."""


def request_hash(*parts: object) -> str:
    """SHA-256 of the parts that make two requests the same."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Claim:
    """The right to answer a request. ``answer``, (status, body), is set when it was answered before."""

    resource_id: str
    key: str = ""
    answer: tuple[int, Any] | None = None


class IdempotencyStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def claim(self, owner: str, key: str | None, digest: str, letter: str) -> Claim:
        """Claim a key (none: always a fresh claim). Raises ``idempotency-conflict``, ``idempotency-pending``."""
        fresh = new_id(letter)
        if not key:
            return Claim(fresh)
        if not 1 <= len(key) <= 200:
            raise HuashengError("bad-request", what="Idempotency-Key: 1 to 200 characters")
        now = time.time()
        mine = sa.and_(idempotency.c.owner == owner, idempotency.c.key == key)
        with self._db.begin() as c:
            c.execute(sa.delete(idempotency).where(idempotency.c.created_at < now - KEEP_S))
        try:
            with self._db.begin() as c:
                c.execute(
                    sa.insert(idempotency).values(
                        owner=owner, key=key, request_hash=digest, resource_id=fresh, created_at=now
                    )
                )
            return Claim(fresh, key)
        except sa.exc.IntegrityError:
            pass  # the key is known
        with self._db.begin() as c:
            row = c.execute(sa.select(idempotency).where(mine)).mappings().first()
            if row is None:
                raise HuashengError("idempotency-pending")
            if row["request_hash"] != digest:
                raise HuashengError("idempotency-conflict")
            if row["status"] is not None:
                return Claim(row["resource_id"], key, (row["status"], row["body"]))
            stale = sa.and_(mine, idempotency.c.created_at == row["created_at"])
            if now - row["created_at"] < ABANDONED_S:
                raise HuashengError("idempotency-pending")
            if not c.execute(sa.update(idempotency).where(stale).values(created_at=now)).rowcount:
                raise HuashengError("idempotency-pending")
        return Claim(row["resource_id"], key)

    def answer(self, owner: str, claim: Claim, status: int, body: Any) -> None:
        """Keep the answer for repeats."""
        self._change(owner, claim, sa.update(idempotency).values(status=status, body=body))

    def release(self, owner: str, claim: Claim) -> None:
        """The request was refused: the key may be used again."""
        self._change(owner, claim, sa.delete(idempotency))

    def _change(self, owner: str, claim: Claim, what: Any) -> None:
        if claim.key:
            with self._db.begin() as c:
                c.execute(what.where(idempotency.c.owner == owner, idempotency.c.key == claim.key))
