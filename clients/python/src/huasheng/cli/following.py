"""Jobs from the command's side: started, followed, and cancelled with Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self, TypeVar

from huasheng._sync.client import Huasheng
from huasheng.cli.progress import JobBar
from huasheng.cli.session import Session
from huasheng.errors import HuashengError, JobCancelledError, JobFailedError
from huasheng.jobs import Job

R = TypeVar("R")
DAY_S = 86_400.0


class Deferred:
    """Ctrl-C waits until the block is over, so that a job that was just made is known and can be cancelled.

    ``came`` says that it was pressed; pressed twice, it interrupts at once.
    """

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # a shell lets what it started in the background ignore it
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


def started(start: Callable[[], Job[R]], hs: Huasheng, session: Session) -> Job[R]:
    """The job that ``start`` makes. Raises ``KeyboardInterrupt``, once it is cancelled, when that came meanwhile."""
    with Deferred() as ctrl_c:
        job = start()
    if ctrl_c.came:
        cancel(session, hs, job)
        raise KeyboardInterrupt
    return job


def result(session: Session, hs: Huasheng, start: Callable[[], Job[R]], title: str) -> tuple[Job[R], R]:
    """Start a job and wait for it; Ctrl-C cancels it on the server. Raises as ``jobs.result``."""
    job = started(start, hs, session)
    try:
        with JobBar(session, title) as bar:
            done = hs.jobs.wait(job, timeout=DAY_S, on_event=bar.on_event)
    except KeyboardInterrupt:
        cancel(session, hs, job)
        raise
    return done, outcome(done)


def outcome(job: Job[R]) -> R:
    """What came of a job that is over. Raises ``JobFailedError``, ``JobCancelledError``."""
    if job.state == "cancelled":
        raise JobCancelledError(job)
    if job.state != "succeeded" or job.result is None:
        raise JobFailedError(job)
    return job.result


def cancel(session: Session, hs: Huasheng, job: Job[Any]) -> None:
    """Cancel it on the server, and say when that did not work."""
    try:
        hs.jobs.cancel(job)
        session.note(f"{job.kind} {job.id} is cancelled")
    except HuashengError as e:
        session.note(f"{job.kind} {job.id} could not be cancelled: {e}. Later: huasheng jobs cancel {job.id}")
