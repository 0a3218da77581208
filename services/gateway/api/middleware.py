"""For every HTTP request: an id, its duration in the metrics, and the refusal of requests that other sites make."""

from __future__ import annotations

import re
import time
import uuid
from urllib.parse import urlsplit

from fastapi import Request
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import HuashengError
from services.gateway.api.problems import answer

HTTP_SECONDS = Histogram(
    "huasheng_http_seconds",
    "Length of HTTP requests",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_SAFE = ("GET", "HEAD", "OPTIONS")
_PROBES = ("/healthz", "/readyz", "/metrics")
"""Allowed under every host name: monitoring asks by address, and the answers hold nothing about users."""


class Middleware:
    """Plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request.state.request_id = given if _ID.match(given) else uuid.uuid4().hex
        began, status = time.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.state.request_id.encode())]
            await send(message)

        try:
            if foreign := self._foreign(request):
                await answer(request, HuashengError("foreign-origin", origin=foreign[:100]))(scope, receive, sending)
            else:
                await self.app(scope, receive, sending)
        finally:
            # the template, not the path: ids would make a series each
            route = getattr(scope.get("route"), "path", "-")
            HTTP_SECONDS.labels(request.method, route, str(status)).observe(time.monotonic() - began)

    def _foreign(self, request: Request) -> str:
        """The other site that made this request, or under whose name it was made; empty when there is none."""
        host = request.headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        known = name in self.hosts or f"[{name}]" in self.hosts or request.url.path in _PROBES
        if self.hosts and not known:
            return host or "?"
        origin = request.headers.get("origin", "")
        if request.method not in _SAFE and origin and urlsplit(origin).netloc != host:
            return origin
        return ""
