"""Who waits for whom: are people cut off when they stop to think, and how soon is a finished question taken.

    python -m benchmarks.endpointing [--json FILE]

Forty sentences (``hesitations.toml``) are spoken by the embedded voices with a pause of 0.3 to 1.2 s at the marked
place, and twenty questions without one, into a live conversation of the real services. "cut off": the parts
were answered one by one. "joined": the avatar was audible too early, but the
parts became one question. "taken back": an answer was begun in the pause, and given up before it was audible.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from huasheng import AsyncHuasheng, live

from benchmarks.live import QUESTIONS
from benchmarks.live_talk import RATE_HZ, Talk, real_services, spoken, talking, voices_of
from services.common.audio import Samples

SENTENCES = Path(__file__).with_name("hesitations.toml")
PAUSES_S = (0.3, 1.2)
ANSWER_S = 12.0
SETTLE_S = 1.3
"""Quiet time between two cases: longer than that in which speech belongs to the question before."""


@dataclass(frozen=True)
class Case:
    """What is said. ``pause_s`` 0: without a stop."""

    kind: str
    language: str
    text: str
    pause_s: float
    samples: Samples


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    kind: str
    language: str
    text: str
    pause_s: float
    outcome: str
    final_ms: float
    """From the last sound to the words."""
    finals: list[str]


def with_pause(samples: Samples, pause_s: float) -> Samples:
    """The longest quiet place in the middle of an utterance made ``pause_s`` long."""
    hop = RATE_HZ // 100
    n = samples.size // hop
    level = np.sqrt((samples[: n * hop].reshape(n, hop) ** 2).mean(axis=1))
    quiet = level < 0.05 * level.max()
    best, at, run = 0, int(np.argmin(level[n // 8 : n - n // 8])) + n // 8, 0
    for i in range(n // 8, n - n // 8):
        run = run + 1 if quiet[i] else 0
        if run > best:
            best, at = run, i - run + 1
    silence = np.zeros(round(pause_s * RATE_HZ), np.float32)
    return np.concatenate([samples[: at * hop], silence, samples[(at + best) * hop :]])


async def cases(hs: AsyncHuasheng) -> list[Case]:
    """All cases, in an order that does not follow their kinds."""
    found: list[Case] = []
    for language, kinds in tomllib.loads(SENTENCES.read_text(encoding="utf-8")).items():
        voices = await voices_of(hs, language)
        lines = [(kind, line) for kind, group in kinds.items() for line in group]
        pauses = np.linspace(*PAUSES_S, len(lines))[np.random.default_rng(7).permutation(len(lines))]
        comma = "，" if language == "zh" else ", "
        for i, ((kind, line), pause) in enumerate(zip(lines, pauses, strict=True)):
            first, second = line.split("|")
            text = first.rstrip("，, ") + comma + second
            samples = with_pause(await spoken(hs, text, language, voices[i % len(voices)]), float(pause))
            found.append(Case(kind, language, line, round(float(pause), 2), samples))
        for i, text in enumerate(QUESTIONS[language]):
            samples = await spoken(hs, text, language, voices[i % len(voices)])
            found.append(Case("whole", language, text, 0.0, samples))
    return [found[i] for i in np.random.default_rng(3).permutation(len(found))]


async def meet(talk: Talk, case: Case) -> Outcome:
    """Say it, and see who waits for whom."""
    began = time.monotonic()
    await talk.say(case.samples)
    said = talk.said_at
    final = await talk.until(live.Final, said, ANSWER_S)
    final_at = next((s.at for s in talk.seen if s.item is final), said + ANSWER_S)
    await talk.until(live.Sound, final_at, ANSWER_S)
    seen = [s for s in talk.seen if s.at >= began]
    finals = [s.item for s in seen if isinstance(s.item, live.Final) and s.item.text]
    early_sound = any(isinstance(s.item, live.Sound) and s.at < said for s in seen)
    # an utterance that began anew after a final, and is not joined to it, is answered alone
    alone = [f for f in finals if not f.joined]
    if not finals:
        outcome = "nothing"
    elif len(alone) > 1:
        outcome = "cut off"
    elif early_sound:
        outcome = "joined"
    else:
        outcome = "taken back" if len(finals) > 1 else "waited"
    await talk.conversation.interrupt()
    await talk.quiet(time.monotonic(), SETTLE_S)
    words = [f.text for f in finals]
    return Outcome(case.kind, case.language, case.text, case.pause_s, outcome, (final_at - said) * 1000, words)


async def measure(url: str) -> list[Outcome]:
    """All cases in one conversation of each language."""
    outcomes: list[Outcome] = []
    async with AsyncHuasheng(url) as hs:
        todo = await cases(hs)
        for language in QUESTIONS:
            async with talking(hs, greet=False) as talk:
                await talk.quiet(time.monotonic(), 3.0)
                for case in (c for c in todo if c.language == language):
                    outcomes.append(await meet(talk, case))
                    o = outcomes[-1]
                    print(
                        f"{o.outcome:10} {o.kind:7} {o.pause_s:4.2f} s {o.final_ms:5.0f} ms  {o.text}  {o.finals}",
                        flush=True,
                    )
    return outcomes


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with real_services() as system:
        outcomes = asyncio.run(measure(system.url))
    print("\n| before the pause | cut off | joined | taken back | waited | nothing |\n|---|---|---|---|---|---|")
    for kind in ("open", "middle", "closed", "whole"):
        n = Counter(o.outcome for o in outcomes if o.kind == kind)
        print(f"| {kind} | {n['cut off']} | {n['joined']} | {n['taken back']} | {n['waited']} | {n['nothing']} |")
    ms = [o.final_ms for o in outcomes if o.kind == "whole"]
    print(f"words of a whole question after its last sound: {np.median(ms):.0f} ms, p95 {np.quantile(ms, 0.95):.0f} ms")
    if args.json:
        args.json.write_text(json.dumps([asdict(o) for o in outcomes], ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
