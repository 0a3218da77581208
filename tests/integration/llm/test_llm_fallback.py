"""The next language engine answers: with its own model, within the deadline, unless the request forbids it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import grpc
import pytest
from huasheng.llm.v1 import llm_pb2

from services.common.errors import HuashengError, from_rpc
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Piece
from services.llm.server import make_service
from services.llm.settings import LlmSettings
from tests.fakes.llm_engine import EchoEngine
from tests.fakes.serving import Serve
from tests.integration.llm.test_llm_service import request


class FirstEngine(EchoEngine):
    name: ClassVar[str] = "first"
    mood: ClassVar[str] = ""
    freed: ClassVar[threading.Event] = threading.Event()

    @classmethod
    def unavailable(cls, settings: None, shared: SharedSettings, service: LlmSettings) -> HuashengError | None:
        return HuashengError("llm-no-key", engine="first", variable="X") if cls.mood == "no key" else None

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        if self.mood == "silent":
            cancelled.wait(30)
            self.freed.set()
            return
        if self.mood:
            raise HuashengError(self.mood, engine=self.name, url="http://x")
        yield from super().chat(conversation, cancelled)


class SecondEngine(FirstEngine):
    name: ClassVar[str] = "second"
    mood: ClassVar[str] = ""


REGISTRY = {c.name: f"{__name__}:{c.__name__}" for c in (FirstEngine, SecondEngine, EchoEngine)}
SETTINGS = LlmSettings(engines="first,second,echo", first_token_s=2, fallback_share=0.3, cooldown_s=0.2)


@pytest.fixture(autouse=True)
def moods() -> Iterator[None]:
    yield
    FirstEngine.mood = SecondEngine.mood = ""
    FirstEngine.freed.clear()


@pytest.fixture
async def stub(serve: Serve) -> Any:
    return (await serve(make_service(SETTINGS, SharedSettings(), registry=REGISTRY), SETTINGS)).stub


async def started(stub: Any, **fields: Any) -> tuple[str, str, list[tuple[str, str]]]:
    """Engine, model, and (engine, reason) of those passed over; the answer must come whole."""
    got = [m async for m in stub.StreamChat(request("one two", **fields), timeout=20)]
    assert "".join(m.delta.text for m in got) == "one two " and got[-1].HasField("finished")
    head = got[0].started
    return head.engine, head.model, [(f.wanted, f.reason) for f in head.fallbacks]


async def slug(stub: Any, **fields: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await started(stub, **fields)
    return from_rpc(e.value, "llm").slug


async def test_a_model_is_for_the_engine_that_is_asked_first(stub: Any) -> None:
    assert await started(stub, model="special") == ("first", "special", [])
    FirstEngine.mood = "llm-unreachable"
    assert await started(stub, model="special") == ("second", "echo-1", [("first", "llm-unreachable")])


async def test_two_silent_engines_leave_time_for_the_third(stub: Any) -> None:
    FirstEngine.mood = SecondEngine.mood = "silent"
    engine, _, passed = await started(stub)
    assert (engine, passed) == ("echo", [("first", "engine-slow"), ("second", "engine-slow")])
    assert await asyncio.to_thread(FirstEngine.freed.wait, 5)


async def test_the_last_one_keeps_the_deadline_too(stub: Any) -> None:
    SecondEngine.mood = "silent"
    assert await slug(stub, engine="second", no_fallback=True) == "engine-slow"
    assert await asyncio.to_thread(SecondEngine.freed.wait, 5)


async def test_an_engine_that_is_not_set_up_may_be_first(stub: Any) -> None:
    FirstEngine.mood = "no key"
    assert (await started(stub))[2] == [("first", "llm-no-key")]
    listed = (await stub.ListEngines(llm_pb2.ListEnginesRequest())).engines
    assert next((e.name, e.available, e.is_default) for e in listed) == ("first", False, True)
    FirstEngine.mood = ""
    assert await started(stub) == ("first", "echo-1", []), "a key that arrives is used"


@pytest.mark.parametrize("mood", ["llm-filtered", "llm-too-long"])
async def test_what_another_engine_would_not_mend(stub: Any, mood: str) -> None:
    FirstEngine.mood = mood
    assert await slug(stub) == mood


async def test_an_engine_named_in_the_request(stub: Any) -> None:
    SecondEngine.mood = "llm-unreachable"
    assert (await started(stub, engine="second"))[2] == [("second", "llm-unreachable")]
    assert await slug(stub, engine="second", no_fallback=True) == "llm-unreachable"
    assert await slug(stub, engine="nobody") == "unknown-engine"


async def test_a_list_of_nothing_usable_does_not_start() -> None:
    FirstEngine.mood = "no key"
    with pytest.raises(HuashengError) as e:
        make_service(SETTINGS.model_copy(update={"engines": "first"}), SharedSettings(), registry=REGISTRY).load()
    assert e.value.slug == "llm-no-key"
    make_service(SETTINGS, SharedSettings(), registry=REGISTRY).load()
