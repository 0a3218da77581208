"""Sets torch up for a training."""

from __future__ import annotations

import torch

from services.common.errors import HuashengError


def use_device(device: str, threads: int) -> None:
    """Let torch use so many CPU threads. Raises ``unknown-id`` for a device that this machine does not have."""
    kind, _, number = device.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" and torch.cuda.is_available() else 0
    if device != "cpu" and int(number or 0) >= count:
        raise HuashengError("unknown-id", kind="device", id=device)
    torch.set_num_threads(threads)
