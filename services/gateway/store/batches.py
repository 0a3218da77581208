"""Batches and their rows. What a started row has become is its job's state."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.db import Database, Row, batch_rows, batches, jobs
from services.gateway.store.jobs import ACTIVE

MOST = 200
"""Batches of one owner."""
TO_START = ("waiting", "starting")


class BatchStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, batch: Row, rows: list[Row]) -> Row:
        """Add a batch with its rows (``name`` and ``cells``), all waiting. Raises ``batches-full``."""
        row = {**batch, "held_by": None, "created_at": time.time()}
        same = {"batch_id": row["id"], "owner": row["owner"], "state": "waiting", "job_id": None, "error": None}
        with self._db.begin() as c:
            if (c.scalar(sa.select(sa.func.count()).where(batches.c.owner == row["owner"])) or 0) >= MOST:
                raise HuashengError("batches-full", limit=MOST)
            c.execute(sa.insert(batches).values(row))
            c.execute(sa.insert(batch_rows), [{**same, "number": n, **r} for n, r in enumerate(rows, 1)])
        return row

    def get(self, owner: str, batch_id: str) -> Row:
        """One batch. Raises ``unknown-id``."""
        with self._db.begin() as c:
            query = sa.select(batches).where(batches.c.id == batch_id, batches.c.owner == owner)
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="batch", id=batch_id[:80])
        return dict(row)

    def search(self, owner: str, limit: int, before: str | None) -> list[Row]:
        """Newest first."""
        query = sa.select(batches).where(batches.c.owner == owner)
        if before:
            query = query.where(batches.c.created_at < self.get(owner, before)["created_at"])
        with self._db.begin() as c:
            order = query.order_by(batches.c.created_at.desc(), batches.c.id.desc()).limit(limit)
            return [dict(r) for r in c.execute(order).mappings()]

    def counts(self, ids: Iterable[str]) -> dict[str, dict[str, int]]:
        """Rows by state (see ``shown_state``), by batch."""
        columns = batch_rows.c.batch_id, batch_rows.c.state, jobs.c.state
        join = sa.outerjoin(batch_rows, jobs, jobs.c.id == batch_rows.c.job_id)
        query = sa.select(*columns, sa.func.count()).select_from(join).where(batch_rows.c.batch_id.in_(list(ids)))
        found: dict[str, dict[str, int]] = {}
        with self._db.begin() as c:
            for batch_id, state, job_state, n in c.execute(query.group_by(*columns)):
                of = found.setdefault(batch_id, {})
                shown = shown_state(state, job_state)
                of[shown] = of.get(shown, 0) + n
        return found

    def rows(self, batch_id: str) -> list[Row]:
        """All rows by number, each with its ``job`` (None before it is started, and after it was deleted)."""
        query = sa.select(batch_rows).where(batch_rows.c.batch_id == batch_id).order_by(batch_rows.c.number)
        with self._db.begin() as c:
            rows = [dict(r) for r in c.execute(query).mappings()]
            ids = [r["job_id"] for r in rows if r["job_id"]]
            found = {r["id"]: dict(r) for r in c.execute(sa.select(jobs).where(jobs.c.id.in_(ids))).mappings()}
        return [r | {"job": found.get(r["job_id"] or "")} for r in rows]

    def unfinished(self) -> list[Row]:
        """Batches of all owners that have rows to start, the oldest first."""
        waiting = sa.select(batch_rows.c.batch_id).where(batch_rows.c.state.in_(TO_START))
        with self._db.begin() as c:
            query = sa.select(batches).where(batches.c.id.in_(waiting)).order_by(batches.c.created_at)
            return [dict(r) for r in c.execute(query).mappings()]

    def to_start(self, batch_id: str, limit: int) -> list[Row]:
        """The next rows."""
        query = sa.select(batch_rows).where(batch_rows.c.batch_id == batch_id, batch_rows.c.state.in_(TO_START))
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.order_by(batch_rows.c.number).limit(limit)).mappings()]

    def active(self, owner: str) -> int:
        """How many unfinished jobs an owner has from batches."""
        join = sa.join(batch_rows, jobs, jobs.c.id == batch_rows.c.job_id)
        query = sa.select(sa.func.count()).select_from(join)
        with self._db.begin() as c:
            mine = query.where(batch_rows.c.owner == owner, batch_rows.c.state == "started", jobs.c.state.in_(ACTIVE))
            return int(c.scalar(mine) or 0)

    def claim(self, row: Row) -> str | None:
        """The id of the job that a row becomes, the same however often it is tried; None when it was cancelled."""
        with self._db.begin() as c:
            values = {"state": "starting", "job_id": row["job_id"] or new_id("j")}
            is_claimed = c.execute(sa.update(batch_rows).where(_is(row, *TO_START)).values(values)).rowcount > 0
        return values["job_id"] if is_claimed else None

    def end_start(self, row: Row, state: str, error: Row | None = None) -> bool:
        """The row was started, or failed before that. False when it was cancelled meanwhile."""
        with self._db.begin() as c:
            change = sa.update(batch_rows).where(_is(row, *TO_START)).values(state=state, error=error)
            return c.execute(change).rowcount > 0

    def hold(self, batch_id: str, held_by: Row | None) -> None:
        """Note why no row can be started now; None: nothing hinders it."""
        with self._db.begin() as c:
            c.execute(sa.update(batches).where(batches.c.id == batch_id).values(held_by=held_by))

    def cancel(self, owner: str, batch_id: str) -> list[str]:
        """Start no more rows. Returns the ids of the jobs of those that were started. Raises ``unknown-id``."""
        self.get(owner, batch_id)
        of = batch_rows.c.batch_id == batch_id
        with self._db.begin() as c:
            change = sa.update(batch_rows).where(of, batch_rows.c.state.in_(TO_START))
            c.execute(change.values(state="cancelled"))
            c.execute(sa.update(batches).where(batches.c.id == batch_id).values(held_by=None))
            query = sa.select(jobs.c.id).join(batch_rows, jobs.c.id == batch_rows.c.job_id)
            return list(c.scalars(query.where(of, jobs.c.state.in_(ACTIVE))))

    def cancel_all(self, owner: str) -> None:
        """Start no more rows of any of an owner's batches."""
        mine = sa.and_(batch_rows.c.owner == owner, batch_rows.c.state.in_(TO_START))
        with self._db.begin() as c:
            c.execute(sa.update(batch_rows).where(mine).values(state="cancelled"))

    def retry(self, owner: str, batch_id: str) -> int:
        """Let failed rows wait again. Returns how many those are. Raises ``unknown-id``."""
        self.get(owner, batch_id)
        of = batch_rows.c.batch_id == batch_id
        failed = sa.select(jobs.c.id).where(jobs.c.state == "failed")
        is_failed = sa.or_(
            batch_rows.c.state == "failed", sa.and_(batch_rows.c.state == "started", batch_rows.c.job_id.in_(failed))
        )
        with self._db.begin() as c:
            change = sa.update(batch_rows).where(of, is_failed).values(state="waiting", job_id=None, error=None)
            return int(c.execute(change).rowcount)

    def forget(self, owner: str, batch_id: str) -> None:
        """Remove a batch; its videos stay. Raises ``unknown-id``, and ``in-use`` while rows wait or run."""
        self.get(owner, batch_id)
        states = self.counts([batch_id]).get(batch_id, {})
        if any(states.get(s) for s in ("waiting", *ACTIVE)):
            raise HuashengError("in-use", id=batch_id)
        with self._db.begin() as c:
            c.execute(sa.delete(batches).where(batches.c.id == batch_id, batches.c.owner == owner))


def shown_state(state: str, job_state: str | None) -> str:
    """What one is told of a row: ``waiting``, its job's state, ``deleted``; ``failed`` or ``cancelled`` before it had
    a job."""
    if state == "starting":
        return "waiting"
    return (job_state or "deleted") if state == "started" else state


def _is(row: Row, *states: str) -> sa.ColumnElement[Any]:
    t = batch_rows.c
    return sa.and_(t.batch_id == row["batch_id"], t.number == row["number"], t.state.in_(states))
