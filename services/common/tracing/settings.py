"""Where traces go: our own settings, or the standard ``OTEL_*`` variables; wrong ones are refused at start."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

HTTP_PATH = "/v1/traces"
_FORMS = {"http": "http", "https": "http", "grpc": "grpc", "grpcs": "grpc"}
_ENDPOINT, _TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOL, _TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"


@dataclass(frozen=True)
class Collector:
    """Takes spans over OTLP."""

    url: str
    """``http://…`` or ``https://…``, whole, whichever protocol it speaks."""
    is_grpc: bool

    @property
    def place(self) -> str:
        """Host and port, for the log: the rest may hold a password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _checked(value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in _FORMS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_good = False
    if not is_good:
        raise ValueError("must be an address such as http://collector:4318 or grpc://collector:4317")
    return value


class TracingSettings(BaseSettings):
    """Where the traces of all services go, and how many of them."""

    traces_url: Annotated[str, AfterValidator(_checked)] = ""
    """Collector of traces (OTLP): ``http://host:4318`` or ``https://…`` (``/v1/traces`` is added where there is no
    path), ``grpc://host:4317``, or ``grpcs://…`` with TLS. Empty: none, unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` names
    one ([observability](observability.md))."""
    traces_ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of the turns, jobs and requests that are traced."""


def most_waiting() -> int:
    """Spans that may wait to be sent. Exits with status 2 when the variable for it is no such number."""
    value = os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "") or "2048"
    if not value.isdecimal() or int(value) < 1:
        _refuse("OTEL_BSP_MAX_QUEUE_SIZE", "must be a number from 1 on")
    return int(value)


def collector(settings: TracingSettings) -> Collector | None:
    """Who gets the traces; None when nobody does. Exits with status 2 when an ``OTEL_*`` variable names no address."""
    env = os.environ
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    if settings.traces_url:
        return _collector(settings.traces_url)
    name = _TRACES_ENDPOINT if env.get(_TRACES_ENDPOINT) else _ENDPOINT
    if not (url := env.get(name, "")):
        return None
    try:
        _checked(url)
    except ValueError as e:
        _refuse(name, str(e))
    protocol = env.get(_TRACES_PROTOCOL) or env.get(_PROTOCOL) or "http/protobuf"
    if protocol not in ("grpc", "http/protobuf"):
        _refuse(_PROTOCOL, "must be grpc or http/protobuf")
    if protocol == "grpc":
        return Collector(url, True)
    # of the general variable the path is a prefix, of the one for traces it is the whole (OTLP exporter specification)
    return Collector(url if name == _TRACES_ENDPOINT else url.rstrip("/") + HTTP_PATH, False)


def _collector(url: str) -> Collector:
    parts = urlsplit(url)
    if _FORMS[parts.scheme] == "grpc":
        return Collector(parts._replace(scheme="https" if parts.scheme == "grpcs" else "http").geturl(), True)
    return Collector(url if parts.path.strip("/") else parts._replace(path=HTTP_PATH).geturl(), False)


def _refuse(name: str, why: str) -> NoReturn:
    sys.stderr.write(f"bad setting {name}: {why}\n")
    sys.exit(2)
