"""The ``joygen`` engine: the JoyGen network (Wang et al. 2025) redraws the lower face, on a GPU or (slowly) a CPU."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from services.common.engines import load_failure
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.frames import pictures
from services.render.clip.look import check_for_training
from services.render.devices import DeviceInfo
from services.render.engines.base import RenderEngine, RenderSession
from services.render.engines.joygen.audio import WhisperFeatures
from services.render.engines.joygen.batching import Batcher
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import UNET, Bundle, load_bundle
from services.render.engines.joygen.checkpoints import Kind as Network
from services.render.engines.joygen.draw import DrawRequest, FacePainter
from services.render.engines.joygen.expression import ExpressionStream
from services.render.engines.joygen.hearing import StreamAudioFeatures, silence_features
from services.render.engines.joygen.paste import JOYGEN
from services.render.engines.joygen.prepare import JoygenPrepareJob, prepare
from services.render.engines.joygen.session import JoySession
from services.render.engines.joygen.settings import Settings
from services.render.engines.joygen.store import FRAMES, Avatar
from services.render.types import AvatarReport, Cancelled, Image, Kind, Progress, SessionConfig

log = logging.getLogger("huasheng.render.joygen")

if TYPE_CHECKING:
    from services.render.settings import RenderSettings

__all__ = ["JoygenEngine"]

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
MADE_WITH = ("sd-vae*/*", "face_recon*/*", "face-parse*/*", "BFM/*")
"""Files on which a prepared avatar depends."""
FORMAT = 2
"""Of the avatar's files; raise it when they change."""
WARM_UP_FRAMES_S = 60.0

Faces = npt.NDArray[np.uint8]


