"""The ``synctalk`` engine: SyncTalk (Peng et al., CVPR 2024), a radiance field of one person, in a user's checkout.

Its programs run in an environment of their own on an NVIDIA GPU; none of its code is part of this project.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from services.common.engines import load_failure
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.look import check_for_training
from services.render.clip.plan import PLAN, Plan
from services.render.clip.tracking import MIN_S
from services.render.devices import DeviceInfo
from services.render.engines.base import RenderEngine, RenderSession
from services.render.engines.synctalk.data import PERSON, Person
from services.render.engines.synctalk.prepare import FPS, SHORT_S, SynctalkPrepareJob, pictures_of, prepare
from services.render.engines.synctalk.session import SyncSession
from services.render.engines.synctalk.settings import Settings
from services.render.engines.synctalk.setup import NO_CHECKOUT, SyncTalk
from services.render.engines.synctalk.train import CHECKPOINT, LEARNED, epochs
from services.render.media.read import kind_of, probe
from services.render.types import (
    AvatarReport,
    Cancelled,
    ClipLimits,
    Image,
    Kind,
    Progress,
    SessionConfig,
    TrainingClip,
)

if TYPE_CHECKING:
    from services.render.settings import RenderSettings

__all__ = ["SynctalkEngine"]

AT_ONCE = 1
"""Programs that draw at a time: one fills a GPU."""


class SynctalkEngine(RenderEngine):
    """One checkout. Draws videos only, and only of people it was trained on."""

    name = "synctalk"
    description = (
        "SyncTalk in your own checkout: trained for hours on one person; for videos, not for live conversation"
    )
    license = "CC BY-NC 4.0: non-commercial use only, the trained models included"
    version = "1"
    trainer = "services.render.engines.synctalk.train:train"
    model_files = (CHECKPOINT,)
    trains_with_torch = False
    default_steps = 100_000
    training_clip = TrainingClip(MIN_S, SHORT_S)
    is_live = False
    draws_films = False
    needs_model = True

    def __init__(self, settings: Settings, shared: SharedSettings, service: RenderSettings) -> None:
        super().__init__(settings, shared, service)
        self.setup = SyncTalk.of(settings)
        if self.setup:
            self.limits = ClipLimits(service.max_side, settings.max_video_s)
        self._mesh: Path | None = None
        self._gpu: DeviceInfo | None = None
        self._turns = threading.Semaphore(AT_ONCE)

    def load(self) -> None:
        """Look whether the checkout is complete and its Python works. Raises ``engine-unavailable`` with what to do."""
        if self.setup is None:
            raise HuashengError("engine-unavailable", engine=self.name, **NO_CHECKOUT)
        try:
            self._mesh = folder("face-mesh", self.shared.weights_dir)
        except WeightsError as e:
            raise HuashengError("engine-unavailable", engine=self.name, **load_failure(e)) from e
        self._gpu = self.setup.probe()
        self.device = self._gpu.device

    def devices(self) -> list[DeviceInfo]:
        """See ``RenderEngine``; memory in use is not known here."""
        return [self._gpu] if self._gpu else []

    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> AvatarReport:
        """See ``RenderEngine``."""
        setup, mesh = self._ready()
        job = SynctalkPrepareJob(
            source=source,
            kind=kind,
            mesh_weights=mesh,
            limits=self.limits,
            progress=progress,
            cancelled=cancelled,
            setup=setup,
        )
        return prepare(job, out)

    def check_training(self, source: Path, steps: int) -> None:
        """See ``RenderEngine``. Raises ``video-needed``, ``too-few-steps`` and what ``check_for_training`` raises."""
        if kind_of(source) != "video":
            raise HuashengError("video-needed", engine=self.name, name=source.name)
        seconds = min(probe(source).duration_s, self.limits.max_s)
        epochs(steps, max(1, round(LEARNED * FPS * seconds)))
        check_for_training(source, self._ready()[1], self.limits)

    def source_pictures(self, avatar: Path) -> Iterator[Image]:
        """See ``RenderEngine``."""
        return pictures_of(Person.load(avatar / PERSON).folder, list(range(Plan.load(avatar / PLAN).frames)))

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """See ``RenderEngine``. Raises ``not-live``."""
        if config.live:
            raise HuashengError("not-live", engine=self.name)
        setup, _ = self._ready()
        return SyncSession(avatar, config, setup, self._turns)

    def _ready(self) -> tuple[SyncTalk, Path]:
        if self.setup is None or self._mesh is None:
            raise HuashengError("engine-unavailable", engine=self.name, cause="not-loaded")
        return self.setup, self._mesh
