"""Asks a service of this container whether it is ready: ``python -m services.common.healthcheck asr``.

Exit status 0 when its health is SERVING, else 1 with the reason (the container engine keeps it).
Works on bare bytes: it runs every few seconds, and loading the protobuf library would be most of its cost.
"""

from __future__ import annotations

import os
import sys

import grpc

from services.common.access.tls import own_channel

CALL = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"  # field 1 of HealthCheckResponse (status) = 1


def check(address: str, service: str, timeout_s: float = 3) -> str:
    """Empty when the service is SERVING, else why not. ``service`` is a health name, up to 127 bytes."""
    name = service.encode()
    with own_channel(address) as channel:
        try:
            answer = channel.unary_unary(CALL)(bytes([0x0A, len(name)]) + name, timeout=timeout_s)
        except grpc.RpcError as e:
            return f"{e.code().name}: {e.details()}"
    return "" if answer == SERVING else "not serving yet: the weights are still loading, or it is stopping"


def main() -> None:
    """Check the named service on its port (``<NAME>_PORT``) and exit accordingly."""
    name = sys.argv[1]
    problem = check(f"127.0.0.1:{os.environ[f'{name.upper()}_PORT']}", f"huasheng.{name}.v1.{name.title()}Service")
    sys.exit(f"{name}: {problem}" if problem else 0)


if __name__ == "__main__":
    main()
