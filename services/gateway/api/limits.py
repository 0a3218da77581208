"""What one HTTP request may take: the size of its body, and the time in which body and answer must move on."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import HuashengError

BODY_BYTES = 1_000_000
"""Largest body of a request that is no upload."""
UPLOADS = re.compile(r"/api/v1/(assets|transcriptions|verify|voices|voices/[^/]+/clips)/?|/upload_file/?")
"""Paths that take an upload, which is written to disk as it arrives and has limits of its own."""
PIECE_S = 30.0
"""Longest wait for the next piece of a body."""
PATIENCE_S, SLOWEST_BYTES_S = 60.0, 1024.0
"""A body may take so long, and longer by the time that this rate would take: a client that sends a byte now and then
must not keep its place for ever."""
DRAINED_BYTES, DRAINED_S = 16_000_000, 3.0
"""How much of a refused body is read and thrown away, and for how long: a client that still sends misses the answer."""
STALLED_S = 600.0
"""Longest wait for a client to take a piece of an answer. Players stop reading while they are paused, and ask again
for the rest when their connection has ended."""


def is_upload(scope: Scope) -> bool:
    """Whether the request may have a large body."""
    return scope["method"] == "POST" and bool(UPLOADS.fullmatch(scope["path"]))


def declared_bytes(scope: Scope) -> int:
    """The size of the body as the request gives it; 0 when it gives none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


class TimedReceive:
    """``receive`` of a request with a deadline. Raises ``slow-request``."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._began, self._bytes, self._is_whole = receive, time.monotonic(), 0, False

    async def __call__(self) -> Message:
        """The next piece of the body; after it, whatever comes."""
        if self._is_whole:
            return await self._receive()
        left = self._began + PATIENCE_S + self._bytes / SLOWEST_BYTES_S - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(PIECE_S, left))):
                message = await self._receive()
        except TimeoutError:
            raise HuashengError("slow-request") from None
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Throw away what still comes of a refused body, within limits."""
        try:
            async with asyncio.timeout(DRAINED_S):
                while not self._is_whole and self._bytes < DRAINED_BYTES:
                    await self()
        except (TimeoutError, HuashengError):
            return


async def small_body(scope: Scope, receive: TimedReceive) -> Receive:
    """The whole body of a request that is no upload, to be received again. Raises ``too-large-body``,
    ``slow-request``."""
    too_large = HuashengError("too-large-body", limit_kb=BODY_BYTES // 1000)
    if declared_bytes(scope) > BODY_BYTES:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return _replay(message, receive)
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise too_large
        if not message.get("more_body", False):
            return _replay({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def timed_send(send: Send) -> Send:
    """``send`` that gives a client up which does not take its answer."""

    async def sending(message: Message) -> None:
        try:
            async with asyncio.timeout(STALLED_S):
                await send(message)
        except TimeoutError:
            raise ConnectionAbortedError("the client does not take its answer") from None

    return sending


class Limits:
    """Plain ASGI. Refusals are raised, for the middleware around it to answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its limits."""
        timed: Receive = (limited := TimedReceive(receive))
        if not is_upload(scope):
            try:
                timed = await small_body(scope, limited)
            except HuashengError:
                if not any(name == b"expect" for name, _ in scope["headers"]):  # that client waits before it sends
                    await limited.drain()
                raise
        try:
            await self.app(scope, timed, timed_send(send))
        except HuashengError:  # refused before a route saw it, so that nothing of an upload was read
            if is_upload(scope):
                await limited.drain()
            raise
