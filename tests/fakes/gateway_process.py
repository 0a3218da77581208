"""The real gateway as a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx

from tests.fakes import preloaded
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


class GatewayProcess:
    """``python -m services.gateway`` with its data under ``folder``."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.http_port, self.grpc_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}",
            "GATEWAY_DATA_DIR": str(folder / "data"),
            "HUASHENG_STORAGE_URL": f"file://{folder / 'storage'}",
            "GATEWAY_HTTP_PORT": str(self.http_port),
            "GATEWAY_PORT": str(self.grpc_port),
            "GATEWAY_METRICS_PORT": "0",
            "HUASHENG_LOG_FORMAT": "text",
            **environment,
        }
        self.process: preloaded.Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> str:
        return (self.folder / "gateway.log").read_text()

    async def start(self) -> None:
        self.process = await preloaded.start(self.environment, self.folder / "gateway.log")
        async with httpx.AsyncClient(trust_env=False) as client:
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end and self.process.returncode is None:
                try:
                    if (await client.get(self.url + "/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"the gateway did not start:\n{self.log[-3000:]}")

    async def kill(self) -> None:
        """As a crash would."""
        assert self.process
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """As an operator would; returns the exit status."""
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)
