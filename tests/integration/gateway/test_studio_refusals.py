"""What cannot become a video of scenes is refused before its work starts, and the answer names the scene."""

from typing import Any

import pytest

from tests.fakes.media import blank, png, silence, tone, video, wav
from tests.integration.gateway.conftest import World, open_world


async def refused(world: World, **body: Any) -> dict[str, Any]:
    response = await world.post("videos", body)
    assert response.status_code >= 400, response.text
    problem: dict[str, Any] = response.json()
    assert not (await world.http.get("/api/v1/jobs")).json()["items"]
    return problem


async def test_the_scene_is_named(world: World) -> None:
    quiet = (await world.upload(wav(silence(2)))).json()["id"]
    spoken = (await world.upload(wav(tone(2)), "b.wav")).json()["id"]
    picture = (await world.upload(png(blank(64)), "p.png")).json()["id"]
    ground = {"kind": "film", "asset_id": picture}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"text": "好", "avatar_id": "p-nobody"}, "unknown-id"),
        ({"text": "好", "model": "nobody"}, "unknown-id"),
        ({"text": "好", "voice_id": "v_nobody"}, "unknown-voice"),
        ({"text": "好", "synthesis": {"temperature": 0.5}, "voice_id": "v_zh"}, "synthesis-unsupported"),
        ({"audio_asset_id": "a_nobody"}, "unknown-id"),
        ({"audio_asset_id": quiet}, "silent-audio"),
        ({"text": "好", "background": ground}, "wrong-kind"),
        ({"text": "好", "background": ground | {"asset_id": "a_nobody"}}, "unknown-id"),
        ({"text": " [pause 1] "}, "empty-text"),
        ({"text": "<speak>好"}, "ssml-broken"),
    ]
    for scene, reason in cases:
        problem = await refused(world, scenes=[{"text": "先说一句。"}, {"audio_asset_id": spoken}, scene])
        assert (problem["reason"], problem["params"]["scene"]) == (reason, "3"), problem
        assert problem["detail"].startswith("Scene 3: ")
    response = await world.post(
        "videos", {"scenes": [{"text": "好", "avatar_id": "p-no"}]}, **{"Accept-Language": "zh"}
    )
    assert response.json()["detail"].startswith("场景 1：")


async def test_what_is_about_the_whole_video(world: World) -> None:
    picture = (await world.upload(png(blank(64)), "p.png")).json()["id"]
    film = (await world.upload(video([blank(64)] * 5), "f.mp4")).json()["id"]
    scenes = [{"text": "好"}]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"intro_asset_id": picture}, "wrong-kind"),
        ({"outro_asset_id": "a_nobody"}, "unknown-id"),
        ({"logo": {"asset_id": film}}, "wrong-kind"),
        ({"sound": {"music": {"asset_id": picture}}}, "wrong-kind"),
        ({"sound": {"music": {"asset_id": film}}}, "wrong-kind"),
        ({"from_job_id": "j_nobody"}, "unknown-id"),
        ({"background": {"kind": "transparent"}}, "bad-request"),
        ({"format": {"container": "webm"}}, "bad-request"),
        ({"max_side_px": 100}, "bad-request"),
        ({"text": "both"}, "bad-request"),
        ({"format": {"width": 100}}, "bad-request"),
    ]
    for more, reason in cases:
        assert (await refused(world, scenes=scenes, **more))["reason"] == reason, more
    for scene in ({}, {"text": "a", "audio_asset_id": "b"}, {"text": "a", "background": {"kind": "transparent"}}):
        assert (await refused(world, scenes=[scene]))["reason"] == "bad-request"
    assert (await refused(world, scenes=[]))["reason"] == "bad-request"
    world.fakes.llm.models = []
    subtitles = {"burn": True, "second_language": "en"}
    assert (await refused(world, scenes=scenes, subtitles=subtitles))["reason"] == "no-language-model"


@pytest.mark.parametrize("where", ["text", "cue"])
async def test_words_of_every_scene_are_judged(tmp_path: Any, where: str) -> None:
    (tmp_path / "words").write_text("坏话\n", encoding="utf-8")
    async with open_world(tmp_path, GATEWAY_MODERATION_WORDS=str(tmp_path / "words")) as world:
        bad: dict[str, Any] = {"text": "这里有坏话。"}
        if where == "cue":
            bad = {"text": "好话。", "cues": [{"start_s": 0, "end_s": 1, "text": "坏话"}]}
        problem = await refused(world, scenes=[{"text": "好话。"}, bad])
        assert (problem["reason"], problem["params"]["scene"]) == ("words-refused", "2")


async def test_too_many_characters_in_all(tmp_path: Any) -> None:
    async with open_world(tmp_path, GATEWAY_MAX_SCRIPT_CHARS="100") as world:
        problem = await refused(world, scenes=[{"text": "好" * 60}, {"text": "好" * 41}])
        assert (problem["reason"], problem["params"]["count"]) == ("long-text", "101")
        assert (await world.http.get("/api/v1/system")).json()["limits"]["script_chars"] == 100


async def test_files_of_a_video_at_work_stay(world: World) -> None:
    picture = (await world.upload(png(blank(64)), "p.png")).json()["id"]
    world.fakes.render.script.hold.clear()
    scene = {"text": "好", "background": {"kind": "picture", "asset_id": picture}}
    job = (await world.post("videos", {"scenes": [scene]})).json()
    await world.until(job["id"], "running")
    assert (await world.http.delete(f"/api/v1/assets/{picture}")).json()["reason"] == "in-use"
    world.fakes.render.script.hold.set()
    assert (await world.done(job["id"]))["state"] == "succeeded"
    assert (await world.http.delete(f"/api/v1/assets/{picture}")).status_code == 204
