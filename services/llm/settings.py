"""Settings of the llm service (prefix ``LLM_``)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import EngineSettings

SYSTEM_PROMPT = (
    "You are a digital human in a spoken conversation: your answer is read aloud by a voice. "
    "Answer in one to three short sentences, in the language the person speaks. "
    "Write plain spoken words only: no markdown, lists, emoji, links, code or stage directions. "
    "What the person says comes from speech recognition; read over small mistakes in it. "
    "Say so when you do not know something."
)


class LlmSettings(EngineSettings):
    """Read from the environment, e.g. ``LLM_ENGINES=zhipu,faq``."""

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
