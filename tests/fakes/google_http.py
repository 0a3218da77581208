"""A local HTTP server that speaks the protocol of Google's web speech recogniser, and misbehaves on demand.

The real one takes FLAC in a POST with ``client``, ``lang``, ``key`` and ``pFilter`` in the query, and answers in chunks
with a line of JSON for each result: an empty one first, and nothing more when it understood nothing. Its users report
403 for a key of another product, 400 or 502 for too much audio, and only the first words of what is longer than 30 s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlparse

from tests.fakes import http_script
from tests.fakes.http_script import Script, Server, refuse, running

__all__ = ["NOTHING", "Call", "Script", "Server", "heard", "refuse", "serving", "words"]

NOTHING = b'{"result":[]}\n'
JSON = "application/json; charset=utf-8"


def words(text: str) -> bytes:
    """An answer as the real service sends it: an empty result first, then the alternatives."""
    alternatives = [{"transcript": text, "confidence": 0.94}, {"transcript": text + " or so"}]
    result = {"result": [{"alternative": alternatives, "final": True}], "result_index": 0}
    return NOTHING + json.dumps(result, ensure_ascii=False).encode() + b"\n"


class Call(http_script.Call):
    """A request to recognise."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        super().__init__(handler)
        self.query = {k: v[0] for k, v in parse_qs(urlparse(self.path).query).items()}
        self.type = self.headers.get("Content-Type", "")

    def answer(self, *parts: bytes) -> None:
        """In chunks, as the real one."""
        self.begin(JSON)
        for part in parts:
            self.write(part)
        self.end()


def heard(text: str) -> Script:
    """A script that understood ``text``."""
    return lambda call: call.answer(NOTHING, words(text).removeprefix(NOTHING))


def serving(*scripts: Script | Callable[[Call], None]) -> AbstractContextManager[Server]:
    """A running server with these scripts."""
    return running(Server(list(scripts), "/speech-api/v2/recognize", Call))
