"""Several live conversations on one machine, for a long time: do they stay fluent, apart from each other, and small.

    python -m benchmarks.sessions [--speaking 1] [--listening 3] [--minutes 10] [--json FILE]
    python -m benchmarks.sessions --page --speaking 0 --listening 1 --minutes 60

``--speaking`` conversations ask one question after the other, the next 2 s after the answer; ``--listening`` ones send
a quiet room from their microphones. All go over the live protocol to the real services, and play what comes as fast as
time. "starved": an answer that had begun had nothing to play for more than 120 ms. "foreign": what came for another
conversation's question (each asks its own). ``--page``: besides, a real page in Chromium holds a conversation by voice,
a question every 20 s, every fifth answer broken off. Memory is compared between the minute after ``--settled`` and the
last one: caches and models fill at the beginning. Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from huasheng import AsyncHuasheng, live

from benchmarks.live import QUESTIONS
from benchmarks.live_tab import Tab, hold_talk, resident_mb
from benchmarks.live_tab import report as tab_report
from benchmarks.live_talk import Talk, real_services, talking
from tools.system import System

STARVED_S = 0.12
LOOK_S = 0.02
PAUSE_S = 2.0
LIMIT_S = 60.0
WEIGH_S = 10.0
EVERY_S = 20.0
"""From one question of the page to the next."""


@dataclass
class Figures:
    """What all conversations met."""

    answers: int = 0
    lost: int = 0
    foreign: int = 0
    first_sound_ms: list[float] = field(default_factory=list)
    starved_ms: list[float] = field(default_factory=list)
    spoken_s: float = 0.0
    drift_ms: list[float] = field(default_factory=list)
    """How much later than its length an answer was over, from its first sound on."""
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    """Resident size of each service."""
    weighed_min: list[float] = field(default_factory=list)
    """When."""


async def answer(talk: Talk, question: str, figures: Figures) -> None:
    """Ask, and follow the answer as a player does."""
    asked = time.monotonic()
    await talk.conversation.say(question)
    turn = await talk.until(live.Turn, asked, LIMIT_S)
    if turn is None:
        figures.lost += 1
        return
    figures.foreign += turn.question != question
    began = moved_at = 0.0
    position = 0
    while not any(isinstance(i, live.Timings) and i.gen == turn.gen for i in talk.since(asked)):
        now, at = time.monotonic(), talk.conversation.position_us
        if at > position:
            began = began or now
            if moved_at and now - moved_at > STARVED_S:
                figures.starved_ms.append((now - moved_at) * 1000)
            position, moved_at = at, now
        if now - asked > LIMIT_S:
            figures.lost += 1
            return
        await asyncio.sleep(LOOK_S)
    figures.answers += 1
    figures.first_sound_ms.append((began - asked) * 1000)
    figures.spoken_s += position / 1e6
    figures.drift_ms.append((moved_at - began - position / 1e6) * 1000)


async def ask_on(talk: Talk, number: int, end: float, figures: Figures) -> None:
    """One question after the other, in both languages."""
    i = number
    while time.monotonic() < end:
        await answer(talk, QUESTIONS[("zh", "en")[i % 2]][i // 2 % 10], figures)
        talk.seen.clear()
        i += 1
        await asyncio.sleep(PAUSE_S)


async def weigh(system: System, figures: Figures) -> None:
    """Note the size of the services, until cancelled."""
    began = time.monotonic()
    while True:
        figures.weighed_min.append((time.monotonic() - began) / 60)
        for name, process in system.processes.items():
            figures.memory_mb.setdefault(name, []).append(resident_mb(process.pid))
        await asyncio.sleep(WEIGH_S)


async def converse(system: System, speaking: int, listening: int, minutes: float, tab: Tab | None) -> Figures:
    """All conversations at once; ``tab`` gets what a page meets."""
    figures = Figures()
    async with AsyncExitStack() as stack:
        hs = await stack.enter_async_context(AsyncHuasheng(system.url))
        talks = [await stack.enter_async_context(talking(hs, greet=False)) for _ in range(speaking + listening)]
        weighing = asyncio.create_task(weigh(system, figures))
        end = time.monotonic() + minutes * 60
        work = [ask_on(talk, i, end, figures) for i, talk in enumerate(talks[:speaking])]
        if tab:
            work.append(asyncio.to_thread(hold_talk, system.url, minutes, EVERY_S, tab))
        await asyncio.gather(*work)
        for talk in talks[speaking:]:
            figures.foreign += sum(isinstance(s.item, live.Turn | live.Media | live.Final) for s in talk.seen)
        weighing.cancel()
    return figures


def report(figures: Figures, tab: Tab | None, settled: float) -> None:
    """Print what was met."""
    rows = [(name, sizes, figures.weighed_min) for name, sizes in figures.memory_mb.items()]
    if figures.answers or figures.lost:
        minute = figures.spoken_s / 60
        first, drift = (np.array(x or [np.nan]) for x in (figures.first_sound_ms, figures.drift_ms))
        print(f"answers {figures.answers}, lost {figures.lost}, {figures.spoken_s:.0f} s spoken")
        print(f"typed question → first sound: {np.median(first):.0f} ms, p95 {np.quantile(first, 0.95):.0f} ms")
        starved = len(figures.starved_ms)
        print(f"starved over 120 ms: {starved}, {starved / max(minute, 1e-9):.2f} a minute")
        print(f"an answer longer than its sound: {np.median(drift):.0f} ms, most {drift.max():.0f} ms")
    print(f"foreign {figures.foreign}")
    if tab:
        tab_report(tab, rows)
    print(f"\n| process | MB after minute {settled:g} | in the last minute | growth |\n|---|---|---|---|")
    for name, sizes, minutes in rows:
        before, after = mean_of(sizes, minutes, settled), mean_of(sizes, minutes, minutes[-1] - 1)
        print(f"| {name} | {before:.1f} | {after:.1f} | {after - before:+.1f} |")


def mean_of(sizes: list[float], minutes: list[float], begin: float) -> float:
    """Mean size within the minute from ``begin`` on; NaN where nothing was weighed then."""
    found = [size for size, at in zip(sizes, minutes, strict=False) if begin <= at <= begin + 1]
    return float(np.mean(found)) if found else float("nan")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speaking", type=int, default=1)
    parser.add_argument("--listening", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--page", action="store_true", help="a page in Chromium talks too")
    parser.add_argument("--settled", type=float, default=5, help="minute from which on memory is compared")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    tab = Tab() if args.page else None
    idle_s = str(round(args.minutes * 60 + 900))  # who only listens is not to be sent away
    with real_services({"GATEWAY_LIVE_IDLE_S": idle_s}) as system:
        figures = asyncio.run(converse(system, args.speaking, args.listening, args.minutes, tab))
    report(figures, tab, args.settled)
    if args.json:
        args.json.write_text(json.dumps(asdict(figures) | {"tab": asdict(tab) if tab else None}))


if __name__ == "__main__":
    main()
