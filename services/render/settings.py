"""Settings of the render service (prefix ``RENDER_``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import CACHE_DIR, ServiceSettings
from services.render.engines.registry import REGISTRY
from services.render.engines.synctalk.setup import SyncTalk, checkout_problem, python_problem


class RenderSettings(ServiceSettings):
    """What an operator can choose."""

    model_config = SettingsConfigDict(env_prefix="RENDER_", extra="ignore")

    port: int = Field(default=50054, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9104, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = "atlas"
    """Engines to load, separated by commas; the first is the default."""
    max_sessions: int = Field(default=4, ge=1, le=256)
    """Videos drawn at once; more are refused with ``busy``."""
    max_prepares: int = Field(default=1, ge=1, le=64)
    """Avatars prepared at once; more wait."""
    max_side: int = Field(default=1920, ge=256, le=4096)
    """Longest side of an avatar in pixels; larger sources are scaled down."""
    max_avatar_s: float = Field(default=60, ge=2, le=600)
    """Seconds of a source video that are used; the rest is left out with a warning."""
    preset: str = Field(default="auto", pattern="^(auto|ultrafast|superfast|veryfast|faster|fast|medium|slow)$")
    """x264 preset: slower ones make smaller files. ``auto`` is ``superfast`` less what a talking head needs least."""
    crf: int = Field(default=20, ge=12, le=35)
    """x264 quality: lower is better and larger; live one more, which looks the same without the look-ahead."""
    encoder_threads: int = Field(default=1, ge=1, le=16)
    """Threads of one encoder."""
    cache_dir: Path = CACHE_DIR / "avatars"
    """Where avatars lie on this machine when storage is a bucket."""

    models_dir: Path = CACHE_DIR / "models"
    """Folder of checkpoints that you supply, one for each engine: ``joygen``, ``musetalk`` (see docs/joygen.md)."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda:\d+)$")
    """Where the networks of joygen and musetalk run; ``auto`` takes the first GPU, else the processor."""
    dtype: str = Field(default="auto", pattern="^(auto|fp32|fp16|bf16)$")
    """Their numbers; ``auto`` is fp16 on a GPU and fp32 on the processor."""
    max_batch: int = Field(default=8, ge=1, le=64)
    """Frames they draw in one go, shared by all sessions; halved by itself when the device's memory is short."""
    first_batch: int = Field(default=2, ge=1, le=64)
    """Frames of the batch that opens a video: smaller shows the first picture sooner."""
    batch_wait_ms: float = Field(default=10, ge=0, le=1000)
    """Longest that a frame waits for frames of other sessions to share a batch with."""

    synctalk_dir: Path | None = None
    """Folder of your SyncTalk checkout (see docs/synctalk.md); non-commercial use only."""
    synctalk_python: str = Field(default="", validate_default=True)
    """Python program of SyncTalk's own environment; it never shares ours."""
    synctalk_gpu: str = Field(default="", pattern=r"^(\d{1,2})?$")
    """Number of the GPU for it (``CUDA_VISIBLE_DEVICES``); empty leaves that as it is."""
    synctalk_preload: int = Field(default=0, ge=0, le=2)
    """While training, pictures come from 0 the disk, 1 memory, 2 the GPU's memory: each quicker and larger."""
    synctalk_max_video_s: float = Field(default=300, ge=10, le=1200)
    """Seconds of a person's video that are used for it."""
    synctalk_segment_s: float = Field(default=60, ge=1, le=600)
    """Longest stretch drawn in one go; all of its pictures are held in memory, at the end twice (50 MB a second)."""
    synctalk_render_s: float = Field(default=3600, gt=0, le=86_400)
    """Deadline of one such stretch."""
    synctalk_prepare_s: float = Field(default=14_400, gt=0, le=86_400)
    """Deadline of one of the ten steps of preparing a person."""
    synctalk_train_s: float = Field(default=172_800, gt=0, le=864_000)
    """Deadline of each of the two runs of a training."""
    synctalk_quiet_s: float = Field(default=3600, gt=0, le=86_400)
    """Silence after which one of its programs is taken for hung; steps of the preparation print nothing for long."""

    @field_validator("engines")
    @classmethod
    def _known(cls, value: str) -> str:
        names = [n.strip() for n in value.split(",") if n.strip()]
        if not names or (unknown := [n for n in names if n not in REGISTRY]):
            raise ValueError(f"unknown engine {unknown[0] if names else '(none)'}; known: {', '.join(REGISTRY)}")
        if names[0] == "synctalk":
            raise ValueError("synctalk cannot be the first engine: it draws no picture before training")
        return ",".join(names)

    @field_validator("synctalk_dir")
    @classmethod
    def _checkout(cls, value: Path | None) -> Path | None:
        if value is not None and (problem := checkout_problem(value)):
            raise ValueError(problem)
        return value

    @field_validator("synctalk_python")
    @classmethod
    def _python(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("synctalk_dir") is not None and (problem := python_problem(value)):
            raise ValueError(problem)
        return value

    def synctalk(self) -> SyncTalk | None:
        """The checkout, None where none is set."""
        if self.synctalk_dir is None:
            return None
        return SyncTalk(
            self.synctalk_dir.absolute(),
            self.synctalk_python,
            self.synctalk_gpu,
            self.synctalk_preload,
            self.synctalk_max_video_s,
            self.synctalk_segment_s,
            self.synctalk_quiet_s,
            self.synctalk_render_s,
            self.synctalk_prepare_s,
            self.synctalk_train_s,
        )

    @property
    def engine_names(self) -> list[str]:
        """Engines in order, the default first."""
        return self.engines.split(",")
