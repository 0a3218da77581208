"""Who answers a request, which of its models may be asked for, and how its failures are worded."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from services.common.errors import HuashengError

_BODY_BYTES = 1 << 16


def named_models(default: str, others: str) -> tuple[str, ...]:
    """A model and those of a list separated by commas, each once."""
    return tuple(dict.fromkeys(m.strip() for m in (default, *others.split(",")) if m.strip()))


def require_model(engine: str, model: str, models: tuple[str, ...]) -> None:
    """Raises ``llm-model-not-listed`` for a model that the operator does not allow."""
    if model not in models:
        raise HuashengError(
            "llm-model-not-listed", engine=engine, model=model, models=", ".join(models), prefix=f"LLM_{engine.upper()}"
        )


def text_of(response: httpx.Response) -> str:
    """The beginning of a body that is not a stream."""
    data = b""
    for part in response.iter_bytes():
        data += part
        if len(data) > _BODY_BYTES:
            break
    return data.decode(errors="replace")


class Retry(Exception):
    """The request may be tried again; ``after_s`` is the server's own wish (Retry-After)."""

    def __init__(self, error: HuashengError, after_s: float = 0.0) -> None:
        super().__init__(error.slug)
        self.error, self.after_s = error, after_s


@dataclass(frozen=True)
class Provider:
    """Who is asked; appears in errors."""

    engine: str
    url: str
    variable: str
    """Environment variable of the key."""
    has_key: bool
    model: str

    @property
    def prefix(self) -> str:
        """What the environment variables of this engine begin with: ``LLM_OPENAI``."""
        return f"LLM_{self.engine.upper()}"

    def error(self, slug: str, **params: object) -> HuashengError:
        """The error with what every ``llm-*`` text may mention. The address goes without user, query and path."""
        where = httpx.URL(self.url)
        place = f"{where.scheme}://{where.host}" + (f":{where.port}" if where.port else "")
        return HuashengError(
            slug, engine=self.engine, url=place, variable=self.variable, model=self.model, prefix=self.prefix, **params
        )

    def usable(self, key: str) -> str:
        """The key, if it can be sent at all. Raises ``llm-wrong-key``: httpx would show it in its own error."""
        if not (key.isascii() and key.isprintable()):
            raise self.error("llm-wrong-key")
        return key
