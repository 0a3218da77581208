"""Settings of the kokoro engine."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment (prefix ``TTS_``)."""

    model_config = SettingsConfigDict(env_prefix="TTS_", extra="ignore")

    voice_en: str = "af_heart"
    """Voice for English text when a request names none."""
    voice_zh: str = "zf_xiaoxiao"
    """Voice for Chinese text when a request names none."""
