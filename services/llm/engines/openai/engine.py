"""Any server that speaks the OpenAI chat completions protocol: Ollama, vLLM, DeepSeek, OpenAI and others."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx

from services.common.errors import HuashengError
from services.common.settings import SharedSettings, secret
from services.llm.engines.base import Conversation, LlmEngine, Piece
from services.llm.engines.openai.settings import Settings
from services.llm.remote.answers import chunks
from services.llm.remote.provider import Provider, named_models, require_model, text_of
from services.llm.remote.refusals import error_of, failure
from services.llm.remote.sse import objects
from services.llm.remote.streaming import stream
from services.llm.settings import LlmSettings

log = logging.getLogger("huasheng.llm.openai")


class OpenAiEngine(LlmEngine):
    """One streamed POST for each answer; parameters that a model refuses by name are not sent to it again."""

    name: ClassVar[str] = "openai"
    license: ClassVar[str] = "the model's own"
    description = "Any OpenAI-compatible server: Ollama, vLLM, DeepSeek, OpenAI"
    settings: Settings

    def __init__(self, settings: Settings, shared: SharedSettings, service: LlmSettings) -> None:
        super().__init__(settings, shared, service)
        self._refused: dict[str, frozenset[str]] = {}  # by model

    @classmethod
    def unavailable(cls, settings: Settings, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """No address, or no model; whether a key is needed, only the server knows."""
        missing = [v for v, x in (("URL", settings.url), ("MODEL", settings.model)) if not x]
        if not missing:
            return None
        names = ", ".join(f"LLM_OPENAI_{m}" for m in missing)
        cause = {"cause": "address-missing", "names": names, "service": "llm"}
        return HuashengError("engine-unavailable", engine="openai", **cause)

    @property
    def model(self) -> str:
        """The model that answers when the caller names none."""
        return self.settings.model

    @classmethod
    def models(cls, settings: Settings) -> tuple[str, ...]:
        """``LLM_OPENAI_MODEL`` and ``LLM_OPENAI_MODELS``."""
        return named_models(settings.model, settings.models)

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as the server makes it."""
        s, model = self.settings, conversation.model
        require_model(self.name, model, self.models(s))
        variable = "LLM_OPENAI_API_KEY" + ("_FILE" if s.api_key_file else "")

        def open_(client: httpx.Client) -> Iterator[Piece]:
            key = secret(s.api_key, s.api_key_file)
            provider = Provider("openai", s.url, variable, bool(key), model)
            headers = {"Authorization": f"Bearer {provider.usable(key)}"} if key else {}
            url = s.url.rstrip("/") + "/chat/completions"
            while True:
                body = self._body(conversation)
                with client.stream("POST", url, json=body, headers=headers) as response:
                    if response.status_code == 200:
                        yield from chunks(provider, objects(provider, response))
                        return
                    text = text_of(response)
                if not self._adapt(model, response.status_code, text, body):
                    raise failure(provider, response.status_code, text, response.headers)

        return stream(Provider("openai", s.url, variable, True, model), open_, self.service, cancelled)

    def _body(self, conversation: Conversation) -> dict[str, Any]:
        refused = self._refused.get(conversation.model, frozenset())
        limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        body = {
            "model": conversation.model,
            "messages": [{"role": m.role, "content": m.content} for m in conversation.messages],
            limit: conversation.max_tokens,
            "temperature": conversation.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self.settings.extra,
        }
        return {k: v for k, v in body.items() if k not in refused}

    def _adapt(self, model: str, status: int, text: str, body: dict[str, Any]) -> bool:
        """Whether a refusal names a parameter that the model can do without; it is left out from now on."""
        if status not in (400, 422):
            return False
        error = error_of(text)
        words = json.dumps(error).lower()
        asked = error.get("param") if isinstance(error, dict) else None
        not_taken = any(
            w in words for w in ("support", "extra", "unexpected", "unknown", "unrecognized", "not allowed")
        )
        for name in ("stream_options", "temperature", "max_tokens"):
            named = asked == name or (not asked and name in words and not_taken)
            if named and name in body:
                self._refused[model] = self._refused.get(model, frozenset()) | {name}
                log.info("a model refuses a parameter", extra={"model": model, "parameter": name})
                return True
        return False
