"""A long queue: what asking, listing, the place in the queue and beginning a job take when many jobs of many wait."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.load.figures import percentiles
from benchmarks.load.own_system import machine
from services.gateway.ids import new_id
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, jobs
from services.gateway.store.jobs import JobStore
from tests.fakes import postgres

REPEATS = 50
PARAMS = {"text": "编号000000000000。" * 10, "avatar_id": "builtin", "viewer_language": "zh"}


def _timed(what: Callable[[], Any], times: int = REPEATS) -> dict[str, float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        took.append((time.perf_counter() - began) * 1000)
    return percentiles(took)


def backlog(queued: int, owners: int, finished: int) -> dict[str, Any]:
    """Milliseconds by what is done, on PostgreSQL. ``finished``: jobs of before, which stay in the table."""
    if postgres.BIN is None:
        raise SystemExit("no PostgreSQL server is installed (Debian: postgresql)")
    with postgres.running() as server, tempfile.TemporaryDirectory() as folder:
        database = Database(GatewaySettings(database_url=server.url, data_dir=Path(folder)))
        store = JobStore(database, max_queued=10**9)
        found: dict[str, Any] = {}
        names = [f"owner{n}" for n in range(owners)]
        _fill(database, names, finished, "succeeded")
        made = _fill(database, names, queued, "queued")
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            c.execute(sa.text("ANALYZE"))
        found["accept a job"] = _timed(lambda: _create(store, random.choice(names)))
        found["place in the queue of one"] = _timed(lambda: store.position(random.choice(made)))
        found["list 50 jobs with their places"] = _timed(lambda: _list(store, random.choice(names)))
        found["places of an owner's jobs"] = _timed(lambda: store.places("render", {random.choice(names)}))
        found["places of all jobs"] = _timed(lambda: store.places("render", set(names)))
        found["numbers by queue"] = _timed(store.queue_counts)
        found["begin a job"] = _timed(lambda: store.begin(made.pop()["id"], "x"))
        new = _create(store, "a newcomer")
        found["place of a newcomer's first job"] = {"place": store.position(new)}
        database.close()
    return found | {"machine": machine()}


def _create(store: JobStore, owner: str) -> dict[str, Any]:
    return store.create(owner, new_id("j"), "video", PARAMS)


def _list(store: JobStore, owner: str) -> None:
    rows = store.search(owner, limit=50)
    store.positions(rows)


def _fill(database: Database, owners: list[str], count: int, state: str) -> list[dict[str, Any]]:
    """Jobs as they pile up: each owner's in turn, as ``JobStore.create`` would order them."""
    now, made = time.time(), []
    same = {"kind": "video", "queue": "render", "state": state, "params": PARAMS, "partial": {}, "result": {}}
    with database.begin() as c:
        for start in range(0, count, 5000):
            rows = [
                same
                | {
                    "id": new_id("j"),
                    "owner": owners[n % len(owners)],
                    "priority": 1 + n // len(owners),
                    "created_at": now - count + n,
                }
                for n in range(start, min(count, start + 5000))
            ]
            c.execute(sa.insert(jobs), rows)
            made += rows
    return made


async def backlog_async(queued: int, owners: int, finished: int) -> dict[str, Any]:
    """As ``backlog``, in a thread."""
    return await asyncio.to_thread(backlog, queued, owners, finished)
