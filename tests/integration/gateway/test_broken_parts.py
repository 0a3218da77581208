"""Parts that fail around the gateway: disks, files, rows, and services that are not ready yet."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2
from huasheng.render.v1 import render_pb2

from services.common.audio import wav_bytes
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.live_client import live_client
from tests.fakes.media import tone
from tests.fakes.problems import problem
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_turn_rpc import ask


@contextlib.contextmanager
def database(world: World) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(world.folder / "data" / "gateway.sqlite", timeout=20)) as db, db:
        yield db


async def test_rows_that_nobody_can_read_hide_no_others_and_can_be_removed(world: World) -> None:
    jobs = [(await world.post("videos", {"text": f"第{n}个"})).json()["id"] for n in range(5)]
    for job in jobs:
        assert (await world.done(job))["state"] == "succeeded"
    with database(world) as db:
        changes = {
            "params": "{broken",
            "result": '{"text": "\\ud800"}',
            "error": '{"reason": "of-old", "params": []}',
            "kind": "nothing",
        }
        for job, (column, value) in zip(jobs, changes.items(), strict=False):
            db.execute(f"update jobs set {column} = ? where id = ?", (value, job))
        db.execute("update jobs set created_at = 'when' where id = ?", (jobs[4],))
    good = (await world.post("videos", {"text": "好"})).json()["id"]
    answer = await world.http.get("/api/v1/jobs")
    assert answer.status_code == 200
    assert {good, *jobs[:3]} <= {j["id"] for j in answer.json()["items"]}
    assert (await world.http.get("/api/v1/videos")).status_code == 200
    await world.done(good)
    for job in jobs:
        assert (await world.http.delete(f"/api/v1/jobs/{job}?forget=true")).status_code == 204
    assert [j["id"] for j in (await world.http.get("/api/v1/jobs")).json()["items"]] == [good]


async def test_a_job_that_says_it_runs_and_does_not_is_failed(world: World) -> None:
    """As a gateway left them that met an error of its own at the end of a job, also over a restart."""
    done = (await world.post("videos", {"text": "好"})).json()["id"]
    await world.done(done)
    with database(world) as db:
        db.execute("update jobs set state = 'running', finished_at = null where id = ?", (done,))
    assert (await world.until(done, "failed"))["error"]["reason"] == "internal"
    with database(world) as db:
        db.execute("update jobs set state = 'running', finished_at = null where id = ?", (done,))
    await world.gateway.kill()
    await world.gateway.start()
    assert (await world.until(done, "failed"))["error"]["reason"] == "internal"
    again = (await world.post("videos", {"text": "好"})).json()["id"]
    assert (await world.done(again))["state"] == "succeeded"


@contextlib.asynccontextmanager
async def small_disk(folder: Path) -> AsyncIterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    mount = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    if await (await asyncio.create_subprocess_exec(*mount, stderr=asyncio.subprocess.DEVNULL)).wait():
        pytest.skip("no right to mount a small file system here")
    try:
        yield
    finally:
        await (await asyncio.create_subprocess_exec("umount", "-l", str(folder))).wait()


async def test_a_full_disk_fails_the_job_and_frees_its_place(tmp_path: Path) -> None:
    async with small_disk(tmp_path / "data"), open_world(tmp_path, GATEWAY_RENDER_CONCURRENCY="1") as world:
        world.fakes.render.script.hold.clear()
        # its video is larger than what the databases may free by themselves
        job = (await world.post("videos", {"text": "你好，今天天气很好。" * 100})).json()["id"]
        await world.until(job, "running", stage="tts")
        fill = tmp_path / "data" / "fill"
        with contextlib.suppress(OSError), fill.open("wb", buffering=0) as f:
            while f.write(b"\0" * 4096):
                pass
        world.fakes.render.script.hold.set()
        assert (await world.until(job, "failed"))["error"]["reason"] == "disk-full"
        problem(await world.post("videos", {"text": "好"}), 507, "disk-full")
        fill.unlink()
        await until(lambda: _state(world, job) == "failed")
        again = (await world.post("videos", {"text": "好"})).json()["id"]
        assert (await world.done(again))["state"] == "succeeded"


def _state(world: World, job: str) -> str:
    with database(world) as db:
        return str(db.execute("select state from jobs where id = ?", (job,)).fetchone()[0])


async def test_a_locked_database_is_named_and_waited_for(world: World) -> None:
    """The request that needs it says what to do, probes and metrics tell it, jobs at work go on when it is free."""
    world.fakes.render.script.hold.clear()
    job = (await world.post("videos", {"text": "你好"})).json()["id"]
    await world.until(job, "running", stage="tts")
    with database(world) as db:
        db.execute("begin immediate")
        world.fakes.render.script.hold.set()
        answer = await world.post("videos?lang=zh", {"text": "geheimnis"})
        body = problem(answer, 503, "database-down")
        assert int(answer.headers["retry-after"]) > 0 and "数据库" in body["title"] and "PostgreSQL" in body["hint"]
        ready = await world.http.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["database"])
        assert (await world.job(job))["state"] == "running"
        assert (
            'huasheng_errors_total{reason="database-down",service="gateway"}' in (await world.http.get("/metrics")).text
        )
    assert (await world.http.get("/readyz")).status_code == 200
    assert (await world.done(job))["state"] == "succeeded"
    assert (await world.post("videos", {"text": "好"})).status_code == 202
    log = world.gateway.log
    for unwanted in ("geheimnis", "INSERT", "Traceback"):
        assert unwanted not in log


@pytest.mark.parametrize("name", ["gateway.sqlite", "gateway.dbos.sqlite"])
async def test_a_damaged_database_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(b"no database at all" * 1000)
    gateway = GatewayProcess(tmp_path, {})
    with pytest.raises(AssertionError):
        await gateway.start()
    assert str(tmp_path / "data" / name) in gateway.log
    assert "Traceback" not in gateway.log


async def is_loading(world: World, service: str) -> None:
    """Waits until the gateway has found the service again."""
    for _ in range(600):
        services = (await world.http.get("/api/v1/system")).json()["services"]
        if {s["service"]: s["status"] for s in services}[service] == "loading":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(services)


async def test_voices_and_avatars_of_services_that_are_loading_are_waited_for(tmp_path: Path) -> None:
    """A restart of tts or render: its names are unknown to nobody, and no list is empty for the time being."""
    async with open_world(tmp_path) as world:
        voice = (await world.http.get("/api/v1/voices")).json()["items"][0]["voice_id"]
        for service in ("tts", "render"):
            await world.fakes.kill(service)
            await world.fakes.start(service, load=False)
        jobs = [
            (await world.post("videos", {"text": "好", "voice_id": voice, "avatar_id": "builtin"})).json()
            for _ in range(2)
        ]
        await is_loading(world, "tts")
        listing = asyncio.create_task(world.http.get("/api/v1/voices"))
        await asyncio.sleep(1)
        assert not listing.done()
        await world.fakes.set_loaded("tts")
        await world.fakes.set_loaded("render")
        assert voice in [v["voice_id"] for v in (await listing).json()["items"]]
        for job in jobs:
            assert (await world.done(job["id"]))["state"] == "succeeded"


async def test_what_names_no_voice_waits_for_services_that_are_loading_too(tmp_path: Path) -> None:
    """Speech, recognition, a turn over gRPC and a live answer: none is refused because a service starts again."""
    async with open_world(tmp_path) as world, live_client(world.gateway.url) as live:
        await live.until("welcome")
        for service in ("asr", "llm", "tts", "render"):
            await world.fakes.kill(service)
            await world.fakes.start(service, load=False)
        for service in ("asr", "llm", "tts", "render"):
            await is_loading(world, service)
        before = len(live.events)  # the connection to asr broke: that is told
        config = gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="你好"))
        end = gateway_pb2.StreamTurnRequest(end=common_pb2.EndOfInput())

        async def turn() -> list[str | None]:
            return [p.WhichOneof("payload") async for p in ask(world, config, end)]

        sound = {"file": ("a.wav", wav_bytes(tone(1.0), 16_000))}
        waiting = [
            asyncio.create_task(world.post("speech", {"text": "你好"})),
            asyncio.create_task(world.http.post("/api/v1/transcriptions", files=sound)),
            asyncio.create_task(turn()),
        ]
        await live.send("text", text="你好")
        await asyncio.sleep(1)
        assert not any(w.done() for w in waiting)
        assert not [e for e in live.events if e["type"] == "turn"]
        for service in ("asr", "llm", "tts", "render"):
            await world.fakes.set_loaded(service)
        speech, transcription, told = await asyncio.gather(*waiting)
        assert speech.status_code == 200 and transcription.status_code == 200, (speech.text, transcription.text)
        assert told[-1] == "finished"
        await live.until("end")
        assert not [e for e in live.events[before:] if e["type"] == "error"]


async def test_a_service_that_loads_for_long_is_said_to_load(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_RPC_S="3") as world:
        await world.fakes.kill("tts")
        await world.fakes.start("tts", load=False)
        await is_loading(world, "tts")
        problem(await world.http.get("/api/v1/voices"), 503, "service-loading")
        problem(await world.post("speech", {"text": "你好"}), 503, "service-loading")
        engines = (await world.http.get("/api/v1/engines")).json()
        assert "tts" in [e["service"] for e in engines["items"]], "engines are listed while they load"


async def test_the_avatar_of_a_waiting_job_stays_and_so_does_that_of_its_model(world: World) -> None:
    render = world.fakes.render
    for drawn in ({"avatar_id": "p-me"}, {"model": "me_steps1"}):
        render.avatars["p-me"] = render_pb2.Avatar(avatar_id="p-me", owner="local", name="-me", fps=25)
        render.models["me_steps1"] = render_pb2.Model(model_id="me_steps1", owner="local", avatar_id="p-me")
        render.script.hold.clear()
        job = (await world.post("videos", {"text": "好", **drawn})).json()["id"]
        problem(await world.http.delete("/api/v1/avatars/p-me"), 409, "in-use")
        render.script.hold.set()
        await world.done(job)
        assert (await world.http.delete("/api/v1/avatars/p-me")).status_code == 204
    problem(await world.http.delete("/api/v1/avatars/p-me"), 404, "unknown-id")
    problem(await world.http.delete("/api/v1/avatars/builtin"), 409, "builtin-stays")
