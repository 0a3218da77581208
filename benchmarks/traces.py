"""What do traces cost the process that makes them? Microseconds of a span with an event and the metadata of a call.

    python -m benchmarks.traces [--turns 500]

Off; on, but not this turn; on, with a collector that takes everything (in a process of its own); on, with a collector
that is away. The last column is for a turn: a job with its stages, calls and steps is about 15 spans in all processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from services.common import tracing
from services.common.settings import SharedSettings

SPANS_OF_A_TURN = 15
PAUSE_S = 0.005
"""Between two turns: a process that makes thousands of spans in one go would measure its own queue."""


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _collect(told: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    told.send(server.server_port)
    server.serve_forever()


def measure(turns: int) -> float:
    """Seconds that the spans of a turn take, median of many."""
    took = []
    for _ in range(turns):
        began = time.perf_counter()
        for _ in range(SPANS_OF_A_TURN):
            with tracing.span("tts", turn_id="j_01hx0000000000"):
                tracing.event("tts_first_audio", ms=12.3)
                tracing.carried()
        took.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)
    return sorted(took)[len(took) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=500)
    turns: int = parser.parse_args().turns
    os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    ours, theirs = multiprocessing.Pipe()
    collector = multiprocessing.Process(target=_collect, args=(theirs,), daemon=True)
    collector.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    print(f"{'traces':<22}{'a span, us':>12}{'a turn, us':>12}")
    for name, settings in (
        ("off", SharedSettings()),
        ("on, not this turn", SharedSettings(traces_url=url, traces_ratio=0)),
        ("on", SharedSettings(traces_url=url)),
        ("on, collector away", SharedSettings(traces_url="http://127.0.0.1:9")),
    ):
        tracing.start("benchmark", settings)
        us = measure(turns) * 1e6
        tracing.stop()
        print(f"{name:<22}{us / SPANS_OF_A_TURN:>12.2f}{us:>12.1f}")
    collector.terminate()


if __name__ == "__main__":
    main()
