"""A whole system on loopback that can be harmed: two gateways, PostgreSQL, engine services, networks between them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.fakes import postgres
from tests.fakes.bad_network import BadNetwork
from tests.fakes.ports import free_port
from tests.fakes.postgres import Postgres
from tests.fakes.program import Program

ENGINES = {"asr": 1, "llm": 1, "tts": 2, "render": 2}
"""How many replicas of each."""
START_S = 90.0
DISK_MB = 48


class System:
    """What a round of faults works on. Everything lies under ``folder``."""

    def __init__(self, folder: Path, server: Postgres, gateways: int, is_small: bool) -> None:
        """``is_small``: one process is all engine services."""
        self.folder, self.server, self._is_small = folder, server, is_small
        self._token, self._secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.networks: dict[str, list[BadNetwork]] = {}
        """Of each engine service by name, and ``postgres``: one for each of its replicas."""
        self.engines: dict[str, list[Program]] = {}
        self.gateways: list[Program] = []
        self.urls = [f"http://127.0.0.1:{free_port()}" for _ in range(gateways)]
        self.storage = folder / "storage"
        self.has_own_disk = False
        """Whether the storage is a small disk that can be filled."""

    @property
    def programs(self) -> dict[str, list[Program]]:
        return {**self.engines, "gateway": self.gateways}

    def _shared(self) -> dict[str, str]:
        return {
            "HUASHENG_STORAGE_URL": f"file://{self.storage}",
            "HUASHENG_SERVICE_TOKEN": self._token,
            "HUASHENG_LOG_FORMAT": "text",
        }

    def _gateway_environment(self, number: int) -> dict[str, str]:
        port, real = self.networks["postgres"][0].port, urlsplit(self.server.url)
        own = {
            "GATEWAY_EXECUTOR_ID": f"g{number}",
            "GATEWAY_DATA_DIR": str(self.folder / f"g{number}"),
            "GATEWAY_DATABASE_URL": self.server.url.replace(f":{real.port}/", f":{port}/"),
            "GATEWAY_SECRET": self._secret,
            "GATEWAY_HTTP_PORT": str(urlsplit(self.urls[number]).port),
            "GATEWAY_PORT": str(free_port()),
            "GATEWAY_METRICS_PORT": "0",
        }
        for name in ENGINES:
            own[f"GATEWAY_{name.upper()}_ADDRESS"] = ",".join(f"127.0.0.1:{n.port}" for n in self.networks[name])
        return self._shared() | own

    def clock_of(self, number: int) -> Path:
        """The file that says by how many seconds the clock of a gateway is off."""
        return self.folder / f"g{number}.clock"

    def mount(self) -> None:
        """A small disk for the storage, where this user may mount one."""
        self.storage.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(self.storage)]
        self.has_own_disk = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        if self.has_own_disk:
            subprocess.run(["umount", "-l", str(self.storage)], check=True)

    async def start(self) -> None:
        self.networks["postgres"] = [await BadNetwork(int(urlsplit(self.server.url).port or 0)).open()]
        await self._prepare_engines()
        for n in range(len(self.urls)):
            log = self.folder / f"g{n}.log"
            self.clock_of(n).write_text("0")
            command = ("tests.fakes.wrong_clock", str(self.clock_of(n)), "services.gateway")
            self.gateways.append(Program(f"g{n}", log, partial(self._gateway_environment, n), *command))
        for program in {p for programs in self.programs.values() for p in programs}:
            program.start()
        await self.until_whole()

    async def _prepare_engines(self) -> None:
        doors = {
            (name, n): free_port() for name, count in ENGINES.items() for n in range(1 if self._is_small else count)
        }
        for (name, _), port in doors.items():
            self.networks.setdefault(name, []).append(await BadNetwork(port).open())
        if self._is_small:
            one = self._engine("engines", [f"{name}:{port}" for (name, _), port in doors.items()])
            self.engines = {name: [one] for name in ENGINES}
            return
        for (name, n), port in doors.items():
            self.engines.setdefault(name, []).append(self._engine(f"{name}{n}", [f"{name}:{port}"]))

    def _engine(self, name: str, doors: list[str]) -> Program:
        command = ("tests.fakes.engine_process", *doors, "--delay", "0.08")
        return Program(name, self.folder / f"{name}.log", self._shared, *command)

    async def until_whole(self) -> None:
        """Until all gateways are ready and see all services. Raises ``RuntimeError`` with the end of a log."""
        end, seen = time.monotonic() + START_S, ""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            for program, url in zip(self.gateways, self.urls, strict=True):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        answer = await http.get(f"{url}/readyz")
                        seen = answer.text
                        if answer.status_code == 200 and not answer.json()["services_down"]:
                            break
                    if time.monotonic() > end or not program.is_alive:
                        raise RuntimeError(f"{program.name} is not ready: {seen}\n{program.tail()}")
                    await asyncio.sleep(0.1)

    def empty_results(self) -> None:
        """Room on the small disk for the next round."""
        for folder in (self.storage / "results").glob("*"):
            shutil.rmtree(folder, ignore_errors=True)

    async def stop(self) -> None:
        await asyncio.gather(*(p.stop() for p in self.gateways))
        await asyncio.gather(*(p.stop() for p in {p for programs in self.engines.values() for p in programs}))
        for network in (n for networks in self.networks.values() for n in networks):
            await network.close()


@contextlib.asynccontextmanager
async def running(gateways: int = 2, is_small: bool = False) -> AsyncIterator[System]:
    """A system that is thrown away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="huasheng-chaos-"))
    try:
        with postgres.running() as server:
            system = System(folder, server, gateways, is_small)
            system.mount()
            try:
                await system.start()
                yield system
            finally:
                await system.stop()
                system.unmount()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
