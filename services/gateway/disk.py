"""Room on the disks that the gateway writes to, as metrics."""

from __future__ import annotations

import shutil
from pathlib import Path

from prometheus_client import Gauge

DISK_FREE = Gauge("huasheng_disk_free_bytes", "Free space where we keep things", ["volume"])
DISK_TOTAL = Gauge("huasheng_disk_total_bytes", "Size of the disk where we keep things", ["volume"])


def watch(volume: str, folder: Path) -> None:
    """Report the disk that holds a folder, looked at whenever metrics are read. The folder must exist."""
    DISK_FREE.labels(volume).set_function(lambda: shutil.disk_usage(folder).free)
    DISK_TOTAL.labels(volume).set_function(lambda: shutil.disk_usage(folder).total)
