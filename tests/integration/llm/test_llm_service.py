"""The llm service over real gRPC."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from huasheng.llm.v1 import llm_pb2

from services.common.errors import from_rpc
from services.common.settings import SharedSettings
from services.llm.engines.openai.settings import Settings as OpenAiSettings
from services.llm.engines.zhipu.settings import Settings as ZhipuSettings
from services.llm.server import make_service
from services.llm.settings import LlmSettings
from tests.fakes.llm_engine import REGISTRY, EchoEngine
from tests.fakes.serving import Serve

SETTINGS = LlmSettings(engines="echo,broken")


@pytest.fixture
async def stub(serve: Serve) -> Any:
    return (await serve(make_service(SETTINGS, SharedSettings(), registry=REGISTRY), SETTINGS)).stub


def request(text: str, **fields: Any) -> llm_pb2.StreamChatRequest:
    return llm_pb2.StreamChatRequest(messages=[llm_pb2.ChatMessage(role=llm_pb2.ROLE_USER, content=text)], **fields)


async def test_started_deltas_finished(stub: Any) -> None:
    got = [m async for m in stub.StreamChat(request("one two", persona="Lily.", language="zh-CN", max_tokens=7))]
    assert [m.WhichOneof("payload") for m in got] == ["started", "delta", "delta", "finished"]
    assert (got[0].started.engine, got[0].started.model) == ("echo", "echo-1")
    assert "".join(m.delta.text for m in got) == "one two "
    assert got[-1].finished == llm_pb2.ChatFinished(
        reason=llm_pb2.FINISH_REASON_STOP, prompt_tokens=3, completion_tokens=2
    )
    asked = EchoEngine.asked[-1]
    assert "Lily." in asked.messages[0].content and "Chinese" in asked.messages[0].content
    assert (asked.max_tokens, asked.temperature) == (7, SETTINGS.temperature)


async def test_a_failure_in_the_middle_keeps_what_was_said(stub: Any) -> None:
    got = []
    with pytest.raises(grpc.aio.AioRpcError) as e:
        async for m in stub.StreamChat(request("well fail never")):
            got.append(m.delta.text)
    assert "".join(got) == "well fail "
    assert from_rpc(e.value, "llm").slug == "llm-broken-stream"


@pytest.mark.parametrize(
    ("bad", "slug"),
    [
        (request(""), "empty-text"),
        (llm_pb2.StreamChatRequest(), "bad-request"),
        (llm_pb2.StreamChatRequest(messages=[llm_pb2.ChatMessage(content="no role")]), "bad-request"),
        (request("hi", engine="nobody"), "unknown-engine"),
        (request("hi", engine="broken", no_fallback=True), "llm-no-key"),
        (request("hi", temperature=3), "bad-request"),
        (request("hi", max_tokens=-1), "bad-request"),
        (request("长" * 4000), "llm-too-long"),
    ],
)
async def test_bad_requests(stub: Any, bad: llm_pb2.StreamChatRequest, slug: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as e:
        [m async for m in stub.StreamChat(bad)]
    assert from_rpc(e.value, "llm").slug == slug


async def test_cancelling_reaches_the_engine(stub: Any) -> None:
    EchoEngine.cancelled.clear()
    call = stub.StreamChat(request("stall"))
    async for m in call:
        if m.WhichOneof("payload") == "delta":
            break
    call.cancel()
    assert await asyncio.to_thread(EchoEngine.cancelled.wait, 3)


async def test_lists_engines_with_reasons(stub: Any) -> None:
    engines = (await stub.ListEngines(llm_pb2.ListEnginesRequest())).engines
    assert [(e.name, e.available, e.is_default) for e in engines] == [("echo", True, True), ("broken", False, False)]
    assert "LLM_BROKEN_API_KEY" in engines[1].reason


async def test_real_engines_without_keys_say_why(serve: Serve) -> None:
    settings = LlmSettings()
    own = {"zhipu": ZhipuSettings(api_key=None, models="glm-4-air"), "openai": OpenAiSettings(url="")}
    running = await serve(make_service(settings, SharedSettings(), own), settings, load=False)
    listed = await running.stub.ListEngines(llm_pb2.ListEnginesRequest())
    reasons = {e.name: e.reason for e in listed.engines}
    models = {e.name: list(e.models) for e in listed.engines}
    assert models == {"faq": [], "zhipu": ["glm-4-plus", "glm-4-air"], "openai": []}
    assert "LLM_ZHIPU_API_KEY" in reasons["zhipu"] and "LLM_OPENAI_URL" in reasons["openai"]


async def test_openings_of_an_engine_whose_answers_cannot_be_foreseen(stub: Any) -> None:
    ask = llm_pb2.ListOpeningsRequest
    assert list((await stub.ListOpenings(ask(language="en", limit=5))).openings) == []
    for bad, slug in ((ask(engine="nobody"), "unknown-engine"), (ask(engine="broken"), "llm-no-key")):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await stub.ListOpenings(bad)
        assert from_rpc(e.value, "llm").slug == slug
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await stub.ListOpenings(ask(limit=201))
    assert from_rpc(e.value, "llm").slug == "bad-request"
