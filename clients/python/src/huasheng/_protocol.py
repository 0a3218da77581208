"""What both clients know of HTTP without doing any: calls, deadlines, when to try again, what an answer means."""

from __future__ import annotations

import email.utils
import json
import math
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from huasheng._files import Upload
from huasheng._version import VERSION
from huasheng.errors import (
    AnswerError,
    BusyError,
    ConnectionFailedError,
    DeadlineError,
    HuashengError,
    ProblemError,
    RefusedError,
    not_understood,
    of_problem,
)
from huasheng.models import Problem

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

API = "/api/v1"
DEFAULT_URL = "http://127.0.0.1:5001"
CONNECT_S = 10.0
READ_S = 60.0
"""Longest silence of a connection while something is expected of it."""
SHORT_S = 60.0
"""Deadline of calls that list, show, accept or delete, all tries together."""
LONG_S = 600.0
"""Deadline of speech, recognition and cloning."""
UPLOAD_S = 3600.0
"""Deadline of uploads: 500 MB at 1.2 Mbit/s."""
TRIES = 5
"""How often a call is made before its failure is the caller's."""
MAX_PAUSE_S = 8.0
_PROXY = (429, 502, 503, 504)
"""What stands between client and gateway says these when the gateway is away for a moment."""


class Deadline:
    """The time that a call may take, all tries together."""

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds, self._what = seconds, what
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises ``DeadlineError``."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineError(f"{self._what}: not done within {self._seconds:g} s")
        return left

    def timeouts(self, read_s: float = READ_S) -> httpx.Timeout:
        """What httpx may wait for each step. Raises ``DeadlineError``."""
        left = self.left()
        return httpx.Timeout(min(READ_S, left), connect=min(CONNECT_S, left), read=min(read_s, left))


class Raw(NamedTuple):
    """A successful answer that is not JSON."""

    data: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how to read its answer. ``path`` begins with ``/``."""

    method: str
    path: str
    parse: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    upload: Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = SHORT_S
    is_raw: bool = False
    """Whether ``parse`` gets a ``Raw`` instead of JSON."""
    is_once: bool = False
    """Whether a repeat could do something twice, or fail because the first try did it."""

    @property
    def name(self) -> str:
        """For messages: without the query, which may carry a signature."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def can_repeat(self) -> bool:
        """Whether it may be sent again: its key or nature makes a repeat harmless, and its file can be rewound."""
        return not self.is_once and (self.upload is None or self.upload.can_rewind)


def at(*parts: str) -> str:
    """The path of a resource; ids may hold anything, a model's name comes from a file's."""
    return API + "".join("/" + quote(part, safe="") for part in parts)


def key(given: str | None) -> dict[str, str]:
    """The header that lets a POST be sent again without doing anything twice."""
    return {"Idempotency-Key": given or uuid.uuid4().hex}


def given(**fields: Any) -> dict[str, Any]:
    """A body or query without what was not given."""
    return {k: v for k, v in fields.items() if v is not None}


def model(of: type[M]) -> Callable[[Any], M]:
    """Reads one."""
    return of.model_validate


def items(parse: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """Reads ``{"items": [...]}``."""
    return lambda data: [parse(item) for item in data["items"]]


def nothing(_data: Any) -> None:
    """Reads 204."""


@dataclass(frozen=True)
class Settings:
    """Where the gateway is and how to talk to it."""

    url: str
    token: str | None
    language: str | None

    @classmethod
    def choose(cls, url: str | None, token: str | None, language: str | None, api_key: str | None = None) -> Settings:
        """Arguments, else ``HUASHENG_URL``, ``HUASHENG_API_KEY`` and ``HUASHENG_TOKEN``, else this machine.

        Raises ``ValueError``.
        """
        if token and api_key:
            raise ValueError("give api_key or token: both are sent as the bearer token")
        given_token = api_key or token or os.environ.get("HUASHENG_API_KEY") or os.environ.get("HUASHENG_TOKEN")
        url = (url or os.environ.get("HUASHENG_URL") or DEFAULT_URL).rstrip("/")
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"the gateway's address must be like {DEFAULT_URL}, not {url!r}")
        return cls(url, given_token or None, language)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        out = {"User-Agent": f"huasheng-python/{VERSION}"}
        if self.token:
            out["Authorization"] = f"Bearer {self.token}"
        if self.language:
            out["Accept-Language"] = self.language
        return out

    def resolve(self, path: str) -> str:
        """The full address of a path; a full address must be the gateway's own. Raises ``ValueError``."""
        base, asked = httpx.URL(self.url), httpx.URL(path)
        if asked.is_relative_url:
            return self.url + path if path.startswith("/") else f"{self.url}/{path}"
        if (asked.scheme, asked.host, asked.port) != (base.scheme, base.host, base.port):
            raise ValueError(f"{asked.host} is not the gateway ({base.host}); the token is not sent elsewhere")
        return path


