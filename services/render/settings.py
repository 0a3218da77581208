"""Settings of the render service (prefix ``RENDER_``)."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from services.common.engines import settings_class
from services.common.settings import ServiceSettings
from services.render.engines.registry import REGISTRY


class RenderSettings(ServiceSettings):
    """What an operator can choose; what belongs to one engine is in the module ``settings`` of its folder."""

    model_config = SettingsConfigDict(env_prefix="RENDER_", extra="ignore")

    port: int = Field(default=50054, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9104, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = "atlas"
    """Engines to load, separated by commas; the first is the default."""
    max_sessions: int = Field(default=4, ge=1, le=256)
    """Videos drawn at once; more are refused with ``busy``."""
    slots: int = Field(default=0, ge=0, le=256)
    """Videos that this replica draws at once at full speed; gateways give it no more work than that while others wait.
    0: one for every two processors of the machine, or of the container's limit."""
    max_prepares: int = Field(default=1, ge=1, le=64)
    """Avatars prepared at once; more wait."""
    max_waiting: int = Field(default=8, ge=1, le=64)
    """Avatars that may wait to be prepared, and trainings that may wait; more are refused with ``busy``."""
    max_side: int = Field(default=1920, ge=256, le=4096)
    """Longest side of an avatar in pixels; larger sources are scaled down."""
    max_avatar_s: float = Field(default=60, ge=2, le=600)
    """Seconds of a source video that are used; the rest is left out with a warning."""
    max_film_s: float = Field(default=300, ge=2, le=1800)
    """Longest film whose mouth is drawn anew (dubbing), in seconds; longer ones are refused."""
    preset: str = Field(default="auto", pattern="^(auto|ultrafast|superfast|veryfast|faster|fast|medium|slow)$")
    """x264 preset: slower ones make smaller files. ``auto`` is ``superfast`` less what a talking head needs least."""
    crf: int = Field(default=20, ge=12, le=35)
    """x264 quality: lower is better and larger. Live video and idle loops get four less and no rate control: the same
    picture, at the same quality whatever came before."""
    encoder_threads: int = Field(default=1, ge=1, le=16)
    """Threads of one encoder."""
    restorer_model: str = ""
    """ONNX file of a face restorer for videos that ask for one (docs/studio.md); empty: none."""
    restorer_name: str = Field(default="", max_length=80)
    """What users see it called; empty: the file's name."""
    restorer_licence: str = Field(default="", max_length=400, validate_default=True)
    """Its licence, which users see before they choose it; required with ``RENDER_RESTORER_MODEL``."""

    @field_validator("engines")
    @classmethod
    def _known(cls, value: str) -> str:
        names = [n.strip() for n in value.split(",") if n.strip()]
        if not names or (unknown := [n for n in names if n not in REGISTRY]):
            raise ValueError(f"unknown engine {unknown[0] if names else '(none)'}; known: {', '.join(REGISTRY)}")
        if why := getattr(settings_class(REGISTRY[names[0]]), "refused_as_default", ""):
            raise ValueError(f"{names[0]} cannot be the first engine: {why}")
        return ",".join(names)

    @field_validator("restorer_model", "restorer_name", "restorer_licence")
    @classmethod
    def _stripped(cls, value: str, info: ValidationInfo) -> str:
        value = value.strip()
        if info.field_name == "restorer_licence" and info.data.get("restorer_model") and not value:
            raise ValueError("say under which licence RENDER_RESTORER_MODEL may be used: users see it")
        return value

    def engine_names(self) -> list[str]:
        """Engines in order, the default first."""
        return self.engines.split(",")
