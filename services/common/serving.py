"""The one way a Huasheng service serves gRPC: health with Watch, reflection, metrics, error mapping, graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from services.common import logs, metrics
from services.common.errors import HuashengError, to_status
from services.common.settings import ServiceSettings

log = logging.getLogger("huasheng.serving")
_LAST = object()

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


@contextlib.contextmanager
def _watched(service: str, method: str, metadata: Any) -> Iterator[Callable[[BaseException], grpc.Status | None]]:
    """Binds ids to the logs, counts and times the call; yields a function that turns an error into a status."""
    keys = {k: v for k, v in metadata or () if isinstance(v, str)}
    logs.turn_id.set(keys.get("x-turn-id", ""))
    logs.job_id.set(keys.get("x-job-id", ""))
    start, code = time.monotonic(), "OK"
    metrics.RPC_ACTIVE.labels(service, method).inc()

    def status_of(error: BaseException) -> grpc.Status:
        nonlocal code
        if isinstance(error, OSError) and error.errno == 28:
            error = HuashengError("disk-full")
        if not isinstance(error, HuashengError):
            log.exception("unexpected error in %s", method, exc_info=error)
            error = HuashengError("internal", service=service)
        else:
            log.warning("%s refused: %s", method, error.slug)
        code = error.code.name
        metrics.ERRORS.labels(service, error.slug).inc()
        return to_status(error)

    try:
        yield status_of
    except asyncio.CancelledError:
        code = "CANCELLED"
        raise
    finally:
        metrics.RPC_ACTIVE.labels(service, method).dec()
        metrics.RPC_SECONDS.labels(service, method, code).observe(time.monotonic() - start)


class _Requests(AsyncIterator[Any]):
    """A caller's messages. A reader that is cancelled loses none of them; unread ones can be drained."""

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self._source = aiter(source)
        self._next: asyncio.Task[Any] | None = None

    async def _read(self) -> Any:
        try:
            return await anext(self._source, _LAST)
        except Exception:  # the call is over, which is reported elsewhere
            return _LAST

    async def __anext__(self) -> Any:
        self._next = self._next or asyncio.create_task(self._read())
        item = await asyncio.shield(self._next)
        self._next = None
        if item is _LAST:
            raise StopAsyncIteration
        return item

    async def drain(self) -> None:
        """Take what the caller is sending at this moment, until a pause of 0.1 s and for 2 s at most.

        An error that arrives in the middle of a write reaches a grpcio client as INTERNAL, without our reason.
        """
        end = time.monotonic() + 2
        with contextlib.suppress(StopAsyncIteration, TimeoutError):
            while time.monotonic() < end:
                await asyncio.wait_for(anext(self), 0.1)


class _Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpcio ships no types
    """Wraps every handler of our own services: admission, logs, metrics and error mapping in one place."""

    def __init__(self, service: str, max_calls: int) -> None:
        self.service, self.max_calls, self.active = service, max_calls, 0

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/huasheng."):
            return handler
        method = details.method.rsplit("/", 1)[1]

        def admit() -> None:
            if self.active >= self.max_calls:
                raise HuashengError("busy", service=self.service, limit=self.max_calls)

        async def one(inner: Any, request: Any, context: Any) -> Any:
            request = _Requests(request) if handler.request_streaming else request
            with _watched(self.service, method, context.invocation_metadata()) as status_of:
                try:
                    admit()
                    self.active += 1
                    try:
                        return await inner(request, context)
                    finally:
                        self.active -= 1
                except Exception as e:
                    status = status_of(e)
                if isinstance(request, _Requests):
                    await request.drain()
                await context.abort_with_status(status)

        async def many(inner: Any, request: Any, context: Any) -> AsyncGenerator[Any, None]:
            request = _Requests(request) if handler.request_streaming else request
            with _watched(self.service, method, context.invocation_metadata()) as status_of:
                try:
                    admit()
                    self.active += 1
                    try:
                        async with contextlib.aclosing(inner(request, context)) as answers:
                            async for answer in answers:
                                yield answer
                    finally:
                        self.active -= 1
                    return
                except Exception as e:
                    status = status_of(e)
                if isinstance(request, _Requests):
                    await request.drain()
                await context.abort_with_status(status)

        # grpcio finds a handler's kind by inspecting it, so each kind needs a function of its own shape
        def bind_one(inner: Any) -> Any:
            async def call(request: Any, context: Any) -> Any:
                return await one(inner, request, context)

            return call

        def bind_many(inner: Any) -> Any:
            async def call(request: Any, context: Any) -> AsyncIterator[Any]:
                async with contextlib.aclosing(many(inner, request, context)) as answers:
                    async for answer in answers:
                        yield answer

            return call

        kinds = {
            "unary_unary": bind_one,
            "stream_unary": bind_one,
            "unary_stream": bind_many,
            "stream_stream": bind_many,
        }
        changed = {k: bind(getattr(handler, k)) for k, bind in kinds.items() if getattr(handler, k, None)}
        return handler._replace(**changed)


class HealthBoard:
    """The health of one server: ``""`` is liveness, the service's full name is readiness."""

    def __init__(self, full_name: str) -> None:
        self.servicer = HealthServicer()
        self.full_name = full_name

    async def set(self, serving: bool, name: str | None = None) -> None:
        """Set readiness (or another name's health)."""
        value = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self.servicer.set(self.full_name if name is None else name, value)


async def start(service: Service, settings: ServiceSettings) -> tuple[grpc.aio.Server, HealthBoard, int]:
    """Start the gRPC server without loading anything. Returns server, health and the bound port.

    Raises ``SystemExit`` with a clear message when the port is taken.
    """
    server = grpc.aio.server(interceptors=[_Interceptor(service.name, settings.max_calls)], options=_SERVER_OPTIONS)
    service.register(server)
    board = HealthBoard(service.full_name)
    health_pb2_grpc.add_HealthServicer_to_server(board.servicer, server)
    names = (service.full_name, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    await board.set(True, "")
    await board.set(False)
    try:
        port = server.add_insecure_port(f"{settings.host}:{settings.port}")
    except RuntimeError as e:
        raise SystemExit(
            f"{service.name}: cannot listen on {settings.host}:{settings.port}: is the port in use?"
        ) from e
    await server.start()
    return server, board, port


async def serve(service: Service, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT, then let running calls finish within ``grace_s``; a failed load ends it."""
    server, board, port = await start(service, settings)
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


def run(service: Service, settings: ServiceSettings, level: str = "INFO", fmt: str = "json") -> None:
    """``serve`` as a program: sets up logging, exits with status 1 and one line when loading fails."""
    logs.setup(service.name, level, fmt)
    try:
        asyncio.run(serve(service, settings))
    except HuashengError as e:
        raise SystemExit(f"{service.name}: cannot start: {e.text('detail', 'en')} {e.text('hint', 'en')}") from e


__all__ = ["CHANNEL_OPTIONS", "HealthBoard", "Service", "run", "serve", "start"]
