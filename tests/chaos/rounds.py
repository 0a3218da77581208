"""One round: light load, one fault, and what became of every job."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.load.asking import Asked, Users
from tests.chaos import books, faults
from tests.chaos.system import System

BEFORE_S, AFTER_S = 2.0, 3.0
"""Jobs are asked for so long before the fault and after it."""
JOBS_PER_S = 0.7
MOST_STALL_S = 15.0
"""How much longer than the fault a job may stand still."""
ACCOUNT_S = 5.0
"""How long what a job made may take to be counted after its end."""


@dataclass
class Round:
    """What was seen."""

    fault: str
    service: str
    fault_s: float = 0.0
    """From its begin until all was whole again."""
    jobs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Wishes that were answered with a clear no, or jobs that ended with one, and why."""
    problems: Counter[str] = field(default_factory=Counter)
    stalls: list[float] = field(default_factory=list)
    """Of each job: how much longer it took from the wish to the end than jobs of its kind do in peace."""
    troubles: int = 0
    """Requests that had to be made again."""
    load: float = 0.0
    """Of the machine, over the last minute."""

    @property
    def is_good(self) -> bool:
        return not self.problems and max(self.stalls, default=0) <= self.fault_s + MOST_STALL_S


async def play(system: System, fault: str, service: str, seconds: float, peace: dict[str, float]) -> Round:
    """``fault`` may be ``none``; ``peace`` has the seconds that a job of each kind takes without one."""
    seen = Round(fault, service)
    users = Users(system.urls, timeout_s=8)
    before = await asyncio.to_thread(books.read, system.server.url)
    making: list[asyncio.Task[Asked]] = []
    is_over = asyncio.Event()

    async def ask() -> None:
        while not is_over.is_set():
            await asyncio.sleep(random.expovariate(JOBS_PER_S))
            making.append(asyncio.create_task(users.make(Asked(random.choice(("dialogue", "video"))))))

    asking = asyncio.create_task(ask())
    try:
        await asyncio.sleep(BEFORE_S)
        began = time.monotonic()
        if fault == "none":
            await asyncio.sleep(seconds)
        else:
            await faults.happen(system, fault, service, seconds)
            seen.fault_s = time.monotonic() - began
        await asyncio.sleep(AFTER_S)
    finally:
        is_over.set()
        asking.cancel()
        done = await asyncio.gather(*making)
        await users.close()
    _judge(seen, done, peace)
    await _compare(seen, done, before, system.server.url)
    seen.load = os.getloadavg()[0]
    return seen


def peaceful(done: list[Asked]) -> dict[str, float]:
    """What a job of each kind takes, in seconds: the median."""
    kinds = {a.kind for a in done}
    return {k: statistics.median(a.seconds for a in done if a.kind == k and a.ended_at) for k in kinds}


def _judge(seen: Round, done: list[Asked], peace: dict[str, float]) -> None:
    seen.jobs, seen.troubles = len(done), sum(a.troubles for a in done)
    for asked in done:
        if asked.refused:
            seen.refused[asked.refused] += 1
        for problem in asked.problems():
            # a full disk is said, and nothing was made
            (seen.refused if problem == "failed: disk-full" else seen.problems)[problem] += 1
        if asked.ended_at:
            seen.stalls.append(max(0.0, asked.seconds - peace.get(asked.kind, 0.0)))


async def _compare(seen: Round, done: list[Asked], before: books.Books, url: str) -> None:
    """With what the database says."""
    good = [a for a in done if a.state == "succeeded"]
    expected = sum(a.row["result"]["duration_s"] for a in good)
    end = time.monotonic() + ACCOUNT_S
    while True:
        now = await asyncio.to_thread(books.read, url)
        difference = now.made_s - before.made_s - expected
        if abs(difference) < 0.01 or time.monotonic() > end:
            break
        await asyncio.sleep(0.2)
    if abs(difference) >= 0.01:
        seen.problems["made counted twice" if difference > 0 else "made not counted"] += 1
    for asked in done:
        if len(now.jobs.get(asked.nonce, [])) > 1:
            seen.problems["doubled"] += 1
        if asked.kind == "dialogue" and asked in good and now.messages.get(asked.row["id"]) != 2:
            seen.problems["messages"] += 1
    if now.unfinished:
        seen.problems["unfinished"] += len(now.unfinished)