def parse_answer(call: Call[T], data: bytes, headers: Mapping[str, str]) -> T:
    """What the caller gets of a successful answer. Raises ``AnswerError``."""
    try:
        if call.is_raw:
            return call.parse(Raw(data, headers))
        return call.parse(json.loads(data) if data else None)
    except ValidationError as e:
        raise not_understood(e) from None
    except (ValueError, KeyError, TypeError) as e:
        raise AnswerError(f"{call.name}: the answer is not Huasheng's. Is {DEFAULT_URL} the address you mean?") from e


def read_problem(response: httpx.Response, data: bytes) -> ProblemError:
    """The exception that an unsuccessful answer means; made up where something else than the gateway answered."""
    after = retry_after(response.headers.get("retry-after", ""))
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            return of_problem(Problem.model_validate_json(data), after)
        except ValidationError:
            pass  # told below as what it is: something, but no problem document
    text = data[:300].decode("utf-8", "replace").strip()
    made_up = Problem(
        type="about:blank",
        title=response.reason_phrase or "Error",
        status=response.status_code,
        detail=text,
        hint="This was not answered by Huasheng itself: look at the address and at proxies in between.",
        reason="",
        params={},
        retryable=response.status_code in _PROXY,
        request_id=response.headers.get("x-request-id", ""),
    )
    return of_problem(made_up, after)


def retry_after(value: str) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (a number, or a date); None without one."""
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def too_large(total: int, limit: int) -> RefusedError:
    """What the gateway said when it closed the connection on an upload; its own words were lost with the connection."""
    told = Problem(
        type="urn:huasheng:problem:too-large",
        title="File too large",
        status=413,
        detail=f"The file has {total} bytes, the gateway takes {limit}.",
        hint="Shorten it, or make it smaller.",
        reason="too-large",
        params={"limit_mb": str(limit // 2**20)},
        retryable=False,
        request_id="",
    )
    return RefusedError(told)


def broken(error: httpx.TransportError, what: str, deadline: Deadline) -> HuashengError:
    """What a failed connection means. Raises ``DeadlineError`` when it was our own time that ran out."""
    deadline.left()
    why = str(error) or type(error).__name__
    return ConnectionFailedError(f"{what}: {why}. Does the gateway run, and is its address right (HUASHENG_URL)?")


def is_silence(error: BaseException) -> bool:
    """Whether a failure is a connection on which nothing came for as long as was waited."""
    return isinstance(error, ConnectionFailedError) and isinstance(error.__cause__, httpx.ReadTimeout)


def pause(error: HuashengError, attempt: int, call: Call[Any], deadline: Deadline) -> float:
    """Seconds until the next try after the ``attempt``-th (from 1). Raises the error when there is to be none."""
    if not is_passing(error) or attempt >= TRIES or not call.can_repeat:
        raise error
    wait = wanted_pause(error, attempt)
    if wait >= deadline.left():
        raise error
    return wait


def wanted_pause(error: HuashengError, attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th failure: what the gateway asks for, else a little longer each time."""
    asked = error.retry_after_s if isinstance(error, ProblemError) else None
    return backoff(attempt) if asked is None else asked


def is_passing(error: HuashengError) -> bool:
    """Whether a failure may be gone in a moment, and trying again costs nothing much."""
    if isinstance(error, ConnectionFailedError):
        return True
    if not isinstance(error, ProblemError) or not error.problem.retryable:
        return False
    # a slow or broken engine (504, 502) has cost its time already: whether to spend it again is the caller's choice
    return isinstance(error, BusyError) or error.reason in ("", "idempotency-pending")


def backoff(attempt: int) -> float:
    """0.25, 0.5, 1, … seconds, at most ``MAX_PAUSE_S``; a little off, so that clients do not come back together."""
    return min(MAX_PAUSE_S, math.ldexp(0.25, attempt - 1)) * random.uniform(0.75, 1.25)
