"""The ``atlas`` engine: embedded, CPU, no downloaded face weights but the face mesh.

Preparing takes the person's own frames apart (``services.render.atlas``); drawing redraws the mouth from them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from services.common.errors import HuashengError
from services.common.weights import WeightsError, folder
from services.render.atlas.avatar import Avatar
from services.render.atlas.make import prepare
from services.render.atlas.session import AtlasSession
from services.render.engines.base import (
    AvatarReport,
    EngineOptions,
    Kind,
    RenderEngine,
    RenderSession,
    SessionConfig,
)
from services.render.mouth.hear import AcousticModel

__all__ = ["AtlasEngine"]


class AtlasEngine(RenderEngine):
    """Redraws the mouth from the person's own frames. Holds prepared avatars that are in use."""

    name = "atlas"
    description = "Redraws the mouth from the person's own frames; runs on any CPU"
    licence = "Apache-2.0"
    version = "1"

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._weights: Path | None = None
        self._acoustic: AcousticModel | None = None

    def load(self) -> None:
        """Check the face mesh weights and load the sound-to-mouth model."""
        cv2.setNumThreads(self.options.threads)
        try:
            self._weights = folder("face-mesh", self.options.weights_dir)
        except WeightsError as e:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, why=str(e)) from e
        self._acoustic = AcousticModel.builtin()

    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> AvatarReport:
        """See ``RenderEngine``."""
        if self._weights is None:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, why="not loaded")
        return prepare(source, kind, out, self._weights, self.options, progress, cancelled)

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """See ``RenderEngine``."""
        if self._acoustic is None:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, why="not loaded")
        return AtlasSession(Avatar.load(avatar), config, self._acoustic)
