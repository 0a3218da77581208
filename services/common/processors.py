"""How many processors this process may use, as far as the system limits it; ``os.cpu_count`` sees the whole machine."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_processors(cgroup: Path = CGROUP) -> float:
    """Processors by affinity and by the quota of the container (cgroup v2 ``cpu.max``, v1 ``cpu.cfs_quota_us``)."""
    return min(float(len(os.sched_getaffinity(0))), _quota(cgroup))


def _quota(cgroup: Path) -> float:
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        return float(quota) / float(period) if quota not in ("max", "-1") else math.inf
    except (OSError, ValueError):  # no limit that can be read
        return math.inf


def slots_of(setting: int) -> int:
    """Work at once at full speed: the setting, or for 0 one for every two processors (work and what feeds it)."""
    return setting or max(1, int(usable_processors() // 2))
