"""A turn whose parts go wrong ends with an error, whatever went wrong: it never waits for ever."""

import asyncio
from typing import Any

import pytest
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common.errors import HuashengError
from services.gateway.clients import Clients, Sent, mapped
from services.gateway.settings import GatewaySettings
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.events import Reply
from services.gateway.turn.flow import Flow
from services.gateway.turn.pipeline import speak_text
from services.gateway.turn.timings import Timings
from tests.fakes.serving import Serve, service_of


class Silent(tts_pb2_grpc.TtsServiceServicer):
    """Takes what comes, and answers nothing before the end."""

    async def StreamSynthesize(self, requests: Any, context: Any) -> Any:
        async for _ in requests:
            pass
        yield tts_pb2.StreamSynthesizeResponse(finished=tts_pb2.SynthesisFinished())


async def clients_of(serve: Serve, **settings: Any) -> Clients:
    running = await serve(service_of("tts", Silent()))
    return Clients(GatewaySettings(tts_address=running.address, **settings))


async def ends(events: Any) -> HuashengError:
    async def read() -> None:
        async for _ in events:
            pass

    with pytest.raises(HuashengError) as e:
        await asyncio.wait_for(read(), 20)
    return e.value


async def test_a_text_that_cannot_be_sent_ends_the_turn(serve: Serve) -> None:
    """Checks keep such texts out; one that gets past them must not hang the call that sends it."""
    clients = await clients_of(serve)
    with pytest.raises(Exception, match=r"surrogates|utf-8|UTF-8|not expect"):
        await asyncio.wait_for(read_all(speak_text(clients, Timings(), VoiceChoice("local"), "x \ud800")), 20)
    await clients.close()


async def read_all(events: Any) -> list[Any]:
    return [e async for e in events]


async def test_an_input_that_fails_ends_its_call_with_its_error(serve: Serve) -> None:
    clients = await clients_of(serve)

    async def requests() -> Any:
        yield tts_pb2.StreamSynthesizeRequest(end=common_pb2.EndOfInput())
        raise HuashengError("too-long", name="audio")

    sent = Sent(requests())
    with pytest.raises(HuashengError, match="too-long"), mapped("tts", sent):
        async for _ in clients.tts.StreamSynthesize(sent, timeout=20):
            pass
    await clients.close()


async def test_a_cancel_of_ours_stays_a_cancel(serve: Serve) -> None:
    clients = await clients_of(serve)

    async def requests() -> Any:
        await asyncio.sleep(60)
        yield tts_pb2.StreamSynthesizeRequest(end=common_pb2.EndOfInput())

    async def call() -> None:
        with mapped("tts", sent := Sent(requests())):
            async for _ in clients.tts.StreamSynthesize(sent, timeout=60):
                pass

    task = asyncio.create_task(call())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await clients.close()


async def test_a_stage_that_nobody_cancelled_and_is_cancelled_ends_the_turn() -> None:
    async def stage() -> None:
        raise asyncio.CancelledError

    flow = Flow(None, Timings(), 60)  # type: ignore[arg-type]  # no stage here calls a service
    flow.start(stage())
    assert (await ends(flow.events())).slug == "internal"


async def test_stages_together_have_a_deadline() -> None:
    flow = Flow(None, Timings(), 0.2)  # type: ignore[arg-type]
    flow.start(asyncio.sleep(60))
    assert (await ends(flow.events())).slug == "service-slow"


@pytest.mark.parametrize("turns_of_the_loop", range(5))
async def test_a_cancel_that_meets_an_event_is_not_lost(turns_of_the_loop: int) -> None:
    flow = Flow(None, Timings(), 60)  # type: ignore[arg-type]
    flow.start(asyncio.sleep(60))

    async def read() -> None:
        async for _ in flow.events():
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    await flow.emit(Reply("a"))
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading}, timeout=10)
    assert reading.cancelled()
