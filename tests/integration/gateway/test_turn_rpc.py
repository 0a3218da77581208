"""The gateway's gRPC door: one turn as a stream."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from services.common.audio import to_pcm16
from services.common.errors import from_rpc
from tests.fakes.engine_services import TOKEN_SHOWN
from tests.fakes.media import tone
from tests.fakes.service_script import pcm
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_dialogue import frames

Request = gateway_pb2.StreamTurnRequest


def ask(world: World, *messages: Request, turn_id: str = "t_test"):
    async def requests():
        for m in messages:
            yield m

    channel = grpc.aio.insecure_channel(f"127.0.0.1:{world.gateway.grpc_port}")
    metadata = (("x-turn-id", turn_id), *TOKEN_SHOWN)
    return gateway_pb2_grpc.GatewayServiceStub(channel).StreamTurn(requests(), timeout=30, metadata=metadata)


async def test_spoken_turn(world: World) -> None:
    sound = to_pcm16(tone(1.0))
    chunks = [Request(audio=common_pb2.AudioChunk(data=sound[i : i + 6400])) for i in range(0, len(sound), 6400)]
    config = Request(config=gateway_pb2.TurnConfig(format=pcm(16000)))
    parts = [p async for p in ask(world, config, *chunks, Request(end=common_pb2.EndOfInput()))]
    kinds = [p.WhichOneof("payload") for p in parts]
    assert kinds[0] == "transcript"
    assert kinds[-1] == "finished"
    assert "".join(p.reply.text for p in parts) == world.fakes.llm.reply
    assert frames(b"".join(p.media.data for p in parts)) > 10
    finished = parts[-1].finished
    assert {"asr", "llm_first_token", "tts_first_audio", "render_first_frame", "total"} <= set(finished.timings_ms)
    asked = world.fakes.asr.script.seen[0]
    assert asked.format.sample_rate_hertz == 16000
    again = ask(
        world,
        Request(config=gateway_pb2.TurnConfig(text="然后呢？", conversation_id=finished.conversation_id)),
        Request(end=common_pb2.EndOfInput()),
    )
    assert [p async for p in again][-1].finished.conversation_id == finished.conversation_id
    assert len(world.fakes.llm.script.seen[-1].messages) == 3
    assert world.fakes.render.script.seen[0].live
    assert world.fakes.render.script.seen[0].start_frame == 0, "no loop is shown"


async def test_model_persona_and_the_frame_of_the_idle_loop(world: World) -> None:
    """The loop that the caller shows runs on while the answer is prepared: the video starts where it is by then."""
    world.fakes.llm.script.delay_s = 0.1
    config = gateway_pb2.TurnConfig(text="你好", model_id="m_steps1", idle_frame=100, persona="You are a teacher.")
    parts = [p async for p in ask(world, Request(config=config), Request(end=common_pb2.EndOfInput()))]
    asked = world.fakes.render.script.seen[0]
    assert asked.model_id == "m_steps1"
    assert world.fakes.llm.script.seen[0].persona == "You are a teacher."
    video = next(p.video for p in parts if p.WhichOneof("payload") == "video")
    assert video.start_frame == asked.start_frame == 0, "an unknown model has no loop"
    again = gateway_pb2.TurnConfig(text="你好", idle_frame=100)
    parts = [p async for p in ask(world, Request(config=again), Request(end=common_pb2.EndOfInput()))]
    asked = world.fakes.render.script.seen[1]
    assert 100 + 0.4 * 25 + 2 <= asked.start_frame <= 100 + 10 * 25
    video = next(p.video for p in parts if p.WhichOneof("payload") == "video")
    assert (video.start_frame, video.fps) == (asked.start_frame, 25)
    frames_drawn = frames(b"".join(p.media.data for p in parts))
    assert parts[-1].finished.end_frame == (asked.start_frame + frames_drawn) % 150


async def test_words_that_the_voice_cannot_say_are_named(world: World) -> None:
    world.fakes.llm.reply = "这是 Привет。"
    config = Request(config=gateway_pb2.TurnConfig(text="你好"))
    parts = [p async for p in ask(world, config, Request(end=common_pb2.EndOfInput()))]
    found = [p.warning for p in parts if p.WhichOneof("payload") == "warning"]
    assert [(w.reason, w.text, w.script) for w in found] == [("left-out", "Привет", "Cyrillic")]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([Request(end=common_pb2.EndOfInput())], "bad-order"),
        ([Request(config=gateway_pb2.TurnConfig())], "bad-request"),
        ([Request(config=gateway_pb2.TurnConfig(text="a", conversation_id="c_no"))], "unknown-id"),
        ([Request(config=gateway_pb2.TurnConfig(format=pcm(500)))], "bad-request"),
    ],
)
async def test_refusals(world: World, messages: list[Request], reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as e:
        [p async for p in ask(world, *messages)]
    assert from_rpc(e.value, "gateway").slug == reason


async def test_cancelling_frees_every_engine(world: World) -> None:
    world.fakes.render.script.hold.clear()
    call = ask(world, Request(config=gateway_pb2.TurnConfig(text="你好")), Request(end=common_pb2.EndOfInput()))
    async for part in call:
        if part.WhichOneof("payload") == "reply":
            break
    await until(lambda: world.fakes.render.script.active == 1)
    call.cancel()
    await until(lambda: world.fakes.render.script.active == 0)
    world.fakes.render.script.hold.set()


async def test_health_for_probes(world: World) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.gateway.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "huasheng.gateway.v1.GatewayService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
