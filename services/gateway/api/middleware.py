"""For every HTTP request: an id, its duration in the metrics, its limits, and the refusal of what other sites ask."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qsl

from fastapi import Request
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import tracing
from services.common.characters import bad_character, check_characters
from services.common.errors import HuashengError
from services.gateway.api.limits import Limits
from services.gateway.api.origin import foreign
from services.gateway.api.problems import answer

HTTP_SECONDS = Histogram(
    "huasheng_http_seconds",
    "Length of HTTP requests",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods that have a series of their own in the metrics; a client may invent any number of others."""
_PROBES = ("/healthz", "/readyz", "/metrics")
"""Allowed under every host name: monitoring asks by address, and the answers hold nothing about users."""


class Middleware:
    """Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], is_stopping: Callable[[], bool]) -> None:
        self.app, self.hosts, self.is_stopping = Limits(app), hosts, is_stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self.app.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request.state.request_id = given if _ID.match(given) else uuid.uuid4().hex
        began, status, has_begun = time.monotonic(), 500, False

        async def sending(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                message["headers"] = [*message["headers"], *_own_headers(request)]
                if self.is_stopping():
                    # a connection that is told so is not used again; one that just ends loses the request on its way
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        with _traced(request) as span:
            try:
                _check_address(scope)
                hosts = frozenset[str]() if scope["path"] in _PROBES else self.hosts
                if site := foreign(request.headers, hosts, changes=request.method not in _SAFE):
                    raise HuashengError("foreign-origin", origin=site[:100])
                await self.app(scope, receive, sending)
            except HuashengError as e:
                if has_begun:
                    raise
                await answer(request, e)(scope, receive, sending)
            finally:
                # the template, not the path: ids would make a series each
                route, method = getattr(scope.get("route"), "path", "-"), _method(scope)
                seconds = time.monotonic() - began
                HTTP_SECONDS.labels(method, route, str(status)).observe(seconds, tracing.exemplar())
                span.rename(f"{method} {route}")
                span.set(**{"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    span.fail(str(status))


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _traced(request: Request) -> contextlib.AbstractContextManager[tracing.Span]:
    """The span of a request; of probes none."""
    if request.scope["path"] in _PROBES:
        return tracing.NOTHING
    about = {"http.request.method": _method(request.scope), "request_id": request.state.request_id}
    return tracing.entered(about["http.request.method"], request.headers, is_trusted=False, **about)


def _own_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """The request's id, and what is left of the caller's requests (draft-ietf-httpapi-ratelimit-headers-03)."""
    headers = [(b"x-request-id", request.state.request_id.encode())]
    if rate := getattr(request.state, "rate_limit", None):
        names = (b"ratelimit-limit", b"ratelimit-remaining", b"ratelimit-reset")
        headers += [(name, str(value).encode()) for name, value in zip(names, rate, strict=True)]
    return headers


def _check_address(scope: Scope) -> None:
    """Raises ``no-such-call`` and ``bad-character`` for a path and a query that are no text."""
    if bad_character(scope["path"]):
        raise HuashengError("no-such-call", path="?")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        check_characters(name, "query")
        check_characters(value, f"query.{name[:40]}")
