"""How long a job still takes, from what its stages took in earlier jobs of the same kind.

A stage is measured in seconds for each unit of its job's work (a second of video or speech). What is known from before
predicts at the start; the further a stage has come, the more its own pace counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONSTANT = frozenset({"prepare", "open", "asr", "llm", "tts", "publish"})
"""Stages whose time does not grow with the work, as far as the job waits for them: what comes first is soon there."""
LEARN = 0.4
"""Weight of the newest measurement in the average."""
LATE = 0.2
"""A stage that takes longer than it ever did is expected to take this share of its time more."""
OWN_PACE = 0.1
"""Done share of a stage from which on its own pace counts where nothing is known from before."""
TRUST = 3.0
"""How fast a stage's own pace replaces what is known from before: wholly once a third of the stage is done."""


@dataclass(frozen=True)
class StageRate:
    """What a stage takes: seconds for each unit of work, and the job's progress (0 to 1) at its start and end."""

    seconds: float
    begins: float
    ends: float


Rates = Mapping[str, StageRate]
"""By stage, in the order in which they come."""


@dataclass(frozen=True)
class Measured:
    """A finished stage: its seconds, and the job's progress at its start and end."""

    stage: str
    seconds: float
    begins: float
    ends: float


def _units(stage: str, work: float) -> float:
    return 1.0 if stage in CONSTANT else max(work, 0.1)


def learned(rates: Rates, measured: list[Measured], work: float) -> dict[str, StageRate]:
    """``rates`` with a finished job of ``work`` units in it; its stages and their order are those that hold now."""
    now: dict[str, StageRate] = {}
    for m in measured:
        new = StageRate(m.seconds / _units(m.stage, work), m.begins, m.ends)
        if again := now.get(m.stage):  # a stage that came twice counts once
            new = StageRate(again.seconds + new.seconds, again.begins, new.ends)
        now[m.stage] = new
    return {stage: _mixed(rates.get(stage), new) for stage, new in now.items()}


def _mixed(old: StageRate | None, new: StageRate) -> StageRate:
    if old is None:
        return new
    return StageRate(old.seconds + LEARN * (new.seconds - old.seconds), new.begins, new.ends)


def remaining_s(
    rates: Rates, stage: str, in_stage_s: float, progress: float, work: float, done: float | None = None
) -> float | None:
    """Seconds until the job ends; None while nothing can be said.

    ``in_stage_s``: seconds since the stage began; ``progress``: of the job, 0 to 1; ``done``: share of the stage that
    is done, where it is known better than by ``progress``.
    """
    known = rates.get(stage)
    if done is None:
        done = _share(known, progress)
    expected = known.seconds * _units(stage, work) if known else None
    later = _later_s(rates, stage, work)
    if expected is None:
        if done < OWN_PACE:
            return None
        return in_stage_s * (1 - done) / done + later
    if done > 0:
        own = min(1.0, TRUST * done)
        total = (1 - own) * max(expected, in_stage_s) + own * in_stage_s / done
        return total * (1 - done) + later
    return max(expected - in_stage_s, LATE * in_stage_s) + later


def _share(known: StageRate | None, progress: float) -> float:
    begins, ends = (known.begins, known.ends) if known else (0.0, 1.0)
    if ends - begins < 0.01:
        return 0.0
    return min(max((progress - begins) / (ends - begins), 0.0), 1.0)


def _later_s(rates: Rates, stage: str, work: float) -> float:
    names = list(rates)
    after = names[names.index(stage) + 1 :] if stage in names else []
    return sum(rates[s].seconds * _units(s, work) for s in after)
