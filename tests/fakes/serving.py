"""A service over real gRPC in the test's own process: the fixture ``serve`` (tests/conftest.py) is made of this."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from services.common import serving
from services.common.access.callers import OPEN, ServiceAccess
from services.common.settings import ServiceSettings

GRACE_S = 1.0


def _stubs(name: str) -> Any:
    return importlib.import_module(f"huasheng.{name}.v1.{name}_pb2_grpc")


def service_of(
    name: str,
    servicer: object,
    load: Callable[[], None] = lambda: None,
    stop: Callable[[], Awaitable[None]] | None = None,
) -> serving.Service:
    """A servicer made by the test itself as a service; ``name`` is the short one: ``asr``."""
    title = f"{name.title()}Service"
    add = getattr(_stubs(name), f"add_{title}Servicer_to_server")
    full_name = f"huasheng.{name}.v1.{title}"
    return serving.Service(name, full_name, lambda server: add(servicer, server), load, stop)


@dataclass
class Running:
    """A service that listens on loopback, and a channel to it."""

    service: serving.Service
    server: grpc.aio.Server
    board: serving.HealthBoard
    port: int
    channel: grpc.aio.Channel

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def stub(self) -> Any:
        return getattr(_stubs(self.service.name), f"{self.service.name.title()}ServiceStub")(self.channel)

    async def stop(self, grace_s: float | None = GRACE_S) -> None:
        """Close the channel, stop the server (``None``: cut all calls at once), then the service itself."""
        await self.channel.close()
        await self.server.stop(grace_s)
        if self.service.stop:
            await self.service.stop()


async def start(
    service: serving.Service,
    settings: ServiceSettings | None = None,
    *,
    port: int = 0,
    load: bool = True,
    access: ServiceAccess = OPEN,
) -> Running:
    """Serve on a port (0: any free one). With ``load`` the service has loaded and is SERVING on return."""
    chosen = (settings or ServiceSettings()).model_copy(update={"port": port, "metrics_port": 0})
    server, board, bound = await serving.start(service, chosen, access)
    channel = access.channel(f"127.0.0.1:{bound}", serving.CHANNEL_OPTIONS, access.pem())
    running = Running(service, server, board, bound, channel)
    if load:
        try:
            await asyncio.to_thread(service.load)
        except BaseException:
            await running.stop(0)
            raise
        await board.set(True)
    return running


@contextlib.asynccontextmanager
async def served(
    service: serving.Service,
    settings: ServiceSettings | None = None,
    *,
    load: bool = True,
    access: ServiceAccess = OPEN,
) -> AsyncIterator[Running]:
    """``start``, and ``stop`` at the end of the block."""
    running = await start(service, settings, load=load, access=access)
    try:
        yield running
    finally:
        await running.stop()


class Serve(Protocol):
    """The fixture ``serve``: ``start``, and ``stop`` when the test is over."""

    async def __call__(
        self, service: serving.Service, settings: ServiceSettings | None = None, *, load: bool = True
    ) -> Running: ...
