"""Cloned voices over REST: made, sampled, changed, chosen for an avatar, deleted; and how speech is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from huasheng.tts.v1 import tts_pb2

from services.common.engine_info import error_message
from services.common.errors import HuashengError
from tests.fakes import media
from tests.fakes.engine_services import TOKEN_SHOWN
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World

CONSENT = {"consent": "This is my own voice.", "consent_by": "A. Person"}


def take(tone: int = 0) -> dict[str, Any]:
    return {"file": ("me.wav", media.wav(media.tone(4 + tone / 10)))}


async def clone(world: World, name: str = "我", **fields: str) -> dict[str, Any]:
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    made = await world.http.post("/api/v1/voices", files=take(), data={"name": name, **CONSENT, **fields})
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


def left(world: World, folder: str) -> list[str]:
    return sorted(p.name for p in (world.folder / "storage" / folder).rglob("*") if p.is_file())


async def test_a_voice_from_its_making_to_its_end(world: World) -> None:
    made = await clone(world)
    voice_id = made["voice_id"]
    assert (made["name"], made["language"], made["engine"], made["is_cloned"]) == ("我", "zh", "fake-clone", True)
    assert made["consent"] == {
        "statement": CONSENT["consent"],
        "given_by": "A. Person",
        "recorded_at": "2025-10-09T08:53:20.000Z",
    }
    assert made["synthesis"] == ["speed", "seed", "temperature", "split"]
    (clip,) = made["clips"]
    assert clip["transcript"] == "你好，你是谁？", "recognised where none was given"
    assert (await world.http.get(clip["url"])).headers["content-type"] == "audio/wav"
    assert left(world, "assets") == [], "the upload is not kept beside the voice"
    listed = (await world.http.get("/api/v1/voices")).json()
    assert listed["items"][-1]["voice_id"] == voice_id and listed["cloning_problem"] is None

    sample = await world.http.get(made["sample_url"])
    assert sample.content[:4] == b"RIFF" and world.fakes.tts.configs[-1].voice_id == voice_id
    before = len(world.fakes.tts.configs)
    assert (await world.http.get(made["sample_url"])).content == sample.content
    assert len(world.fakes.tts.configs) == before, "made once"

    renamed = await world.http.patch(f"/api/v1/voices/{voice_id}", json={"name": "小明"})
    assert renamed.json()["name"] == "小明"
    problem(await world.http.patch(f"/api/v1/voices/{voice_id}", json={"name": ""}), 422, "bad-request")
    problem(await world.http.patch("/api/v1/voices/v_zh", json={"name": "x"}), 409, "builtin-stays")
    problem(await world.http.patch("/api/v1/voices/nobody", json={"name": "x"}), 404, "unknown-voice")

    assert (await world.http.delete(f"/api/v1/voices/{voice_id}")).status_code == 204
    problem(await world.http.delete(f"/api/v1/voices/{voice_id}"), 404, "unknown-voice")
    assert left(world, "samples") == [], "nothing in that voice is left"
    problem(await world.post("speech", {"text": "你好", "voice_id": voice_id}), 404, "unknown-voice")


async def test_several_recordings_of_one_voice(world: World) -> None:
    made = await clone(world, transcript="第一段。")
    clips = f"/api/v1/voices/{made['voice_id']}/clips"
    await world.http.get(made["sample_url"])
    grown = await world.http.post(clips, files=take(1), data={"transcript": "第二段。"})
    assert grown.status_code == 201
    assert [c["transcript"] for c in grown.json()["clips"]] == ["第一段。", "第二段。"]
    assert left(world, "samples") == [], "the voice sounds otherwise now"
    recognised = await world.http.post(clips, files=take(2))
    ids = [c["clip_id"] for c in recognised.json()["clips"]]
    assert recognised.json()["clips"][2]["transcript"] == "你好，你是谁？" and len(set(ids)) == 3
    fewer = await world.http.delete(f"{clips}/{ids[0]}")
    assert [c["clip_id"] for c in fewer.json()["clips"]] == ids[1:]
    await world.http.delete(f"{clips}/{ids[1]}")
    problem(await world.http.delete(f"{clips}/{ids[2]}"), 409, "voice-last-clip")
    problem(await world.http.post("/api/v1/voices/v_zh/clips", files=take()), 409, "builtin-stays")
    short = {"file": ("me.wav", media.wav(media.tone(1)))}
    problem(await world.http.post(clips, files=short), 422, "too-short")
    world.fakes.tts.script.error, world.fakes.tts.script.error_times = HuashengError("voice-noisy", name="x"), 2
    problem(await world.http.post(clips, files=take(3)), 422, "voice-noisy")
    assert left(world, "assets") == []


async def test_the_same_request_twice_makes_one_voice(world: World) -> None:
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    answers = [
        await world.http.post(
            "/api/v1/voices", files=take(), data={"name": "我", **CONSENT}, headers={"Idempotency-Key": "one"}
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json() and answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(world.fakes.tts.cloned) == 1
    data = {"name": "someone else", **CONSENT}
    other = await world.http.post("/api/v1/voices", files=take(), data=data, headers={"Idempotency-Key": "one"})
    problem(other, 409, "idempotency-conflict")


async def test_why_nothing_can_be_cloned_is_said_in_the_readers_language(world: World) -> None:
    error = HuashengError(
        "engine-unavailable", engine="gpt_sovits", cause="sovits-no-api", variable="TTS_GPT_SOVITS_CHECKOUT", path="/x"
    )
    world.fakes.tts.clones = tts_pb2.Cloning(
        failed_engine="gpt_sovits", why=error.why("en"), problem=error_message(error)
    )
    for lang, words in (("zh", "中没有 api_v2.py"), ("en", "there is no api_v2.py in TTS_GPT_SOVITS_CHECKOUT (/x)")):
        found = (await world.http.get(f"/api/v1/voices?lang={lang}")).json()["cloning_problem"]
        assert words in found["detail"] and found["reason"] == "engine-unavailable"


@pytest.mark.parametrize(
    ("cloning", "status", "reason"),
    [
        (tts_pb2.Cloning(), 501, "cloning-unavailable"),
        (tts_pb2.Cloning(failed_engine="gpt_sovits", why="no api_v2.py there"), 503, "engine-unavailable"),
    ],
)
async def test_without_an_engine_that_clones_nothing_is_decoded(
    world: World, cloning: tts_pb2.Cloning, status: int, reason: str
) -> None:
    world.fakes.tts.clones = cloning
    found = (await world.http.get("/api/v1/voices?lang=zh")).json()["cloning_problem"]
    assert found["reason"] == reason and found["hint"]
    # not even a recording that cannot be decoded comes to that
    big = {"file": ("me.wav", b"no sound at all" * 300_000)}
    refused = problem(await world.http.post("/api/v1/voices?lang=en", files=big, data={"name": "me"}), status, reason)
    assert cloning.why in refused["detail"]
    if reason == "cloning-unavailable":
        assert "Install GPT-SoVITS" in refused["hint"]
    assert world.fakes.asr.script.calls == 0 and left(world, "assets") == []


async def test_weights_are_chosen_from_the_operators_list(world: World) -> None:
    assert (await clone(world))["weights"] is None
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone", models=["calm", "lively"])
    assert (await world.http.get("/api/v1/voices")).json()["cloning_weights"] == ["calm", "lively"]
    data = {"name": "me", **CONSENT, "weights": "lively"}
    assert (await world.http.post("/api/v1/voices", files=take(), data=data)).json()["weights"] == "lively"
    calls = world.fakes.asr.script.calls
    refused = await world.http.post("/api/v1/voices", files=take(), data={**data, "weights": "../evil.ckpt"})
    problem(refused, 422, "bad-request")
    assert world.fakes.asr.script.calls == calls


async def test_consent_and_name_come_before_recognition(world: World) -> None:
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    post = world.http.post
    for field in CONSENT:
        given = {"name": "me", **CONSENT, field: " "}
        problem(await post("/api/v1/voices", files=take(), data=given), 422, "voice-no-consent")
    problem(await post("/api/v1/voices", files=take(), data=CONSENT), 422, "bad-request")
    assert world.fakes.asr.script.calls == 0
    world.fakes.asr.text = ""
    problem(await post("/api/v1/voices", files=take(), data={"name": "me", **CONSENT}), 422, "no-speech")
    assert world.fakes.tts.cloned == {} and left(world, "assets") == []


async def test_an_avatar_has_a_voice_until_the_voice_is_deleted(world: World) -> None:
    voice_id = (await clone(world, "Anna"))["voice_id"]
    avatar = "/api/v1/avatars/builtin"
    assert (await world.http.get(avatar)).json()["voice_id"] is None
    problem(await world.http.patch(avatar, json={"voice_id": "nobody"}), 404, "unknown-voice")
    problem(await world.http.patch(avatar, json={}), 422, "bad-request")
    problem(await world.http.patch("/api/v1/avatars/no", json={"voice_id": voice_id}), 404, "unknown-id")
    assert (await world.http.patch(avatar, json={"voice_id": voice_id})).json()["voice_id"] == voice_id

    spoken = world.fakes.tts.configs
    jobs = [await world.post("videos", {"text": "你好。", "avatar_id": "builtin"})]
    jobs.append(await world.post("videos", {"text": "你好。"}))  # nobody named: the built-in one
    jobs.append(await world.post("dialogues", {"text": "你好。"}))
    for job in jobs:
        done = await world.done(job.json()["id"])
        assert done["result"]["voice_id"] == voice_id and job.json()["params"]["voice_id"] == voice_id
    assert [c.voice_id for c in spoken] == [voice_id] * 3
    named = await world.post("videos", {"text": "你好。", "voice_id": "v_en"})
    assert (await world.done(named.json()["id"]))["result"]["voice_id"] == "v_en"

    assert (await world.http.delete(f"/api/v1/voices/{voice_id}")).status_code == 204
    (listed,) = (await world.http.get("/api/v1/avatars")).json()["items"]
    assert (listed["voice_id"], listed["lost_voice"]) == (None, "Anna")
    job = await world.post("videos", {"text": "你好。"})
    assert (await world.done(job.json()["id"]))["state"] == "succeeded" and not spoken[-1].voice_id
    chosen = (await world.http.patch(avatar, json={"voice_id": "v_zh"})).json()
    assert (chosen["voice_id"], chosen["lost_voice"]) == ("v_zh", None)
    assert (await world.http.patch(avatar, json={"voice_id": None})).json()["voice_id"] is None


async def test_the_avatars_voice_answers_over_grpc_too(world: World) -> None:
    import grpc

    await world.http.patch("/api/v1/avatars/builtin", json={"voice_id": "v_en"})
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.gateway.grpc_port}") as channel:
        stub = gateway_pb2_grpc.GatewayServiceStub(channel)
        turn = gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="hello"))
        async for _ in stub.StreamTurn(iter([turn]), timeout=30, metadata=TOKEN_SHOWN):
            pass
    assert world.fakes.tts.configs[-1].voice_id == "v_en"


async def test_synthesis_is_followed_or_refused(world: World) -> None:
    voice_id = (await clone(world))["voice_id"]
    wanted = {"speed": 1.5, "seed": 7, "temperature": 0.5, "split": "cut5"}
    spoken = world.fakes.tts.configs
    assert (await world.post("speech", {"text": "你好", "voice_id": voice_id, "synthesis": wanted})).status_code == 200
    for path in ("videos", "dialogues"):
        job = (await world.post(path, {"text": "你好", "voice_id": voice_id, "synthesis": wanted})).json()
        assert job["params"]["synthesis"] == wanted
        assert (await world.done(job["id"]))["state"] == "succeeded"
    for config in spoken:
        s = config.sampling
        assert (config.speed, s.seed, round(s.temperature, 3), s.split) == (1.5, 7, 0.5, "cut5")
        assert not s.HasField("top_k")
    # what an engine does not support is refused at once, also for the voice that nobody named
    for path in ("speech", "videos", "dialogues"):
        for voice in ({}, {"voice_id": "v_zh"}):
            refused = await world.post(path, {"text": "你好", "synthesis": {"seed": 1, "speed": 1.2}, **voice})
            assert problem(refused, 422, "synthesis-unsupported")["params"] == {"engine": "fake-tts", "fields": "seed"}
        problem(await world.post(path, {"text": "你好", "voice_id": "nobody"}), 404, "unknown-voice")
        for wrong in ({"seed": -2}, {"top_p": 0}, {"split": "cut6"}, {"speed": 3}, {"volume": 1}):
            problem(await world.post(path, {"text": "你好", "synthesis": wrong}), 422, "bad-request")
    assert (await world.post("speech", {"text": "你好", "synthesis": {"speed": 0.8}})).status_code == 200
    assert round(spoken[-1].speed, 3) == 0.8
    problem(await world.post("speech", {"text": "a", "speed": 1, "synthesis": {"speed": 1}}), 422, "bad-request")
    sound = (await world.upload(media.wav(media.tone(1)))).json()
    problem(await world.post("videos", {"audio_asset_id": sound["id"], "synthesis": {"seed": 1}}), 422, "bad-request")


async def test_a_voice_whose_engine_was_not_loaded_is_left_to_tts(world: World) -> None:
    # it is not listed, but tts may know it, and may know another engine to stand in
    world.fakes.tts.clones = tts_pb2.Cloning(failed_engine="gpt_sovits", why="no api_v2.py there")
    assert (await world.post("videos", {"text": "你好", "voice_id": "v_00"})).status_code == 202
    world.fakes.tts.clones = tts_pb2.Cloning(engine="gpt_sovits")
    problem(await world.post("videos", {"text": "你好", "voice_id": "v_00"}), 404, "unknown-voice")


async def test_a_tts_service_that_is_down_does_not_keep_jobs_out(world: World) -> None:
    await world.http.patch("/api/v1/avatars/builtin", json={"voice_id": "v_en"})
    await world.fakes.kill("tts")
    job = (await world.post("videos", {"text": "你好"})).json()
    await world.until(job["id"], "running", stage="waiting-for-tts")
    await world.fakes.start("tts")
    done = await asyncio.wait_for(world.done(job["id"]), 60)
    assert done["state"] == "succeeded" and done["result"]["voice_id"] == "v_en"
