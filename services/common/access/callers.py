"""Who may call a service: those who show the shared token, or a certificate of the services' own CA, or both."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import grpc

from services.common.access.settings import AccessSettings
from services.common.access.tls import Certificates, Pem, for_channel
from services.common.access.tokens import Tokens
from services.common.errors import HuashengError


@dataclass(frozen=True)
class ServiceAccess:
    """How one service proves who it is, and what it asks of its callers. Without token and certificates: nothing."""

    tokens: Tokens | None = None
    certificates: Certificates | None = None
    open_ports: bool = False

    def require(self, service: str, host: str) -> None:
        """Exit with status 2 when ``host`` is open to others and nothing is asked of callers."""
        if self.tokens or self.certificates or self.open_ports or _is_loopback(host):
            return
        _refuse(
            f"{service}: listening on {host} needs HUASHENG_SERVICE_TOKEN_FILE (or HUASHENG_SERVICE_TOKEN) or the"
            " HUASHENG_TLS_ files: whoever reaches the port could use the operator's keys and everybody's avatars."
            " HUASHENG_OPEN_PORTS=true opens it all the same."
        )

    def check(self, service: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Raises ``service-token`` when a token is asked for and the caller did not send a valid one."""
        if self.tokens and not self.tokens.accept(metadata):
            raise HuashengError("service-token", service=service)

    def metadata(self) -> list[tuple[str, str]]:
        """What a call to another service carries."""
        return [self.tokens.header()] if self.tokens else []

    def bind(self, server: grpc.aio.Server, service: str, host: str, port: int) -> int:
        """Let the server listen; returns the port. Raises ``SystemExit`` when it is taken, and as ``require``."""
        self.require(service, host)
        address = f"{host}:{port}"
        try:
            if self.certificates:
                return int(server.add_secure_port(address, self.certificates.for_server()))
            return int(server.add_insecure_port(address))
        except RuntimeError as e:
            raise SystemExit(f"{service}: cannot listen on {address}: is the port in use?") from e

    def pem(self) -> Pem | None:
        """The certificates of now, for ``channel``; None without TLS."""
        return self.certificates.current() if self.certificates else None

    def channel(self, address: str, options: list[tuple[str, object]], pem: Pem | None) -> grpc.aio.Channel:
        """A channel to another service. It shows the certificates it was made with to its end."""
        if pem:
            return grpc.aio.secure_channel(address, for_channel(pem), options=options)
        return grpc.aio.insecure_channel(address, options=options)


OPEN = ServiceAccess()
"""Asks nothing and shows nothing."""


def access_of(settings: AccessSettings) -> ServiceAccess:
    """What the settings ask for. Prints what is wrong with them, without any secret, and exits with status 2.

    The token leaves this program's environment: programs that it starts, of others too, do not get it.
    """
    for name in [n for n in os.environ if n.upper() == "HUASHENG_SERVICE_TOKEN"]:
        del os.environ[name]
    tokens: Tokens | None = None
    file, value = settings.service_token_file, settings.service_token
    if file is not None and value is not None:
        _refuse("bad setting HUASHENG_SERVICE_TOKEN: HUASHENG_SERVICE_TOKEN_FILE is set as well; set one of them")
    try:
        if file is not None or value is not None:
            tokens = Tokens(value.get_secret_value() if value else "", file)
    except ValueError as e:
        _refuse(f"bad setting HUASHENG_SERVICE_TOKEN{'_FILE' if file else ''}: {e}")
    files = {"CERT": settings.tls_cert, "KEY": settings.tls_key, "CA": settings.tls_ca}
    given = [f for f in files.values() if f is not None]
    if not given:
        return ServiceAccess(tokens, None, settings.open_ports)
    if missing := [f"HUASHENG_TLS_{name}" for name, f in files.items() if f is None]:
        _refuse(f"bad setting {missing[0]}: it must be set too, since HUASHENG_TLS_CERT, _KEY and _CA go together")
    try:
        return ServiceAccess(tokens, Certificates(*given), settings.open_ports)
    except ValueError as e:
        _refuse(f"bad setting HUASHENG_TLS_CERT, HUASHENG_TLS_KEY, HUASHENG_TLS_CA: {e}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(2)
