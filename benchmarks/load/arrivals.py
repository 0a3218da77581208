"""Work that arrives as it does from people who know nothing of each other, however busy the system is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from huasheng import AsyncHuasheng, live

from benchmarks.load.asking import Asked, Users, new_nonce

LIVE_ANSWER_S = 60.0


async def arriving(users: Users, shares: dict[str, float], rate_per_s: float, seconds: float) -> list[Asked]:
    """Jobs at random moments (Poisson) at a mean rate, of kinds in these shares; returns when all are over."""
    making: list[asyncio.Task[Asked]] = []
    due = end = time.monotonic()
    end += seconds
    while (due := due + random.expovariate(rate_per_s)) < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        (kind,) = random.choices(list(shares), list(shares.values()))
        making.append(asyncio.create_task(users.make(Asked(kind, asked_at=due))))
    return await asyncio.gather(*making)


async def backlog_of(users: Users, kind: str, count: int) -> list[Asked]:
    """So many jobs of one kind at once; returns when all are over."""
    return await asyncio.gather(*(users.make(Asked(kind)) for _ in range(count)))


def steady_per_s(jobs: Sequence[Asked], at_once: int) -> float:
    """Ends in a second while all ``at_once`` places were taken: without those who began first and ended last."""
    ends = sorted(j.ended_at for j in jobs if j.state == "succeeded")[at_once - 1 :]
    if at_once > 1:
        ends = ends[: 1 - at_once]
    return (len(ends) - 1) / (ends[-1] - ends[0]) if len(ends) > 2 else 0.0


async def conversation(url: str, key: str, turns: int, first_s: list[float]) -> list[str]:
    """A live session that types questions. Returns what was wrong; adds each wait for the first picture or sound."""
    wrong = []
    async with AsyncHuasheng(url, api_key=key or None) as hs, hs.live.connect() as talk:
        items = talk.items()
        for _ in range(turns):
            nonce, said, began, first = new_nonce(), "", time.monotonic(), 0.0
            await talk.say(f"编号{nonce}。")
            try:
                async with asyncio.timeout(LIVE_ANSWER_S):
                    async for item in items:
                        if isinstance(item, live.Media) and not first:
                            first = time.monotonic() - began
                        if isinstance(item, live.Clause):
                            said += item.text
                        if isinstance(item, live.Timings):
                            break
            except TimeoutError:
                wrong.append("live: lost")
                break
            first_s.append(first)
            if nonce not in said:
                wrong.append("live: mixed up")
    return wrong
