"""A collector of traces: takes OTLP over HTTP and over gRPC and keeps what it got, decoded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status


def _values(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


@dataclass(frozen=True)
class Seen:
    """One span. Ids are hexadecimal; ``parent`` is empty for the first of a trace."""

    name: str
    trace: str
    id: str
    parent: str
    service: str
    process: str
    about: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[str]
    """Traces that it points to."""
    has_failed: bool
    began_ns: int
    ended_ns: int

    @classmethod
    def of(cls, span: Any, resource: dict[str, Any]) -> Seen:
        return cls(
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            service=resource["service.name"],
            process=resource["service.instance.id"],
            about=_values(span.attributes),
            events=[(e.name, _values(e.attributes)) for e in span.events],
            links=[link.trace_id.hex() for link in span.links],
            has_failed=span.status.code == Status.STATUS_CODE_ERROR,
            began_ns=span.start_time_unix_nano,
            ended_ns=span.end_time_unix_nano,
        )

    @property
    def event_names(self) -> list[str]:
        return [name for name, _ in self.events]

    def words(self) -> list[str]:
        """All text in it."""
        values = [*self.about.values(), *(v for _, about in self.events for v in about.values())]
        return [self.name, *self.event_names, *(v for v in values if isinstance(v, str))]


class Collector:
    """Listens on free ports of loopback until ``stop``. ``status`` is what it answers over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.status = 200
        self.answers = threading.Event()
        """Whether it answers at all; it holds its callers while this is not set."""
        self.answers.set()
        self.asked = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self._grpc = grpc.server(ThreadPoolExecutor(2))
        add_TraceServiceServicer_to_server(self._servicer(), self._grpc)
        self._grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def grpc_url(self) -> str:
        return f"grpc://127.0.0.1:{self._grpc_port}"

    def stop(self) -> None:
        self.answers.set()
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0).wait()

    def named(self, name: str) -> list[Seen]:
        return [s for s in self.spans if s.name == name]

    def trace(self, trace_id: str) -> list[Seen]:
        return [s for s in self.spans if s.trace == trace_id]

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for of_resource in request.resource_spans:
            resource = _values(of_resource.resource.attributes)
            self.spans += [Seen.of(s, resource) for scope in of_resource.scope_spans for s in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.asked += 1
                collector.answers.wait()
                status = collector.status if self.path == "/v1/traces" else 404
                if status == 200:
                    collector._take(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("content-type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def _servicer(self) -> TraceServiceServicer:
        collector = self

        class Servicer(TraceServiceServicer):  # type: ignore[misc]
            def Export(self, request: Any, context: Any) -> Any:
                collector._take(request)
                return ExportTraceServiceResponse()

        return Servicer()
