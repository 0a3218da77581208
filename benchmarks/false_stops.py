"""Does the avatar go on over its own echo, coughs and sounds of listening, and does it stop for words.

    python -m benchmarks.false_stops [--each 20] [--json FILE]

Into answers of a live conversation of the real services come, each ``--each`` times: the avatar's own sound at -10 dB,
50 to 300 ms late, coloured by a small room, without the browser's echo canceller, for 4 s; a cough (bursts of shaped
noise); "嗯", "yeah" and their like, spoken by the embedded voices; and for comparison words that are to stop it, alone
and with the echo.
"cancelled": the answer was over. "held": the client was silent for a moment. "lost": the answer did not go on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from huasheng import AsyncHuasheng, live

from benchmarks.live_talk import RATE_HZ, Echo, Talk, real_services, spoken, talking, voices_of
from services.common.audio import Samples

ECHO_DB, ECHO_S = -10.0, 4.0
DELAYS_S = (0.05, 0.3)
RESONANCES_HZ = ((400, 900), (1200, 1900), (2500, 3500))
QUESTION = "画声是什么？"
SPEAK_AFTER_US = 1_200_000
SETTLE_S = 2.0
PAUSE_S = 1.8
"""Quiet time between two cases: what was said in one is over."""
LISTENING = {
    "zh": ("嗯", "嗯嗯", "哦", "对", "好的", "是的", "啊", "对对对", "明白", "好"),
    "en": ("Yeah.", "Mm-hmm.", "Okay.", "Right.", "I see.", "Yes.", "Oh.", "Uh-huh.", "Sure.", "Mm."),
}
STOPS = {
    "zh": ("等一下", "停一下，我有个问题", "先别说了", "那需要显卡吗", "可以换个话题吗"),
    "en": (
        "Wait a moment.",
        "Stop, please.",
        "Hold on, what about the price?",
        "No, that is not what I mean.",
        "Can I ask something?",
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What a sound did to an answer."""

    kind: str
    what: str
    outcome: str
    held_ms: float
    words: list[str]
    """What was understood."""


