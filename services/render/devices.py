"""What this machine can draw on, read from ``/proc``."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeviceInfo:
    """One device. Memory in bytes, 0 where the system does not tell."""

    device: str
    name: str
    memory_bytes: int
    used_bytes: int


def cpu() -> DeviceInfo:
    """The processor with the machine's memory."""
    name = _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    total, free = (_kilobytes(_field("/proc/meminfo", f)) for f in ("MemTotal", "MemAvailable"))
    return DeviceInfo("cpu", name, total, max(0, total - free))


def _field(path: str, field: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def _kilobytes(text: str) -> int:
    return int(text.split()[0]) * 1024 if text else 0