class JoygenEngine(RenderEngine):
    """One copy of the networks on one device, shared by all sessions."""

    name = "joygen"
    network: Network = "joygen"
    trainer = "services.render.engines.joygen.train.run:train"
    model_files = ("unet/config.json", f"unet/{UNET}")
    margin = 0
    """Pixels added below the face's box."""
    style = JOYGEN
    """How its faces are pasted."""
    about = "JoyGen: redraws the lower face with a network"
    description = about
    license = "code Apache-2.0; weights: research use, see docs/joygen.md"
    version = str(FORMAT)

    settings: Settings

    def __init__(self, settings: Settings, shared: SharedSettings, service: RenderSettings) -> None:
        super().__init__(settings, shared, service)
        self.device = _device(self.settings.device)
        self._artist: FacePainter | None = None
        self._batcher: Batcher[DrawRequest, Faces] | None = None
        self._mesh: Path | None = None
        self._silence: npt.NDArray[np.float32] | None = None

    def load(self) -> None:
        """Load the networks. Raises ``engine-unavailable`` with the reason."""
        settings, root = self.settings, self.settings.models_dir / self.name
        dtype = DTYPES[settings.dtype] if settings.dtype != "auto" else _best_dtype(self.device)
        if self.device == "cpu":
            torch.set_num_threads(self.shared.threads)
        try:
            self._mesh = folder("face-mesh", self.shared.weights_dir)
            bundle = load_bundle(root, self.device, dtype, kind=self.network)
        except (WeightsError, torch.OutOfMemoryError, RuntimeError) as e:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, **load_failure(e)) from e
        bfm, why_not = self._face_model(bundle, root)
        self._artist = FacePainter(bundle, bfm)
        self._batcher = Batcher(
            self._artist.draw,
            settings.max_batch,
            min(settings.first_batch, settings.max_batch),
            settings.batch_wait_ms / 1000,
            device=self.device,
        )
        self.version = f"{FORMAT}-{_fingerprint(root)}"
        self._silence = self._asleep()
        if self.device != "cpu":
            self._warm_up()
        self.description = self._describe(bundle, bfm, why_not)
        log.info("networks loaded", extra={"device": self.device, "dtype": str(dtype), "depth": bfm is not None})

    def close(self) -> None:
        """End the device's thread; for tests, a service ends with its process."""
        if self._batcher:
            self._batcher.stop()

    def devices(self) -> list[DeviceInfo]:
        """See ``RenderEngine``."""
        if self.device == "cpu":
            return []
        free, total = torch.cuda.mem_get_info(self.device)
        return [DeviceInfo(self.device, torch.cuda.get_device_name(self.device), total, total - free)]

    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> AvatarReport:
        """See ``RenderEngine``."""
        artist, batcher = self._ready()
        assert self._mesh is not None
        job = JoygenPrepareJob(
            source=source,
            kind=kind,
            mesh_weights=self._mesh,
            limits=self.limits_of(kind),
            progress=progress,
            cancelled=cancelled,
            artist=artist,
            batcher=batcher,
            version=f"{self.name} {self.version}",
            margin=self.margin,
            style=self.style,
        )
        return prepare(job, out)

    def check_training(self, source: Path, steps: int) -> None:  # noqa: ARG002
        """See ``RenderEngine``. Raises what ``check_for_training`` raises."""
        self._ready()
        assert self._mesh is not None
        check_for_training(source, self._mesh, self.limits)

    def source_pictures(self, avatar: Path) -> Iterator[Image]:
        """See ``RenderEngine``."""
        return pictures(avatar / FRAMES)

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """See ``RenderEngine``. Raises ``device-busy`` when one more conversation could not be drawn in time."""
        artist, batcher = self._ready()
        found = Avatar.load(avatar)
        deep = artist.bfm is not None and len(found.face.coefficients) > 0
        if config.model is not None:
            artist.model(config.model)  # a missing one is refused here
        seat = batcher.open_slot(config.live, config.model)
        try:
            return JoySession(
                found, config, lambda: self._hearing(config, deep), seat, 2 * self.settings.max_batch, deep
            )
        except BaseException:
            seat.release()
            raise

    def _ready(self) -> tuple[FacePainter, Batcher[DrawRequest, Faces]]:
        if self._artist is None or self._batcher is None:
            raise HuashengError("engine-unavailable", service="render", engine=self.name, cause="not-loaded")
        return self._artist, self._batcher

    def _hearing(self, config: SessionConfig, deep: bool) -> StreamAudioFeatures:
        artist, _ = self._ready()
        assert self._silence is not None
        bundle, expressions = artist.bundle, None
        if deep and bundle.a2m and bundle.hubert:
            expressions = ExpressionStream(bundle.a2m, bundle.hubert, live=config.live)
        # a recording is heard whole before it is drawn, as upstream does; a conversation cannot wait for its end
        features = WhisperFeatures(bundle.whisper, bundle.kind, live=config.live)
        return StreamAudioFeatures(config.audio_rate_hz, features, self._silence, expressions)

    def _asleep(self) -> npt.NDArray[np.float32]:
        artist, _ = self._ready()
        return silence_features(WhisperFeatures(artist.bundle.whisper, artist.bundle.kind))

    def _face_model(self, bundle: Bundle, root: Path) -> tuple[Bfm | None, str]:
        """The 3D face, or why lips are drawn without depth."""
        if self.network != "joygen":
            return None, ""
        if bundle.missing and not (bundle.a2m and bundle.hubert and bundle.recon):
            return None, f"missing: {', '.join(bundle.missing)}"
        try:
            return Bfm.load(root / "BFM", self.device), ""
        except (OSError, ValueError) as e:
            return None, str(e)

    def _describe(self, bundle: Bundle, bfm: Bfm | None, why_not: str) -> str:
        parts = [f"{self.about}, on {self.device}"]
        if bfm is not None:
            parts.append("lips follow a 3D face (depth)")
        elif self.network == "joygen":
            parts.append(f"without the 3D face, from sound alone ({why_not})")
            log.warning("lips are drawn without depth", extra={"why": why_not})
        if bundle.parsing is None:
            parts.append("face outline from the mesh, not from the face parser")
        if self._batcher and (rate := self._batcher.frames_per_second):
            parts.append(f"{rate:.0f} frames per second")
        return "; ".join(parts)

    def _warm_up(self) -> None:
        """Draw once at each size, so that the first caller does not wait, and the speed and memory are known."""
        _, batcher = self._ready()
        assert self._silence is not None
        nothing = DrawRequest(np.zeros((8, 32, 32), np.float16), self._silence)
        slot = batcher.open_slot(live=False)
        try:
            for count in (1, self.settings.first_batch, self.settings.max_batch, self.settings.max_batch):
                for future in [slot.submit(nothing) for _ in range(count)]:
                    future.result(WARM_UP_FRAMES_S)
        finally:
            slot.release()


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _best_dtype(device: str) -> torch.dtype:
    return torch.float32 if device == "cpu" else torch.float16


def _fingerprint(root: Path) -> str:
    """Tells one set of weights from another by the files' names, sizes and ends."""
    digest = hashlib.sha256()
    for path in sorted(p for pattern in MADE_WITH for p in root.glob(pattern) if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(root)} {size}".encode())
        with path.open("rb") as f:
            digest.update(f.read(1 << 16))
            f.seek(max(0, size - (1 << 16)))
            digest.update(f.read(1 << 16))
    return digest.hexdigest()[:12]
