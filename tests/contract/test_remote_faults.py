"""Every engine that asks somebody over HTTP, every way in which that goes wrong: what comes of it, and nothing left.

A fault comes twice: once, before a server that is well again, and always. What "unreachable" means to the live
conversation, that another engine takes over, is tested where that is done.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import psutil
import pytest

from services.asr.engines.google import GoogleEngine
from services.asr.settings import AsrSettings
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from tests.fakes import google_http, llm_asking, llm_http
from tests.fakes.http_script import Call, Script, Server, refuse
from tests.fakes.waiting import PATIENCE_S

SHORT_S, LONG_S = 0.4, 0.8
"""Deadlines of the first piece and of all, for faults that are waited out; scripts that stall do so for a minute."""
BOUND_S = 30.0
"""Nothing takes this long; generous, since only a call that hangs is to be caught."""
WAITED_OUT = ("stall-first", "stall-middle", "trickle-head", "trickle-first", "trickle-text")


def garbage(call: Call) -> None:
    call.raw(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n")
    call.cut()


def nonsense(call: Call) -> None:
    call.begin("application/octet-stream")
    call.write(bytes(range(256)) * 20)
    call.end()


def half(part: bytes, then: Callable[[Call], None]) -> Script:
    """The beginning of an answer, then something else."""

    def script(call: Call) -> None:
        call.begin()
        call.write(part)
        then(call)

    return script


def slowly(part: bytes) -> Script:
    def script(call: Call) -> None:
        call.begin()
        call.trickle(part)

    return script


def slow_head(call: Call) -> None:
    call.raw(b"HTTP/1.1 200 OK\r\n")
    for _ in range(3000):
        call.raw(b"X-Wait: 1\r\n")
        time.sleep(0.02)


COMMON: dict[str, Script] = {
    "stall-first": Call.stall,
    "429": refuse(429, {"error": {"code": "1302", "message": "rate"}}),
    "500": refuse(500, {"error": {"message": "boom"}}),
    "503": refuse(503, b"<html>busy</html>", {"Content-Type": "text/html"}),
    "garbage": garbage,
    "page": refuse(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
    "nonsense": nonsense,
    "cut-first": Call.cut,
    "reset-first": Call.reset,
    "trickle-head": slow_head,
    "truncated-json": refuse(200, b'{"result": [{"alt', {"Content-Type": "application/json"}),
}


HALF = llm_http.chunk("Half an ")
LLM: dict[str, Script | None] = COMMON | {
    "refused": None,
    "stall-middle": half(HALF, Call.stall),
    "truncated": half(HALF, Call.cut),
    "reset-middle": half(HALF, Call.reset),
    "ended-early": half(HALF, Call.end),
    "garbage-middle": half(HALF + b"data: {\x00\n\n", Call.end),
    "trickle-first": slowly(b": keep-alive\n\n"),
    "trickle-text": slowly(HALF),
}
BROKEN, SLOW, GONE = "llm-broken-stream", "llm-slow", "llm-unreachable"
LLM_OUTCOMES = {
    # what one such answer comes to, and what nothing but such answers does
    "refused": (None, GONE),
    "stall-first": (SLOW, SLOW),
    "429": ("answered", "llm-rate"),
    "500": ("answered", "engine-failed"),
    "503": ("answered", "llm-busy"),
    "garbage": ("answered", BROKEN),
    "page": ("answered", BROKEN),
    "nonsense": ("answered", BROKEN),
    "cut-first": ("answered", BROKEN),
    "reset-first": ("answered", BROKEN),
    "trickle-head": (SLOW, SLOW),
    "truncated-json": ("answered", BROKEN),
    "stall-middle": (BROKEN, BROKEN),
    "truncated": (BROKEN, BROKEN),
    "reset-middle": (BROKEN, BROKEN),
    "ended-early": (BROKEN, BROKEN),
    "garbage-middle": (BROKEN, BROKEN),
    "trickle-first": (SLOW, SLOW),
    "trickle-text": (BROKEN, BROKEN),
}

FIRST_LINE = google_http.NOTHING
GOOGLE: dict[str, Script | None] = COMMON | {
    "refused": None,
    "stall-middle": half(FIRST_LINE, Call.stall),
    "truncated": half(FIRST_LINE, Call.cut),
    "reset-middle": half(FIRST_LINE, Call.reset),
    "trickle-text": slowly(b" "),
}
ASR_SLOW, ASR_GONE, FAILED = "asr-slow", "asr-unreachable", "engine-failed"
GOOGLE_OUTCOMES = {
    "refused": (None, ASR_GONE),
    "stall-first": (ASR_SLOW, ASR_SLOW),
    "429": ("asr-quota", "asr-quota"),
    "500": ("answered", ASR_GONE),
    "503": ("answered", ASR_GONE),
    "garbage": ("answered", ASR_GONE),
    "page": (FAILED, FAILED),
    "nonsense": (FAILED, FAILED),
    "cut-first": ("answered", ASR_GONE),
    "reset-first": ("answered", ASR_GONE),
    "trickle-head": (ASR_SLOW, ASR_SLOW),
    "truncated-json": (FAILED, FAILED),
    "stall-middle": (ASR_SLOW, ASR_SLOW),
    "truncated": ("answered", ASR_GONE),
    "reset-middle": ("answered", ASR_GONE),
    "trickle-text": (ASR_SLOW, ASR_SLOW),
}


class Rig:
    """One engine: how it is asked, and the server that it asks."""

    def __init__(self, name: str) -> None:
        self.name = name
        is_llm = name in llm_asking.ENGINES
        self.faults = LLM if is_llm else GOOGLE
        self.outcomes = LLM_OUTCOMES if is_llm else GOOGLE_OUTCOMES
        self.good: Script = llm_http.good if is_llm else google_http.heard("words")

    def serving(self, *scripts: Script) -> AbstractContextManager[Server]:
        return llm_http.serving(*scripts) if self.name in llm_asking.ENGINES else google_http.serving(*scripts)

    def outcome(self, url: str, fault: str = "") -> str:
        began = time.monotonic()
        try:
            return "answered" if self.ask(url, fault in WAITED_OUT) else "nothing"
        except HuashengError as e:
            return e.slug
        finally:
            assert time.monotonic() - began < BOUND_S

    def ask(self, url: str, is_short: bool) -> str:
        """With short deadlines only where they pass: a busy machine may need longer for an answer that comes."""
        if self.name in llm_asking.ENGINES:
            short = {"first_token_s": SHORT_S, "deadline_s": LONG_S} if is_short else {}
            return llm_asking.ask(llm_asking.make(self.name, url, attempts=2, **short))[0]
        values = {"google_url": url, **({"google_timeout_s": LONG_S} if is_short else {})}
        engine = GoogleEngine(AsrSettings.model_validate(values), SharedSettings())
        engine.load()
        return engine.recognise(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), "en").text


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection, thread or process more than before."""
    monkeypatch.setattr("services.asr.engines.base.Vad", lambda: None)  # not needed, and half a second to load
    monkeypatch.setattr("services.asr.engines.google._PAUSE_S", 0.01)
    me = psutil.Process()
    before = len(me.net_connections()), threading.active_count()
    yield
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        now = len(me.net_connections()), threading.active_count()
        if now[0] <= before[0] and now[1] <= before[1] and not me.children():
            return
        time.sleep(0.02)
    raise AssertionError(f"left over: {threading.enumerate()}, {me.net_connections()}, {me.children()}")


CASES = [(name, fault) for name in (*llm_asking.ENGINES, "google") for fault in Rig(name).outcomes]


def test_every_fault_has_an_outcome() -> None:
    for name in (*llm_asking.ENGINES, "google"):
        assert set(Rig(name).faults) == set(Rig(name).outcomes)


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_once_and_always(name: str, fault: str) -> None:
    rig = Rig(name)
    once, always = rig.outcomes[fault]
    if (script := rig.faults[fault]) is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        assert rig.outcome(url, fault) == always
        return
    with rig.serving(script, rig.good) as server:
        assert rig.outcome(server.url, fault) == once
        assert rig.outcome(server.url) == "answered"  # the engine is none the worse
    with rig.serving(script) as server:
        assert rig.outcome(server.url, fault) == always
        assert len(server.calls) <= 2
