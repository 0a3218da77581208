"""How long a job still takes, from what its stages took in earlier jobs of the same kind.

A stage is measured in seconds for each unit of its job's work (a second of video or speech). What is known from before
predicts at the start; the further a stage has come, the more its own pace counts. Answer, speech and picture are made
at the same time and count as one stage. Its progress comes in jumps, a clause at a time and many at the end; so it is
remembered as well which share of the time had passed at each tenth of the progress.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONSTANT = frozenset({"prepare", "open", "asr", "publish"})
"""Stages whose time does not grow with the work, as far as the job waits for them."""
AT_ONCE = {"llm": "make", "tts": "make", "render": "make"}
"""Stages of the pipeline that overlap, and the one that they count as."""
LEARN = 0.4
"""Weight of the newest measurement in the average."""
LATE = 0.2
"""A stage that takes longer than it ever did is expected to take this share of its time more."""
OWN = 0.5
"""How much a stage's own pace counts at its end, against what is known from before."""
LONG = 5.0
"""Units of work from which on a job shows how progress and time belong together; a short one is a single jump."""
TENTHS = 10
OWN_PACE = 0.1
"""Done share of a stage from which on its own pace counts where nothing is known from before."""


@dataclass(frozen=True)
class StageRate:
    """What a stage takes: seconds for each unit of work, and the job's progress (0 to 1) at its start and end."""

    seconds: float
    begins: float
    ends: float
    shares: tuple[float, ...] = ()
    """Share of the stage's time that had passed at each tenth of it; empty for an even pace."""


Rates = Mapping[str, StageRate]
"""By stage, in the order in which they come."""


@dataclass(frozen=True)
class Measured:
    """A finished stage: its seconds, and the job's progress at its start and end."""

    stage: str
    seconds: float
    begins: float
    ends: float
    shares: tuple[float, ...] = ()


def _units(stage: str, work: float) -> float:
    return 1.0 if stage in CONSTANT else max(work, 0.1)


def learned(rates: Rates, measured: list[Measured], work: float) -> dict[str, StageRate]:
    """``rates`` with a finished job of ``work`` units in it; its stages and their order are those that hold now."""
    now: dict[str, StageRate] = {}
    for m in measured:
        new = StageRate(m.seconds / _units(m.stage, work), m.begins, m.ends, m.shares if work >= LONG else ())
        if again := now.get(m.stage):  # a stage that came twice counts once
            new = StageRate(again.seconds + new.seconds, again.begins, new.ends, new.shares)
        now[m.stage] = new
    return {stage: _mixed(rates.get(stage), new) for stage, new in now.items()}


def _mixed(old: StageRate | None, new: StageRate) -> StageRate:
    if old is None:
        return new
    shares = new.shares or old.shares
    if new.shares and old.shares:
        shares = tuple(a + LEARN * (b - a) for a, b in zip(old.shares, new.shares, strict=True))
    return StageRate(old.seconds + LEARN * (new.seconds - old.seconds), new.begins, new.ends, shares)


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
    by_clock = max(expected - in_stage_s, LATE * in_stage_s)
    passed = _passed(known.shares, done) if known else done
    if passed == 0:
        return by_clock + later
    own = OWN * passed
    return (1 - own) * by_clock + own * in_stage_s * (1 - passed) / passed + later


def _passed(shares: tuple[float, ...], done: float) -> float:
    """The share of a stage's time that has passed once ``done`` of it is done."""
    if not shares:
        return done
    points = (0.0, *shares, 1.0)
    at = min(done, 0.999) * (len(points) - 1)
    below = int(at)
    return points[below] + (at - below) * (points[below + 1] - points[below])


def _share(known: StageRate | None, progress: float) -> float:
    begins, ends = (known.begins, known.ends) if known else (0.0, 1.0)
    if ends - begins < 0.01:
        return 0.0
    return min(max((progress - begins) / (ends - begins), 0.0), 1.0)


def _later_s(rates: Rates, stage: str, work: float) -> float:
    names = list(rates)
    after = names[names.index(stage) + 1 :] if stage in names else []
    return sum(rates[s].seconds * _units(s, work) for s in after)
