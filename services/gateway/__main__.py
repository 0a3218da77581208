"""``python -m services.gateway``: page and REST API on one port, gRPC on another, one event loop for both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType

import uvicorn
from huasheng.gateway.v1 import gateway_pb2_grpc

from services.common import logs, serving
from services.common.settings import SharedSettings, load
from services.gateway.app import create_app, gateway_parts
from services.gateway.connections import Protocol, listen
from services.gateway.jobs.hub import Hub
from services.gateway.settings import GatewaySettings
from services.gateway.turn_rpc import FULL_NAME, GatewayServicer

log = logging.getLogger("huasheng.gateway")


class _Server(uvicorn.Server):
    """Ends the endless event streams as soon as a signal arrives; ``serve`` stops the rest."""

    hub: Hub

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals without raising them again afterwards, which would end the process before the runner stops."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self.handle_exit, sig, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops in order; a second Ctrl-C stops at once."""
        super().handle_exit(sig, frame)
        self.hub.close()


async def serve(settings: GatewaySettings, shared: SharedSettings) -> None:
    """Serve until SIGTERM or SIGINT. Running jobs are continued at the next start."""
    sock = listen(settings.host, settings.http_port)
    if settings.is_open:
        log.warning(
            "the gateway is open to the network without accounts: whoever reaches it can see and delete everything",
            extra={"host": settings.host},
        )
    async with gateway_parts(settings, shared) as gateway:
        servicer = GatewayServicer(gateway)
        service = serving.Service(
            "gateway",
            FULL_NAME,
            lambda server: gateway_pb2_grpc.add_GatewayServiceServicer_to_server(servicer, server),
            lambda: None,
        )
        grpc_server, board, grpc_port = await serving.start(service, settings)
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
            ws="websockets-sansio",
            ws_max_size=65_536,  # a microphone frame has 6 KB
            ws_ping_interval=15,  # proxies close a connection that is silent both ways
            ws_ping_timeout=20,
            ws_per_message_deflate=False,  # media does not get smaller, and it costs memory
        )
        web = _Server(config)
        web.hub = gateway.hub
        http_port = sock.getsockname()[1]
        log.info("ready", extra={"http_port": http_port, "grpc_port": grpc_port, "data_dir": str(settings.data_dir)})
        try:
            await web.serve(sockets=[sock])
        finally:
            await board.servicer.enter_graceful_shutdown()
            await grpc_server.stop(min(settings.grace_s, 2.0))
    log.info("stopped")


def main() -> None:
    """The program."""
    settings, shared = load(GatewaySettings), load(SharedSettings)
    logs.setup("gateway", shared.log_level, shared.log_format)
    asyncio.run(serve(settings, shared))


if __name__ == "__main__":
    main()
