"""How long does a small request take on a connection that is kept? ``GET /jobs``, again and again.

    python -m benchmarks.keep_alive [--url http://127.0.0.1:5001] [--requests 200]

Without ``--url`` a gateway is started for it, once as it is and once with a listening socket that names no protocol:
then asyncio sets no TCP_NODELAY, and the second packet of an answer waits for the acknowledgement of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

BEFORE = """
import socket
from services.gateway import __main__ as gateway
def listen(host, port):
    sock = socket.socket(socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock
gateway.listen = listen
gateway.main()
"""


def measure(url: str, count: int) -> tuple[float, float]:
    """Median and 95th percentile of ``count`` requests on one connection, in milliseconds."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    took = []
    for _ in range(count + 5):
        began = time.perf_counter()
        connection.request("GET", "/api/v1/jobs")
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{url}: {answer.status}")
    connection.close()
    took = sorted(took[5:])  # the first ones open the connection and warm up
    return statistics.median(took), took[int(0.95 * len(took))]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


async def with_gateway(count: int, program: list[str]) -> tuple[float, float]:
    """``measure`` with a gateway of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ports = {"GATEWAY_HTTP_PORT": str(free_port()), "GATEWAY_PORT": str(free_port())}
        places = {
            "GATEWAY_METRICS_PORT": "0",
            "GATEWAY_DATA_DIR": f"{folder}/data",
            "HUASHENG_STORAGE_URL": f"file://{folder}/storage",
        }
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen([sys.executable, *program], env=os.environ | ports | places, stderr=log)
        url = f"http://127.0.0.1:{ports['GATEWAY_HTTP_PORT']}"
        try:
            for _ in range(600):
                await asyncio.sleep(0.1)
                try:
                    measure(url, 1)
                    break
                except OSError:
                    continue
            return await asyncio.to_thread(measure, url, count)
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="")
    parser.add_argument("--requests", type=int, default=200)
    args = parser.parse_args()
    if args.url:
        rows = {args.url: measure(args.url, args.requests)}
    else:
        rows = {
            "without TCP_NODELAY": asyncio.run(with_gateway(args.requests, ["-c", BEFORE])),
            "as it is": asyncio.run(with_gateway(args.requests, ["-m", "services.gateway"])),
        }
    for name, (median, high) in rows.items():
        print(f"GET /api/v1/jobs, one connection, {name}: median {median:.2f} ms, 95 % {high:.2f} ms")


if __name__ == "__main__":
    main()
