"""Trainings: accepted only when they can begin, watched while they run, resumed after a crash, listed when done."""

import asyncio
from typing import Any

import numpy as np
import pytest

from services.common.errors import HuashengError
from tests.fakes import media
from tests.fakes.boxes import SIGNATURE, boxes, media_of
from tests.fakes.problems import problem
from tests.fakes.tiny_video import tiny_film
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_dialogue import events_of


async def clip(world: World, name: str = "talk.mp4", shade: int = 0, sound: bool = True) -> dict[str, Any]:
    pictures = [np.full((64, 64, 3), shade, np.uint8)] * 25
    data = media.video(pictures, sound=media.tone(1) if sound else None)
    return (await world.upload(data, name)).json()


async def begin(world: World, **body: Any) -> dict[str, Any]:
    answer = await world.post("trainings", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def until_step(world: World, job_id: str, step: int) -> dict[str, Any]:
    for _ in range(3000):
        job = await world.job(job_id)
        if job["partial"].get("step", 0) >= step:
            return job
        await asyncio.sleep(0.02)
    raise AssertionError(job)


async def test_a_training_from_start_to_model(world: World) -> None:
    world.fakes.render.training.delay_s = 0.01
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"], steps=200, device="cpu")
    assert job["params"]["training_id"] == "talk"
    assert job["params"]["engine"] == "fake-render"
    events = await events_of(world.http, job["events_url"])
    reported = [d for n, d in events if n == "training"]
    steps = [d["step"] for d in reported if "step" in d]
    assert steps == sorted(steps)
    assert steps[-1] == 200
    assert any(d.get("validation_loss") for d in reported)
    assert any(d.get("curve", {}).get("after") for d in reported)
    assert {d["stage"] for n, d in events if n == "progress"} >= {"check", "fit"}
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert done["result"]["model_id"] == "talk_steps200"
    assert (done["result"]["before"], done["result"]["after"]) == ({"opening_corr": 0.41}, {"opening_corr": 0.68})
    partial = done["partial"]
    assert [p["step"] for p in partial["history"]] == list(range(10, 201, 10))
    assert partial["history"][1] == {"step": 20, "loss": 0.05, "validation_loss": 0.1}
    assert partial["warnings"] == ["out-of-sync"]
    assert partial["offset_ms"] == 120
    assert (await world.http.get(partial["preview_url"])).headers["content-type"] == "image/jpeg"
    film = await world.http.get(done["result"]["model"]["after_video_url"])
    assert film.headers["content-type"] == "video/mp4"
    assert [k for k, _ in boxes(film.content)][:2] == [b"ftyp", SIGNATURE], "signed, and still the film"
    assert media_of(film.content)[-200:] == media_of(tiny_film())[-200:]
    shown = (await world.http.get(done["result"]["model"]["preview_url"] + "&download=1")).headers
    assert shown["content-disposition"].startswith("attachment")
    listed = (await world.http.get("/api/v1/models")).json()["items"]
    mine = next(m for m in listed if not m["is_builtin"])
    assert (mine["id"], mine["avatar_id"], mine["steps"], mine["training_id"]) == ("talk_steps200", "p-me", 200, "talk")
    assert mine["curve"]["real"] == [0.1, 0.2, 0.3]
    assert mine == (await world.http.get("/api/v1/models/talk_steps200")).json()


async def test_a_model_draws_videos_and_answers(world: World) -> None:
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"], steps=100)
    model = (await world.done(job["id"]))["result"]["model_id"]
    for path in ("videos", "dialogues"):
        made = await world.done((await world.post(path, {"text": "你好", "model": model})).json()["id"])
        assert made["state"] == "succeeded", made
        assert made["result"]["model"] == model
    assert [c.model_id for c in world.fakes.render.script.seen] == [model, model]
    problem(await world.post("videos", {"text": "你好", "model": "nobody"}), 404, "unknown-id")
    problem(await world.post("dialogues", {"text": "你好", "model": "nobody"}), 404, "unknown-id")
    world.fakes.render.script.hold.clear()
    busy = (await world.post("videos", {"text": "你好", "model": model})).json()
    problem(await world.http.delete(f"/api/v1/models/{model}"), 409, "in-use")
    world.fakes.render.script.hold.set()
    await world.done(busy["id"])
    assert (await world.http.delete(f"/api/v1/models/{model}")).status_code == 204
    problem(await world.http.delete(f"/api/v1/models/{model}"), 404, "unknown-id")
    problem(await world.http.delete("/api/v1/models/builtin"), 409, "builtin-stays")


async def test_refusals_say_what_to_do(world: World) -> None:
    asset = await clip(world)
    mute = await clip(world, "mute.mp4", sound=False)
    audio = (await world.upload(media.wav(media.tone(1)))).json()
    a = {"video_asset_id": asset["id"]}
    problem(await world.post("trainings", {"video_asset_id": "a_no"}), 404, "unknown-id")
    problem(await world.post("trainings", {"video_asset_id": audio["id"]}), 422, "wrong-kind")
    problem(await world.post("trainings", {"video_asset_id": mute["id"]}), 422, "no-audio")
    for steps in (0, 99, 100_001):
        problem(await world.post("trainings", {**a, "steps": steps}), 422, "bad-request")
    problem(await world.post("trainings", {**a, "engine": "nobody"}), 422, "unknown-engine")
    problem(await world.post("trainings", {**a, "device": "cuda:9"}), 404, "unknown-id")
    world.fakes.render.can_train = False
    found = problem(await world.post("trainings", a), 501, "training-unavailable")
    assert "the fake has no legs" in found["detail"]
    row = next(e for e in (await world.http.get("/api/v1/engines")).json()["items"] if e["service"] == "render")
    assert (row["can_train"], row["cannot_train_reason"]) == (False, "the fake has no legs")
    assert (await world.http.get("/api/v1/jobs?kind=training")).json()["items"] == []


@pytest.mark.parametrize(("own", "taken"), [(0, 5000), (300, 300)])
async def test_without_steps_the_engine_tells_how_many(world: World, own: int, taken: int) -> None:
    world.fakes.render.default_steps, world.fakes.render.wants_model = own, True
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"])
    assert job["params"]["steps"] == taken
    row = next(e for e in (await world.http.get("/api/v1/engines")).json()["items"] if e["service"] == "render")
    assert (row["default_steps"], row["needs_model"], row["videos_only"]) == (own, True, True)
    assert row["training_clip"] == {"least_s": 4, "short_s": 12, "most_s": 60}
    await world.http.delete(f"/api/v1/jobs/{job['id']}")


async def test_what_the_render_service_refuses_reaches_the_person(world: World) -> None:
    world.fakes.render.training.error = HuashengError("two-faces", name="talk")
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"])
    await world.done(job["id"])
    for lang in ("zh", "en"):
        error = (await world.http.get(f"/api/v1/jobs/{job['id']}?lang={lang}")).json()["error"]
        assert error["reason"] == "two-faces"
        assert error["hint"]


@pytest.mark.parametrize("who", ["gateway", "render"])
async def test_kill_9_resumes_at_the_last_checkpoint(world: World, who: str) -> None:
    training = world.fakes.render.training
    training.delay_s = 0.03
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"], steps=1000)
    await until_step(world, job["id"], 100)
    if who == "gateway":
        await world.gateway.kill()
        reached = world.fakes.render.checkpoints["talk"]
        await world.gateway.start()
    else:
        await world.fakes.kill("render")
        reached = world.fakes.render.checkpoints["talk"]
        await world.until(job["id"], "running", stage="waiting-for-render")
        await world.fakes.start("render")
    training.delay_s = 0
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert reached >= 90
    assert [r.training_id for r in training.seen] == ["talk", "talk"]
    steps = [p["step"] for p in done["partial"]["history"]]
    assert steps == sorted(set(steps))
    assert steps[0] == 10, "what was reported before the crash is kept"
    assert steps[-1] == 1000


async def test_cancelling_stops_the_work_and_the_same_again_goes_on(world: World) -> None:
    training = world.fakes.render.training
    training.delay_s = 0.03
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"], steps=1000)
    await until_step(world, job["id"], 50)
    cancelled = (await world.http.delete(f"/api/v1/jobs/{job['id']}")).json()
    assert cancelled["state"] == "cancelled"
    await until(lambda: training.cancelled == 1)
    reached = world.fakes.render.checkpoints["talk"]
    assert reached < 900
    training.delay_s = 0
    again = await begin(world, video_asset_id=asset["id"], steps=1000)
    done = await world.done(again["id"])
    assert done["partial"]["history"][0]["step"] == reached + 10
    assert done["result"]["model_id"] == "talk_steps1000"


async def test_another_video_of_the_same_name_is_another_training(world: World) -> None:
    first, second = await clip(world, shade=10), await clip(world, shade=90)
    named = [(await begin(world, video_asset_id=a["id"], steps=100))["params"] for a in (first, second, first)]
    assert [p["training_id"] for p in named] == ["talk", "talk-2", "talk"]
    chinese = await clip(world, "我的视频.mp4", shade=40)
    params = (await begin(world, video_asset_id=chinese["id"], steps=100))["params"]
    assert params["name"] == "我的视频"
    assert params["training_id"].startswith("t-")


async def test_a_training_does_not_keep_videos_waiting(world: World) -> None:
    world.fakes.render.training.hold.clear()
    asset = await clip(world)
    job = await begin(world, video_asset_id=asset["id"])
    await world.until(job["id"], "running", stage="check")
    made = await world.done((await world.post("videos", {"text": "你好"})).json()["id"])
    assert made["state"] == "succeeded", made
    assert (await world.job(job["id"]))["state"] == "running"
    world.fakes.render.training.hold.set()


async def test_an_answer_starts_on_the_frame_shown_and_says_where_it_ends(world: World) -> None:
    body = {"text": "你好", "idle_frame": 40, "persona": "You are a teacher."}
    job = (await world.post("dialogues", body)).json()
    events = await events_of(world.http, job["events_url"])
    done = await world.done(job["id"])
    asked = world.fakes.render.script.seen[0]
    assert asked.start_frame > 40
    assert world.fakes.llm.script.seen[0].persona == "You are a teacher."
    result = done["result"]
    assert result["start_frame"] == done["partial"]["start_frame"] == asked.start_frame
    assert result["end_frame"] == (asked.start_frame + result["frames"]) % 150
    assert [d["start_frame"] for n, d in events if n == "video"] == [asked.start_frame]
    talk = (await world.http.get(f"/api/v1/conversations/{result['conversation_id']}")).json()
    assert [m["end_frame"] for m in talk["messages"]] == [None, result["end_frame"]]
