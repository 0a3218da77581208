"""The server on its two transports."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Sequence
from socket import AF_INET6, create_server
from typing import Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from huasheng._async.client import AsyncHuasheng
from huasheng.mcp_server.app import build
from huasheng.mcp_server.entry import is_loopback

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
STOP_S = 5


class TokenGate:
    """Lets in who shows the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http":
            headers: dict[bytes, bytes] = dict(scope["headers"])
            if not hmac.compare_digest(headers.get(b"authorization", b""), self._wanted):
                refused = Response(
                    "A bearer token is needed.", 401, {"WWW-Authenticate": 'Bearer realm="huasheng-mcp"'}
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def over_stdio(hs: AsyncHuasheng) -> None:
    """Requests from stdin, answers to stdout."""
    await build(hs).run_stdio_async()


async def over_http(hs: AsyncHuasheng, host: str, port: int, token: str | None, names: Sequence[str]) -> None:
    """Streamable HTTP. Raises ``OSError`` when it cannot listen."""
    server = build(hs, allowed(host, names))
    app: Any = server.streamable_http_app()
    if token:
        app = TokenGate(app, token)
    listener = create_server((host, port), family=AF_INET6) if ":" in host else create_server((host, port))
    with listener:
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"huasheng-mcp: http://{shown}:{listener.getsockname()[1]}{PATH} for {hs.url}\n")
        sys.stderr.flush()
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_S)
        await uvicorn.Server(config).serve(sockets=[listener])


def allowed(host: str, names: Sequence[str]) -> TransportSecuritySettings:
    """What a browser on another site may not get around: on loopback, only loopback's own names are answered.

    Elsewhere a token is asked for, which another site does not have; names are compared where some are given.
    """
    known = [*names, *LOOPBACK] if is_loopback(host) else list(names)
    hosts = [form for name in known for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{h}" for h in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=bool(known), allowed_hosts=hosts, allowed_origins=origins
    )
