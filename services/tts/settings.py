"""Settings of the tts service."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServiceSettings


class TtsSettings(ServiceSettings):
    """Settings with the prefix ``TTS_``."""

    model_config = SettingsConfigDict(env_prefix="TTS_", extra="ignore")

    port: int = Field(default=50053, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9103, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = Field(default="kokoro", pattern=r"^[a-z_]+(\s*,\s*[a-z_]+)*$")
    """Engines to load, separated by commas; the first is the default."""
    max_chars: int = Field(default=5000, ge=1, le=100_000)
    """Characters a clause may have."""
    voice_en: str = "af_heart"
    """Voice for English text when a request names none."""
    voice_zh: str = "zf_xiaoxiao"
    """Voice for Chinese text when a request names none."""

    def engine_names(self) -> list[str]:
        """The engines in order, without repetition."""
        return list(dict.fromkeys(e.strip() for e in self.engines.split(",")))
