"""Two gateways on one database: what one had in hand when it died, stopped or hung, the other finishes, once."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from tests.fakes.postgres import Postgres
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world, second_gateway
from tests.integration.gateway.test_dialogue import frames


def shared(url: str) -> dict[str, str]:
    return {"GATEWAY_DATABASE_URL": url, "GATEWAY_SECRET": "s" * 40}


async def one_at_work_and_one_queued(world: World) -> tuple[str, str]:
    """The first is half drawn by the world's own gateway: only then does the other one start."""
    world.fakes.render.script.hold.clear()
    first = (await world.post("videos", {"text": "你好"})).json()["id"]
    await world.until(first, "running", stage="tts")
    await until(lambda: world.fakes.render.script.active == 1)
    second = (await world.post("videos", {"text": "再见"})).json()["id"]
    return first, second


async def seen_from(url: str, job: str, *states: str) -> dict:
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        for _ in range(1200):
            row = (await http.get(f"/api/v1/jobs/{job}")).json()
            if row["state"] in states:
                return row
            await asyncio.sleep(0.05)
    raise AssertionError(row)


@pytest.mark.parametrize("end", ["killed", "stopped"])
async def test_a_gateway_that_is_gone_leaves_no_job_behind(tmp_path: Path, postgres: str, end: str) -> None:
    """Its job kept a place in the queue, and the queue stood still until it came back."""
    async with open_world(tmp_path, **shared(postgres), GATEWAY_EXECUTOR_ID="one") as world:
        first, second = await one_at_work_and_one_queued(world)
        async with second_gateway(world, **shared(postgres), GATEWAY_EXECUTOR_ID="two") as other:
            await (world.gateway.kill() if end == "killed" else world.gateway.stop())
            world.fakes.render.script.hold.set()
            for job in (first, second):
                done = await seen_from(other.url, job, "succeeded", "failed")
                assert done["state"] == "succeeded", done
                async with httpx.AsyncClient(base_url=other.url, trust_env=False) as http:
                    video = await http.get(done["result"]["video_url"])
                    metrics = (await http.get("/metrics")).text
                assert frames(video.content) == done["result"]["duration_s"] * 25
            assert "huasheng_jobs_taken_over_total 1.0" in metrics
            assert world.fakes.render.script.calls == 3, "one of them was begun twice, none three times"


async def test_a_gateway_that_hung_finds_its_work_done_by_another(tmp_path: Path, postgres: str) -> None:
    async with open_world(tmp_path, **shared(postgres), GATEWAY_EXECUTOR_ID="one") as world:
        first, second = await one_at_work_and_one_queued(world)
        async with second_gateway(world, **shared(postgres), GATEWAY_EXECUTOR_ID="two") as other:
            assert world.gateway.process
            world.gateway.process.send_signal(signal.SIGSTOP)
            await until(lambda: world.fakes.render.script.calls == 2)  # the other one began it again
            world.fakes.render.script.hold.set()
            done = [await seen_from(other.url, j, "succeeded", "failed") for j in (first, second)]
            world.gateway.process.send_signal(signal.SIGCONT)
            await until(lambda: "stops its work" in world.gateway.log)
            assert [d["state"] for d in done] == ["succeeded"] * 2, done
            assert [await world.job(j) for j in (first, second)] == done, "nothing was written a second time"
            # it works again, under another name: while it alone is there it has no choice
            await other.stop()
            third = (await world.post("videos", {"text": "又来"})).json()["id"]
            assert (await world.done(third))["state"] == "succeeded"
            made = (await world.http.get("/api/v1/videos")).json()["items"]
            assert len(made) == 3


async def test_a_database_that_restarts_under_two_gateways(tmp_path: Path, server: Postgres) -> None:
    """They stop working while neither can tell whether the other is alive, and nothing is done twice or lost."""
    both = shared(server.url)
    async with open_world(tmp_path, **both, GATEWAY_EXECUTOR_ID="one") as world:
        first, second = await one_at_work_and_one_queued(world)
        async with second_gateway(world, **both, GATEWAY_EXECUTOR_ID="two") as other:
            await until(lambda: "huasheng_gateways 2.0" in httpx.get(f"{world.gateway.url}/metrics").text)
            server.stop()
            await until(lambda: "cannot beat and stops its work" in world.gateway.log)
            await until(lambda: world.fakes.render.script.active == 0)
            server.start()
            world.fakes.render.script.hold.set()
            done = [await seen_from(other.url, j, "succeeded", "failed") for j in (first, second)]
            assert [d["state"] for d in done] == ["succeeded"] * 2, done
            assert world.fakes.render.script.calls == 3


async def test_a_gateway_that_drains_hands_its_jobs_over_at_once(tmp_path: Path, postgres: str) -> None:
    """It still answers, and takes jobs, which others carry out."""
    draining = {"GATEWAY_EXECUTOR_ID": "one", "GATEWAY_DRAIN_S": "60"}
    async with open_world(tmp_path, **shared(postgres), **draining) as world:
        first, second = await one_at_work_and_one_queued(world)
        async with second_gateway(world, **shared(postgres), GATEWAY_EXECUTOR_ID="two") as other:
            await until(lambda: "huasheng_gateways 2.0" in httpx.get(f"{world.gateway.url}/metrics").text)
            assert world.gateway.process
            world.gateway.process.send_signal(signal.SIGTERM)
            await until(lambda: world.fakes.render.script.calls == 2)  # begun anew by the other
            third = (await world.post("videos", {"text": "又来"})).json()["id"]
            world.fakes.render.script.hold.set()
            done = [await seen_from(other.url, j, "succeeded", "failed") for j in (first, second, third)]
            assert [d["state"] for d in done] == ["succeeded"] * 3, done
            assert world.gateway.process.returncode is None, "it drains all the while"
            assert world.fakes.render.script.calls == 4
