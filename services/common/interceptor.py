"""What surrounds every call of our own services: admission, checks of texts, ids for the logs, errors, metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

import grpc

from services.common import logs, metrics, tracing
from services.common.access.callers import ServiceAccess
from services.common.characters import check_message
from services.common.errors import HuashengError, to_status

log = logging.getLogger("huasheng.serving")
_LAST = object()
_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")
WHILE_LOADING = ("ListEngines", "ListDevices")
"""Calls that are answered before a service has loaded; all others would find nothing where there will be something."""


@contextlib.contextmanager
def _watched(service: str, method: str, metadata: Any) -> Iterator[Callable[[BaseException], grpc.Status | None]]:
    """Binds ids to logs and trace, counts and times the call; yields a function that turns an error into a status."""
    keys = {k: v for k, v in metadata or () if isinstance(v, str) and _ID.fullmatch(v)}
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
        tracing.current().fail(error.slug)
        return to_status(error)

    # whoever reaches the gateway may say that it is in any trace; the other services are called by the gateway
    about = {"turn_id": logs.turn_id.get(), "job_id": logs.job_id.get(), "rpc.system": "grpc", "rpc.method": method}
    called = tracing.entered(f"{service}/{method}", keys, is_trusted=service != "gateway", **about)
    try:
        with called:
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

    async def _take(self) -> Any:
        self._next = self._next or asyncio.create_task(self._read())
        item = await asyncio.shield(self._next)
        self._next = None
        if item is _LAST:
            raise StopAsyncIteration
        return item

    async def __anext__(self) -> Any:
        item = await self._take()
        check_message(item)
        return item

    async def drain(self) -> None:
        """Take what the caller is sending at this moment, until a pause of 0.1 s and for 2 s at most.

        An error that arrives in the middle of a write reaches a grpcio client as INTERNAL, without our reason.
        """
        end = time.monotonic() + 2
        with contextlib.suppress(StopAsyncIteration, TimeoutError):
            while time.monotonic() < end:
                async with asyncio.timeout(0.1):
                    await self._take()


class Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpcio ships no types
    """Wraps every handler of our own services. ``is_ready``: whether the service has loaded."""

    def __init__(self, service: str, max_calls: int, is_ready: Callable[[], bool], access: ServiceAccess) -> None:
        self.service, self.max_calls, self.is_ready, self.access, self.active = service, max_calls, is_ready, access, 0

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """The handler with what surrounds it; health and reflection stay as they are."""
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/huasheng."):
            return handler
        method = details.method.rsplit("/", 1)[1]

        def admit(request: Any, context: Any) -> None:
            self.access.check(self.service, context.invocation_metadata())
            if not self.is_ready() and method not in WHILE_LOADING:
                raise HuashengError("service-loading", service=self.service)
            if self.active >= self.max_calls:
                raise HuashengError("busy", service=self.service, limit=self.max_calls)
            if not handler.request_streaming:
                check_message(request)

        async def one(inner: Any, request: Any, context: Any) -> Any:
            request = _Requests(request) if handler.request_streaming else request
            with _watched(self.service, method, context.invocation_metadata()) as status_of:
                try:
                    admit(request, context)
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
                    admit(request, context)
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
