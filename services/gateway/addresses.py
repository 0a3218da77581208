"""Where the replicas of a service are: addresses as operators write them, looked up."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

LOOKUP_S = 5.0


@dataclass(frozen=True, order=True)
class Endpoint:
    """One replica."""

    target: str
    """What gRPC connects to."""
    name: str = ""
    """The name under which it was found, with the port; empty where gRPC resolves the target itself."""

    @property
    def options(self) -> list[tuple[str, object]]:
        """Of the channel: an address that was looked up is still called, and certified, by its name."""
        if not self.name:
            return []
        return [("grpc.default_authority", self.name), ("grpc.ssl_target_name_override", self.name.rpartition(":")[0])]


def parts(addresses: str) -> list[str]:
    """The addresses of a setting, which may be several with commas between; ``dns:///`` before a name is left out."""
    return [a.strip().removeprefix("dns:///") for a in addresses.split(",") if a.strip()]


def _name_of(address: str) -> tuple[str, int] | None:
    """Host name and port of an address that is to be looked up; None for IP addresses and other targets of gRPC."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host or ":" in host or host == "localhost":
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host, int(port)
    return None


def fixed(addresses: str) -> set[Endpoint]:
    """Those that need no lookup."""
    return {Endpoint(a) for a in parts(addresses) if not _name_of(a)}


async def look_up(addresses: str) -> set[Endpoint]:
    """All replicas behind the addresses now. Raises ``OSError``, also after ``LOOKUP_S``, when a name is not known."""
    found = fixed(addresses)
    for address in parts(addresses):
        if name := _name_of(address):
            async with asyncio.timeout(LOOKUP_S):
                places = await asyncio.get_running_loop().getaddrinfo(*name, type=socket.SOCK_STREAM)
            for family, _, _, _, (host, *_) in places:
                target = f"[{host}]:{name[1]}" if family == socket.AF_INET6 else f"{host}:{name[1]}"
                found.add(Endpoint(target, address))
    return found
