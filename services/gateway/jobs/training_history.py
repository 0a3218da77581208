"""What the render service has reported of a training: the latest figures and a loss curve of bounded size."""

from __future__ import annotations

from typing import Any

FIT = "fit"
"""The stage whose steps make the curve; a later pass over the whole clip has no held-out part to measure."""
MAX_POINTS = 240
"""Points of the loss curve that are kept: as many as a page can show."""


class TrainingHistory:
    """Collects progress messages in ``partial`` of the training's job."""

    def __init__(self, partial: dict[str, Any]) -> None:
        self.partial = partial
        self._every = 1
        self._count = 0

    def add(self, progress: Any, preview_key: str | None, curve: dict[str, Any] | None) -> dict[str, Any]:
        """Add a ``TrainProgress``. Returns what is new in it, for the watchers."""
        new: dict[str, Any] = {"warnings": list(progress.warnings), "offset_ms": round(progress.offset_ms, 1)}
        if progress.step and progress.stage == FIT:
            new |= {"step": progress.step, "steps": progress.steps}
            point = {"step": progress.step, "loss": round(progress.loss, 5), "validation_loss": None}
            if progress.HasField("validation_loss"):
                point["validation_loss"] = new["validation_loss"] = round(progress.validation_loss, 5)
            new["loss"] = point["loss"]
            self._add_point(point)
        if curve:
            new["curve"] = curve
        if preview_key:
            new["preview_key"] = preview_key
        self.partial |= new
        return new

    def _add_point(self, point: dict[str, Any]) -> None:
        # a resumed training repeats steps: what it reported of them before is no longer valid
        points = [p for p in self.partial.get("history", []) if p["step"] < point["step"]]
        self._count += 1
        if point["validation_loss"] is None and self._count % self._every:
            self.partial["history"] = points
            return
        points.append(point)
        if len(points) > MAX_POINTS:
            # measured points are few and stay; every second one of the others is dropped
            plain = [p for p in points[:-1] if p["validation_loss"] is None]
            dropped = {id(p) for p in plain[1::2]}
            points = [p for p in points if id(p) not in dropped]
            self._every *= 2
        self.partial["history"] = points
