"""Exit codes, and which of them a failure has."""

from __future__ import annotations

from huasheng.errors import (
    ConnectionFailedError,
    DeadlineError,
    JobCancelledError,
    JobFailedError,
    ProblemError,
)
from huasheng.models import Problem

OK = 0
FAILED = 1
"""Anything without a code of its own: a fault of the server, a file that cannot be written."""
USAGE = 2
"""The command is not written as it must be, or a file that it names cannot be read."""
REFUSED = 3
"""The server does not accept what was sent."""
NOT_FOUND = 4
NOT_ALLOWED = 5
"""No key, a key that is not known, or one that may not do this."""
QUOTA = 6
"""A limit is reached: requests, minutes, storage, places in the queue."""
DOWN = 7
"""The gateway or a service behind it cannot be reached."""
TIMEOUT = 8
NOT_MADE_HERE = 9
"""Of ``verify``: the file was not made by this installation, as far as can be told."""
CANCELLED = 130
"""By Ctrl-C, or a job that somebody cancelled."""

TEXT = """\b
Exit codes:
  0    done
  1    a failure without a code of its own
  2    usage: the command is not right, or a file that it names cannot be read
  3    the server refuses what was sent
  4    not found
  5    not signed in, or not allowed
  6    a limit is reached
  7    the gateway, or a service behind it, cannot be reached
  8    not done in time
  9    verify: not made here
  130  cancelled"""


class UsageError(Exception):
    """The command cannot be carried out as it is written; its text says why."""


def of_problem(problem: Problem) -> int:
    """The code that belongs to a problem: an answer of the gateway's, or of something before it."""
    if problem.status in (401, 403):
        return NOT_ALLOWED
    if problem.status == 404:
        return NOT_FOUND
    if problem.status == 429:
        return QUOTA
    if problem.status == 503 or (problem.status in (502, 504) and not problem.reason):
        return DOWN
    return REFUSED if 400 <= problem.status < 500 else FAILED


def code_of(error: BaseException) -> int:
    """The exit code of a failure."""
    match error:
        case KeyboardInterrupt() | JobCancelledError():
            return CANCELLED
        case UsageError():
            return USAGE
        case JobFailedError():
            return of_problem(error.problem) if error.problem else FAILED
        case ProblemError():
            return of_problem(error.problem)
        case ConnectionFailedError():
            return DOWN
        case DeadlineError():
            return TIMEOUT
        case _:
            return FAILED
