"""Any server that speaks the OpenAI chat completions protocol: Ollama, vLLM, DeepSeek, OpenAI and others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx

from services.common.errors import HuashengError
from services.llm.engines.answers import chunks, failure
from services.llm.engines.base import Conversation, LlmEngine, Piece
from services.llm.engines.remote import Provider, stream
from services.llm.settings import LlmSettings


class OpenAiEngine(LlmEngine):
    """One streamed POST for each answer."""

    name: ClassVar[str] = "openai"
    license: ClassVar[str] = "the model's own"
    description: ClassVar[str] = "Any OpenAI-compatible server: Ollama, vLLM, DeepSeek, OpenAI"

    @classmethod
    def unavailable(cls, settings: LlmSettings) -> HuashengError | None:
        """No address, or no model."""
        missing = [v for v, x in (("URL", settings.openai_url), ("MODEL", settings.openai_model)) if not x]
        if not missing:
            return None
        names = " and ".join(f"LLM_OPENAI_{m}" for m in missing)
        why = f"set {names}, e.g. http://127.0.0.1:11434/v1 and qwen2.5:7b for Ollama, and start the llm service again"
        return HuashengError("engine-unavailable", engine="openai", why=why)

    @property
    def model(self) -> str:
        """The model that answers when the caller names none."""
        return self.settings.openai_model

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as the server makes it."""
        s = self.settings
        key = s.openai_api_key.get_secret_value() if s.openai_api_key else ""
        provider = Provider("openai", s.openai_url, "LLM_OPENAI_API_KEY", bool(key), conversation.model)
        body = {
            "model": conversation.model,
            "messages": [{"role": m.role, "content": m.content} for m in conversation.messages],
            "max_tokens": conversation.max_tokens,
            "temperature": conversation.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

        def open_(client: httpx.Client) -> Iterator[Piece]:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            url = s.openai_url.rstrip("/") + "/chat/completions"
            with client.stream("POST", url, json=body, headers=headers) as response:
                if response.status_code != 200:
                    text = response.read().decode(errors="replace")
                    raise failure(provider, response.status_code, text, response.headers)
                yield from chunks(provider, events(provider, response.iter_lines()))

        return stream(provider, open_, s, cancelled)


def events(provider: Provider, lines: Iterator[str]) -> Iterator[Any]:
    """JSON of the ``data:`` lines of an event stream up to ``[DONE]``; comments and other fields are skipped.

    Raises ``llm-broken-stream`` for a line that is no JSON.
    """
    for line in lines:
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return
        try:
            yield json.loads(data)
        except ValueError as e:
            raise provider.error("llm-broken-stream") from e
