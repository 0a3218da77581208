"""What can be trained: engine and device are checked, and the training gets its name."""

from __future__ import annotations

import re
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError, catalogue
from services.gateway.clients import Clients
from services.gateway.store.db import Row
from services.gateway.store.jobs import JobStore

STEPS = 5000
"""For engines that report no default of their own."""


async def engine_to_train(clients: Clients, wanted: str | None) -> Any:
    """The engine to train (``EngineInfo``): ``wanted``, else the default one, else any that can be trained.

    Raises ``unknown-engine``, ``engine-unavailable``, ``training-unavailable``, ``service-down``.
    """
    listed = await clients.call("render", "ListEngines", render_pb2.ListEnginesRequest())
    engines = sorted(listed.engines, key=lambda e: not e.is_default)
    if wanted:
        engines = [e for e in engines if e.name == wanted]
        if not engines:
            names = ", ".join(e.name for e in listed.engines)
            raise HuashengError("unknown-engine", service="render", engine=wanted, engines=names)
        if not engines[0].available:
            raise HuashengError("engine-unavailable", engine=wanted, **_cause(engines[0].problem, engines[0].reason))
    for e in engines:
        if e.available and e.can_train:
            return e
    if not engines:
        raise HuashengError("training-unavailable", cause="nothing-installed")
    first = engines[0]  # the one that would be trained
    if first.cannot_train_reason:
        raise HuashengError("training-unavailable", **_cause(first.cannot_train_problem, first.cannot_train_reason))
    raise HuashengError("training-unavailable", **_cause(first.problem, first.reason or "it cannot be trained"))


def _cause(error: Any, text: str) -> dict[str, str]:
    """The parameters that name an ``Error`` of an engine as the cause; ``text`` where there is none."""
    if error.reason not in catalogue():
        return {"why": text}
    return HuashengError(error.reason, **error.params).because()


async def check_device(clients: Clients, device: str | None) -> None:
    """Raises ``unknown-id`` when the render service has no such device, ``service-down``."""
    if not device:
        return
    listed = await clients.call("render", "ListDevices", render_pb2.ListDevicesRequest())
    if device not in [d.device for d in listed.devices]:
        raise HuashengError("unknown-id", kind="device", id=device)


def stem_of(name: str, asset_id: str) -> str:
    """The video's name in characters that a model's name may have; made from the asset's id when none are left."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0]).strip("-_")[:60]
    return stem or asset_id.replace("a_", "t-")


def training_id(jobs: JobStore, owner: str, *, asset: Row, stem: str, used: set[str]) -> str:
    """The name of a training. The same video under the same name continues; another video gets a number appended.

    ``used`` are the trainings that models come from. Raises ``bad-request`` when there are too many of one name.
    """
    before = {r["params"].get("training_id"): r["params"]["video_asset_id"] for r in jobs.of_kind(owner, "training")}
    for n in range(1, 10_000):
        candidate = stem if n == 1 else f"{stem}-{n}"
        if before.get(candidate) == asset["id"] or (candidate not in before and candidate not in used):
            return candidate
    raise HuashengError("bad-request", what=f"too many trainings named {stem}")
