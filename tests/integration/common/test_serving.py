"""A service made with serving.start: health, reflection, error mapping, admission and graceful stop over real gRPC."""

import asyncio
import contextlib

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from huasheng.asr.v1 import asr_pb2, asr_pb2_grpc
from huasheng.common.v1 import common_pb2
from huasheng.llm.v1 import llm_pb2, llm_pb2_grpc

from services.common import logs, serving
from services.common.errors import HuashengError, from_rpc
from services.common.settings import ServiceSettings
from tests.fakes.serving import Serve, served, service_of
from tests.fakes.waiting import PATIENCE_S

NAME = "huasheng.llm.v1.LlmService"


class Servicer(llm_pb2_grpc.LlmServiceServicer):
    def __init__(self) -> None:
        self.freed = asyncio.Event()
        self.seen: list[str] = []

    async def StreamChat(self, request, context):
        self.seen.append(logs.job_id.get())
        try:
            yield llm_pb2.StreamChatResponse(delta=llm_pb2.ChatDelta(text="a"))
            if request.engine == "huasheng":
                raise HuashengError("llm-quota", engine="zhipu")
            if request.engine == "broken":
                raise RuntimeError("secret inner detail")
            await asyncio.sleep(float(request.model or 0))
            yield llm_pb2.StreamChatResponse(delta=llm_pb2.ChatDelta(text="b"))
        finally:
            self.freed.set()

    async def ListEngines(self, request, context):
        raise HuashengError("unknown-engine", service="llm", engine="x", engines="faq")


@contextlib.asynccontextmanager
async def running(max_calls: int = 8, load: bool = True, reflection: bool = False):
    servicer = Servicer()
    settings = ServiceSettings(max_calls=max_calls, reflection=reflection)
    async with served(service_of("llm", servicer), settings, load=load) as it:
        yield servicer, it.board, it.channel, it.server


async def text_of(call) -> str:
    return "".join([m.delta.text async for m in call])


async def test_health_tells_liveness_from_readiness_and_can_be_watched() -> None:
    async with running(load=False) as (_, board, channel, _server):
        health = health_pb2_grpc.HealthStub(channel)
        serving_, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await health.Check(health_pb2.HealthCheckRequest(service=""))).status == serving_
        assert (await health.Check(health_pb2.HealthCheckRequest(service=NAME))).status == not_serving
        watch = health.Watch(health_pb2.HealthCheckRequest(service=NAME))
        assert (await watch.read()).status == not_serving
        await board.set(True)
        assert (await watch.read()).status == serving_
        watch.cancel()


async def test_reflection_lists_the_service_where_it_is_wanted() -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with running() as (_, _board, channel, _server):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request])).read()
        assert e.value.code() is grpc.StatusCode.UNIMPLEMENTED
    async with running(reflection=True) as (_, _board, channel, _server):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([request]))
        answer = await call.read()
        assert NAME in [s.name for s in answer.list_services_response.service]


async def test_our_errors_keep_reason_and_parameters_across_the_wire() -> None:
    async with running() as (_, _board, channel, _server):
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as stream:
            await text_of(stub.StreamChat(llm_pb2.StreamChatRequest(engine="huasheng")))
        error = from_rpc(stream.value, "llm")
        assert (error.slug, error.params, error.retryable) == ("llm-quota", {"engine": "zhipu"}, True)
        with pytest.raises(grpc.aio.AioRpcError) as unary:
            await stub.ListEngines(llm_pb2.ListEnginesRequest())
        assert from_rpc(unary.value, "llm").slug == "unknown-engine"


async def test_unexpected_errors_do_not_show_their_inside() -> None:
    async with running() as (_, _board, channel, _server):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await text_of(llm_pb2_grpc.LlmServiceStub(channel).StreamChat(llm_pb2.StreamChatRequest(engine="broken")))
        assert from_rpc(e.value, "llm").slug == "internal"
        assert "secret" not in str(e.value.details())


async def test_before_it_has_loaded_a_service_says_so_to_all_but_lists_of_engines() -> None:
    async with running(load=False) as (_, board, channel, _server):
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await text_of(stub.StreamChat(llm_pb2.StreamChatRequest()))
        assert from_rpc(e.value, "llm").slug == "service-loading"
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await stub.ListEngines(llm_pb2.ListEnginesRequest())
        assert from_rpc(e.value, "llm").slug == "unknown-engine", "the servicer itself was asked"
        await board.set(True)
        assert await text_of(stub.StreamChat(llm_pb2.StreamChatRequest())) == "ab"


