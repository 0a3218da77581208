"""Does gRPC survive renewed connections? Calls go on while their connections end every few milliseconds.

    python -m benchmarks.renewal [--age-ms 5] [--rounds 300] [--round-s 0.3]

The services let a connection end after minutes, so that clients find new replicas. grpcio 1.78 crashed the process
(a segmentation fault in a thread of its core) in about every second run of this; the exit status tells.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common import serving
from services.common.settings import ServiceSettings

AGE = "grpc.max_connection_age_ms"
NOTHING = serving.Service("nothing", "huasheng.nothing.v1", lambda _server: None, lambda: None)


async def calls(seconds: float) -> int:
    """Calls that were answered in ``seconds``; a failed one is raised."""
    server, _, port = await serving.start(NOTHING, ServiceSettings(port=0))
    answered = 0
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=serving.CHANNEL_OPTIONS) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=30)
            answered += 1
    await server.stop(0)
    return answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--age-ms", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--round-s", type=float, default=0.3)
    args = parser.parse_args()
    serving._SERVER_OPTIONS[:] = [(k, args.age_ms if k == AGE else v) for k, v in serving._SERVER_OPTIONS]
    answered = sum(asyncio.run(calls(args.round_s)) for _ in range(args.rounds))
    print(f"{answered} calls answered over connections of {args.age_ms} ms; none was lost")


if __name__ == "__main__":
    main()
