"""What many jobs took, stage by stage, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load.asking import Asked

PERCENTILES = (50, 95, 99)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """``p50``, ``p95``, ``p99``; empty when there are no values."""
    found = sorted(values)
    return {f"p{p}": round(found[round((len(found) - 1) * p / 100)], 3) for p in PERCENTILES} if found else {}


@dataclass
class Figures:
    """Of one step of load."""

    offered_per_s: float
    asked: int = 0
    succeeded: int = 0
    per_s: float = 0.0
    """Successes in a second, from the first wish to the last end."""
    refused: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    stages_s: dict[str, dict[str, float]] = field(default_factory=dict)
    """Percentiles by kind and stage: ``dialogue total``; ``accepted`` is the answer to the POST."""

    @classmethod
    def of(cls, jobs: Sequence[Asked], offered_per_s: float) -> Figures:
        """Of jobs that are over."""
        made = cls(offered_per_s, asked=len(jobs))
        took: dict[str, list[float]] = {}
        for job in jobs:
            if job.refused:
                made.refused[job.refused] += 1
                continue
            made.problems.update(job.problems())
            took.setdefault(f"{job.kind} accepted", []).append(job.accepted_at - job.asked_at)
            if job.state != "succeeded":
                continue
            made.succeeded += 1
            for stage, ms in job.row["result"]["timings_ms"].items():
                took.setdefault(f"{job.kind} {stage}", []).append(ms / 1000)
            took.setdefault(f"{job.kind} seen", []).append(job.seconds)
        ends = [j.ended_at for j in jobs if j.ended_at]
        if ends:
            made.per_s = made.succeeded / max(1e-9, max(ends) - min(j.asked_at for j in jobs))
        made.stages_s = {stage: percentiles(values) for stage, values in took.items()}
        return made

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        return dict(vars(self))

    def lines(self) -> list[str]:
        """For people."""
        wrong = ", ".join(f"{n}× {what}" for what, n in (self.refused + self.problems).items()) or "nothing lost"
        out = [
            f"offered {self.offered_per_s:6.2f}/s  asked {self.asked:5}  done {self.succeeded:5}  "
            f"{self.per_s:6.2f}/s  {wrong}"
        ]
        for stage, values in self.stages_s.items():
            out.append(f"    {stage:24}" + "".join(f"{name} {value:8.3f} s  " for name, value in values.items()))
        return out


def knee(steps: Sequence[Figures], stage: str) -> float | None:
    """The highest rate before which the 95th percentile of a stage is at most three times that of the first step."""
    base, found = steps[0].stages_s.get(stage, {}).get("p95"), None
    if base is None:
        return None
    for step in steps:
        if step.stages_s.get(stage, {}).get("p95", float("inf")) > 3 * base or step.problems:
            break
        found = step.offered_per_s
    return found
