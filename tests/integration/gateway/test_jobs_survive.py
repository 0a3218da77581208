"""Jobs outlive a killed gateway and a killed service, are cancelled at once, and are never done twice."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from tests.fakes.media import tone, wav
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_dialogue import events_of, frames


def kept(world: World, job: str) -> dict[str, Any]:
    """What the gateway's database holds of a job's partial results."""
    with contextlib.closing(sqlite3.connect(world.folder / "data" / "gateway.sqlite")) as db:
        (partial,) = db.execute("select partial from jobs where id = ?", (job,)).fetchone()
    found: dict[str, Any] = json.loads(partial)
    return found


async def test_kill_9_of_the_gateway(world: World) -> None:
    """Hearing is done and the answer known when the gateway dies: neither is asked for again."""
    asset = (await world.upload(wav(tone(1)))).json()
    world.fakes.render.script.hold.clear()
    running = (await world.post("dialogues", {"audio_asset_id": asset["id"]})).json()
    waiting = [(await world.post("dialogues", {"text": f"还有{i}"})).json() for i in range(2)]
    await world.until(running["id"], "running")
    await until(lambda: bool(kept(world, running["id"]).get("reply_is_whole")))
    await world.gateway.kill()
    assert not list((world.folder / "storage").glob("results/**/*.mp4"))
    asked = world.fakes.llm.script.calls
    world.fakes.render.script.hold.set()
    await world.gateway.start()
    done = await world.done(running["id"])
    assert done["state"] == "succeeded", done
    assert done["result"]["transcript"] == "你好，你是谁？"
    assert done["result"]["timings_ms"]["asr"] > 0
    assert world.fakes.asr.script.calls == 1
    for job in waiting:
        assert (await world.done(job["id"]))["state"] == "succeeded"
    assert world.fakes.llm.script.calls == max(asked, 1) + 2 - (asked - 1)
    video = await world.http.get(done["result"]["video_url"])
    assert frames(video.content) == done["result"]["duration_s"] * 25
    conversation = (await world.http.get(f"/api/v1/conversations/{done['result']['conversation_id']}")).json()
    assert [m["role"] for m in conversation["messages"]] == ["user", "assistant"]
    assert not list((world.folder / "data" / "work").glob("*/*")), "work in progress is cleared away"


async def test_orderly_stop_parks_jobs_and_ends_event_streams(world: World) -> None:
    world.fakes.render.script.hold.clear()
    job = (await world.post("dialogues", {"text": "你好"})).json()
    await world.until(job["id"], "running", stage="tts")
    watching = asyncio.create_task(events_of(world.http, "/api/v1/events"))
    await asyncio.sleep(0.3)
    assert await world.gateway.stop() == 0, world.gateway.log
    assert (await asyncio.wait_for(watching, 5))[0][0] == "snapshot"
    world.fakes.render.script.hold.set()
    await world.gateway.start()
    assert (await world.done(job["id"]))["state"] == "succeeded"
    assert "Traceback" not in world.gateway.log


async def test_killed_service_is_waited_for(world: World) -> None:
    world.fakes.render.script.hold.clear()
    job = (await world.post("dialogues", {"text": "你好"})).json()
    await world.until(job["id"], "running", stage="tts")
    await world.fakes.kill("render")
    waiting = await world.until(job["id"], "running", stage="waiting-for-render")
    assert waiting["error"] is None
    system = (await world.http.get("/api/v1/system?lang=zh")).json()
    down = {s["service"]: s for s in system["services"]}["render"]
    assert down["status"] == "down"
    assert "render" in down["why"]
    assert system["status"] == "degraded"
    assert (await world.http.get("/readyz")).status_code == 200
    world.fakes.render.script.hold.set()
    await world.fakes.start("render")
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert world.fakes.llm.script.calls == 1, "the answer was known and is not asked for again"
    final = await world.http.get(done["result"]["video_url"])
    assert frames(final.content) == done["result"]["duration_s"] * 25


async def test_service_that_stays_down_is_named(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_RETRY_S="1") as world:
        await world.fakes.kill("tts")
        job = (await world.post("videos", {"text": "你好"})).json()
        done = await world.done(job["id"])
        assert done["state"] == "failed"
        assert done["error"]["reason"] == "service-down"
        assert done["error"]["params"] == {"service": "tts"}
        assert not list((tmp_path / "storage").glob("results/**/*"))


async def test_input_that_kills_its_engine_does_not_go_round_for_ever(world: World) -> None:
    world.fakes.render.script.error = HuashengError("engine-failed", engine="fake-render", why="crash")
    job = (await world.post("videos", {"text": "你好"})).json()
    done = await world.done(job["id"])
    assert done["error"]["reason"] == "engine-failed"
    assert world.fakes.render.script.calls == 1


async def test_cancelling_a_running_job_frees_its_engine(world: World) -> None:
    world.fakes.render.script.hold.clear()
    job = (await world.post("videos", {"text": "你好，这是一个很长的视频。"})).json()
    await world.until(job["id"], "running", stage="tts")
    await until(lambda: world.fakes.render.script.active == 1)
    answer = await world.http.delete(f"/api/v1/jobs/{job['id']}")
    assert answer.json()["state"] == "cancelled"
    await until(lambda: world.fakes.render.script.active == 0)  # though its stream is held and nothing can come
    assert world.fakes.render.script.cancelled == 1
    world.fakes.render.script.hold.set()
    again = await world.http.delete(f"/api/v1/jobs/{job['id']}")
    assert again.json()["state"] == "cancelled"
    assert (await world.http.get(job["video_url"])).json()["reason"] == "cancelled"
    assert not list((world.folder / "storage").glob("results/**/*"))


async def test_cancelling_a_queued_job_and_queue_positions(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_RENDER_CONCURRENCY="1", GATEWAY_MAX_QUEUED_JOBS="3") as world:
        world.fakes.render.script.hold.clear()
        first = (await world.post("videos", {"text": "第一"})).json()
        await world.until(first["id"], "running")
        others = [(await world.post("videos", {"text": f"第{i}"})).json() for i in range(3)]
        full = await world.post("videos", {"text": "太多"})
        assert (full.status_code, full.json()["reason"]) == (429, "queue-full")
        assert full.headers["retry-after"]
        assert [(await world.job(j["id"]))["queue_position"] for j in others] == [1, 2, 3]
        seen: list[tuple[str, Any]] = []
        watch = asyncio.create_task(events_of(world.http, others[1]["events_url"], seen))
        await until(lambda: seen)
        gone = (await world.http.delete(f"/api/v1/jobs/{others[0]['id']}")).json()
        assert gone["state"] == "cancelled"
        assert [(await world.job(j["id"]))["queue_position"] for j in others] == [None, 1, 2]
        assert 'huasheng_jobs{kind="video",state="queued"} 2.0' in (await world.http.get("/metrics")).text
        # those who wait hear that they moved up
        await until(lambda: ("progress", 1) in [(n, d.get("queue_position")) for n, d in seen])
        world.fakes.render.script.hold.set()
        assert (await world.done(others[2]["id"]))["state"] == "succeeded"
        await watch
        counts = {(await world.job(j["id"]))["state"] for j in [first, *others[1:]]}
        assert counts == {"succeeded"}
        metrics = (await world.http.get("/metrics")).text
        assert 'huasheng_jobs{kind="video",state="succeeded"} 3.0' in metrics
        assert 'huasheng_jobs{kind="video",state="cancelled"} 1.0' in metrics
        assert 'huasheng_jobs{kind="video",state="queued"} 0.0' in metrics
        assert 'huasheng_job_seconds_count{kind="video",state="succeeded"} 3.0' in metrics
        assert 'huasheng_stage_seconds_count{stage="turn"} 3.0' in metrics


async def test_forgetting_a_job_removes_its_files(world: World) -> None:
    job = (await world.post("videos", {"text": "你好"})).json()
    done = await world.done(job["id"])
    assert (await world.http.get(done["result"]["video_url"])).status_code == 200
    assert (await world.http.delete(f"/api/v1/jobs/{job['id']}?forget=true")).status_code == 204
    assert (await world.http.get(done["result"]["video_url"])).status_code == 404
    assert (await world.http.get(f"/api/v1/jobs/{job['id']}")).status_code == 404
