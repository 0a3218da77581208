"""The replicas of the gateway that share this database, and the count of beats that shows that each is alive."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.gateway.store.db import Database, replicas


@dataclass(frozen=True)
class Replica:
    """One running process."""

    id: str
    name: str
    """``GATEWAY_EXECUTOR_ID``: the same after a restart, where ``id`` is another one."""
    beats: int
    has_left: bool
    """It stopped in good order; what it had in hand may be taken at once."""
    live_slots: int
    """Slots of render that its live conversations need."""


class ReplicaStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def join(self, replica_id: str, name: str) -> None:
        """Add a process."""
        row = {"id": replica_id, "name": name, "beats": 0, "has_left": False, "live_slots": 0}
        with self._db.begin() as c:
            c.execute(sa.insert(replicas).values(row))

    def beat(self, replica_id: str, live_slots: int) -> list[Replica]:
        """Count one more beat. Returns all replicas; without this one, it was given up for dead meanwhile."""
        with self._db.begin() as c:
            mine = sa.update(replicas).where(replicas.c.id == replica_id)
            c.execute(mine.values(beats=replicas.c.beats + 1, live_slots=live_slots))
            return [Replica(**r) for r in c.execute(sa.select(replicas).order_by(replicas.c.id)).mappings()]

    def leave(self, replica_id: str) -> None:
        """The process stops and has nothing in hand any more."""
        with self._db.begin() as c:
            c.execute(sa.update(replicas).where(replicas.c.id == replica_id).values(has_left=True, live_slots=0))

    def remove(self, replica: Replica) -> bool:
        """Give a process up for dead. Returns False when it has beaten since it was read, or another was faster."""
        seen = sa.and_(replicas.c.id == replica.id, replicas.c.beats == replica.beats)
        with self._db.begin() as c:
            return c.execute(sa.delete(replicas).where(seen)).rowcount > 0

    def forget(self, replica_id: str) -> None:
        """Remove a process of which nothing runs any more."""
        with self._db.begin() as c:
            c.execute(sa.delete(replicas).where(replicas.c.id == replica_id))

    def remove_named(self, name: str) -> list[str]:
        """Remove the processes that had this name before. Returns their ids."""
        with self._db.begin() as c:
            ids = list(c.scalars(sa.select(replicas.c.id).where(replicas.c.name == name)))
            c.execute(sa.delete(replicas).where(replicas.c.id.in_(ids)))
        return ids
