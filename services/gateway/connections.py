"""The HTTP port: its socket, and connections that do not wait for ever for a request."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

FIRST_REQUEST_S = 1.0
"""How long a client that has connected may take to its first request when the gateway stops meanwhile."""
HEADERS_S = 20.0
"""How long a client may take from its connection, or its first byte, to the end of a request's headers."""


def listen(host: str, port: int) -> socket.socket:
    """The HTTP socket. Raises ``SystemExit`` with a clear message when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it the second packet of an answer waits for the
    # first one's acknowledgement, which a client delays by 40 ms
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as e:
        raise SystemExit(f"gateway: cannot listen on {host}:{port}: {e.strerror}. Is the port in use?") from e
    return sock


def accept_all(sock: socket.socket) -> list[socket.socket]:
    """The connections that wait to be accepted at a listening socket that does not block; the socket is closed.

    A socket that is closed with such connections resets them, and their requests are lost.
    """
    accepted = []
    with sock, contextlib.suppress(BlockingIOError):
        while True:
            accepted.append(sock.accept()[0])
    return accepted


class Protocol(H11Protocol):
    """Ends a connection whose request headers do not arrive in time; uvicorn limits only the pause between requests."""

    _deadline: asyncio.TimerHandle | None = None
    _is_websocket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn itself
        """A client connects."""
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Some bytes came; with the end of the headers the request's own limits begin."""
        super().data_received(data)
        if self._is_websocket or (self.cycle is not None and not self.cycle.response_complete):
            self._stop_waiting()
        elif self._deadline is None:
            self._await_headers()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The connection becomes a WebSocket, which has another protocol and limits of its own."""
        self._is_websocket = True
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """An answer is sent: the next request's headers, if some came already, have their own time."""
        self._stop_waiting()
        super().on_response_complete()

    def shutdown(self) -> None:
        """The gateway stops: a client that has only just connected still gets its answer."""
        if self.cycle is None:
            self.loop.call_later(FIRST_REQUEST_S, self._end_unused)
        else:
            super().shutdown()

    def _end_unused(self) -> None:
        if self.cycle is None and not self._is_websocket:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_S, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
