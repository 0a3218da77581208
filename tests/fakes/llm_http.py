"""A local HTTP server that speaks the streamed chat completions of OpenAI and Zhipu, and misbehaves on demand."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes import http_script
from tests.fakes.http_script import Script, Server, refuse, running

__all__ = ["DONE", "GOOD", "USAGE", "Call", "Script", "Server", "chunk", "good", "refuse", "serving"]


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


class Call(http_script.Call):
    """A chat request."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        super().__init__(handler)
        self.key = self.headers.get("Authorization", "")
        self.body = json.loads(self.data)

    def events(self, parts: list[bytes], pause_s: float = 0.0, end: bool = True) -> None:
        """Chunked event stream; without ``end`` the connection is cut in the middle."""
        self.begin()
        for part in parts:
            self.write(part)
            time.sleep(pause_s)
        if end:
            self.end()
        else:
            self.cut()


def serving(*scripts: Script) -> AbstractContextManager[Server]:
    """A running server with these scripts."""
    return running(Server(list(scripts), "/v1", Call))


def good(call: Call) -> None:
    call.events(GOOD)
