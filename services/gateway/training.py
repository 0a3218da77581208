"""What a training is called, what may be trained with, and what is remembered of it while it runs."""

from __future__ import annotations

import re
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.context import Gateway
from services.gateway.store.jobs import Jobs, Row

FIT = "fit"
"""The stage whose steps are the training's; a later pass over the whole clip has no held-out part to be judged by."""
STEPS = 5000
"""Where the engine does not tell its own."""
MAX_POINTS = 240
"""Points of the loss curve that are kept: as many as a page can show."""


async def engine_to_train(gateway: Gateway, wanted: str | None) -> Any:
    """The engine to train (``EngineInfo``): the one wanted, else the default one, else any that can.

    Raises ``unknown-engine``, ``engine-unavailable``, ``training-unavailable``, ``service-down``.
    """
    listed = await gateway.clients.short("render", "ListEngines", render_pb2.ListEnginesRequest())
    known = sorted(listed.engines, key=lambda e: not e.is_default)
    if wanted:
        known = [e for e in known if e.name == wanted]
        if not known:
            names = ", ".join(e.name for e in listed.engines)
            raise HuashengError("unknown-engine", service="render", engine=wanted, engines=names)
        if not known[0].available:
            raise HuashengError("engine-unavailable", engine=wanted, why=known[0].reason)
    for e in known:
        if e.available and e.can_train:
            return e
    why = "; ".join(f"{e.name}: {e.cannot_train_reason or e.reason or 'cannot be trained'}" for e in known)
    raise HuashengError("training-unavailable", why=why or "no engine is installed")


async def check_device(gateway: Gateway, device: str | None) -> None:
    """Raises ``unknown-id`` when the render service has no such device, ``service-down``."""
    if not device:
        return
    listed = await gateway.clients.short("render", "ListDevices", render_pb2.ListDevicesRequest())
    if device not in [d.device for d in listed.devices]:
        raise HuashengError("unknown-id", kind="device", id=device)


def stem_of(name: str, job_id: str) -> str:
    """The video's name in letters that a model's name takes; where nothing is left of it, the job's id."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0]).strip("-_")[:60]
    return stem or job_id.replace("j_", "t-")


def training_id(jobs: Jobs, models: list[Row], owner: str, asset: Row, name: str, job_id: str) -> str:
    """The name of a training: the same video under the same name goes on, another video gets a number behind it."""
    stem = stem_of(name, job_id)
    before = {r["params"].get("training_id"): r["params"]["video_asset_id"] for r in jobs.of_kind(owner, "training")}
    made = {m["training_id"] for m in models}
    for n in range(1, 10_000):
        candidate = stem if n == 1 else f"{stem}-{n}"
        if before.get(candidate) == asset["id"] or (candidate not in before and candidate not in made):
            return candidate
    raise HuashengError("bad-request", what=f"too many trainings named {stem}")


class Told:
    """What the render service has told of a training so far, as the job's ``partial`` holds it."""

    def __init__(self, partial: Row) -> None:
        self.partial = partial
        self._every = 1
        self._seen = 0

    def take(self, t: Any, preview_key: str | None, curve: Row | None) -> Row:
        """Note one progress message. Returns what is new of it, for the watchers."""
        p = self.partial
        new: Row = {"warnings": list(t.warnings), "offset_ms": round(t.offset_ms, 1)}
        if t.step and t.stage == FIT:
            new |= {"step": t.step, "steps": t.steps}
            point = {"step": t.step, "loss": round(t.loss, 5), "validation_loss": None}
            if t.HasField("validation_loss"):
                point["validation_loss"] = new["validation_loss"] = round(t.validation_loss, 5)
            new["loss"] = point["loss"]
            self._add(point)
        if curve:
            new["curve"] = curve
        if preview_key:
            new["preview_key"] = preview_key
        p |= new
        return new

    def _add(self, point: Row) -> None:
        """A resumed training repeats steps: what it told of them before is void."""
        points = [q for q in self.partial.get("history", []) if q["step"] < point["step"]]
        self._seen += 1
        if point["validation_loss"] is None and self._seen % self._every:
            self.partial["history"] = points
            return
        points.append(point)
        if len(points) > MAX_POINTS:
            # measured points are few and stay; of the others every second goes
            plain = [q for q in points[:-1] if q["validation_loss"] is None]
            gone = {id(q) for q in plain[1::2]}
            points = [q for q in points if id(q) not in gone]
            self._every *= 2
        self.partial["history"] = points
