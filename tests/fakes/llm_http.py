"""A local HTTP server that speaks the streamed chat completions of OpenAI and Zhipu, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def chunk(
    text: str | None = None, finish: str | None = None, usage: dict[str, int] | None = None, **delta: str
) -> bytes:
    """One ``data:`` event as real servers send it."""
    content = {} if text is None else {"content": text}
    event: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "served-model",
        "choices": [{"index": 0, "delta": {**content, **delta}, "finish_reason": finish}],
    }
    if usage:
        event["usage"] = usage
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
DONE = b"data: [DONE]\n\n"
GOOD = [chunk("", role="assistant"), chunk("你好，"), chunk("world."), chunk(finish="stop", usage=USAGE), DONE]


class Call:
    """One request as the server saw it."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.handler = handler
        self.path = handler.path
        self.key = handler.headers.get("Authorization", "")
        self.body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.hung_up = threading.Event()
        self.at = time.monotonic()

    def status(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.handler.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Length", str(len(data)))
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def events(self, parts: list[bytes], pause_s: float = 0.0, end: bool = True) -> None:
        """Chunked event stream; without ``end`` the connection is cut in the middle."""
        self.begin()
        for part in parts:
            self.write(part)
            time.sleep(pause_s)
        if end:
            self.handler.wfile.write(b"0\r\n\r\n")
        else:
            self.handler.connection.close()

    def begin(self) -> None:
        """Status and headers of an event stream."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def write(self, part: bytes) -> None:
        self.handler.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        self.handler.wfile.flush()

    def stall(self, seconds: float = 10.0) -> None:
        """Say nothing until the client hangs up."""
        self.handler.connection.settimeout(seconds)
        try:
            if self.handler.connection.recv(1) == b"":
                self.hung_up.set()
        except ConnectionError:
            self.hung_up.set()
        except TimeoutError:
            return


Script = Callable[[Call], None]


class Server:
    """Answers the n-th request with the n-th script; the last one repeats."""

    def __init__(self, scripts: list[Script]) -> None:
        self.scripts, self.calls = scripts, list[Call]()
        self.arrived = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.close_connection = True
                call = Call(self)
                fake.calls.append(call)
                fake.arrived.set()
                try:
                    fake.scripts[min(len(fake.calls), len(fake.scripts)) - 1](call)
                except (BrokenPipeError, ConnectionError):
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
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@contextmanager
def serving(*scripts: Script) -> Iterator[Server]:
    """A running server with these scripts."""
    server = Server(list(scripts))
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def good(call: Call) -> None:
    call.events(GOOD)


def refuse(code: int, body: Any, headers: dict[str, str] | None = None) -> Script:
    return lambda call: call.status(code, body, headers)
