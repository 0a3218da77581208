"""Settings of the whisper engine."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment (prefix ``ASR_``)."""

    model_config = SettingsConfigDict(env_prefix="ASR_", extra="ignore")

    beam_size: int = Field(default=1, ge=1, le=5)
    """Beams of the whisper engine: more is slower and rarely better on short clips."""
