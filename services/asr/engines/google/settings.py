"""Settings of the google engine."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment (prefix ``ASR_GOOGLE_``)."""

    model_config = SettingsConfigDict(env_prefix="ASR_GOOGLE_", extra="ignore")

    url: str = Field(default="https://www.google.com/speech-api/v2/recognize", pattern=r"^https?://.+")
    """Address of the google engine."""
    key: SecretStr | None = None
    """API key of the google engine; without it the key that the SpeechRecognition package carries is used."""
    key_file: Path | None = None
    """File that holds the key instead; read for each request, so that the key can be changed without a restart."""
    language: str = Field(default="zh", pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    """Language that the google engine takes when the caller names none, e.g. ``en-US``; it cannot detect it."""
    timeout_s: float = Field(default=15, gt=0, le=120)
    """Deadline of the google engine for one window of speech (up to 15 s), second tries included."""
    attempts: int = Field(default=2, ge=1, le=5)
    """Tries of the google engine for one window, after connection errors and server errors."""
