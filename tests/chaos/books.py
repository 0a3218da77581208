"""What the database says of a system's jobs, to be compared with what its users were told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import sqlalchemy as sa

from benchmarks.load.asking import NONCE
from services.gateway.store.account_tables import usage
from services.gateway.store.db import jobs, messages
from services.gateway.store.jobs import ACTIVE


@dataclass
class Books:
    """One reading."""

    made_s: float = 0.0
    """Seconds of video counted for all owners."""
    jobs: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the jobs by the nonce in their text."""
    messages: dict[str, int] = field(default_factory=dict)
    """How many messages each turn added to its conversation."""
    unfinished: list[str] = field(default_factory=list)


def read(url: str) -> Books:
    """The books of the database at ``url``."""
    engine, books = sa.create_engine(url), Books()
    with engine.connect() as c:
        made = c.scalar(sa.select(sa.func.sum(usage.c.amount)).where(usage.c.metric == "video_s"))
        books.made_s = float(made or 0)
        for job, state, params in c.execute(sa.select(jobs.c.id, jobs.c.state, jobs.c.params)):
            for nonce in NONCE.findall(json.dumps(params)):
                books.jobs.setdefault(nonce, []).append(job)
            if state in ACTIVE:
                books.unfinished.append(job)
        turns = sa.select(messages.c.turn_id, sa.func.count()).group_by(messages.c.turn_id)
        books.messages = dict(c.execute(turns).all())
    engine.dispose()
    return books
