"""Gateways are replaced under load behind the proxy that operators get: nobody notices. And one whose database is away,
or that is about to stop, says so wherever it can be asked."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.storage import Storage
from tests.fakes.engine_services import Fakes
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.nginx import Nginx, nginx
from tests.fakes.postgres import Postgres
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import open_world

DRAIN_S = 6
"""More than the proxy keeps unused connections for."""
CLIENTS = 8
NAME = "huasheng.gateway.v1.GatewayService"
SERVING = health_pb2.HealthCheckResponse.SERVING


@contextlib.asynccontextmanager
async def two_gateways(folder: Path, database: str) -> AsyncIterator[list[GatewayProcess]]:
    """Two replicas on one database."""
    fakes = Fakes(Storage(f"file://{folder / 'storage'}"))
    await fakes.start_all()
    shared = {"GATEWAY_DATABASE_URL": database, "GATEWAY_SECRET": "s" * 40, "GATEWAY_DRAIN_S": str(DRAIN_S)}
    gateways = []
    try:
        for name in ("one", "two"):
            (folder / name).mkdir()
            own = {"GATEWAY_EXECUTOR_ID": name, "HUASHENG_STORAGE_URL": f"file://{folder / 'storage'}"}
            gateways.append(GatewayProcess(folder / name, {**fakes.environment(), **shared, **own}))
            await gateways[-1].start()
        yield gateways
    finally:
        for gateway in gateways:
            if gateway.process and gateway.process.returncode is None:
                await gateway.kill()
        await fakes.stop_all()


class Load:
    """Clients that ask without a pause, each over a connection that is kept."""

    def __init__(self, proxy: Nginx) -> None:
        self._proxy = proxy
        self.answers = 0
        self.failures: list[str] = []
        self._ending = asyncio.Event()

    async def client(self, number: int) -> None:
        """From an address of its own, as the proxy chooses the gateway by it."""
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number + 2}", verify=self._proxy.tls)
        async with httpx.AsyncClient(base_url=self._proxy.url, transport=transport, timeout=30) as http:
            for i in itertools.count():
                if self._ending.is_set():
                    return
                try:
                    if i % 5:
                        answer = await http.get("/api/v1/conversations")
                    else:
                        answer = await http.post("/api/v1/speech", json={"text": "你好"})
                    self.answers += 1
                    if answer.status_code != 200:
                        self.failures.append(f"{answer.status_code} {answer.text[:200]}")
                except httpx.HTTPError as e:
                    self.failures.append(repr(e))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for n in range(CLIENTS):
                group.create_task(self.client(n))
            try:
                yield
            finally:
                self._ending.set()

    async def go_on(self, answers: int) -> None:
        before = self.answers
        await until(lambda: self.answers >= before + answers)


async def test_no_request_fails_while_gateways_are_replaced_one_after_the_other(tmp_path: Path, postgres: str) -> None:
    async with two_gateways(tmp_path, postgres) as gateways:
        with nginx(tmp_path / "nginx", [g.http_port for g in gateways]) as proxy:
            load = Load(proxy)
            async with load.running():
                for gateway in gateways:
                    await load.go_on(50)
                    assert await gateway.stop() == 0
                    assert "draining" in gateway.log
                    await load.go_on(50)
                    await gateway.start()
                await load.go_on(50)
            assert not load.failures, f"{len(load.failures)} of {load.answers}: {load.failures[:5]}"
            assert load.answers > 250


async def test_a_gateway_that_drains_answers_but_says_so_and_ends_streams_only_with_its_door(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_DRAIN_S="3") as world:
        process = world.gateway.process
        assert process
        async with world.http.stream("GET", "/api/v1/events") as events:
            lines = events.aiter_lines()
            assert await anext(lines) == "event: snapshot"
            assert (await world.http.get("/healthz")).headers.get("connection") != "close"
            process.send_signal(signal.SIGTERM)
            await until(lambda: "draining" in world.gateway.log)
            ready = await world.http.get("/readyz")
            assert (ready.status_code, ready.json()["missing"]) == (503, ["stopping"])
            # each client is told to go elsewhere with its next request, and this one is still answered
            made = await world.post("videos", {"text": "好"})
            assert (made.status_code, made.headers["connection"]) == (202, "close")
            rest = [line async for line in lines]  # the stream ends, and is not cut
            assert rest[0].startswith("data: ")
        assert await world.gateway.stop() == 0
        await world.gateway.start()
        assert (await world.done(made.json()["id"]))["state"] == "succeeded"


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)], ids=["ctrl-c", "twice"])
async def test_whoever_cannot_wait_does_not(tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    async with open_world(tmp_path, GATEWAY_DRAIN_S="600") as world:
        assert world.gateway.process
        for number in signals:
            world.gateway.process.send_signal(number)
            await asyncio.sleep(0.2)  # the same signal twice at once is one
        assert await asyncio.wait_for(world.gateway.process.wait(), 30) == 0


async def test_the_health_of_the_grpc_port_follows_the_database(tmp_path: Path, server: Postgres) -> None:
    async with (
        open_world(tmp_path, GATEWAY_DATABASE_URL=server.url) as world,
        grpc.aio.insecure_channel(f"127.0.0.1:{world.gateway.grpc_port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)

        async def becomes(serving: bool, name: str = NAME) -> None:
            async with asyncio.timeout(60):
                while serving != ((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status == SERVING):
                    await asyncio.sleep(0.1)

        await becomes(True)
        server.stop()
        try:
            await becomes(False)
            await becomes(True, name="")  # alive: starting it anew would not help
            assert (await world.http.get("/readyz")).status_code == 503
        finally:
            server.start()
        await becomes(True)
        assert "not ready" in world.gateway.log and "ready again" in world.gateway.log
