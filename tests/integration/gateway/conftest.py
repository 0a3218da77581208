"""The real gateway process in front of fake engine services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.storage import Storage
from tests.fakes import postgres as postgres_server
from tests.fakes.engine_services import Fakes
from tests.fakes.gateway_process import GatewayProcess

ROOT_OF_TESTS = Path(__file__).resolve().parents[3]


class World:
    """A gateway, its fakes and a client."""

    def __init__(self, folder: Path, fakes: Fakes, gateway: GatewayProcess, client: httpx.AsyncClient) -> None:
        self.folder, self.fakes, self.gateway, self.http = folder, fakes, gateway, client
        self.storage = Storage(f"file://{folder / 'storage'}")
        self.clients: list[httpx.AsyncClient] = []
        """Closed at the end."""

    async def upload(self, data: bytes, name: str = "a.wav", **headers: str) -> httpx.Response:
        return await self.http.post("/api/v1/assets", files={"file": (name, data)}, headers=headers)

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/{path}", json=body, headers=headers)

    async def job(self, job_id: str) -> dict[str, Any]:
        return (await self.http.get(f"/api/v1/jobs/{job_id}")).json()

    async def until(self, job_id: str, *states: str, stage: str = "", seconds: float = 60) -> dict[str, Any]:
        for _ in range(int(seconds / 0.05)):
            job = await self.job(job_id)
            if (not states or job["state"] in states) and stage in job["stage"]:
                return job
            await asyncio.sleep(0.05)
        raise AssertionError(f"{job}\n{self.gateway.log[-4000:]}")

    async def done(self, job_id: str) -> dict[str, Any]:
        return await self.until(job_id, "succeeded", "failed", "cancelled")


@contextlib.asynccontextmanager
async def open_world(folder: Path, storage: Storage | None = None, **environment: str) -> AsyncIterator[World]:
    """``storage``: what the fakes use, if not a folder; the gateway's is then said in ``environment``."""
    fakes = Fakes(storage or Storage(f"file://{folder / 'storage'}"))
    await fakes.start_all()
    gateway = GatewayProcess(folder, {**fakes.environment(), **environment})
    try:
        await gateway.start()
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:
            world = World(folder, fakes, gateway, client)
            try:
                yield world
            finally:
                for other in world.clients:
                    await other.aclose()
    finally:
        if gateway.process and gateway.process.returncode is None:
            await gateway.kill()
        await fakes.stop_all()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as w:
        yield w


@pytest.fixture
def server() -> Iterator[postgres_server.Postgres]:
    """A PostgreSQL of its own."""
    if postgres_server.BIN is None or not (postgres_server.BIN / "initdb").exists():
        pytest.skip("no PostgreSQL server is installed")
    with postgres_server.running() as running:
        yield running


@pytest.fixture
def postgres(server: postgres_server.Postgres) -> str:
    """Its address."""
    return server.url


@contextlib.asynccontextmanager
async def second_gateway(world: World, **environment: str) -> AsyncIterator[GatewayProcess]:
    """Another replica beside a world's own, over the same storage; ``environment`` has what they share."""
    folder = world.folder / "second"
    folder.mkdir()
    other = GatewayProcess(folder, {**world.fakes.environment(), **environment})
    other.environment["HUASHENG_STORAGE_URL"] = world.gateway.environment["HUASHENG_STORAGE_URL"]
    try:
        await other.start()
        yield other
    finally:
        if other.process and other.process.returncode is None:
            await other.kill()
