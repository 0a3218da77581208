"""Several replicas of an engine service: found, chosen by what they have to do, left without losing a call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from huasheng.render.v1 import render_pb2, render_pb2_grpc

from services.common.errors import HuashengError
from services.common.processors import slots_of, usable_processors
from services.common.storage import Storage
from services.gateway import pool as pools
from services.gateway.addresses import Endpoint, look_up
from services.gateway.clients import Clients
from services.gateway.pool import Health, Pool
from services.gateway.settings import GatewaySettings
from tests.fakes import serving
from tests.fakes.engine_services import ACCESS, Render
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import open_world, second_gateway


@contextlib.asynccontextmanager
async def renderer(folder: Path, slots: int = 1) -> AsyncIterator[tuple[Render, serving.Running]]:
    fake = Render(Storage(f"file://{folder / 'storage'}"))
    fake.slots = slots
    running = await serving.start(serving.service_of("render", fake), access=ACCESS)
    try:
        yield fake, running
    finally:
        await running.stop(None)


async def test_videos_go_to_the_replica_that_is_free(tmp_path: Path) -> None:
    async with renderer(tmp_path) as (one, first), renderer(tmp_path) as (two, second):
        address = f"{first.address}, {second.address}"
        async with open_world(tmp_path, GATEWAY_RENDER_ADDRESS=address, GATEWAY_MAX_QUEUED_JOBS="10") as world:
            for fake in (one, two):
                fake.script.hold.clear()
            jobs = [(await world.post("videos", {"text": f"第{n}"})).json()["id"] for n in range(3)]
            await until(lambda: one.script.active == two.script.active == 1)
            waiting = [j for j in jobs if (await world.job(j))["state"] == "queued"]
            assert len(waiting) == 1, "two slots, two videos at once"
            system = (await world.http.get("/api/v1/system")).json()
            assert {q["queue"]: q["concurrency"] for q in system["queues"]}["render"] == 2
            for fake in (one, two):
                fake.script.hold.set()
            assert [(await world.done(j))["state"] for j in jobs] == ["succeeded"] * 3
            metrics = (await world.http.get("/metrics")).text
            assert 'huasheng_render_slots{state="total"} 2.0' in metrics


async def test_more_slots_let_more_videos_run_while_they_wait(tmp_path: Path) -> None:
    """As when a cluster adds a renderer: nothing of the gateway starts anew."""
    async with open_world(tmp_path) as world:
        world.fakes.render.script.hold.clear()
        jobs = [(await world.post("videos", {"text": f"第{n}"})).json()["id"] for n in range(3)]
        await until(lambda: world.fakes.render.script.active == 1)
        await asyncio.sleep(2)  # the queue is looked at several times, and no other one begins
        assert world.fakes.render.script.active == 1
        world.fakes.render.slots = 3
        await until(lambda: world.fakes.render.script.active == 3)
        world.fakes.render.script.hold.set()
        assert [(await world.done(j))["state"] for j in jobs] == ["succeeded"] * 3


async def test_a_gateway_that_joins_leaves_the_limits_as_they_are(tmp_path: Path, postgres: str) -> None:
    """It has seen no renderer yet when it starts."""
    shared = {"GATEWAY_DATABASE_URL": postgres, "GATEWAY_SECRET": "s" * 40}
    async with open_world(tmp_path, **shared, GATEWAY_EXECUTOR_ID="one") as world:
        world.fakes.render.slots = 3
        await until(lambda: 'slots{queue="render"} 3.0' in httpx.get(f"{world.gateway.url}/metrics").text)
        async with second_gateway(world, **shared, GATEWAY_EXECUTOR_ID="two"):
            world.fakes.render.script.hold.clear()
            jobs = [(await world.post("videos", {"text": f"第{n}"})).json()["id"] for n in range(3)]
            await until(lambda: world.fakes.render.script.active == 3)
            world.fakes.render.script.hold.set()
            assert [(await world.done(j))["state"] for j in jobs] == ["succeeded"] * 3


def pool_of(address: str) -> Pool:
    return Pool(
        Health("render", address),
        "huasheng.render.v1.RenderService",
        ACCESS,
        render_pb2_grpc.RenderServiceStub,
        render_pb2.GetCapacityRequest(),
        ACCESS.metadata,
    )


async def test_a_new_replica_is_found_by_name_and_one_that_is_gone_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls at work on a replica whose address is withdrawn go on."""
    async with renderer(tmp_path, slots=3) as (one, first), renderer(tmp_path, slots=1) as (_, second):
        behind_the_name = {Endpoint(first.address, "render:50054")}

        async def looked_up(_: str) -> set[Endpoint]:
            return set(behind_the_name)

        monkeypatch.setattr(pools, "look_up", looked_up)
        monkeypatch.setattr(pools, "LOOKUP_EVERY_S", 0.05)
        monkeypatch.setattr(pools, "CAPACITY_EVERY_S", 0.05)
        pool = pool_of("dns:///render:50054")
        with pytest.raises(HuashengError, match="service-down"):
            pool.pick()
        pool.watch()
        try:
            await until(lambda: [r.slots for r in pool.serving] == [3])
            assert pool.health.status == "serving"
            one.script.hold.clear()
            call = pool.pick().call("GetAvatar", render_pb2.GetAvatarRequest(owner="o"), metadata=ACCESS.metadata())
            behind_the_name.add(Endpoint(second.address, "render:50054"))
            await until(lambda: len(pool.serving) == 2)
            await asyncio.gather(call, return_exceptions=True)
            behind_the_name.remove(Endpoint(first.address, "render:50054"))
            await until(lambda: [r.endpoint.target for r in pool.serving] == [second.address])
            assert pool.pick().endpoint.target == second.address
        finally:
            await pool.close()


