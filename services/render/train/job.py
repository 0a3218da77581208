"""One training: what it works on, how it reports, and what comes of it; nothing here needs torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.media.mark import MarkOptions
from services.render.settings import RenderSettings

RESULT = "result.json"
MODEL = "model.npz"
PREVIEW = "preview.jpg"


@dataclass(frozen=True)
class MouthCurve:
    """Mouth opening over the held-out part, in distances between the eyes; at most 500 values each."""

    rate_hz: float
    start_s: float
    real: list[float]
    before: list[float]
    after: list[float]


@dataclass(frozen=True)
class TrainingProgress:
    """How a training stands."""

    stage: str
    fraction: float = 0.0
    """Of the whole, 0 to 1."""
    step: int = 0
    steps: int = 0
    loss: float = 0.0
    validation_loss: float | None = None
    eta_s: float = 0.0
    curve: MouthCurve | None = None
    preview: str = ""
    """File in the work folder."""
    warnings: tuple[str, ...] = ()
    offset_ms: float = 0.0

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> TrainingProgress:
        """What ``to_json`` wrote, parsed."""
        return cls(**_typed(raw))


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training."""

    before: dict[str, float]
    after: dict[str, float]
    warnings: tuple[str, ...]
    offset_ms: float
    curve: MouthCurve | None
    has_movies: bool = False
    """Whether the kept-back part was filmed before and after (``comparison``)."""

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TrainingResult:
        """What ``save`` wrote."""
        return cls.from_json(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> TrainingResult:
        """Of parsed JSON."""
        return cls(**_typed(raw))


def _typed(raw: dict[str, Any]) -> dict[str, Any]:
    """Parsed JSON with the curve and the warnings in their own types."""
    curve = MouthCurve(**raw["curve"]) if raw["curve"] else None
    return {**raw, "curve": curve, "warnings": tuple(raw["warnings"])}


@dataclass(kw_only=True)
class TrainingJob:
    """One training as a trainer gets it."""

    source: Path
    name: str
    """The video's name for people."""
    work: Path
    """Kept between attempts: checkpoints."""
    out: Path
    """Existing empty folder for the model's files, ``PREVIEW`` and ``RESULT``."""
    steps: int
    device: str
    service: RenderSettings
    shared: SharedSettings
    settings: BaseSettings | None = None
    """The engine's own settings; read from the environment where none are given."""
    avatar: Path | None = None
    """The engine's folder of the avatar of the whole clip, when there is one."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The trainer's own options by name, where it has any."""
    mark: MarkOptions | None = None
    """The visible mark of the videos that a training makes."""
    on_progress: Callable[[TrainingProgress], None] = lambda _progress: None
    cancelled: Callable[[], bool] = lambda: False
    progress: TrainingProgress = field(default_factory=lambda: TrainingProgress("check"))
    """The last one reported."""

    def report(self, stage: str, fraction: float, **more: Any) -> None:
        """Report how it stands; the fraction never falls. Raises ``cancelled``."""
        if self.cancelled():
            raise HuashengError("cancelled")
        fraction = max(self.progress.fraction, min(1.0, fraction))
        passing = {"validation_loss": None, "curve": None}
        changed = {"stage": stage, "fraction": fraction, "steps": self.steps, **passing, **more}
        self.progress = replace(self.progress, **changed)
        self.on_progress(self.progress)

    def warn(self, code: str) -> None:
        """Keep a code for the person; it goes out with the next progress."""
        if code not in self.progress.warnings:
            self.progress = replace(self.progress, warnings=(*self.progress.warnings, code))
