"""Settings come from the environment, are documented where they are declared, and are refused at start when wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.access.settings import AccessSettings
from services.common.bucket.settings import BucketSettings
from services.common.tracing.settings import TracingSettings

DATA_DIR = Path.home() / ".local" / "share" / "huasheng"
CACHE_DIR = Path.home() / ".cache" / "huasheng"


class SharedSettings(AccessSettings, BucketSettings, TracingSettings):
    """Settings that are the same for all services (prefix ``HUASHENG_``)."""

    model_config = SettingsConfigDict(env_prefix="HUASHENG_", extra="ignore")

    storage_url: str = Field(default=f"file://{DATA_DIR}/storage", pattern=r"^(file://.+|s3://[^/]+(/.*)?)$")
    """Where uploads, avatars and results are kept; a folder that all services share (``file:///…``), or a bucket
    (``s3://bucket/prefix``)."""
    storage_cache_dir: Path = CACHE_DIR / "storage"
    """Folder of this machine for copies of a bucket's files and for what is being made; only with ``s3://``."""
    storage_cache_mb: int = Field(default=4000, ge=0)
    """Size of the copies there (MiB); those unused for longest are removed. What is in use comes on top."""
    weights_dir: Path = CACHE_DIR / "weights"
    """Where model weights are kept."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """How much is logged."""
    log_format: str = Field(default="json", pattern="^(json|text)$")
    """``json`` for machines, ``text`` for people."""
    threads: int = Field(default=2, ge=1, le=64)
    """CPU threads an engine may use for one request."""


class ServiceSettings(BaseSettings):
    """What each gRPC service has; subclasses set the prefix (``ASR_``, ``LLM_``, ...) and the ports."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` in a container."""
    port: int = Field(default=0, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    grace_s: float = Field(default=10, ge=0, le=600)
    """How long running calls may take to finish when the service stops."""
    max_calls: int = Field(default=32, ge=1, le=1000)
    """Calls at work at once; more are refused with ``busy``."""
    reflection: bool = False
    """Whether anybody who reaches the gRPC port may list its methods (for ``grpcurl`` and the like)."""


class EngineSettings(ServiceSettings):
    """What a service has whose engines can replace each other; subclasses declare ``engines`` and set the prefix."""

    engines: str
    """Engines that may be used, separated by commas, in the order in which they are asked."""
    fallback_share: float = Field(default=0.4, gt=0, lt=1)
    """Part of the time left to begin that one engine may use up while another could still take over."""
    cooldown_s: float = Field(default=30, gt=0, le=3600)
    """How long an engine that failed is asked last; then one request tries it, and it is back in its turn if that
    succeeds."""

    def engine_names(self) -> list[str]:
        """``engines`` in order, without repetition."""
        return list(dict.fromkeys(e.strip() for e in self.engines.split(",")))


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0):
        raise ValueError("must be an address such as http://host:8000/v1")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""An ``http`` or ``https`` address with a host; may be empty."""


def secret(value: SecretStr | None, file: Path | None) -> str:
    """A key: what ``file`` holds when one is set, else ``value``; empty when there is none, or no such file (yet).

    The file is read each time, so that a key that was changed is used from the next request on.
    """
    if file is None:
        return value.get_secret_value() if value else ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


S = TypeVar("S", bound=BaseSettings)


def load(cls: type[S]) -> S:
    """Read settings from the environment; on a wrong value print which and exit with status 2."""
    prefix = str(cls.model_config.get("env_prefix", ""))
    try:
        return cls()
    except ValidationError as e:
        for err in e.errors():
            name = prefix + "__".join(str(p) for p in err["loc"]).upper()
            # the value itself is not printed: it may be a secret
            print(f"bad setting {name}: {err['msg']}", file=sys.stderr)
        sys.exit(2)
