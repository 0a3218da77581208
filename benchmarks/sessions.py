"""Several live conversations on one machine, for a long time: do they stay fluent, apart from each other, and small.

    python -m benchmarks.sessions [--speaking 1] [--listening 3] [--minutes 10] [--json FILE]

``--speaking`` conversations ask one question after the other, the next 2 s after the answer; ``--listening`` ones send
a quiet room from their microphones. All go over the live protocol to the real services, and play what comes as fast as
time. "starved": an answer that had begun had nothing to play for more than 120 ms. "foreign": what came for another
conversation's question (each asks its own).
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
from benchmarks.live_talk import Talk, real_services, talking
from tools.system import System

STARVED_S = 0.12
LOOK_S = 0.02
PAUSE_S = 2.0
LIMIT_S = 60.0
WARM_S = 60.0
"""Memory is compared from here on: caches of speech and models fill in the first minute."""


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
    """Resident size of each service, every 10 s."""


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


def resident_mb(pid: int) -> float:
    """Memory of a process that is really there, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


async def weigh(system: System, figures: Figures) -> None:
    """Note the size of the services, until cancelled."""
    while True:
        for name, process in system.processes.items():
            figures.memory_mb.setdefault(name, []).append(resident_mb(process.pid))
        await asyncio.sleep(10)


async def converse(system: System, speaking: int, listening: int, minutes: float) -> Figures:
    """All conversations at once."""
    figures = Figures()
    async with AsyncExitStack() as stack:
        hs = await stack.enter_async_context(AsyncHuasheng(system.url))
        talks = [await stack.enter_async_context(talking(hs, greet=False)) for _ in range(speaking + listening)]
        weighing = asyncio.create_task(weigh(system, figures))
        end = time.monotonic() + minutes * 60
        await asyncio.gather(*(ask_on(talk, i, end, figures) for i, talk in enumerate(talks[:speaking])))
        for talk in talks[speaking:]:
            figures.foreign += sum(isinstance(s.item, live.Turn | live.Media | live.Final) for s in talk.seen)
        weighing.cancel()
    return figures


def report(figures: Figures) -> None:
    """Print what was met."""
    minute = figures.spoken_s / 60
    first, drift = (np.array(x or [np.nan]) for x in (figures.first_sound_ms, figures.drift_ms))
    print(f"answers {figures.answers}, lost {figures.lost}, foreign {figures.foreign}, {figures.spoken_s:.0f} s spoken")
    print(f"typed question → first sound: {np.median(first):.0f} ms, p95 {np.quantile(first, 0.95):.0f} ms")
    print(f"starved over 120 ms: {len(figures.starved_ms)}, {len(figures.starved_ms) / max(minute, 1e-9):.2f} a minute")
    print(f"an answer longer than its sound: {np.median(drift):.0f} ms, most {drift.max():.0f} ms")
    print("\n| service | MB after the first minute | at the end |\n|---|---|---|")
    for name, sizes in figures.memory_mb.items():
        print(f"| {name} | {sizes[min(len(sizes) - 1, round(WARM_S / 10))]:.0f} | {sizes[-1]:.0f} |")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speaking", type=int, default=1)
    parser.add_argument("--listening", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with real_services() as system:
        figures = asyncio.run(converse(system, args.speaking, args.listening, args.minutes))
    report(figures)
    if args.json:
        args.json.write_text(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main()
