"""Who is asked, who stands in, and when an engine that failed is asked again: by a clock that the test turns."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from huasheng.common.v1 import common_pb2

from services.common import metrics
from services.common.engine_info import engine_info
from services.common.engines import EngineState
from services.common.errors import HuashengError
from services.common.fallback import GRACE_S, Breaker, EngineFallback, EngineRun
from services.common.settings import EngineSettings

DOWN = HuashengError("llm-unreachable", engine="a", url="http://a")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Script:
    """Engines that do what the test says: pieces, errors to raise, or a number: so many seconds pass in silence."""

    def __init__(self, clock: Clock, **engines: list[Any]) -> None:
        self.clock, self.engines = clock, engines
        self.asked: list[str] = []
        self.closed: list[str] = []

    async def work(self, name: str) -> AsyncGenerator[str, None]:
        self.asked.append(name)
        try:
            for item in self.engines[name]:
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, str):
                    yield item
                else:
                    self.clock.now += item
                    await asyncio.Event().wait()
        finally:
            self.closed.append(name)


class Rig:
    def __init__(self, names: str = "a,b,c", **engines: list[Any]) -> None:
        self.clock = Clock()
        self.script = Script(self.clock, **engines)
        self.missing: dict[str, HuashengError] = {}
        self.problems: dict[str, HuashengError] = {}
        settings = EngineSettings(engines=names, cooldown_s=30, fallback_share=0.5)
        self.fallback = EngineFallback("llm", settings, self.problems.get, self.clock)

    async def begin(self, first: str = "", alone: bool = False, **options: Any) -> EngineRun[str]:
        names = self.fallback.order(first, alone)
        return await self.fallback.begin(names, self.script.work, self.missing.get, 10, **options)

    async def say(self, first: str = "", **options: Any) -> tuple[str, str]:
        """The engine and all that it said."""
        async with contextlib.aclosing(await self.begin(first, **options)) as begun:
            return begun.engine, "".join([p async for p in begun])

    def states(self) -> str:
        return " ".join(b.state for b in self.fallback.breakers.values())


def told(begun: EngineRun[str]) -> list[tuple[str, str, str]]:
    return [(f.wanted, f.used, f.reason) for f in begun.fallbacks]


def test_a_breaker_opens_rests_and_lets_one_request_try() -> None:
    clock = Clock()
    breaker = Breaker(30, clock)
    assert (breaker.state, breaker.blocker, breaker.retry_s) == ("closed", None, 0)
    breaker.begin()
    breaker.failed(DOWN)
    assert (breaker.state, breaker.blocker, breaker.retry_s) == ("open", DOWN, 30)
    clock.now += 29
    assert breaker.blocker is DOWN and breaker.retry_s == 1
    clock.now += 1
    assert breaker.state == "half-open" and breaker.blocker is None
    breaker.begin()
    assert breaker.state == "half-open" and breaker.blocker is DOWN, "only one may try"
    breaker.left()
    assert breaker.blocker is None, "who goes away leaves the try to another"
    breaker.begin()
    breaker.failed(DOWN)
    assert (breaker.state, breaker.retry_s) == ("open", 30)
    clock.now += 31
    breaker.begin()
    breaker.succeeded()
    assert (breaker.state, breaker.blocker, breaker.error) == ("closed", None, None)


async def test_the_first_answers_and_nothing_is_told() -> None:
    rig = Rig(a=["x", "y"], b=["z"])
    begun = await rig.begin()
    assert (begun.engine, told(begun), [p async for p in begun]) == ("a", [], ["x", "y"])
    assert rig.script.asked == ["a"]


async def test_the_next_ones_stand_in_and_all_that_were_passed_over_are_told() -> None:
    rig = Rig(a=[DOWN], b=["never"], c=["z"])
    rig.missing["b"] = HuashengError("llm-no-key", engine="b", variable="B")
    before = metrics.FALLBACKS.labels("llm", "a", "c")._value.get()
    begun = await rig.begin()
    assert told(begun) == [("a", "c", "llm-unreachable"), ("b", "c", "llm-no-key")]
    assert [p async for p in begun] == ["z"]
    assert rig.script.asked == ["a", "c"]
    assert metrics.FALLBACKS.labels("llm", "a", "c")._value.get() == before + 1
    assert rig.states() == "open closed closed", "what is not set up is not down"


async def test_an_engine_that_is_down_is_skipped_and_taken_again_when_it_recovers() -> None:
    rig = Rig(names="a,b", a=[DOWN], b=["z"])
    await rig.say()
    rig.script.asked.clear()
    begun = await rig.begin()
    assert rig.script.asked == ["b"] and told(begun) == [("a", "b", "llm-unreachable")]
    await begun.aclose()
    rig.clock.now += 30
    assert (await rig.say())[0] == "b", "still down"
    assert rig.script.asked == ["b", "a", "b"]
    rig.clock.now += 29
    rig.script.engines["a"] = ["back"]
    assert await rig.say() == ("b", "z")
    rig.clock.now += 1
    assert await rig.say() == ("a", "back")
    assert rig.states() == "closed closed"
    begun = await rig.begin()
    assert begun.engine == "a" and told(begun) == []


async def test_only_one_request_at_a_time_tries_a_half_open_engine() -> None:
    rig = Rig(names="a,b", a=[DOWN], b=["z"])
    await rig.say()
    rig.clock.now += 30
    rig.script.engines["a"] = [0]  # says nothing
    trying = asyncio.create_task(rig.begin())
    while rig.script.asked.count("a") < 2:
        await asyncio.sleep(0)
    assert (await rig.say())[0] == "b"
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    rig.script.engines["a"] = ["back"]
    assert (await rig.say())[0] == "a", "the one that went away left the try to the next"


async def test_a_slow_engine_has_its_share_and_the_last_what_is_left() -> None:
    rig = Rig(a=[5.0], b=[2.5], c=[3.0])
    with pytest.raises(HuashengError) as e:
        await rig.begin(limits_last=True)
    assert (e.value.slug, e.value.params) == ("engine-slow", {"engine": "a", "seconds": "5.0"})
    assert [b.error.params["seconds"] for b in rig.fallback.breakers.values() if b.error] == ["5.0", "2.5", "3.0"]
    assert rig.clock.now == 110 + GRACE_S, "all of them together within the limit"
    while rig.fallback.closing:
        await asyncio.sleep(0)
    assert sorted(rig.script.closed) == ["a", "b", "c"]


async def test_the_last_has_no_limit_but_its_own() -> None:
    rig = Rig(names="a", a=[1000.0])
    waiting = asyncio.create_task(rig.begin())
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    while rig.fallback.closing:
        await asyncio.sleep(0)
    assert rig.script.closed == ["a"]


async def test_an_engine_that_waits_for_its_caller_is_not_slow() -> None:
    rig = Rig(names="a,b", a=[1000.0], b=["z"])
    since: list[float | None] = [None]
    waiting = asyncio.create_task(rig.begin(busy_since=lambda: since[0]))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not waiting.done()
    since[0] = rig.clock.now - 5
    begun = await waiting
    assert told(begun) == [("a", "b", "engine-slow")]


@pytest.mark.parametrize("slug", ["llm-filtered", "bad-request", "no-speech", "unspeakable-text", "llm-too-long"])
async def test_what_no_other_engine_would_mend_is_told_at_once(slug: str) -> None:
    rig = Rig(a=[HuashengError(slug, engine="a", what="it")], b=["z"])
    with pytest.raises(HuashengError) as e:
        await rig.begin()
    assert e.value.slug == slug and rig.script.asked == ["a"]
    assert rig.states() == "closed closed closed", "an engine that refuses is not down"


async def test_what_a_stand_in_does_not_know_is_no_answer() -> None:
    rig = Rig(a=[DOWN], b=[HuashengError("bad-request", what="b speaks no Japanese")], c=["z"])
    assert await rig.say() == ("c", "z")
    rig = Rig(names="a,b", a=[DOWN], b=[HuashengError("bad-request", what="b speaks no Japanese")])
    with pytest.raises(HuashengError) as e:
        await rig.begin()
    assert e.value.slug == "llm-unreachable", "what was asked for is what failed"


async def test_an_error_of_our_own_is_mended_too() -> None:
    rig = Rig(a=[ValueError("oops")], b=["z"])
    begun = await rig.begin()
    assert told(begun) == [("a", "b", "engine-failed")]


async def test_when_all_are_down_all_are_asked_again() -> None:
    rig = Rig(names="a,b", a=[DOWN], b=[HuashengError("engine-failed", engine="b", why="so")])
    for _ in range(2):
        with pytest.raises(HuashengError) as e:
            await rig.begin()
        assert e.value.slug == "llm-unreachable"
    assert rig.script.asked == ["a", "b"] * 2
    rig.script.engines["a"] = ["back"]
    assert await rig.say() == ("a", "back"), "an engine alone is not kept out by its breaker"


async def test_a_named_engine_comes_first_and_alone_if_so_asked() -> None:
    rig = Rig(a=["x"], b=[DOWN], c=["z"])
    assert rig.fallback.order("b") == ["b", "a", "c"]
    begun = await rig.begin("b")
    assert told(begun) == [("b", "a", "llm-unreachable")]
    with pytest.raises(HuashengError) as e:
        await rig.begin("b", alone=True)
    assert e.value.slug == "llm-unreachable"


async def test_a_failure_in_the_middle_is_the_callers_and_spares_the_next_one() -> None:
    rig = Rig(names="a,b", a=["x", HuashengError("llm-broken-stream", engine="a")], b=["z"])
    heard: list[str] = []
    with pytest.raises(HuashengError) as e:
        async with contextlib.aclosing(await rig.begin()) as begun:
            async for piece in begun:
                heard.append(piece)
    assert (heard, e.value.slug) == (["x"], "llm-broken-stream")
    assert await rig.say() == ("b", "z")


async def test_an_engine_with_a_problem_is_asked_last() -> None:
    rig = Rig(names="a,b", a=["x"], b=["z"])
    rig.problems["a"] = DOWN
    begun = await rig.begin()
    assert told(begun) == [("a", "b", "llm-unreachable")] and rig.script.asked == ["b"]
    rig.script.engines["b"] = [DOWN]
    assert await rig.say() == ("a", "x"), "rather late than not at all"
    rig.problems.clear()
    assert await rig.say() == ("a", "x")


async def test_who_leaves_before_reading_frees_the_engine() -> None:
    rig = Rig(a=["x", "y"])
    begun = await rig.begin()
    await begun.aclose()
    assert rig.script.closed == ["a"]


async def test_the_state_is_told() -> None:
    rig = Rig(names="a,b", a=[DOWN], b=["z"])
    await rig.say()
    rig.clock.now += 10
    a, b, unlisted = (
        engine_info(EngineState(name, name == "a", None, None, None), rig.fallback) for name in ("a", "b", "unlisted")
    )
    assert a.breaker_retry_s == 20 and "http://a" in a.breaker_reason and a.is_default
    assert (b.breaker, b.breaker_reason, b.breaker_retry_s) == (common_pb2.BREAKER_STATE_CLOSED, "", 0)
    assert unlisted.breaker == common_pb2.BREAKER_STATE_UNSPECIFIED


@pytest.mark.parametrize("service", ["asr", "llm", "tts"])
def test_an_unknown_name_in_the_list_ends_the_program_at_once(service: str) -> None:
    setting = f"{service.upper()}_ENGINES"
    environment = {**os.environ, setting: "nonsense"}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"bad setting {setting}: there is no engine nonsense; there are ")