async def test_what_is_no_text_is_refused_in_single_messages_and_in_streams(serve: Serve) -> None:
    class Asr(asr_pb2_grpc.AsrServiceServicer):
        async def Transcribe(self, requests, context):
            async for _ in requests:
                pass
            return asr_pb2.TranscribeResponse()

    async with running() as (_, _board, channel, _server):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await text_of(llm_pb2_grpc.LlmServiceStub(channel).StreamChat(llm_pb2.StreamChatRequest(model="\0")))
        assert from_rpc(e.value, "llm").slug == "bad-character"
    config = asr_pb2.TranscribeRequest(config=asr_pb2.RecognitionConfig(language="z\x1bh"))
    end = asr_pb2.TranscribeRequest(end=common_pb2.EndOfInput())
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await (await serve(service_of("asr", Asr()))).stub.Transcribe(iter([end, config]))
    assert from_rpc(e.value, "asr").slug == "bad-character"


async def test_a_cancelled_call_frees_its_engine() -> None:
    async with running() as (servicer, _board, channel, _server):
        call = llm_pb2_grpc.LlmServiceStub(channel).StreamChat(llm_pb2.StreamChatRequest(model="60"))
        await call.read()
        call.cancel()
        await asyncio.wait_for(servicer.freed.wait(), PATIENCE_S)


async def test_more_calls_than_allowed_are_refused_and_room_is_given_back() -> None:
    async with running(max_calls=1) as (_, _board, channel, _server):
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        first = stub.StreamChat(llm_pb2.StreamChatRequest(model="60"))
        await first.read()
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await text_of(stub.StreamChat(llm_pb2.StreamChatRequest()))
        assert from_rpc(e.value, "llm").slug == "busy"
        first.cancel()
        for _ in range(600):
            with contextlib.suppress(grpc.aio.AioRpcError):
                if await text_of(stub.StreamChat(llm_pb2.StreamChatRequest())) == "ab":
                    return
            await asyncio.sleep(0.05)
        pytest.fail("the place was not given back")


async def test_the_job_id_reaches_the_handler() -> None:
    async with running() as (servicer, _board, channel, _server):
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        await text_of(stub.StreamChat(llm_pb2.StreamChatRequest(), metadata=(("x-job-id", "j-7"),)))
        assert servicer.seen == ["j-7"]


async def test_stopping_lets_a_running_stream_finish() -> None:
    async with running() as (_, _board, channel, server):
        call = llm_pb2_grpc.LlmServiceStub(channel).StreamChat(llm_pb2.StreamChatRequest(model="0.4"))
        pieces = aiter(call)
        await anext(pieces)
        stopping = asyncio.create_task(server.stop(5))
        assert [m.delta.text async for m in pieces] == ["b"]
        await stopping


async def test_a_port_in_use_is_said_clearly() -> None:
    async with running() as (_, _board, _channel, server):
        service = serving.Service("llm", NAME, lambda s: None, lambda: None)
        taken = server.add_insecure_port("127.0.0.1:0")
        with pytest.raises(SystemExit, match="in use"):
            await serving.start(service, ServiceSettings(port=taken))


async def test_a_service_that_is_down_is_named() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:9") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await llm_pb2_grpc.LlmServiceStub(channel).ListEngines(llm_pb2.ListEnginesRequest(), timeout=5)
        error = from_rpc(e.value, "llm")
        assert (error.slug, error.params["service"]) == ("service-down", "llm")


async def test_a_refusal_in_the_middle_of_sending_keeps_its_reason(serve: Serve) -> None:
    class Refusing(asr_pb2_grpc.AsrServiceServicer):
        async def StreamTranscribe(self, requests, context):
            await anext(aiter(requests))
            raise HuashengError("busy", service="asr", limit=1)
            yield

        async def Transcribe(self, requests, context):
            await anext(aiter(requests))
            raise HuashengError("busy", service="asr", limit=1)

    stub = (await serve(service_of("asr", Refusing()))).stub
    chunk = common_pb2.AudioChunk(data=bytes(100_000))
    for _ in range(5):
        stream = stub.StreamTranscribe(iter([asr_pb2.StreamTranscribeRequest(audio=chunk)] * 40))
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await stream.read()
        assert from_rpc(e.value, "asr").slug == "busy"
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await stub.Transcribe(iter([asr_pb2.TranscribeRequest(audio=chunk)] * 40))
        assert from_rpc(e.value, "asr").slug == "busy"


async def test_connections_are_renewed_without_breaking_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients then see replicas that came later; the age is minutes in production."""
    age = "grpc.max_connection_age_ms"
    assert dict(serving._SERVER_OPTIONS)[age] > 60_000
    monkeypatch.setattr(serving, "_SERVER_OPTIONS", [(k, 200 if k == age else v) for k, v in serving._SERVER_OPTIONS])
    async with running() as (_, _, channel, _):
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        long = asyncio.create_task(text_of(stub.StreamChat(llm_pb2.StreamChatRequest(model="1"))))
        seen = 0
        while not long.done():
            assert await text_of(stub.StreamChat(llm_pb2.StreamChatRequest(model="0"))) == "ab"
            seen += 1
        assert await long == "ab"
        assert seen > 5
