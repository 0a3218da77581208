"""What asking who somebody is costs: ``GET /jobs`` without accounts, with a session, with a key; and a sign-in.

    python -m benchmarks.access [--requests 400] [--json]

One gateway without engine services for each mode, one connection, one request after the other; medians.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.keep_alive import free_port

PASSWORD = "a password of the benchmark"
PATIENCE_S = 60.0


class Gateway:
    """A running gateway, and one connection to it."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
        """Status, JSON, and the session's cookie where the answer sets one."""
        own = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"} | headers
        self.connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, own)
        answer = self.connection.getresponse()
        data = answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return answer.status, json.loads(data) if data else None, cookie

    def median_us(self, count: int, **headers: str) -> float:
        """Of ``GET /jobs``, in microseconds."""
        took = []
        for _ in range(count + 20):
            began = time.perf_counter()
            status = self.ask("GET", "jobs", **headers)[0]
            took.append((time.perf_counter() - began) * 1e6)
            if status != 200:
                raise SystemExit(f"GET /jobs: {status}")
        return statistics.median(took[20:])


@contextmanager
def gateway(auth: str) -> Iterator[Gateway]:
    """Started for the block, with an empty database."""
    with tempfile.TemporaryDirectory(prefix="huasheng-access-") as folder:
        port, log = free_port(), Path(folder) / "log"
        own = {
            "GATEWAY_AUTH": auth,
            "GATEWAY_HTTP_PORT": str(port),
            "GATEWAY_PORT": str(free_port()),
            "GATEWAY_METRICS_PORT": "0",
            "GATEWAY_DATA_DIR": f"{folder}/data",
            "GATEWAY_LIMIT_REQUESTS_PER_MINUTE": "1000000",  # counted, and never reached
            "HUASHENG_STORAGE_URL": f"file://{folder}/storage",
            "HUASHENG_LOG_FORMAT": "text",
        }
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-m", "services.gateway"], env=os.environ | own, stderr=out)
        try:
            end = time.monotonic() + PATIENCE_S
            while "ready" not in log.read_text():
                if time.monotonic() > end or process.poll() is not None:
                    raise SystemExit(log.read_text()[-2000:])
                time.sleep(0.05)
            yield Gateway(port, log)
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures: dict[str, float] = {}
    with gateway("local") as g:
        figures["GET /jobs without accounts, us"] = g.median_us(args.requests)
    with gateway("accounts") as g:
        link = g.log.read_text().split("/setup#")[1].split()[0]
        _, _, cookie = g.ask("POST", "set-up", {"link": link, "name": "ann", "password": PASSWORD})
        _, made, _ = g.ask("POST", "me/keys", {"name": "k"}, Cookie=cookie)
        figures["GET /jobs with a session, us"] = g.median_us(args.requests, Cookie=cookie)
        figures["GET /jobs with a key, us"] = g.median_us(args.requests, Authorization=f"Bearer {made['key']}")
        took = []
        for _ in range(15):
            began = time.perf_counter()
            g.ask("POST", "sign-in", {"name": "ann", "password": PASSWORD})
            took.append((time.perf_counter() - began) * 1e6)
        figures["sign-in with a password, us"] = statistics.median(took)
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:36}{value:10.0f}")


if __name__ == "__main__":
    main()
