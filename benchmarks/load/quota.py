"""A share of the processors for each program, as a pod's limit gives it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000
"""Short, so that a program at its limit pauses often and briefly rather than for tenths of a second."""


class Quotas:
    """Control groups below the system's own: version 2 where ``cpu`` is there, else version 1. Needs root."""

    def __init__(self) -> None:
        controllers = ROOT / "cgroup.controllers"
        self.is_v2 = controllers.exists() and "cpu" in controllers.read_text().split()
        self._base = ROOT if self.is_v2 else ROOT / "cpu"
        self._made: list[Path] = []

    @property
    def missing(self) -> str:
        """Why there are none here; empty when there are."""
        return "" if os.access(self._base, os.W_OK) else f"{self._base} cannot be written"

    def limit(self, name: str, pid: int, cores: float) -> None:
        """Put a process and its later children into a group of its own with so many cores. Raises ``OSError``."""
        group = self._base / f"huasheng-load-{os.getpid()}-{name}"
        group.mkdir()
        self._made.append(group)
        quota = int(cores * PERIOD_US)
        if self.is_v2:
            (ROOT / "cgroup.subtree_control").write_text("+cpu")
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove the groups; their processes must have ended."""
        for group in self._made:
            with contextlib.suppress(OSError):
                group.rmdir()


@contextlib.contextmanager
def quotas() -> Iterator[Quotas]:
    """Removed at the end of the block."""
    made = Quotas()
    try:
        yield made
    finally:
        made.close()
