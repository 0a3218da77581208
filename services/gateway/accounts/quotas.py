"""What a person or a key may use: stored bytes, queued jobs, minutes made a day, live sessions; and what they used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.accounts.principal import Principal
from services.gateway.settings import GatewaySettings
from services.gateway.store.account_tables import usage, users
from services.gateway.store.db import Database, Row, assets, jobs
from services.gateway.store.jobs import ACTIVE
from services.gateway.studio.kept import pieces_of

LIMITS = ("stored_mb", "queued_jobs", "minutes_per_day", "live_sessions", "requests_per_minute")
"""Names of the limits, as settings, as ``limits`` of a user or key, and in answers. 0: no limit."""
STORED = "stored_bytes"
"""The metric of what is stored at the end of a day."""
MADE = ("video_s", "speech_s", "live_s")
"""Metrics that count as made minutes."""


def today() -> str:
    """The day in UTC."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def tomorrow() -> dt.datetime:
    """When a day's minutes begin anew."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _size(storage: Storage, key: str) -> int:
    try:
        return storage.size(key)
    except FileNotFoundError:
        return 0


def _add(c: sa.Connection, owner: str, key_id: str, metric: str, amount: float) -> None:
    there = {"owner": owner, "key_id": key_id, "day": today(), "metric": metric}
    same = sa.and_(*(usage.c[name] == value for name, value in there.items()))
    if not c.execute(sa.update(usage).where(same).values(amount=usage.c.amount + amount)).rowcount:
        c.execute(sa.insert(usage).values(**there, amount=amount))


def _set(c: sa.Connection, owner: str, metric: str, amount: float) -> None:
    there = {"owner": owner, "key_id": "", "day": today(), "metric": metric}
    same = sa.and_(*(usage.c[name] == value for name, value in there.items()))
    if not c.execute(sa.update(usage).where(same).values(amount=amount)).rowcount:
        c.execute(sa.insert(usage).values(**there, amount=amount))


class Quotas:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database, settings: GatewaySettings) -> None:
        self._db, self._settings = db, settings

    def limits(self, who: Principal) -> dict[str, float]:
        """All limits of a caller; 0 where there is none. Without accounts there are none."""
        if who.via == "local":
            return dict.fromkeys(LIMITS, 0.0)
        return {name: float(who.limits.get(name, getattr(self._settings, f"limit_{name}"))) for name in LIMITS}

    def add(self, owner: str, key_id: str, metric: str, amount: float) -> None:
        """Count what was used today."""
        self._counted(lambda c: _add(c, owner, key_id, metric, amount))

    def _counted(self, write: Callable[[sa.Connection], None]) -> None:
        for last in (False, True):
            try:
                with self._db.begin() as c:
                    write(c)
                return
            except sa.exc.IntegrityError:  # another replica has added the day's first row meanwhile
                if last:
                    raise

    def add_made(self, storage: Storage, owner: str, key_id: str, job_id: str, result: dict[str, Any]) -> None:
        """Count a job's files and the length of its video, once however often it is called: a gateway may die after
        this and before the job's end is written. What a dubbing's script spoke counts as speech. Raises
        ``database-down`` and what the storage does."""
        size, metric = self.size_of(storage, job_id, result), "speech_s" if "speech_s" in result else "video_s"
        seconds = float(result.get("speech_s" if metric == "speech_s" else "duration_s") or 0)

        def write(c: sa.Connection) -> None:
            uncounted = sa.and_(jobs.c.id == job_id, jobs.c.stored_bytes == 0)
            if c.execute(sa.update(jobs).where(uncounted).values(stored_bytes=size)).rowcount and seconds:
                _add(c, owner, key_id, metric, seconds)

        self._counted(write)

    def note_stored(self) -> None:
        """Write what each person has stored as today's figure; the last one of a day stays."""

        def write(c: sa.Connection) -> None:
            made = sa.select(jobs.c.owner, sa.func.sum(jobs.c.stored_bytes)).group_by(jobs.c.owner)
            kept = sa.select(assets.c.owner, sa.func.sum(assets.c.bytes)).group_by(assets.c.owner)
            sums = [{owner: float(size) for owner, size in c.execute(query)} for query in (made, kept)]
            for owner in c.scalars(sa.select(users.c.owner)).all():
                _set(c, owner, STORED, sum(found.get(owner, 0.0) for found in sums))

        self._counted(write)

    def size_of(self, storage: Storage, job_id: str, result: dict[str, Any] | None) -> int:
        """Bytes of a job's files: of its result, and of the pieces that a redo would take. Raises what the storage
        does."""
        named = {k: v for k, v in (result or {}).items() if v}
        keys = [v for k, v in named.items() if k.endswith("_key")] + list(named.get("subtitles_keys", {}).values())
        if "pieces" in named:
            keys += pieces_of(storage, job_id)
        return sum(storage.each(lambda key: _size(storage, key), dict.fromkeys(keys)))

    def used(self, owner: str, key_id: str = "") -> dict[str, float]:
        """By the limits' names: what is stored, queued and made today; of one key only where that is given."""
        with self._db.begin() as c:
            stored = c.scalar(sa.select(sa.func.sum(assets.c.bytes)).where(assets.c.owner == owner)) or 0
            results = c.scalar(sa.select(sa.func.sum(jobs.c.stored_bytes)).where(jobs.c.owner == owner)) or 0
            active = sa.select(sa.func.count()).where(jobs.c.owner == owner, jobs.c.state.in_(ACTIVE))
            made = sa.select(sa.func.sum(usage.c.amount)).where(
                usage.c.owner == owner, usage.c.day == today(), usage.c.metric.in_(MADE)
            )
            if key_id:
                active = active.where(jobs.c.key_id == key_id)
                made = made.where(usage.c.key_id == key_id)
            return {
                "stored_mb": (stored + results) / 2**20,
                "queued_jobs": c.scalar(active) or 0,
                "minutes_per_day": (c.scalar(made) or 0) / 60,
            }

    def check_job(self, who: Principal) -> None:
        """Raises ``quota-jobs``, ``quota-minutes``, ``quota-storage``."""
        limits = self.limits(who)
        if not any(limits.values()):
            return
        used = self.used(who.owner, who.key_id if "queued_jobs" in who.limits else "")
        if (most := limits["queued_jobs"]) and used["queued_jobs"] >= most:
            raise HuashengError("quota-jobs", limit=int(most))
        self._check_made(limits, used)
        self._check_stored(limits, used)

    def check_made(self, who: Principal) -> None:
        """Raises ``quota-minutes``."""
        limits = self.limits(who)
        if limits["minutes_per_day"]:
            self._check_made(limits, self.used(who.owner))

    def check_stored(self, who: Principal, more_bytes: int = 0) -> None:
        """Raises ``quota-storage`` when so many more bytes do not fit."""
        limits = self.limits(who)
        if limits["stored_mb"]:
            self._check_stored(limits, self.used(who.owner), more_bytes)

    def _check_made(self, limits: dict[str, float], used: dict[str, float]) -> None:
        if (most := limits["minutes_per_day"]) and used["minutes_per_day"] >= most:
            left = (tomorrow() - dt.datetime.now(dt.UTC)).total_seconds()
            until = f"{tomorrow():%Y-%m-%d %H:%M} UTC"
            raise HuashengError("quota-minutes", limit=f"{most:g}", until=until, retry_s=int(left) + 1)

    def _check_stored(self, limits: dict[str, float], used: dict[str, float], more_bytes: int = 0) -> None:
        if (most := limits["stored_mb"]) and used["stored_mb"] + more_bytes / 2**20 >= most:
            raise HuashengError("quota-storage", limit=f"{most:g}", used=f"{used['stored_mb']:.0f}")

    def by_day(self, since: str, owner: str = "") -> list[Row]:
        """Sums by owner, day and metric."""
        columns: list[Any] = [usage.c.owner, usage.c.day, usage.c.metric]
        query = sa.select(*columns, sa.func.sum(usage.c.amount).label("amount")).where(usage.c.day >= since)
        if owner:
            query = query.where(usage.c.owner == owner)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.group_by(*columns).order_by(usage.c.day)).mappings()]