async def test_the_one_with_least_work_for_its_slots_is_chosen(tmp_path: Path) -> None:
    pool = pool_of("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3")
    try:
        big, small, down = pool.replicas.values()
        big.status = small.status = "serving"
        big.slots, small.slots, big.used, small.used = 4, 1, 2, 1
        assert pool.pick() is big
        big.active = 3  # begun since it said that it has two
        assert pool.pick() is small
        small.used, small.active, big.active, big.used = 0, 0, 0, 0
        assert {pool.pick() for _ in range(2)} == {big, small}, "of equals the next in turn"
        assert pool.pick(frozenset({big})) is small
        small.status = "down"
        assert pool.pick(frozenset({big})) in (small, down), "one that failed is not asked again while others are there"
    finally:
        await pool.close()


async def test_a_reading_call_is_asked_of_another_replica_when_one_is_gone(tmp_path: Path) -> None:
    async with renderer(tmp_path) as (_, first), renderer(tmp_path) as (_, second):
        settings = GatewaySettings(render_address=f"{first.address},{second.address}", data_dir=tmp_path)
        clients = Clients(settings, ACCESS)
        try:
            await first.stop(None)  # nobody has noticed: both count as the same
            for _ in range(4):
                await clients.call("render", "ListDevices", render_pb2.ListDevicesRequest(), waits=False)
        finally:
            await clients.close()


async def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await look_up("127.0.0.1:1, [::1]:2,localhost:3, unix:///run/x, dns:///127.0.0.1:4")
    assert {e.target for e in found} == {"127.0.0.1:1", "[::1]:2", "localhost:3", "unix:///run/x", "127.0.0.1:4"}
    assert not any(e.options for e in found)
    with pytest.raises(OSError):
        await look_up("no-such-name.invalid:50054")
    assert dict(Endpoint("10.0.0.7:50054", "render:50054").options) == {
        "grpc.default_authority": "render:50054",
        "grpc.ssl_target_name_override": "render",
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_processors_of_a_container(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    unlimited = usable_processors(tmp_path / "nothing")
    assert usable_processors(tmp_path) == (unlimited if expected is None else min(expected, unlimited))
    assert slots_of(7) == 7
    assert slots_of(0) >= 1
