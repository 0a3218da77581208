"""The one way a Huasheng service serves gRPC: health with Watch, admission and error mapping, graceful stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from services.common import logs, tracing
from services.common.access.callers import OPEN, ServiceAccess, access_of
from services.common.errors import HuashengError
from services.common.interceptor import Interceptor
from services.common.settings import ServiceSettings, SharedSettings

log = logging.getLogger("huasheng.serving")

MAX_MESSAGE = 8 * 1024 * 1024
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
_SERVER_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.so_reuseport", 0),  # a port in use is an error, not a silent sharing
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # clients look for replicas only when a connection ends; calls at work on it still finish
    ("grpc.max_connection_age_ms", 300_000),
]


@dataclass(frozen=True)
class Service:
    """What ``serve`` needs to know of a service."""

    name: str
    """Short name: ``asr``."""
    full_name: str
    """Name in the protos: ``huasheng.asr.v1.AsrService``; also its health name."""
    register: Callable[[grpc.aio.Server], None]
    """Adds the servicer to the server."""
    load: Callable[[], None]
    """Loads weights; runs in a thread, and the service is SERVING when it returns."""
    stop: Callable[[], Awaitable[None]] | None = None
    """Called after the last call has ended."""


class HealthBoard:
    """The health of one server: ``""`` is liveness, the service's full name is readiness."""

    def __init__(self, full_name: str) -> None:
        self.servicer = HealthServicer()
        self.full_name = full_name
        self.is_serving = False
        """Readiness."""

    async def set(self, serving: bool, name: str | None = None) -> None:
        """Set readiness (or another name's health)."""
        if name is None:
            self.is_serving = serving
        value = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self.servicer.set(self.full_name if name is None else name, value)


async def start(
    service: Service, settings: ServiceSettings, access: ServiceAccess = OPEN
) -> tuple[grpc.aio.Server, HealthBoard, int]:
    """Start the gRPC server without loading anything. Returns server, health and the bound port.

    Raises ``SystemExit`` with a clear message when the port is taken, or open to others without asking who calls.
    """
    board = HealthBoard(service.full_name)
    interceptor = Interceptor(service.name, settings.max_calls, lambda: board.is_serving, access)
    server = grpc.aio.server(interceptors=[interceptor], options=_SERVER_OPTIONS)
    service.register(server)
    health_pb2_grpc.add_HealthServicer_to_server(board.servicer, server)
    if settings.reflection:
        names = (service.full_name, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    await board.set(True, "")
    await board.set(False)
    port = access.bind(server, service.name, settings.host, settings.port)
    await server.start()
    return server, board, port


async def serve(service: Service, settings: ServiceSettings, access: ServiceAccess) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish within ``grace_s``; a failed load ends it."""
    server, board, port = await start(service, settings, access)
    if settings.metrics_port:
        try:
            start_http_server(settings.metrics_port, settings.host)
        except OSError as e:
            raise SystemExit(f"{service.name}: metrics port {settings.metrics_port}: {e.strerror}") from e
    stopping = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, stopping.set)
    log.info("listening", extra={"port": port})
    began = time.monotonic()
    loading = asyncio.create_task(asyncio.to_thread(service.load))
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({loading, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done():
        loading.result()
        await board.set(True)
        log.info("ready", extra={"seconds": round(time.monotonic() - began, 2)})
        await waiting
    log.info("stopping")
    await board.servicer.enter_graceful_shutdown()
    await server.stop(settings.grace_s)
    if service.stop:
        await service.stop()
    log.info("stopped")


def run(service: Service, settings: ServiceSettings, shared: SharedSettings) -> None:
    """``serve`` as a program: sets up logging, exits with status 1 and one line when loading fails."""
    logs.setup(service.name, shared.log_level, shared.log_format)
    tracing.start(service.name, shared)
    try:
        asyncio.run(serve(service, settings, access_of(shared)))
    except HuashengError as e:
        raise SystemExit(f"{service.name}: cannot start: {e.text('detail', 'en')} {e.text('hint', 'en')}") from e
    finally:
        tracing.stop()
