"""Settings of the asr service (prefix ``ASR_``)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import EngineSettings


class AsrSettings(EngineSettings):
    """Read from the environment, e.g. ``ASR_ENGINES=whisper,google``."""

    model_config = SettingsConfigDict(env_prefix="ASR_", extra="ignore")

    port: int = Field(default=50051, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9101, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = Field(default="whisper,sphinx", pattern=r"^[a-z_]+(,[a-z_]+)*$")
    """Engines that may be used, separated by commas: the first listens; where it cannot, the next does that is made
    for the language."""
    first_text_s: float = Field(default=40, gt=0, le=600)
    """Deadline of the text of an utterance, and of each stretch of a long clip, while another engine could still take
    over (see the share below); the last engine has its own deadlines."""
    max_audio_s: float = Field(default=600, gt=0, le=14400)
    """Longest clip that Transcribe takes, in seconds."""
    end_silence_ms: int = Field(default=700, ge=200, le=5000)
    """Silence that ends a live utterance."""
    pause_ms: int = Field(default=200, ge=64, le=2000)
    """Pause after which the final text of a live utterance is worked out ahead, in case no more speech comes."""
    max_utterance_s: float = Field(default=30, ge=5, le=120)
    """A live utterance without a pause is cut after this many seconds."""
    partial_interval_s: float = Field(default=1.0, ge=0.2, le=10)
    """Least time between two partial texts of a live utterance."""
