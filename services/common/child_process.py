"""What supervisors of other programs share: output line by line, why a program failed, signals to all it started."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque

ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit))(?::\s|$)")
"""The line of a Python traceback that names the error; group 1 is its type."""
_LONGEST = 4000


class OutputLines:
    """The lines of a program's output, which comes in pieces; the last ones are kept."""

    def __init__(self, count: int) -> None:
        self.kept: deque[str] = deque(maxlen=count)
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """Lines that are complete now, none of them empty. Progress bars end theirs with a carriage return."""
        *lines, rest = re.split(r"[\r\n]+", self._rest + data.decode(errors="replace"))
        self._rest = rest[-_LONGEST:]
        return [line[:_LONGEST] for line in lines if line.strip()]

    def last_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The match in the newest of the kept lines that has one."""
        return next((found for line in reversed(self.kept) if (found := pattern.match(line))), None)


def signal_group(pid: int, signal: int) -> None:
    """Send a signal to the process group that ``pid`` leads, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal)
