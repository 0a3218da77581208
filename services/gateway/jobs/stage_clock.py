"""Measures the stages of a running job and estimates how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.gateway.jobs.estimates import AT_ONCE, TENTHS, Measured, Rates, remaining_s

LEAST_PROGRESS = 0.1
"""Progress from which on a job of which nothing is known is estimated by its own pace."""


class StageClock:
    """The stages of one attempt. ``work`` is in the unit of the rates; ``clock`` gives seconds."""

    def __init__(self, rates: Rates, work: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates, self.work = rates, work
        self.measured: list[Measured] = []
        self._clock = clock
        self._began = self._stage_began = clock()
        self._stage, self._progress, self._stage_progress = "", 0.0, 0.0
        self._done: float | None = None
        self._tenths: list[float] = []

    def enter(self, stage: str, progress: float, done: float | None = None) -> None:
        """The job is in ``stage`` and has come to ``progress`` (0 to 1); ``done`` as in ``estimates.remaining_s``."""
        stage = AT_ONCE.get(stage, stage)
        if stage != self._stage:
            self.leave()
            self._stage, self._stage_began, self._stage_progress = stage, self._clock(), progress
            self._done, self._tenths = None, []
        self._progress = progress
        if done is not None:
            self._done = done
            while len(self._tenths) < min(TENTHS - 1, int(done * TENTHS)):
                self._tenths.append(self._clock() - self._stage_began)

    def leave(self) -> None:
        """The stage has ended, and with it perhaps the job."""
        if self._stage:
            seconds = self._clock() - self._stage_began
            tenths = [*self._tenths, *[seconds] * (TENTHS - 1 - len(self._tenths))] if self._tenths else []
            shares = tuple(round(t / seconds, 3) for t in tenths) if seconds > 0 else ()
            self.measured.append(Measured(self._stage, seconds, self._stage_progress, self._progress, shares))
        self._stage = ""

    def remaining_s(self) -> float | None:
        """Seconds until the job ends, None while nothing can be said."""
        now, progress = self._clock(), self._progress
        if self._stage in self.rates:
            return remaining_s(self.rates, self._stage, now - self._stage_began, progress, self.work, self._done)
        return (now - self._began) * (1 - progress) / progress if progress > LEAST_PROGRESS else None
