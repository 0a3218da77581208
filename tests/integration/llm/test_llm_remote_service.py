"""The remote engines behind the llm service: real gRPC in front, a server that speaks their protocol behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from huasheng.llm.v1 import llm_pb2

from services.common.errors import from_rpc
from services.common.settings import SharedSettings
from services.llm.server import make_service
from services.llm.settings import LlmSettings
from tests.fakes import llm_asking
from tests.fakes.llm_asking import KEY
from tests.fakes.llm_http import DONE, Call, chunk, good, refuse, serving
from tests.fakes.serving import served
from tests.integration.llm.test_llm_service import request

both = pytest.mark.parametrize("name", ["zhipu", "openai"])


@asynccontextmanager
async def asking(name: str, url: str) -> AsyncIterator[Any]:
    values = {
        "engines": name,
        "zhipu_url": url,
        "zhipu_api_key": KEY,
        "zhipu_models": "glm-4-air",
        "openai_url": url,
        "openai_model": "glm-4-plus",
        "openai_models": "glm-4-air",
        "first_token_s": 5,
    }
    settings = LlmSettings.model_validate(llm_asking.service(values))
    async with served(make_service(settings, SharedSettings(), llm_asking.own(values)), settings) as running:
        yield running.stub


async def answer(stub: Any, **fields: Any) -> tuple[str, Any]:
    got = [m async for m in stub.StreamChat(request("hi", **fields))]
    return "".join(m.delta.text for m in got), got


@both
async def test_a_model_of_the_list_answers_and_another_is_refused(name: str) -> None:
    with serving(good) as server:
        async with asking(name, server.url) as stub:
            text, got = await answer(stub, model="glm-4-air")
            assert text == "你好，world." and got[0].started.model == "glm-4-air"
            assert (got[-1].finished.prompt_tokens, got[-1].finished.completion_tokens) == (11, 5)
            with pytest.raises(grpc.aio.AioRpcError) as e:
                await answer(stub, model="glm-4-0520")
    error = from_rpc(e.value, "llm")
    assert error.slug == "llm-model-not-listed" and "glm-4-air" in error.text("detail", "zh")
    assert [call.body["model"] for call in server.calls] == ["glm-4-air"]


@both
async def test_refusals_reach_the_caller_with_what_to_do(name: str) -> None:
    arrears = refuse(429, {"error": {"code": "1113", "message": "您的账户已欠费"}})
    cut_off = [chunk("I say"), chunk(finish="sensitive"), DONE]
    with serving(arrears, lambda call: call.events(cut_off)) as server:
        async with asking(name, server.url) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as e:
                await answer(stub)
            error = from_rpc(e.value, "llm")
            assert error.slug == "llm-quota" and "充值" in error.text("hint", "zh")
            text, got = await answer(stub)
    assert text == "I say" and got[-1].finished.reason == llm_pb2.FINISH_REASON_CONTENT_FILTER


@both
async def test_cancelling_a_call_hangs_up_the_providers_line(name: str) -> None:
    def some_then_stall(call: Call) -> None:
        call.begin()
        call.write(chunk("Hel"))
        call.stall()

    with serving(some_then_stall) as server:
        async with asking(name, server.url) as stub:
            call = stub.StreamChat(request("hi"))
            async for m in call:
                if m.WhichOneof("payload") == "delta":
                    break
            call.cancel()
            assert await asyncio.to_thread(server.calls[0].hung_up.wait, 5)
