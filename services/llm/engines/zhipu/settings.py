"""Settings of the zhipu engine."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.settings import WebAddress
from services.llm.remote.settings import Extra


class Settings(BaseSettings):
    """Read from the environment (prefix ``LLM_ZHIPU_``)."""

    model_config = SettingsConfigDict(env_prefix="LLM_ZHIPU_", extra="ignore")

    api_key: SecretStr | None = None
    """API key of the zhipu engine."""
    api_key_file: Path | None = None
    """File that holds the key instead; read for each request, so that the key can be changed without a restart."""
    url: WebAddress = Field(default="https://open.bigmodel.cn/api/paas/v4", min_length=1)
    """Address of the zhipu engine."""
    model: str = Field(default="glm-4-plus", min_length=1)
    """Model of the zhipu engine."""
    models: str = ""
    """Further models that a request may name, separated by commas, e.g. ``glm-4-air,glm-4-flash``."""
    extra: Extra = Field(default={})
    """Further members of each request as JSON, e.g. ``{"thinking": {"type": "disabled"}}`` for GLM-4.5 and later."""
