"""A program whose clock is wrong: by as many seconds as stand in a file, which may change while it runs.

    python -m tests.fakes.wrong_clock FILE MODULE

Only the time of day, as a wrong clock is on a real host: ``time.monotonic`` goes on, and ``datetime.now`` (the gateway
takes only the day from it) stays right. libfaketime cannot do this to Python 3.11, whose ``time.sleep`` then fails.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

LOOK_S = 0.2


class Clock:
    def __init__(self, path: Path) -> None:
        self._path, self._looked_at, self._offset_s = path, -LOOK_S, 0
        self._time, self._time_ns = time.time, time.time_ns

    def _off(self) -> int:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_S:
            self._looked_at, self._offset_s = now, int(self._path.read_text() or 0)
        return self._offset_s

    def time(self) -> float:
        return self._time() + self._off()

    def time_ns(self) -> int:
        return self._time_ns() + self._off() * 1_000_000_000


def main() -> None:
    clock, module = Clock(Path(sys.argv[1])), sys.argv[2]
    time.time, time.time_ns = clock.time, clock.time_ns
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
