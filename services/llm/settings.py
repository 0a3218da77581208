"""Settings of the llm service (prefix ``LLM_``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.common.settings import CACHE_DIR, EngineSettings, WebAddress

SYSTEM_PROMPT = (
    "You are a digital human in a spoken conversation: your answer is read aloud by a voice. "
    "Answer in one to three short sentences, in the language the person speaks. "
    "Write plain spoken words only: no markdown, lists, emoji, links, code or stage directions. "
    "What the person says comes from speech recognition; read over small mistakes in it. "
    "Say so when you do not know something."
)


def _extra(members: dict[str, Any]) -> dict[str, Any]:
    if taken := {"model", "messages", "stream", "max_tokens", "temperature"} & set(members):
        raise ValueError(f"{', '.join(sorted(taken))}: the service sets these itself")
    return members


Extra = Annotated[dict[str, Any], AfterValidator(_extra)]


class LlmSettings(EngineSettings):
    """Read from the environment, e.g. ``LLM_ENGINES=zhipu,faq`` and ``LLM_ZHIPU_API_KEY=…``."""

    model_config = SettingsConfigDict(env_prefix="LLM_", extra="ignore")

    port: int = Field(default=50052, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9102, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = Field(default="faq,zhipu,openai", pattern=r"^[a-z_]+(,[a-z_]+)*$")
    """Engines that may be used, separated by commas: the first answers; where it cannot, the next does."""
    system_prompt: str = Field(default=SYSTEM_PROMPT, max_length=8000)
    """What every model is told first; the avatar's persona follows it."""
    max_tokens: int = Field(default=400, ge=1, le=8192)
    """Longest answer in tokens, when the request says nothing."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """Randomness, when the request says nothing."""
    history_tokens: int = Field(default=3000, ge=200, le=200_000)
    """Estimated tokens of conversation sent to a model; the oldest messages are dropped first."""
    first_token_s: float = Field(default=15, gt=0, le=300)
    """Deadline of the first piece of an answer, retries and other engines included."""
    deadline_s: float = Field(default=60, gt=0, le=600)
    """Deadline of a whole answer."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Tries before the first piece of an answer, after 429, 5xx and connection errors."""
    backoff_s: float = Field(default=0.5, gt=0, le=30)
    """Wait before the second try; doubled for each further one, give or take half. Retry-After is respected."""
    zhipu_api_key: SecretStr | None = None
    """API key of the zhipu engine."""
    zhipu_api_key_file: Path | None = None
    """File that holds the key instead; read for each request, so that the key can be changed without a restart."""
    zhipu_url: WebAddress = Field(default="https://open.bigmodel.cn/api/paas/v4", min_length=1)
    """Address of the zhipu engine."""
    zhipu_model: str = Field(default="glm-4-plus", min_length=1)
    """Model of the zhipu engine."""
    zhipu_models: str = ""
    """Further models that a request may name, separated by commas, e.g. ``glm-4-air,glm-4-flash``."""
    zhipu_extra: Extra = Field(default={})
    """Further members of each request as JSON, e.g. ``{"thinking": {"type": "disabled"}}`` for GLM-4.5 and later."""
    openai_api_key: SecretStr | None = None
    """API key of the openai engine; local servers such as Ollama need none."""
    openai_api_key_file: Path | None = None
    """File that holds the key instead; read for each request, so that the key can be changed without a restart."""
    openai_url: WebAddress = ""
    """Address of the openai engine up to and with ``/v1``; the engine is not available without it."""
    openai_model: str = ""
    """Model of the openai engine, as its server names it."""
    openai_models: str = ""
    """Further models that a request may name, separated by commas."""
    openai_extra: Extra = Field(default={})
    """Further members of each request as JSON, e.g. ``{"reasoning_effort": "none"}`` for Ollama."""
    faq_file: str = ""
    """Knowledge file of the faq engine; the one about the product itself when empty."""

    cache_dir: Path = CACHE_DIR / "faq"
    """Where the faq engine keeps the embeddings of its knowledge file, so that only the first start computes them."""
