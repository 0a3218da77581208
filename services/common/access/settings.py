"""Who may call the five services: settings that are the same for all of them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings


class AccessSettings(BaseSettings):
    """A shared token, mutual TLS, or both. ``services.common.access`` refuses wrong ones at start."""

    service_token: SecretStr | None = None
    """Token that the five services show each other, at least 32 characters. Two with a comma between: the first is
    shown, both are accepted."""
    service_token_file: Path | None = None
    """The same in a file, one token a line. It is read again at every call, so tokens are changed without a restart."""
    tls_cert: Path | None = None
    """Certificate (PEM, with its chain) that the services show each other, as server and as client; read again when it
    changes. With it go the key and the CA; only callers with a certificate of that CA get in."""
    tls_key: Path | None = None
    """Private key of the certificate (PEM)."""
    tls_ca: Path | None = None
    """Certificates of the CA (PEM) that signed those of the other services."""
    open_ports: bool = False
    """Whether a service may listen beyond loopback with neither token nor TLS: whoever reaches its port may then use
    the operator's keys, and list and delete everybody's avatars and voices."""
