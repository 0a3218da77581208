"""The jobs table: what was asked, how far it is, what the result is. ``services.gateway.jobs`` runs the jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.store import found_by
from services.gateway.store.db import Database, Row, jobs
from services.gateway.store.job_things import named_in

QUEUES = {"dialogue": "dialogue", "dubbing": "dialogue", "video": "render", "avatar": "render", "training": "training"}
"""The queue of each kind of job."""
ACTIVE = ("queued", "running")


class JobStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database, max_queued: int) -> None:
        self._db, self._max_queued = db, max_queued

    def create(
        self,
        owner: str,
        job_id: str,
        kind: str,
        params: Row,
        *,
        asset_id: str | None = None,
        key_id: str = "",
        name: str = "",
    ) -> Row:
        """Add a new job; the same id again returns the row that is there. Raises ``queue-full``.

        Its priority is 1, or one more than that of its owner's last unfinished job in the same queue: so owners take
        turns, and a hundred jobs of one do not keep another's first one waiting.
        """
        with self._db.begin() as c:
            there = c.execute(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner)).mappings().first()
            if there:
                return dict(there)
            waiting = c.scalar(sa.select(sa.func.count()).where(jobs.c.state == "queued")) or 0
            if waiting >= self._max_queued:
                raise HuashengError("queue-full", limit=self._max_queued)
            mine = sa.and_(jobs.c.owner == owner, jobs.c.queue == QUEUES[kind], jobs.c.state.in_(ACTIVE))
            last = c.scalar(sa.select(sa.func.max(jobs.c.priority)).where(mine)) or 0
            row = {
                "id": job_id,
                "owner": owner,
                "kind": kind,
                "queue": QUEUES[kind],
                "state": "queued",
                "stage": "",
                "progress": 0.0,
                "eta_s": None,
                "params": params,
                "partial": {},
                "result": None,
                "error": None,
                "cancel_requested": False,
                "asset_id": asset_id,
                "executor": "",
                "priority": last + 1,
                "key_id": key_id,
                "stored_bytes": 0,
                "consent_withdrawn": False,
                "name": name,
                "words": found_by.words(name, params) if kind == "video" else "",
                "drawn": found_by.drawn(params) if kind == "video" else "",
                "created_at": time.time(),
                "started_at": None,
                "finished_at": None,
            }
            c.execute(sa.insert(jobs).values(row))
            return row

    def get(self, owner: str, job_id: str) -> Row:
        """One job. Raises ``unknown-id``."""
        with self._db.begin() as c:
            row = c.execute(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner)).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="job", id=job_id[:80])
        return dict(row)

    def shared(self, job_id: str) -> Row | None:
        """A job of any owner, for those who have a signed link to its result; None when it is gone."""
        with self._db.begin() as c:
            row = c.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
        return dict(row) if row else None

    def search(
        self,
        owner: str,
        *,
        kind: str | None = None,
        states: Iterable[str] = (),
        limit: int = 200,
        before: str | None = None,
    ) -> list[Row]:
        """Jobs of a kind and in some states (none given: all), older than the job ``before``, newest first."""
        query = sa.select(jobs).where(jobs.c.owner == owner).order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        if kind:
            query = query.where(jobs.c.kind == kind)
        if wanted := list(states):
            query = query.where(jobs.c.state.in_(wanted))
        with self._db.begin() as c:
            if before:
                query = query.where(jobs.c.created_at < self._created(c, owner, before))
            return [dict(r) for r in c.execute(query.limit(limit)).mappings()]

    def _created(self, c: sa.Connection, owner: str, job_id: str) -> float:
        found = c.scalar(sa.select(jobs.c.created_at).where(jobs.c.id == job_id, jobs.c.owner == owner))
        if found is None:
            raise HuashengError("unknown-id", kind="job", id=job_id)
        return float(found)

    def of_kind(self, owner: str, kind: str) -> list[Row]:
        """All jobs of one kind, oldest first."""
        query = sa.select(jobs).where(jobs.c.owner == owner, jobs.c.kind == kind).order_by(jobs.c.created_at)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def position(self, row: Row) -> int | None:
        """Place in the queue, 1 = next; None once it runs. Counts the jobs of all owners."""
        if row["state"] != "queued":
            return None
        order = sa.tuple_(jobs.c.priority, jobs.c.created_at, jobs.c.id)
        earlier = order < sa.tuple_(row["priority"], row["created_at"], row["id"])
        query = sa.select(sa.func.count()).where(jobs.c.queue == row["queue"], jobs.c.state == "queued", earlier)
        with self._db.begin() as c:
            return int(c.scalar(query) or 0) + 1

    def positions(self, rows: Iterable[Row]) -> dict[str, int]:
        """Places of those rows that are queued, by id: two queries, however many rows."""
        found: dict[str, int] = {}
        for queue in {r["queue"] for r in rows if r["state"] == "queued"}:
            wanted = [r for r in rows if r["queue"] == queue and r["state"] == "queued"]
            found |= {r["id"]: place for place, r in self.places(queue, {r["owner"] for r in wanted})}
        return found

    def places(self, queue: str, owners: Iterable[str]) -> list[tuple[int, Row]]:
        """Place (1 = next), and ``id``, ``owner``, ``kind`` of the jobs of these owners that wait in a queue."""
        order = sa.func.row_number().over(order_by=(jobs.c.priority, jobs.c.created_at, jobs.c.id)).label("place")
        columns = (jobs.c.id, jobs.c.owner, jobs.c.kind, order)
        line = sa.select(*columns).where(jobs.c.queue == queue, jobs.c.state == "queued").subquery()
        query = sa.select(line).where(line.c.owner.in_(list(owners))).order_by(line.c.place)
        with self._db.begin() as c:
            return [(r["place"], dict(r)) for r in c.execute(query).mappings()]

    def active(self, owners: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Owner and state of these owners' unfinished jobs, by id."""
        query = sa.select(jobs.c.id, jobs.c.owner, jobs.c.state)
        with self._db.begin() as c:
            found = c.execute(query.where(jobs.c.state.in_(ACTIVE), jobs.c.owner.in_(list(owners))))
            return {i: (owner, state) for i, owner, state in found}

    def begin(self, job_id: str, executor: str) -> Row | None:
        """Mark a job as running, for the first time or again; None when it is over or was cancelled meanwhile."""
        now = time.time()
        with self._db.begin() as c:
            c.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE))
                .values(state="running", executor=executor, started_at=sa.func.coalesce(jobs.c.started_at, now))
            )
            row = c.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
        return dict(row) if row and row["state"] == "running" else None

    def save(self, job_id: str, executor: str, **values: Any) -> None:
        """Update columns of a job that this replica runs; one that is over, or taken over, stays as it is."""
        mine = sa.and_(jobs.c.id == job_id, jobs.c.state == "running", jobs.c.executor == executor)
        with self._db.begin() as c:
            c.execute(sa.update(jobs).where(mine).values(values))

    def finish(
        self, job_id: str, executor: str, state: str, result: Row | None = None, error: Row | None = None
    ) -> bool:
        """End a job that this replica runs. Returns whether this call did; False when it was over or taken over."""
        values: Row = {"state": state, "result": result, "error": error, "finished_at": time.time(), "eta_s": None}
        if state == "succeeded":
            values |= {"progress": 1.0, "stage": ""}
        with self._db.begin() as c:
            mine = sa.and_(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE), jobs.c.executor == executor)
            return c.execute(sa.update(jobs).where(mine).values(values)).rowcount > 0

    def adopt(self, executors: Iterable[str], executor: str) -> None:
        """What these replicas ran is this one's to look after, until somebody begins it again."""
        theirs = sa.and_(jobs.c.state == "running", jobs.c.executor.in_(list(executors)))
        with self._db.begin() as c:
            c.execute(sa.update(jobs).where(theirs).values(executor=executor))

    def request_cancel(self, owner: str, job_id: str) -> Row:
        """Cancel a queued job at once, ask a running one to stop. Returns the row after that."""
        with self._db.begin() as c:
            mine = sa.and_(jobs.c.id == job_id, jobs.c.owner == owner)
            c.execute(
                sa.update(jobs)
                .where(mine, jobs.c.state == "queued")
                .values(state="cancelled", cancel_requested=True, finished_at=time.time())
            )
            c.execute(sa.update(jobs).where(mine, jobs.c.state == "running").values(cancel_requested=True))
        return self.get(owner, job_id)

    def cancel_requests(self, ids: Iterable[str]) -> set[str]:
        """Which of these jobs were asked to stop."""
        query = sa.select(jobs.c.id).where(jobs.c.id.in_(list(ids)), jobs.c.cancel_requested)
        with self._db.begin() as c:
            return set(c.scalars(query))

    def forget(self, owner: str, job_id: str) -> None:
        """Remove a finished job. Raises ``in-use`` while it is not over."""
        with self._db.begin() as c:
            query = sa.select(jobs.c.state).where(jobs.c.id == job_id, jobs.c.owner == owner)
            state = c.scalar(query)
            if state is None:
                raise HuashengError("unknown-id", kind="job", id=job_id[:80])
            if state in ACTIVE:
                raise HuashengError("in-use", id=job_id)
            c.execute(sa.delete(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner))

    def unfinished(self) -> list[Row]:
        """The jobs of all owners that have not ended. For the program itself, not for requests."""
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(sa.select(jobs).where(jobs.c.state.in_(ACTIVE))).mappings()]

    def mark_withdrawn(self, uses: Callable[[Row], bool]) -> list[Row]:
        """Mark the jobs, of all owners, that use what consent was withdrawn for: ``id``, ``owner``, ``params`` and
        ``result`` of those that ``uses`` names. Marked ones too: what was begun before may have ended since."""
        columns = jobs.c.id, jobs.c.owner, jobs.c.params, jobs.c.result
        with self._db.begin() as c:
            found = [dict(r) for r in c.execute(sa.select(*columns)).mappings() if uses(dict(r))]
            c.execute(sa.update(jobs).where(jobs.c.id.in_([r["id"] for r in found])).values(consent_withdrawn=True))
        return found

    def set_stored(self, job_id: str, size: int) -> None:
        """So many bytes are stored of a finished job."""
        with self._db.begin() as c:
            counted = sa.and_(jobs.c.id == job_id, jobs.c.stored_bytes > 0)
            c.execute(sa.update(jobs).where(counted).values(stored_bytes=size))

    def uses_asset(self, owner: str, asset_id: str) -> bool:
        """Whether an unfinished job needs the asset."""
        query = sa.select(jobs.c.asset_id, jobs.c.params).where(jobs.c.owner == owner, jobs.c.state.in_(ACTIVE))
        with self._db.begin() as c:
            for main, params in c.execute(query):
                needed = {k: v for k, v in params.items() if k != "consent"}  # its clip was checked before
                if main == asset_id or asset_id in named_in(needed, "_asset_id"):
                    return True
        return False

    def running_on(self, executor: str) -> list[Row]:
        """Jobs that a replica has begun and not ended."""
        query = sa.select(jobs).where(jobs.c.state == "running", jobs.c.executor == executor)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def owner_and_kind(self, job_id: str) -> tuple[str, str]:
        """Whose job it is, and of which kind; empty when it was forgotten. For the program itself, not for requests."""
        with self._db.begin() as c:
            found = c.execute(sa.select(jobs.c.owner, jobs.c.kind).where(jobs.c.id == job_id)).first()
        return (found.owner, found.kind) if found else ("", "")

    def over(self, ids: Iterable[str]) -> set[str]:
        """Which of these jobs have ended."""
        query = sa.select(jobs.c.id).where(jobs.c.id.in_(list(ids)), jobs.c.state.not_in(ACTIVE))
        with self._db.begin() as c:
            return set(c.scalars(query))

    def queued(self) -> list[Row]:
        """All queued jobs, oldest first; for the start of the gateway."""
        query = sa.select(jobs).where(jobs.c.state == "queued").order_by(jobs.c.created_at)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of jobs by (kind, state), for the metrics."""
        query = sa.select(jobs.c.kind, jobs.c.state, sa.func.count()).group_by(jobs.c.kind, jobs.c.state)
        with self._db.begin() as c:
            return {(k, s): n for k, s, n in c.execute(query)}

    def queue_counts(self) -> dict[tuple[str, str], int]:
        """Number of unfinished jobs by (queue, state)."""
        query = sa.select(jobs.c.queue, jobs.c.state, sa.func.count()).where(jobs.c.state.in_(ACTIVE))
        with self._db.begin() as c:
            return {(q, s): n for q, s, n in c.execute(query.group_by(jobs.c.queue, jobs.c.state))}
