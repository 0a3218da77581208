"""Settings of the openai engine."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.settings import WebAddress
from services.llm.remote.settings import Extra


class Settings(BaseSettings):
    """Read from the environment (prefix ``LLM_OPENAI_``)."""

    model_config = SettingsConfigDict(env_prefix="LLM_OPENAI_", extra="ignore")

    api_key: SecretStr | None = None
    """API key of the openai engine; local servers such as Ollama need none."""
    api_key_file: Path | None = None
    """File that holds the key instead; read for each request, so that the key can be changed without a restart."""
    url: WebAddress = ""
    """Address of the openai engine up to and with ``/v1``; the engine is not available without it."""
    model: str = ""
    """Model of the openai engine, as its server names it."""
    models: str = ""
    """Further models that a request may name, separated by commas."""
    extra: Extra = Field(default={})
    """Further members of each request as JSON, e.g. ``{"reasoning_effort": "none"}`` for Ollama."""
