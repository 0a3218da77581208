"""The ``atlas`` engine: embedded, on any CPU; it needs the weights of the face mesh and of Whisper's encoder.

Preparing takes the person's own frames apart; drawing redraws the mouth from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from services.common.engines import load_failure
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.audio.whisper import WhisperEncoder
from services.render.clip.frames import pictures
from services.render.clip.look import check_for_training
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.mouth.person import PersonModel, person_encoder
from services.render.engines.atlas.prepare import prepare
from services.render.engines.atlas.session import AtlasSession
from services.render.engines.atlas.train.checks import voice_in
from services.render.engines.base import RenderEngine, RenderSession
from services.render.train.checks import clip_sound
from services.render.types import AvatarReport, Cancelled, Image, Kind, PrepareJob, Progress, SessionConfig

if TYPE_CHECKING:
    from services.render.settings import RenderSettings

__all__ = ["AtlasEngine"]


class AtlasEngine(RenderEngine):
    """Redraws the mouth from the person's own frames. Holds prepared avatars that are in use."""

    name = "atlas"
    description = "Redraws the mouth from the person's own frames; runs on any CPU"
    license = "Apache-2.0"
    version = "6"
    draws_parts = True
    trainer = "services.render.engines.atlas.train.run:train"

    def __init__(self, settings: None, shared: SharedSettings, service: RenderSettings) -> None:
        super().__init__(settings, shared, service)
        self._mesh: Path | None = None
        self._encoder: WhisperEncoder | None = None

    def load(self) -> None:
        """Find the face mesh and load Whisper's encoder. Raises ``engine-unavailable``."""
        cv2.setNumThreads(self.shared.threads)
        try:
            mesh = folder("face-mesh", self.shared.weights_dir)
            encoder = WhisperEncoder(folder("whisper-base", self.shared.weights_dir), self.shared.threads)
        except (WeightsError, ImportError, RuntimeError) as e:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, **load_failure(e)) from e
        self._mesh, self._encoder = mesh, encoder

    @property
    def encoder(self) -> WhisperEncoder:
        """Whisper's encoder, for sound without phonemes. Raises ``engine-unavailable`` before ``load``."""
        if self._encoder is None:
            raise self._not_loaded()
        return self._encoder

    def _not_loaded(self) -> HuashengError:
        return HuashengError("engine-unavailable", service="render", engine=self.name, cause="not-loaded")

    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> AvatarReport:
        """See ``RenderEngine``."""
        if self._mesh is None:
            raise self._not_loaded()
        job = PrepareJob(
            source=source,
            kind=kind,
            mesh_weights=self._mesh,
            limits=self.limits_of(kind),
            progress=progress,
            cancelled=cancelled,
        )
        return prepare(job, out)

    def check_training(self, source: Path, steps: int) -> None:  # noqa: ARG002
        """See ``RenderEngine``. Raises what ``check_for_training`` raises, ``no-audio``, ``too-short``,
        ``silent-audio`` and ``clip-without-speech``."""
        if self._mesh is None:
            raise self._not_loaded()
        sound, _ = clip_sound(source, source.name)
        check_for_training(source, self._mesh, self.limits)
        voice_in(sound, source.name, self.encoder)

    def source_pictures(self, avatar: Path) -> Iterator[Image]:
        """See ``RenderEngine``."""
        return pictures(avatar / FRAMES)

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """See ``RenderEngine``."""
        prepared, encoder = Avatar.load(avatar), self.encoder
        person = person_model(config.model, config.model.stat().st_mtime_ns) if config.model else None
        if (
            person and person.improves_recordings and not config.live
        ):  # sound says more of this person's mouth than phonemes do
            return AtlasSession(prepared, config, person_encoder(encoder), person)
        if config.has_phonemes:
            return AtlasSession(prepared, config, encoder, correction=person.text if person else None)
        if config.live:
            live = person.live if person else None
            return AtlasSession(prepared, config, encoder.exactly, correction=live)
        return AtlasSession(prepared, config, encoder)


@lru_cache(maxsize=8)
def person_model(path: Path, stamp: int) -> PersonModel:  # noqa: ARG001  a new stamp is a new training
    """A trained model; the last few stay in memory. Raises ``bad-model``."""
    try:
        return PersonModel.load(path)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise HuashengError("bad-model", id=path.parent.name) from e
