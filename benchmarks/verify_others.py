"""How often verification takes another clip for one that was made here, over many different clips.

    python -m benchmarks.verify_others [--made 20] [--others 1000] [--clips ../shared/data]

Nothing is encoded and nothing is sent: what is spoken by the embedded engines is fingerprinted as the gateway does it,
and cuts of 3 to 7 s of other material are looked for as `POST /verify` looks for them. Pictures would only help, since
those of one avatar are always alike: the sound is asked for alone. The others are

- other texts in the same voices,
- the same texts in other voices,
- the same texts in the same voices, spoken anew at 0.8 and 1.25 times the speed,
- recordings of people, cut at different places (`--clips`, left out where the folder is not there).

Prints a Markdown table with exact 95 % intervals (Clopper and Pearson), and what of the made itself is found, each cut
quieter, with noise, and 1 % slower.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import soxr

from benchmarks.verify import texts, voices
from services.common.errors import HuashengError
from services.common.media.sound import mono_pieces
from services.gateway.marks.finder import Print, find
from services.gateway.marks.picture_print import PicturePrint
from services.gateway.marks.sound_print import RATE, SILENT, Samples, sound_print
from tools.demo import check
from tools.system import System, free_ports

NO_PICTURES = PicturePrint(np.zeros(0, np.uint64), np.zeros(0, np.float32))
SHORTEST_S, LONGEST_S = 3.0, 7.0
SPEEDS = (0.8, 1.25)
SUFFIXES = (".wav", ".mp3", ".mp4", ".mov", ".m4a", ".ts", ".amr", ".aiff")


@dataclass
class Material:
    """Sounds of one kind, mono at ``RATE``."""

    name: str
    sounds: list[Samples]

    @property
    def seconds(self) -> float:
        """Of all together."""
        return sum(s.size for s in self.sounds) / RATE


def say(client: httpx.Client, text: str, voice: str, speed: float = 1.0) -> Samples:
    """A text as the installation speaks it."""
    body = {"text": text, "voice_id": voice, "synthesis": {"speed": speed}}
    answer = client.post("/api/v1/speech", json=body).raise_for_status()
    with wave.open(io.BytesIO(answer.content)) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    whole = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    return np.asarray(soxr.resample(whole, rate, RATE), np.float32)


def spoken(made: int) -> tuple[list[Samples], list[Material]]:
    """What was made, and the generated others."""
    with tempfile.TemporaryDirectory(prefix="huasheng-others-") as folder:
        ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
        with System(Path(folder), ports=ports, metrics=False) as system:
            system.start()
            system.wait_ready()
            with httpx.Client(base_url=system.url, timeout=600) as client:
                check(client.get("/api/v1/system"))
                here = list(texts(0, made, 3))
                ours = [say(client, text, voices(client, text, n)) for n, text in enumerate(here)]
                other = [say(client, text, voices(client, text, n)) for n, text in enumerate(texts(1, made, 4))]
                voice = [say(client, text, voices(client, text, n + 1)) for n, text in enumerate(here)]
                speed = [
                    say(client, text, voices(client, text, n), SPEEDS[n % len(SPEEDS)]) for n, text in enumerate(here)
                ]
    return ours, [
        Material("other texts, same voices", other),
        Material("same texts, other voices", voice),
        Material("same texts and voices, at 0.8 and 1.25 times the speed", speed),
    ]


def recorded(folder: Path) -> Iterator[Samples]:
    """The sound of all files below a folder that have one and are long enough."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES):
        try:
            pieces = list(mono_pieces(path, 2 * RATE, path.name))
        except HuashengError:
            continue
        sound = np.asarray(
            soxr.resample(np.concatenate([*pieces, np.zeros(0, np.float32)]), 2 * RATE, RATE), np.float32
        )
        if sound.size >= SHORTEST_S * RATE:
            yield sound


def cuts(sounds: list[Samples], count: int, seed: int) -> Iterator[Samples]:
    """So many cuts at different places, longer sounds giving more of them; without those that are mostly silent."""
    rng = np.random.default_rng(seed)
    weights = np.array([s.size for s in sounds], float)
    given = 0
    while given < count:
        sound = sounds[rng.choice(len(sounds), p=weights / weights.sum())]
        size = round(min(float(rng.uniform(SHORTEST_S, LONGEST_S)) * RATE, sound.size))
        start = int(rng.integers(0, sound.size - size + 1))
        cut = sound[start : start + size]
        if np.sqrt(np.mean(cut * cut)) > SILENT:
            given += 1
            yield cut


def worn(cut: Samples) -> Samples:
    """As a screen recording has it: quieter, with noise, 1 % slower."""
    slow = np.interp(np.arange(round(cut.size / 0.99)) * 0.99, np.arange(cut.size), cut)
    noise = np.random.default_rng(cut.size).standard_normal(slow.size) * 0.002
    return np.asarray(0.4 * slow + noise, np.float32)


def interval(hits: int, count: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson)."""

    def at_most(k: int, p: float) -> float:
        if p in (0.0, 1.0):
            return 1.0 if p == 0 or k >= count else 0.0
        logs = [
            math.lgamma(count + 1)
            - math.lgamma(i + 1)
            - math.lgamma(count - i + 1)
            + i * math.log(p)
            + (count - i) * math.log1p(-p)
            for i in range(k + 1)
        ]
        return math.fsum(math.exp(x) for x in logs)

    def where(falls: Callable[[float], float], wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if falls(middle) > wanted else (low, middle)
        return low

    lower = 0.0 if hits == 0 else where(lambda p: at_most(hits - 1, p), 0.975)
    upper = 1.0 if hits == count else where(lambda p: at_most(hits, p), 0.025)
    return lower, upper


def row(name: str, seconds: float, hits: int, count: int) -> str:
    """A line of the table."""
    low, high = interval(hits, count)
    return f"| {name} | {seconds:.0f} s | {hits} of {count} | {100 * low:.2f} to {100 * high:.2f} % |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", type=int, default=20)
    parser.add_argument("--others", type=int, default=1000)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data"))
    args = parser.parse_args()
    ours, others = spoken(args.made)
    stored = [Print(str(n), sound_print([(sound, RATE)]), NO_PICTURES) for n, sound in enumerate(ours)]
    if found := list(recorded(args.clips)):
        others.append(Material("recordings of people", found))
    print("| clips, 3 to 7 s | cut from | taken for made here | 95 % |\n|---|---|---|---|")
    hits = sum(bool(find(worn(c), NO_PICTURES, lambda: stored)) for c in cuts(ours, args.others // 10, 1))
    print(
        row("of what was made: quieter, noise, 1 % slower", sum(s.size for s in ours) / RATE, hits, args.others // 10)
    )
    wrong = total = 0
    for n, material in enumerate(others):
        count = args.others // len(others) + (n < args.others % len(others))
        hits = sum(bool(find(c, NO_PICTURES, lambda: stored)) for c in cuts(material.sounds, count, n + 2))
        print(row(material.name, material.seconds, hits, count), flush=True)
        wrong, total = wrong + hits, total + count
    print(row("all others", sum(m.seconds for m in others), wrong, total))


if __name__ == "__main__":
    main()
