"""Sends spans to the collector, in a thread of its own: a collector that is slow or away holds nothing up."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_client import Counter

from services.common.tracing.settings import Collector, most_waiting

log = logging.getLogger("huasheng.tracing")

SENT = Counter("huasheng_trace_spans_sent_total", "Spans that the collector took")
DROPPED = Counter("huasheng_trace_spans_dropped_total", "Spans that were given up", ["why"])
MOST_AT_ONCE = 512
"""Spans in one transfer."""
LAST_S = 2.0
"""How long a process that ends waits for its last spans to be taken."""


class _Room:
    """How many spans may still wait. The library's own queue drops without telling how many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting, self._lock = 0, threading.Lock()

    def enter(self) -> bool:
        with self._lock:
            if self._waiting >= self.most:
                return False
            self._waiting += 1
            return True

    def leave(self, count: int) -> None:
        with self._lock:
            self._waiting -= count


class _Counted(SpanExporter):
    """Counts what is sent and what is lost, and says once when the collector is away and when it is back."""

    def __init__(self, inner: SpanExporter, room: _Room, place: str) -> None:
        self._inner, self._room, self._place = inner, room, place
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; a failure gives it up."""
        try:
            result = self._inner.export(spans)
        except Exception:  # whatever the library meets, the next batch is tried
            result = SpanExportResult.FAILURE
        self._room.leave(len(spans))
        is_away = result is not SpanExportResult.SUCCESS
        if is_away:
            DROPPED.labels("collector").inc(len(spans))
        else:
            SENT.inc(len(spans))
        if is_away != self._is_away:
            self._is_away = is_away
            if is_away:
                log.warning("the collector of traces does not take them", extra={"collector": self._place})
            else:
                log.info("the collector of traces takes them again", extra={"collector": self._place})
        return result

    def shutdown(self) -> None:
        """End a transfer that is being tried again."""
        self._inner.shutdown()


class _Batches(BatchSpanProcessor):
    def __init__(self, exporter: SpanExporter, room: _Room) -> None:
        super().__init__(exporter, max_queue_size=room.most, max_export_batch_size=min(room.most, MOST_AT_ONCE))
        self._room = room

    def on_end(self, span: ReadableSpan) -> None:
        if not span.context or not span.context.trace_flags.sampled:
            return
        if self._room.enter():
            super().on_end(span)
        else:
            DROPPED.labels("queue").inc()


@dataclass(frozen=True)
class Provider:
    """The library's provider, and how it ends."""

    tracers: TracerProvider

    def close(self) -> None:
        """Send what waits, for ``LAST_S`` at most: the library itself would wait for half a minute."""
        ending = threading.Thread(target=self.tracers.shutdown, daemon=True)
        ending.start()
        ending.join(LAST_S)


def _exporter(target: Collector) -> SpanExporter:
    if target.is_grpc:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc

        return OverGrpc(endpoint=target.url, insecure=target.url.startswith("http:"))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp(endpoint=target.url)


def provider_of(service: str, target: Collector, ratio: float) -> Provider:
    """A provider that sends to ``target``. It is not made the global one: libraries would send spans of their own."""
    about = {"service.namespace": "huasheng", "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"}
    if "OTEL_SERVICE_NAME" not in os.environ:
        about["service.name"] = service
    is_theirs = "OTEL_TRACES_SAMPLER" in os.environ
    tracers = TracerProvider(
        sampler=None if is_theirs else ParentBased(TraceIdRatioBased(ratio)),
        resource=Resource.create(about),
        shutdown_on_exit=False,
    )
    room = _Room(most_waiting())
    tracers.add_span_processor(_Batches(_Counted(_exporter(target), room, target.place), room))
    # said once by ``_Counted``; the library says it for every batch
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    log.info("traces are sent", extra={"collector": target.place})
    return Provider(tracers)
