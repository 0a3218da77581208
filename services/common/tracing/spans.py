"""Spans on the libraries of OpenTelemetry; imported only where traces are sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common.errors import HuashengError
from services.common.tracing import Span, Value
from services.common.tracing.export import Provider

_PLAIN = re.compile(r"[A-Za-z0-9_./:{}-]{1,120}")
_W3C = TraceContextTextMapPropagator()
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)


def plain(about: Mapping[str, Value]) -> dict[str, Value]:
    """What may be an attribute: figures, and text that is one word of ASCII, as ids, names of engines and reasons are.

    What people say or write is left out by this, wherever it comes from.
    """
    return {k: v for k, v in about.items() if not isinstance(v, str) or _PLAIN.fullmatch(v)}


def ids_of(identity: str) -> tuple[int, int]:
    """Trace and span id that follow from the id of a job or turn."""
    digest = hashlib.sha256(f"huasheng {identity}".encode()).digest()
    return int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")


def _context_of(identity: str) -> trace.SpanContext:
    return trace.SpanContext(*ids_of(identity), is_remote=True, trace_flags=_SAMPLED)


def _ns(at: float) -> int:
    return round(at * 1e9)


class Ids(RandomIdGenerator):
    """Random ids, but for spans that are begun inside ``fixed``."""

    def __init__(self) -> None:
        self._next: ContextVar[tuple[int, int] | None] = ContextVar("next_ids", default=None)

    @contextlib.contextmanager
    def fixed(self, identity: str) -> Iterator[None]:
        """One span that is begun inside has the ids that follow from ``identity``."""
        token = self._next.set(ids_of(identity))
        try:
            yield
        finally:
            self._next.reset(token)

    def generate_trace_id(self) -> int:
        """Trace id of a span without a parent."""
        chosen = self._next.get()
        return chosen[0] if chosen else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Span id."""
        chosen = self._next.get()
        return chosen[1] if chosen else super().generate_span_id()


class Recorded(Span):
    """A span of the library. Nothing of an exception is kept but its reason: its text may be what people said."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def event(self, name: str, **about: Value) -> None:
        """As ``Span``."""
        self._inner.add_event(name, plain(about))

    def set(self, **about: Value) -> None:
        """As ``Span``."""
        self._inner.set_attributes(plain(about))

    def fail(self, reason: str) -> None:
        """As ``Span``."""
        self._inner.set_attributes(plain({"error.type": reason}))
        self._inner.set_status(trace.StatusCode.ERROR)

    def rename(self, name: str) -> None:
        """As ``Span``."""
        self._inner.update_name(name)

    def link(self, identity: str) -> None:
        """As ``Span``."""
        self._inner.add_link(_context_of(identity))

    @contextlib.contextmanager
    def active(self) -> Iterator[Span]:
        """As ``Span``."""
        token = otel_context.attach(trace.set_span_in_context(self._inner))
        try:
            yield self
        except HuashengError as e:
            self.fail(e.slug)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self.set(outcome="cancelled")
            raise
        except Exception:
            self.fail("internal")
            raise
        finally:
            otel_context.detach(token)

    def end(self, **about: Value) -> None:
        """As ``Span``."""
        if self._inner.is_recording():
            self.set(**about)
            self._inner.end()


class Spans:
    """Makes the spans of one process."""

    def __init__(self, provider: Provider) -> None:
        self._provider, self._ids = provider, Ids()
        provider.tracers.id_generator = self._ids
        self._tracer = provider.tracers.get_tracer("huasheng")

    def close(self) -> None:
        """Send what is left."""
        self._provider.close()

    @contextlib.contextmanager
    def part(self, name: str, about: Mapping[str, Value]) -> Iterator[Span]:
        """As ``tracing.span``."""
        made = Recorded(self._tracer.start_span(name, attributes=plain(about)))
        try:
            with made.active():
                yield made
        finally:
            made.end()

    def root(self, name: str, identity: str, since: float | None, of: str, about: Mapping[str, Value]) -> Span:
        """As ``tracing.root``."""
        with self._ids.fixed(identity):
            inner = self._tracer.start_span(
                name,
                otel_context.Context(),
                attributes=plain(about),
                links=[trace.Link(_context_of(of))] if of else None,
                start_time=None if since is None else _ns(since),
            )
        return Recorded(inner)

    def past(self, name: str, identity: str, began: float, ended: float) -> None:
        """As ``tracing.past``."""
        with self._ids.fixed(identity):
            inner = self._tracer.start_span(name, start_time=_ns(began))
        inner.end(_ns(ended))

    @contextlib.contextmanager
    def entered(
        self, name: str, carried: Mapping[str, str], is_trusted: bool, about: Mapping[str, Value]
    ) -> Iterator[Span]:
        """As ``tracing.entered``."""
        theirs = _W3C.extract({k: v for k, v in carried.items() if k == "traceparent"}, otel_context.Context())
        caller = trace.get_current_span(theirs).get_span_context()
        if is_trusted and not caller.is_valid:
            yield Span()
            return
        inner = self._tracer.start_span(
            name,
            theirs if is_trusted else otel_context.Context(),
            kind=trace.SpanKind.SERVER,
            attributes=plain(about),
            links=[trace.Link(caller)] if caller.is_valid and not is_trusted else None,
        )
        made = Recorded(inner)
        try:
            with made.active():
                yield made
        finally:
            made.end()

    def current(self) -> Span:
        """As ``tracing.current``."""
        return Recorded(trace.get_current_span())

    def carried(self) -> list[tuple[str, str]]:
        """As ``tracing.carried``."""
        out: dict[str, str] = {}
        _W3C.inject(out)
        return list(out.items())

    def trace_id(self) -> str:
        """As ``tracing.trace_id``."""
        at_work = trace.get_current_span().get_span_context()
        return trace.format_trace_id(at_work.trace_id) if at_work.is_valid else ""

    def exemplar(self) -> dict[str, str] | None:
        """As ``tracing.exemplar``."""
        is_sent = trace.get_current_span().get_span_context().trace_flags.sampled
        return {"trace_id": self.trace_id()} if is_sent else None
