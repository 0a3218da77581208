"""Traces (OpenTelemetry): one turn is one trace through all services. Off, and free, until ``start`` has a collector.

    with span(name):   a part of what is being done
    root(name, id)     the beginning of a trace; its ids follow from ``id``, so that any process can go on with it
    event(name)        something that happens in the span at work
    carried()          the metadata by which a called service joins the trace

Attributes hold ids, engines, reasons and figures, never what people say or write: text that is more than one plain
word is left out (``spans.plain``), and of an error only the reason is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.common.tracing.settings import TracingSettings, collector

if TYPE_CHECKING:  # imported by ``start``: the libraries cost a process 0.2 s, which one without traces saves
    from services.common.tracing.spans import Spans

Value = str | int | float | bool


class Span:
    """A span; this one stands for those that nobody records. ``spans.Recorded`` overrides every method."""

    def event(self, name: str, **about: Value) -> None:
        """Something happened in it."""

    def set(self, **about: Value) -> None:
        """Say more about it."""

    def fail(self, reason: str) -> None:
        """It failed, for a reason of ``errors.toml``."""

    def rename(self, name: str) -> None:
        """Its name, where that is known only later."""

    def link(self, identity: str) -> None:
        """It led to the trace that ``root(…, identity)`` begins."""

    def active(self) -> contextlib.AbstractContextManager[Span]:
        """What is done inside belongs to it. An exception that leaves the block fails it; it is not ended."""
        return NOTHING

    def end(self, **about: Value) -> None:
        """It is over, and is sent; only the first call counts."""


_OFF = Span()
NOTHING = contextlib.nullcontext(_OFF)
"""In the place of a span: records nothing."""
_on: Spans | None = None


def start(service: str, settings: TracingSettings) -> None:
    """Send traces from here on, if there is a collector. Raises ``SystemExit`` when its address is none."""
    global _on
    if target := collector(settings):
        from services.common.tracing.export import provider_of
        from services.common.tracing.spans import Spans

        _on = Spans(provider_of(service, target, settings.traces_ratio))


def stop() -> None:
    """Send what is left, for two seconds at most, and no more from here on."""
    global _on
    was, _on = _on, None
    if was:
        was.close()


def span(name: str, **about: Value) -> contextlib.AbstractContextManager[Span]:
    """A part of the span at work; the beginning of a trace where there is none. It ends with the block."""
    return _on.part(name, about) if _on else NOTHING


def root(name: str, identity: str, *, since: float | None = None, of: str = "", **about: Value) -> Span:
    """The beginning of a trace, not active yet and ended by the caller.

    Two processes that give the same ``identity`` make the same span of the same trace: the one that ends it sends it.
    ``since``: when it began (``time.time()``), if not now. ``of``: identity of a trace that it is a part of in time.
    """
    return _on.root(name, identity, since, of, about) if _on else _OFF


def past(name: str, identity: str, began: float, ended: float) -> None:
    """A part that is over, by ``time.time()``, of the span at work; said twice by the same ``identity`` it is one."""
    if _on:
        _on.past(name, identity, began, ended)


def entered(
    name: str, carried: Mapping[str, str], *, is_trusted: bool, **about: Value
) -> contextlib.AbstractContextManager[Span]:
    """A call that came in: a part of the caller's trace, or of none, if the caller is trusted; else a trace of its own.

    What strangers say of their trace is kept as a link: they cannot have everything traced, nor add to our traces.
    """
    return _on.entered(name, carried, is_trusted, about) if _on else NOTHING


def current() -> Span:
    """The span at work."""
    return _on.current() if _on else _OFF


def event(name: str, **about: Value) -> None:
    """Something happened in the span at work."""
    if _on:
        _on.current().event(name, **about)


def carried() -> list[tuple[str, str]]:
    """The trace at work as metadata of a gRPC call (W3C trace context); nothing where there is none."""
    return _on.carried() if _on else []


def trace_id() -> str:
    """The id of the trace at work, 32 hexadecimal digits; empty where there is none."""
    return _on.trace_id() if _on else ""


def exemplar() -> dict[str, str] | None:
    """What a histogram keeps of an observation, so that a slow one leads to its trace; None where none is sent."""
    return _on.exemplar() if _on else None
