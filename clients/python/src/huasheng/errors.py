"""What can go wrong, as exceptions.

HuashengError
├── ProblemError            the gateway refused or failed; carries its problem document
│   ├── NotFoundError       404
│   ├── RefusedError        the other 4xx: what was sent cannot be used
│   ├── BusyError           429, 503: come back later (tried several times already)
│   └── ServerError         the other 5xx
├── JobError                a job that was waited for did not succeed; carries the job
│   ├── JobFailedError
│   └── JobCancelledError
├── ConnectionFailedError   nothing (whole) came back, after several tries
├── DeadlineError           the call's own time is over; also a ``TimeoutError``
└── AnswerError             something came back that this version does not understand
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from huasheng.models import Problem

if TYPE_CHECKING:
    from huasheng.jobs import Job


class HuashengError(Exception):
    """Any failure of this package."""


class ProblemError(HuashengError):
    """The gateway answered with a problem (RFC 9457). ``hint`` says what to do next."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        self.problem = problem
        self.retry_after_s = retry_after_s
        """What the gateway asked to wait, in seconds; None when it did not say."""
        super().__init__(problem)

    @property
    def type(self) -> str:
        """URI of the kind of problem, e.g. ``urn:huasheng:problem:no-face``."""
        return self.problem.type

    @property
    def reason(self) -> str:
        """The stable code, e.g. ``no-face``; empty when something between you and the gateway answered."""
        return self.problem.reason

    @property
    def title(self) -> str:
        """A few words, in the client's language."""
        return self.problem.title

    @property
    def detail(self) -> str:
        """What happened, in the client's language."""
        return self.problem.detail

    @property
    def hint(self) -> str:
        """What to do next, in the client's language."""
        return self.problem.hint

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status

    @property
    def request_id(self) -> str:
        """Finds the request in the gateway's logs."""
        return self.problem.request_id

    def __str__(self) -> str:
        p = self.problem
        words = f"{p.title}: {p.detail} {p.hint}".strip()
        return f"{words} [{p.status} {p.reason or 'no problem document'}, request {p.request_id or '?'}]"


class NotFoundError(ProblemError):
    """404: no such thing, or not yours."""


class RefusedError(ProblemError):
    """4xx: what was sent cannot be used; sending it again will not help."""


class BusyError(ProblemError):
    """429 or 503: not now. The client has tried several times already."""


class ServerError(ProblemError):
    """5xx: the fault is the gateway's or an engine's."""


class JobError(HuashengError):
    """A job that was waited for did not succeed."""

    def __init__(self, job: Job[Any], message: str) -> None:
        self.job = job
        super().__init__(job, message)

    def __str__(self) -> str:
        return str(self.args[1])


class JobFailedError(JobError):
    """The job failed; ``problem`` says why and what to do."""

    def __init__(self, job: Job[Any]) -> None:
        p = job.error
        self.problem = p
        why = f"{p.title}: {p.detail} {p.hint} [{p.reason}, request {p.request_id}]" if p else "no reason was given"
        super().__init__(job, f"{job.kind} {job.id} failed. {why}")


class JobCancelledError(JobError):
    """Somebody cancelled the job."""

    def __init__(self, job: Job[Any]) -> None:
        super().__init__(job, f"{job.kind} {job.id} was cancelled.")


class ConnectionFailedError(HuashengError):
    """The gateway could not be reached, or the connection broke, as often as it was tried."""


class DeadlineError(HuashengError, TimeoutError):
    """The time given to a call is over. A job that was waited for goes on; cancel it if it is not wanted."""


class AnswerError(HuashengError):
    """The answer is not what this version of the client expects, or not from Huasheng at all."""


def of_problem(problem: Problem, retry_after_s: float | None = None) -> ProblemError:
    """The exception that belongs to a problem's status."""
    if problem.status == 404:
        return NotFoundError(problem, retry_after_s)
    if problem.status in (429, 503):
        return BusyError(problem, retry_after_s)
    if problem.status < 500:
        return RefusedError(problem, retry_after_s)
    return ServerError(problem, retry_after_s)


def not_understood(error: ValidationError) -> AnswerError:
    """What a mismatch between an answer and its model means to the caller; values are left out, they may be private."""
    where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:5])
    return AnswerError(f"{error.title} is not as expected ({where}). Do gateway and client have the same version?")
