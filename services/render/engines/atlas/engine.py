"""The ``atlas`` engine: embedded, CPU, no downloaded face weights but the face mesh.

Preparing takes the person's own frames apart (``services.render.engines.atlas``); drawing redraws the mouth from them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2

from services.common import metrics
from services.common.errors import HuashengError
from services.common.weights import WeightsError, folder
from services.render.audio.whisper import WhisperEncoder
from services.render.engines.atlas.avatar import Avatar
from services.render.engines.atlas.mouth.hear import AcousticModel
from services.render.engines.atlas.mouth.person import PersonModel, person_encoder
from services.render.engines.atlas.prepare import prepare
from services.render.engines.atlas.session import AtlasSession
from services.render.engines.atlas.train.checks import sound_of, voice_in
from services.render.engines.base import (
    AvatarReport,
    EngineOptions,
    Kind,
    RenderEngine,
    RenderSession,
    SessionConfig,
)

log = logging.getLogger("huasheng.render.atlas")

__all__ = ["AtlasEngine"]


class AtlasEngine(RenderEngine):
    """Redraws the mouth from the person's own frames. Holds prepared avatars that are in use."""

    name = "atlas"
    description = "Redraws the mouth from the person's own frames; runs on any CPU"
    license = "Apache-2.0"
    version = "6"
    trainer = "services.render.engines.atlas.train.run:train"

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self._weights: Path | None = None
        self._acoustic: AcousticModel | None = None
        self._encoder: WhisperEncoder | None = None

    def load(self) -> None:
        """Check the face mesh weights and load the sound-to-mouth models."""
        cv2.setNumThreads(self.options.threads)
        try:
            self._weights = folder("face-mesh", self.options.weights_dir)
        except WeightsError as e:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, why=str(e)) from e
        self._acoustic = AcousticModel.builtin()
        try:
            weights = folder("whisper-base", self.options.weights_dir)
            self._encoder = WhisperEncoder(weights, self.options.threads)
        except (WeightsError, ImportError, RuntimeError) as e:
            self.description = f"{type(self).description}. Sound is heard less well than it could be: {e}"
            log.warning("sound will be heard without Whisper's encoder", extra={"why": str(e)})

    @property
    def encoder(self) -> WhisperEncoder | None:
        """What hears sound without phonemes; None where its weights are missing."""
        return self._encoder

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

    def check_training(self, source: Path, steps: int) -> None:  # noqa: ARG002
        """See ``RenderEngine``. Raises ``no-audio``, ``too-short``, ``silent-audio`` and ``clip-without-speech``."""
        sound, _ = sound_of(source, source.name)
        if self._encoder is not None:
            voice_in(sound, source.name, self._encoder)

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """See ``RenderEngine``."""
        if self._acoustic is None:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, why="not loaded")
        prepared, encoder = Avatar.load(avatar), self._encoder
        person = person_model(config.model, config.model.stat().st_mtime_ns) if config.model else None
        if person and person.improves_recordings and encoder and not config.live:  # it hears more than phonemes tell
            return AtlasSession(prepared, config, self._acoustic, person_encoder(encoder), person)
        if config.has_phonemes:
            return AtlasSession(prepared, config, self._acoustic, correction=person.text if person else None)
        if encoder is None:
            log.warning("sound is heard without Whisper's encoder, less well")
            metrics.FALLBACKS.labels("render", "whisper", "log-mel").inc()
            return AtlasSession(prepared, config, self._acoustic)
        if config.live:
            live = person.live if person else None
            return AtlasSession(prepared, config, self._acoustic, encoder.exactly, correction=live)
        return AtlasSession(prepared, config, self._acoustic, encoder)


@lru_cache(maxsize=8)
def person_model(path: Path, stamp: int) -> PersonModel:  # noqa: ARG001  a new stamp is a new training
    """A trained model; the last few stay in memory. Raises ``bad-model``."""
    try:
        return PersonModel.load(path)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise HuashengError("bad-model", id=path.parent.name) from e
