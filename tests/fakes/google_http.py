"""A local HTTP server that speaks the protocol of Google's web speech recogniser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

Answer = Callable[[int], tuple[int, bytes]]


def words(text: str) -> bytes:
    """An answer as the real service sends it: an empty result first, then the alternatives."""
    result = {"result": [{"alternative": [{"transcript": text, "confidence": 0.94}], "final": True}], "result_index": 0}
    return b'{"result":[]}\n' + json.dumps(result, ensure_ascii=False).encode() + b"\n"


class Server:
    """``answer`` gets the number of the request, from 0, and returns status and body."""

    def __init__(self, answer: Answer) -> None:
        self.queries: list[dict[str, list[str]]] = []
        self.bodies: list[bytes] = []
        self.types: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.queries.append(parse_qs(urlparse(self.path).query))
                fake.types.append(self.headers.get("Content-Type", ""))
                fake.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                code, body = answer(len(fake.queries) - 1)
                self.send_response(code)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/speech-api/v2/recognize"


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """A running server."""
    server = Server(answer)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
