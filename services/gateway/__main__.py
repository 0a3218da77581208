"""``python -m services.gateway``: page and REST API on one port, gRPC on another, one event loop for both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType

import uvicorn
from huasheng.gateway.v1 import gateway_pb2_grpc

from services.common import logs, serving, tracing
from services.common.access.callers import access_of
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.gateway.app import create_app, gateway_parts
from services.gateway.connections import Protocol, accept_all, listen
from services.gateway.context import Gateway
from services.gateway.settings import GatewaySettings
from services.gateway.turn_rpc import FULL_NAME, GatewayServicer

log = logging.getLogger("huasheng.gateway")
GAUGES_S = 10.0


class _Server(uvicorn.Server):
    """Drains on SIGTERM, then ends the endless event streams at once; ``serve`` stops the rest."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._handing_over: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals without raising them again afterwards, which would end the process before the runner stops."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self.handle_exit, sig, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains first. Ctrl-C, or a second signal, waits for no proxy, and a second Ctrl-C for nothing."""
        is_first, drain_s = not self._gateway.readiness.is_stopping, self._gateway.settings.drain_s
        self._gateway.readiness.is_stopping = True
        if is_first:
            self._handing_over = asyncio.create_task(self._hand_over())
        if is_first and sig == signal.SIGTERM and drain_s:
            log.info("draining", extra={"seconds": drain_s})
            asyncio.get_running_loop().call_later(drain_s, self._close, sig, frame)
        else:
            self._close(sig, frame)

    async def _hand_over(self) -> None:
        try:
            await self._gateway.runner.hand_over()
        except HuashengError as e:  # the others find out by themselves
            log.warning("jobs could not be handed over", extra={"reason": e.slug})

    def _close(self, sig: int, frame: FrameType | None) -> None:
        # From now on nobody can connect, so that whoever watched an event stream or talks live comes back elsewhere.
        super().handle_exit(sig, frame)
        self._gateway.hub.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, but answer who is in already."""
        doors = [sock.dup() for sock in sockets or []]
        for server in self.servers:
            server.close()
        loop, waiting = asyncio.get_running_loop(), [connection for door in doors for connection in accept_all(door)]
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _protocol(self) -> Protocol:
        return Protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


async def _refresh_gauges(gateway: Gateway) -> None:
    """Count jobs for the port of the metrics, which asks nobody; ``/metrics`` counts when it is asked."""
    while True:
        with contextlib.suppress(HuashengError):  # the database is away, which other figures show
            await gateway.runner.refresh_gauges()
        await asyncio.sleep(GAUGES_S)


async def _invite_first_admin(gateway: Gateway) -> None:
    """While nobody is there who could let others in: log a link for the first one."""
    accounts = gateway.accounts
    if accounts.is_on and not await asyncio.to_thread(accounts.users.has_admin):
        secret = await asyncio.to_thread(accounts.invitations.create, "setup")
        # after the '#': browsers send that part to nobody, so that no proxy logs it
        log.warning("open this link once to make the first admin: %s/setup#%s", gateway.settings.address(), secret)


async def serve(settings: GatewaySettings, shared: SharedSettings) -> None:
    """Serve until SIGTERM or SIGINT. Running jobs are continued at the next start."""
    settings.check_door()
    settings.check_provider()
    access = access_of(shared)
    access.require("gateway", settings.host)
    sock = listen(settings.host, settings.http_port)
    if settings.is_open and settings.auth == "local":
        log.warning(
            "the gateway is open to the network without accounts: whoever reaches it can see and delete everything",
            extra={"host": settings.host},
        )
    async with gateway_parts(settings, shared, access) as gateway:
        servicer = GatewayServicer(gateway)
        service = serving.Service(
            "gateway",
            FULL_NAME,
            lambda server: gateway_pb2_grpc.add_GatewayServiceServicer_to_server(servicer, server),
            lambda: None,
        )
        # with accounts callers show an API key: programs of people must not hold what opens the engines' ports
        asked = replace(access, tokens=None, open_ports=True) if gateway.accounts.is_on else access
        grpc_server, board, grpc_port = await serving.start(service, settings, asked)
        await board.set(True)
        config = uvicorn.Config(
            create_app(settings, gateway),
            http=Protocol,
            limit_concurrency=settings.max_connections,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.grace_s)),
            timeout_keep_alive=75,
            forwarded_allow_ips=settings.trusted_proxies,
            ws="websockets-sansio",
            ws_max_size=65_536,  # a microphone frame has 6 KB
            ws_ping_interval=15,  # proxies close a connection that is silent both ways
            ws_ping_timeout=20,
            ws_per_message_deflate=False,  # media does not get smaller, and it costs memory
        )
        gauges = asyncio.create_task(_refresh_gauges(gateway)) if settings.metrics_port else None
        readiness = asyncio.create_task(gateway.readiness.watch(board))
        web = _Server(config, gateway)
        http_port = sock.getsockname()[1]
        await _invite_first_admin(gateway)
        log.info("ready", extra={"http_port": http_port, "grpc_port": grpc_port, "data_dir": str(settings.data_dir)})
        try:
            await web.serve(sockets=[sock])
        finally:
            readiness.cancel()
            if gauges:
                gauges.cancel()
            await board.servicer.enter_graceful_shutdown()
            await grpc_server.stop(min(settings.grace_s, 2.0))
    log.info("stopped")


def main() -> None:
    """The program."""
    settings, shared = load(GatewaySettings), load(SharedSettings)
    logs.setup("gateway", shared.log_level, shared.log_format)
    tracing.start("gateway", shared)
    try:
        asyncio.run(serve(settings, shared))
    finally:
        tracing.stop()


if __name__ == "__main__":
    main()
