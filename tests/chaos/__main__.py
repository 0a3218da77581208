"""Faults under light load, round after round, and what became of every job.

    python -m tests.chaos [--rounds 100] [--fault kill] [--service render] [--seconds 20] [--json FILE]

Two gateways, PostgreSQL, two replicas of render and of tts, one of llm and of asr, all on this machine; the engine
services are fakes that take a second or two for a job. Faults come in turn, in an order by chance. A round is good when
every job that was accepted has exactly one result, with its own content, counted once, and none stood still for more
than the fault and 15 s. One line of JSON is added to FILE for each round.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import faults, rounds
from tests.chaos.system import System, running
from tools.system import interruptible

PEACE_S = 20.0


def chosen(fault: str, service: str) -> list[tuple[str, str]]:
    """The faults that are asked for. Raises ``SystemExit`` when there is none."""
    found = [(f, s) for f, s in faults.MATRIX if fault in ("", f) and service in ("", s)]
    if not found:
        sys.exit(f"no fault {fault or '…'} of {service or '…'}; there are: {faults.MATRIX}")
    return found


def in_turn(among: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while True:
        yield from random.sample(among, len(among))


async def main_of(args: argparse.Namespace) -> bool:
    """All rounds. Returns whether all were good."""
    played: list[rounds.Round] = []
    async with running() as system:
        among = []
        for fault, service in chosen(args.fault, args.service):
            if why := faults.missing(system, fault):
                print(f"left out: {fault} of {service}: {why}", flush=True)
            else:
                among.append((fault, service))
        peace = await measured_peace(system)
        print("in peace a job takes", {k: round(v, 1) for k, v in peace.items()}, "s", flush=True)
        for number, (fault, service) in enumerate(itertools.islice(in_turn(among), args.rounds), 1):
            seen = await rounds.play(system, fault, service, args.seconds, peace)
            played.append(seen)
            system.empty_results()
            print(line(number, seen), flush=True)
            if args.json:
                with args.json.open("a") as out:
                    out.write(json.dumps(vars(seen) | {"is_good": seen.is_good}) + "\n")
            if not seen.is_good and args.keep:
                keep_logs(system, args.keep / f"{number}-{fault}-{service}")
    print(table(played))
    return all(r.is_good for r in played)


async def measured_peace(system: System) -> dict[str, float]:
    """What jobs take without a fault. Raises ``SystemExit`` when they go wrong even then."""
    seen = await rounds.play(system, "none", "", PEACE_S, {})
    if seen.problems or not seen.stalls:
        sys.exit(f"without any fault: {dict(seen.problems)}")
    return dict.fromkeys(("dialogue", "video"), statistics.median(seen.stalls))


def line(number: int, r: rounds.Round) -> str:
    worst = max(r.stalls, default=0)
    what = ", ".join(f"{n}× {p}" for p, n in (r.problems + r.refused).items())
    verdict = "good" if r.is_good else "BAD "
    return (
        f"{number:3} {verdict} {r.fault:8}{r.service:9} fault {r.fault_s:5.1f} s  jobs {r.jobs:3}  longest stall "
        f"{worst:5.1f} s  retries {r.troubles:3}  load {r.load:4.1f}  {what}"
    )


def table(played: list[rounds.Round]) -> str:
    """By fault, and all together."""
    out = ["", "fault    of        rounds good jobs refused lost failed doubled mixed made  stall p50  p95  worst"]
    for key in [*sorted({(r.fault, r.service) for r in played}), ("all", "")]:
        some = [r for r in played if key in ((r.fault, r.service), ("all", ""))]
        problems = sum((r.problems for r in some), Counter[str]())
        stalls = sorted(s for r in some for s in r.stalls) or [0.0]
        failed = sum(n for p, n in problems.items() if p.startswith("failed"))
        out.append(
            f"{key[0]:9}{key[1]:10}{len(some):6}{sum(r.is_good for r in some):5}{sum(r.jobs for r in some):5}"
            f"{sum(sum(r.refused.values()) for r in some):8}{problems['lost']:5}{failed:7}{problems['doubled']:8}"
            f"{problems['mixed up']:6}{sum(n for p, n in problems.items() if p.startswith('made')):5}"
            f"{stalls[len(stalls) // 2]:11.1f}{stalls[int(0.95 * (len(stalls) - 1))]:5.1f}{stalls[-1]:7.1f}"
        )
    return "\n".join(out)


def keep_logs(system: System, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in system.folder.glob("*.log"):
        (folder / log.name).write_bytes(log.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--fault", default="", help="only this one")
    parser.add_argument("--service", default="", help="only of this one")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long a fault lasts")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the logs of rounds that are not good")
    args = parser.parse_args()
    interruptible()  # what was started is stopped
    sys.exit(0 if asyncio.run(main_of(args)) else 1)


if __name__ == "__main__":
    main()
