"""A local HTTP server whose n-th request is answered by the n-th script; scripts may misbehave in every way."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Call:
    """One request as the server saw it, and what can be done to its caller."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.handler = handler
        self.path = handler.path
        self.headers = handler.headers
        self.data = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.hung_up = threading.Event()
        self.at = time.monotonic()

    def status(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """A whole answer; ``body`` is JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.handler.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Length", str(len(data)))
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def begin(self, content_type: str = "text/event-stream") -> None:
        """Status and headers of a chunked answer."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", content_type)
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def write(self, part: bytes) -> None:
        """One chunk."""
        self.handler.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        self.handler.wfile.flush()

    def end(self) -> None:
        """The last, empty chunk."""
        self.handler.wfile.write(b"0\r\n\r\n")

    def raw(self, data: bytes) -> None:
        """Bytes that need not be HTTP."""
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def cut(self) -> None:
        """Close the connection, whatever was announced."""
        self.handler.connection.shutdown(socket.SHUT_RDWR)
        self.handler.connection.close()

    def reset(self) -> None:
        """Break the connection with RST, as a crashed peer or a firewall does."""
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.rfile.close()  # or the socket stays open under it
        self.handler.connection.close()

    def stall(self, seconds: float = 60.0) -> None:
        """Say nothing until the client hangs up."""
        self.handler.connection.settimeout(seconds)
        try:
            if self.handler.connection.recv(1) == b"":
                self.hung_up.set()
        except ConnectionError:
            self.hung_up.set()
        except TimeoutError:
            return

    def trickle(self, part: bytes, pause_s: float = 0.02, times: int = 3000) -> None:
        """Chunk by chunk for longer than anybody should wait; ends when the client hangs up."""
        for _ in range(times):
            self.write(part)
            time.sleep(pause_s)


Script = Callable[[Any], None]
"""Takes a ``Call``, or what the server makes of one."""


class Server:
    """Answers the n-th request with the n-th script; the last one repeats."""

    def __init__(self, scripts: list[Script], path: str, make: Callable[[BaseHTTPRequestHandler], Any] = Call) -> None:
        self.scripts, self.calls = scripts, list[Any]()
        self.arrived = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.close_connection = True
                call = make(self)
                fake.calls.append(call)
                fake.arrived.set()
                try:
                    fake.scripts[min(len(fake.calls), len(fake.scripts)) - 1](call)
                except OSError:
                    call.hung_up.set()

            def log_message(self, format: str, *args: Any) -> None:
                return

            def finish(self) -> None:
                try:
                    super().finish()
                except (ValueError, OSError):
                    return  # the script closed the connection

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}{path}"


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server at work."""
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def refuse(code: int, body: Any, headers: dict[str, str] | None = None) -> Script:
    """A script of one whole answer."""
    return lambda call: call.status(code, body, headers)
