"""Mutual TLS between the services, from files that may be renewed while a service runs."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path
from typing import NamedTuple

import grpc

log = logging.getLogger("huasheng.access")


class Pem(NamedTuple):
    """What the three files hold."""

    ca: bytes
    key: bytes
    cert: bytes


class Certificates:
    """Certificate, key and CA of one service. Raises ``ValueError`` when they cannot be used or do not fit."""

    def __init__(self, cert: Path, key: Path, ca: Path) -> None:
        self._cert, self._key, self._ca = cert, key, ca
        self._problem = ""
        self._pem = self._checked()

    def _read(self) -> Pem:
        return Pem(self._ca.read_bytes(), self._key.read_bytes(), self._cert.read_bytes())

    def _checked(self) -> Pem:
        for file in (self._cert, self._key, self._ca):
            try:
                file.read_bytes()
            except OSError as e:
                raise ValueError(f"cannot read {file}: {e.strerror}") from e
        pem = self._read()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # an encrypted key would be asked for on the terminal
            context.load_cert_chain(self._cert, self._key, password="")
        except (ssl.SSLError, OSError) as e:
            raise ValueError(f"{self._cert} and {self._key} are no certificate and its key (PEM, not encrypted)") from e
        try:
            context.load_verify_locations(self._ca)
        except (ssl.SSLError, OSError) as e:
            raise ValueError(f"{self._ca} holds no certificate (PEM)") from e
        if self._read() != pem:
            raise ValueError("the files are just being changed")
        return pem

    def current(self) -> Pem:
        """What the files hold now; the last that could be used while they do not fit each other (being renewed)."""
        problem = ""
        try:
            if self._read() != self._pem:
                self._pem = self._checked()
                log.info("new certificates are used")
        except OSError as e:
            problem = e.strerror or str(e)
        except ValueError as e:
            problem = str(e)
        if problem and problem != self._problem:
            log.warning("new certificates cannot be used, the last ones stay: %s", problem)
        self._problem = problem
        return self._pem

    def for_server(self) -> grpc.ServerCredentials:
        """Asks every caller for a certificate of the CA; each new connection gets what the files hold then."""
        shown = self.current()

        def configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
            return grpc.ssl_server_certificate_configuration([(pem.key, pem.cert)], root_certificates=pem.ca)

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            pem = self.current()
            if pem == shown:
                return None
            shown = pem
            return configuration(pem)

        return grpc.dynamic_ssl_server_credentials(configuration(shown), renewed, True)


def for_channel(pem: Pem) -> grpc.ChannelCredentials:
    """Shows the certificate and trusts servers of the CA alone. A channel keeps it: renew it with the files."""
    return grpc.ssl_channel_credentials(pem.ca, pem.key, pem.cert)


def own_channel(address: str) -> grpc.Channel:
    """A channel, not of asyncio, to a service on this machine that runs under the same environment as the caller."""
    files = [os.environ.get(f"HUASHENG_TLS_{name}", "") for name in ("CA", "KEY", "CERT")]
    if not all(files):
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, for_channel(Pem(*(Path(f).read_bytes() for f in files))))
