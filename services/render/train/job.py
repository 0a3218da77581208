"""What a training is told and tells; nothing here needs torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.render.engines.base import EngineOptions

RESULT = "result.json"
MODEL = "model.npz"
PREVIEW = "preview.jpg"


@dataclass(frozen=True)
class Curve:
    """Mouth opening over the held-out part, in distances between the eyes; at most 500 values each."""

    rate_hz: float
    start_s: float
    real: list[float]
    before: list[float]
    after: list[float]


@dataclass(frozen=True)
class Told:
    """How a training stands."""

    stage: str
    fraction: float = 0.0
    """Of the whole, 0 to 1."""
    step: int = 0
    steps: int = 0
    loss: float = 0.0
    validation_loss: float | None = None
    eta_s: float = 0.0
    curve: Curve | None = None
    preview: str = ""
    """File in the work folder."""
    warnings: tuple[str, ...] = ()
    offset_ms: float = 0.0

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Told:
        """What ``to_json`` wrote."""
        curve = raw.pop("curve")
        return cls(curve=Curve(**curve) if curve else None, **{**raw, "warnings": tuple(raw["warnings"])})


@dataclass(frozen=True)
class Result:
    """What came of a training."""

    before: dict[str, float]
    after: dict[str, float]
    warnings: tuple[str, ...]
    offset_ms: float
    curve: Curve | None

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Result:
        """What ``save`` wrote."""
        return cls.of(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Result:
        """From JSON."""
        curve = raw.pop("curve")
        return cls(curve=Curve(**curve) if curve else None, **{**raw, "warnings": tuple(raw["warnings"])})


@dataclass
class Job:
    """One training: what it works on, where, and whom it tells."""

    source: Path
    name: str
    """The video's name for people."""
    work: Path
    """Kept between attempts: checkpoints."""
    out: Path
    """Existing empty folder for ``MODEL``, ``PREVIEW`` and ``RESULT``."""
    steps: int
    device: str
    options: EngineOptions
    avatar: Path | None = None
    """The engine's folder of the avatar of the whole clip, when there is one."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The trainer's own options by name, where it has any."""
    tell: Callable[[Told], None] = lambda _told: None
    cancelled: Callable[[], bool] = lambda: False
    now: Told = field(default_factory=lambda: Told("check"))

    def at(self, stage: str, fraction: float, **more: Any) -> None:
        """Tell; the fraction never falls. Raises ``cancelled``."""
        if self.cancelled():
            raise HuashengError("cancelled")
        fraction = max(self.now.fraction, min(1.0, fraction))
        passing = {"validation_loss": None, "curve": None}
        self.now = replace(self.now, stage=stage, fraction=fraction, steps=self.steps, **{**passing, **more})
        self.tell(self.now)

    def warn(self, code: str) -> None:
        """Keep a code for the person; told with the next progress."""
        if code not in self.now.warnings:
            self.now = replace(self.now, warnings=(*self.now.warnings, code))


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def options_text(options: EngineOptions) -> str:
    """Engine options as one argument of the training program."""
    return json.dumps(asdict(options), default=str)
