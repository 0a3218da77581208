"""The restorer of a render service, and its work on the pictures of one video."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from huasheng.render.v1 import render_pb2 as pb

from services.common.engines import why
from services.common.errors import HuashengError
from services.render.avatars.derived import Derived, Pictures
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.media.write import to_bgr, to_yuv
from services.render.restore.align import add_change, face_of, mask_of, steady
from services.render.restore.network import Network
from services.render.restore.places import PlaceMaker, Places
from services.render.settings import RenderSettings
from services.render.types import Frame

log = logging.getLogger("huasheng.render")


class Restoring:
    """Restores the faces of one video's pictures. Each follows from itself alone: parts of a video join exactly."""

    def __init__(self, network: Network, maker: PlaceMaker) -> None:
        self._network, self._maker = network, maker

    def prepare(self) -> Iterator[None]:
        """Find the avatar's face where that was not done yet; yields after each picture. Before ``restored``.

        Raises ``restorer-unavailable``, ``no-face``, ``disk-full``.
        """
        yield from self._maker.make()

    @functools.cached_property
    def _places(self) -> Places:
        return self._maker.read()

    def restored(self, frame: Frame) -> Frame:
        """The drawn picture with its face restored, planar; itself where none was drawn. Raises ``engine-failed``."""
        strength = min(frame.redrawn, float(self._places.strength[frame.source]))
        if strength <= 0:
            return frame
        scale = frame.image.shape[1] / self._maker.kept.record.report.width
        where = self._places.place(frame.source, scale, self._network.side)
        face, mask = face_of(to_bgr(frame.image), where), mask_of(where)
        change = (steady(face, self._network.restored(face), mask) - face) * (mask * strength)
        image = to_yuv(frame.image) if frame.image.ndim == 3 else frame.image.copy()
        add_change(image, change, where)
        return replace(frame, image=image)


class Restorer:
    """What the operator supplied, if anything; loaded once."""

    def __init__(self, settings: RenderSettings, threads: int) -> None:
        self._settings, self._threads = settings, threads
        self._network: Network | None = None
        self._error = HuashengError("restorer-unavailable", cause="still-loading" if self.is_set else "no-restorer")

    @property
    def is_set(self) -> bool:
        """Whether there is one, whether or not it can be used."""
        return bool(self._settings.restorer_model)

    @property
    def name(self) -> str:
        """Display name."""
        return self._settings.restorer_name or Path(self._settings.restorer_model).stem

    def load(self) -> None:
        """Load it, if there is one. One that cannot be used is no error before it is asked for."""
        if not self.is_set:
            return
        try:
            self._network = Network(Path(self._settings.restorer_model), self.name, self._threads)
            log.info(
                "restorer loaded", extra={"restorer": self.name, "seconds_a_face": round(self._network.trial_s, 3)}
            )
        except HuashengError as e:
            self._error = e
            log.warning("restorer not available", extra={"restorer": self.name, "why": why(e)})

    def message(self) -> pb.Restorer | None:
        """What there is to say of it; None where there is none."""
        if not self.is_set:
            return None
        problem = "" if self._network else why(self._error)
        return pb.Restorer(name=self.name, licence=self._settings.restorer_licence, problem=problem)

    def check(self) -> Network:
        """What can be used. Raises ``restorer-unavailable``."""
        if self._network is None:
            raise self._error
        return self._network

    def restoring(
        self, config: pb.RenderConfig, store: AvatarStore, record: AvatarRecord, pictures: Pictures, weights_dir: Path
    ) -> Restoring | None:
        """For a video of that avatar, whose own pictures are ``pictures``; None where the request does not ask for it.

        Raises ``restorer-unavailable``.
        """
        if not config.restore:
            return None
        return Restoring(self.check(), PlaceMaker(Derived(store, record), pictures, weights_dir))
