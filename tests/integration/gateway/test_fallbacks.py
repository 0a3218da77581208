"""A fallback is reported wherever the work of the engine shows: jobs, events, conversations, speech, gRPC."""

import json
from typing import Any

from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2

from services.common.errors import HuashengError
from tests.fakes.service_script import Script
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_dialogue import events_of, speech
from tests.integration.gateway.test_turn_rpc import Request, ask


def passed(service: str, **more: str) -> common_pb2.Fallback:
    return common_pb2.Fallback(service=service, wanted="a", used="b", reason=f"{service}-unreachable", **more)


def row(service: str, wanted_voice: str | None = None, used_voice: str | None = None) -> dict[str, Any]:
    fallback = {"service": service, "wanted": "a", "used": "b", "reason": f"{service}-unreachable"}
    return fallback | {"wanted_voice": wanted_voice, "used_voice": used_voice}


def scripts(world: World) -> list[Script]:
    return [world.fakes.asr.script, world.fakes.llm.script, world.fakes.tts.script]


def all_pass(world: World) -> list[dict[str, Any]]:
    asr, llm, tts = scripts(world)
    asr.fallbacks, llm.fallbacks = [passed("asr")], [passed("llm")]
    tts.fallbacks = [passed("tts", wanted_voice="mine", used_voice="v_zh")]
    return [row("asr"), row("llm"), row("tts", "mine", "v_zh")]


async def test_a_dialogue_tells_them_at_once_and_for_good(world: World) -> None:
    expected = all_pass(world)
    asset = (await world.upload(speech())).json()
    world.fakes.asr.script.delay_s = 1.5  # so that somebody watches before the first one is published
    job = (await world.post("dialogues", {"audio_asset_id": asset["id"]})).json()
    seen = await events_of(world.http, job["events_url"])
    done = seen[-1][1]
    assert done["state"] == "succeeded", done
    assert done["result"]["fallbacks"] == expected and done["partial"]["fallbacks"] == expected
    published = [{k: v for k, v in e.items() if k not in ("id", "kind")} for name, e in seen if name == "fallback"]
    assert published == expected
    names = [name for name, _ in seen]
    assert names.index("fallback") < names.index("transcript") < names.index("reply")
    conversation = (await world.http.get(f"/api/v1/conversations/{done['result']['conversation_id']}")).json()
    assert [m["fallbacks"] for m in conversation["messages"]] == [None, expected]


async def test_an_attempt_after_a_crash_tells_each_once(world: World) -> None:
    expected = all_pass(world)
    world.fakes.render.script.error = HuashengError("service-down", service="render")
    world.fakes.render.script.error_times = 1
    world.fakes.render.script.delay_s = 0.05
    job = (await world.post("dialogues", {"text": "说说看"})).json()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert done["result"]["fallbacks"] == expected[1:]


async def test_a_video_tells_them(world: World) -> None:
    expected = all_pass(world)
    job = (await world.post("videos", {"text": "大家好"})).json()
    assert (await world.done(job["id"]))["result"]["fallbacks"] == expected[2:]
    asset = (await world.upload(speech())).json()
    job = (await world.post("videos", {"audio_asset_id": asset["id"], "subtitles": True})).json()
    assert (await world.done(job["id"]))["result"]["fallbacks"] == expected[:1]


async def test_without_trouble_there_are_none(world: World) -> None:
    job = (await world.post("dialogues", {"text": "你好"})).json()
    assert (await world.done(job["id"]))["result"]["fallbacks"] == []
    assert "X-Fallbacks" not in (await world.post("speech", {"text": "Hello"})).headers


async def test_engines_are_chosen_and_fallback_forbidden(world: World) -> None:
    asr, llm, _ = scripts(world)
    asset = (await world.upload(speech())).json()
    choice = {"asr": "google", "llm": "zhipu", "llm_model": "glm-4-air", "tts": "kokoro"}
    body = {"audio_asset_id": asset["id"], "engines": choice, "fallback": False}
    await world.done((await world.post("dialogues", body)).json()["id"])
    asked = [asr.seen[-1], llm.seen[-1], world.fakes.tts.configs[-1]]
    assert [a.engine for a in asked] == ["google", "zhipu", "kokoro"] and all(a.no_fallback for a in asked)
    assert llm.seen[-1].model == "glm-4-air"
    await world.done((await world.post("dialogues", {"text": "你好"})).json()["id"])
    asked = [llm.seen[-1], world.fakes.tts.configs[-1]]
    assert [a.engine for a in asked] == ["", ""] and not any(a.no_fallback for a in asked)
    assert (await world.post("dialogues", {"text": "你好", "engines": {"tss": "x"}})).status_code == 422


async def test_speech_and_transcriptions_tell_them(world: World) -> None:
    expected = all_pass(world)
    spoken = await world.post("speech", {"text": "Hello", "engine": "kokoro", "fallback": False})
    assert json.loads(spoken.headers["X-Fallbacks"]) == expected[2:]
    config = world.fakes.tts.configs[-1]
    assert (config.engine, config.no_fallback) == ("kokoro", True)
    files = {"file": ("a.wav", speech())}
    answer = await world.http.post("/api/v1/transcriptions", files=files, data={"fallback": "false"})
    assert answer.json()["fallbacks"] == expected[:1]
    assert world.fakes.asr.script.seen[-1].no_fallback


async def test_a_kept_voice_sample_is_never_another_voices(world: World) -> None:
    assert (await world.http.get("/api/v1/voices/v_zh/sample")).status_code == 200
    assert world.fakes.tts.configs[-1].no_fallback


async def test_the_grpc_door_tells_and_takes_them(world: World) -> None:
    all_pass(world)
    config = gateway_pb2.TurnConfig(
        text="你好", llm_engine="zhipu", tts_engine="kokoro", no_fallback=True, llm_model="glm-4-air"
    )
    parts = [p async for p in ask(world, Request(config=config), Request(end=common_pb2.EndOfInput()))]
    sent = [p.fallback for p in parts if p.WhichOneof("payload") == "fallback"]
    assert sent == [passed("llm"), passed("tts", wanted_voice="mine", used_voice="v_zh")]
    asked = [world.fakes.llm.script.seen[-1], world.fakes.tts.configs[-1]]
    assert [a.engine for a in asked] == ["zhipu", "kokoro"] and all(a.no_fallback for a in asked)
    assert asked[0].model == "glm-4-air"


async def test_engines_show_their_breakers(world: World) -> None:
    items = (await world.http.get("/api/v1/engines")).json()["items"]
    llm = next(e for e in items if e["service"] == "llm")
    assert (llm["breaker"], llm["breaker_reason"], llm["breaker_retry_s"]) == ("closed", "", 0)
    assert llm["models"] == ["m", "m-small"]