def cough(rng: np.random.Generator) -> Samples:
    """One to three bursts of noise with a throat's resonances, each with a sharp start and a fading, voiced end."""
    out = [np.zeros(0, np.float32)]
    for _ in range(int(rng.integers(1, 4))):
        n = round(rng.uniform(0.18, 0.4) * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        spectrum = np.fft.rfft(rng.normal(0, 1, n))
        f = np.fft.rfftfreq(n, 1 / RATE_HZ)
        shape = sum(
            np.exp(-(((f - rng.uniform(*band)) / 250) ** 2)) for band in ((400, 900), (1200, 1900), (2500, 3500))
        )
        burst = np.fft.irfft(spectrum * (shape + 0.05), n)
        voice = np.sign(np.sin(2 * np.pi * rng.uniform(90, 180) * t)) * np.clip(t / t[-1], 0, 1) * 0.3
        burst = burst / abs(burst).max() + voice * rng.uniform(0, 1)
        burst *= np.minimum(t / 0.008, 1) * np.exp(-t / rng.uniform(0.06, 0.15))
        out += [
            burst.astype(np.float32) * np.float32(rng.uniform(0.2, 0.6)),
            np.zeros(round(rng.uniform(0.05, 0.25) * RATE_HZ), np.float32),
        ]
    return np.concatenate(out)


async def answer_begins(talk: Talk) -> bool:
    """Ask, and wait until a second of the answer was heard."""
    began = time.monotonic()
    await talk.conversation.say(QUESTION)
    turn = await talk.until(live.Turn, began, 20)
    while turn is not None and talk.conversation.position_us < SPEAK_AFTER_US:
        if time.monotonic() > began + 30:
            return False
        await asyncio.sleep(0.02)
    return turn is not None


async def disturb(talk: Talk, kind: str, what: str, sound: Samples | None, echo: Echo | None) -> Outcome:
    """One answer with one sound in it; an echo is there from its beginning."""
    talk.echo = echo
    asked_at = time.monotonic()
    if not await answer_begins(talk):
        return Outcome(kind, what, "no answer", 0, [])
    began, gen = asked_at if sound is None else time.monotonic(), talk.turn.gen if talk.turn else 0
    if sound is None:
        await asyncio.sleep(ECHO_S)
    else:
        await talk.say(sound)
    await asyncio.sleep(SETTLE_S)
    seen = [s for s in talk.seen if s.at >= began]
    stops = [s.at for s in seen if isinstance(s.item, live.Hold)]
    ends = [s.at for s in seen if isinstance(s.item, live.Resume | live.Interrupted)]
    held_ms = sum((next((e for e in ends if e > s), time.monotonic()) - s) * 1000 for s in stops)
    if any(isinstance(s.item, live.Interrupted) and s.item.reason == "speech" for s in seen):
        outcome = "cancelled"
    else:
        before = talk.conversation.position_us
        await asyncio.sleep(0.5)
        over = any(isinstance(s.item, live.Timings) and s.item.gen == gen for s in talk.seen)
        went_on = over or talk.conversation.position_us > before
        outcome = ("held" if stops else "went on") if went_on else "lost"
    words = [i.text for i in talk.since(began) if isinstance(i, live.Partial | live.Final)]
    talk.echo = None
    await talk.conversation.interrupt()
    await talk.quiet(time.monotonic(), PAUSE_S)
    return Outcome(kind, what, outcome, held_ms, words)


Case = tuple[str, str, Samples | None, Echo | None]
"""Kind, name, what is said, echo."""


async def sounds(hs: AsyncHuasheng, each: int) -> list[Case]:
    """What is played into the answers, mixed."""
    rng = np.random.default_rng(11)
    echoes = [Echo(10 ** (ECHO_DB / 20), float(delay_s)) for delay_s in np.linspace(*DELAYS_S, each)]
    found: list[Case] = [("echo", f"{e.delay_s * 1000:.0f} ms", None, e) for e in echoes]
    found += [("cough", str(i), cough(rng), None) for i in range(each)]
    voices = {language: await voices_of(hs, language) for language in LISTENING}
    for kind, texts in (("listening", LISTENING), ("words", STOPS), ("words over echo", STOPS)):
        for i in range(each):
            language = ("zh", "en")[i % 2]
            text = texts[language][i // 2 % len(texts[language])]
            voice = voices[language][(i // 2) % len(voices[language])]
            said = await spoken(hs, text, language, voice)
            found.append((kind, text, said, echoes[i] if "echo" in kind else None))
    return [found[i] for i in rng.permutation(len(found))]


async def measure(url: str, each: int) -> list[Outcome]:
    """All sounds, each in an answer of its own."""
    outcomes = []
    async with AsyncHuasheng(url) as hs:
        todo = await sounds(hs, each)
        async with talking(hs, greet=False) as talk:
            await talk.quiet(time.monotonic(), 3.0)
            for case in todo:
                o = await disturb(talk, *case)
                outcomes.append(o)
                print(f"{o.kind:15} {o.outcome:9} {o.held_ms:5.0f} ms  {o.what}  {o.words}", flush=True)
    return outcomes


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with real_services() as system:
        outcomes = asyncio.run(measure(system.url, args.each))
    print("\n| sound | of | cancelled | lost | held | silent while held, median |\n|---|---|---|---|---|---|")
    for kind in ("echo", "cough", "listening", "words", "words over echo"):
        group = [o for o in outcomes if o.kind == kind]
        held = [o.held_ms for o in group if o.held_ms]
        n = {name: sum(o.outcome == name for o in group) for name in ("cancelled", "lost", "held")}
        median = f"{np.median(held):.0f} ms" if held else "–"
        print(f"| {kind} | {len(group)} | {n['cancelled']} | {n['lost']} | {n['held']} | {median} |")
    if args.json:
        args.json.write_text(json.dumps([asdict(o) for o in outcomes], ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
