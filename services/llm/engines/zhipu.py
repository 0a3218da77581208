"""Zhipu's GLM models through its own SDK (``zhipuai``)."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx

from services.common.errors import HuashengError
from services.llm.engines.answers import chunks, failure, refusal
from services.llm.engines.base import Conversation, LlmEngine, Piece
from services.llm.engines.remote import Provider, Retry, stream
from services.llm.settings import LlmSettings


class ZhipuEngine(LlmEngine):
    """One streamed request for each answer; the SDK's own retries are off, since ours know what was already said."""

    name: ClassVar[str] = "zhipu"
    license: ClassVar[str] = "MIT client; Zhipu's terms for the service"
    description: ClassVar[str] = "Zhipu AI's GLM-4-Plus; needs an API key"

    @classmethod
    def unavailable(cls, settings: LlmSettings) -> HuashengError | None:
        """No key, or no SDK."""
        if settings.zhipu_api_key is None or not settings.zhipu_api_key.get_secret_value():
            return HuashengError("llm-no-key", engine="zhipu", variable="LLM_ZHIPU_API_KEY")
        if importlib.util.find_spec("zhipuai") is None:
            why = "the package zhipuai is not installed; run: pip install -r services/llm/requirements.txt"
            return HuashengError("engine-unavailable", engine="zhipu", why=why)
        return None

    @property
    def model(self) -> str:
        """The model that answers when the caller names none."""
        return self.settings.zhipu_model

    def load(self) -> None:
        """Import the SDK, which takes a second."""
        import zhipuai

        self._sdk: Any = zhipuai

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as the model makes it."""
        s = self.settings
        assert s.zhipu_api_key is not None
        key = s.zhipu_api_key.get_secret_value()
        provider = Provider("zhipu", s.zhipu_url, "LLM_ZHIPU_API_KEY", True, conversation.model)
        errors = self._sdk.core._errors

        def open_(client: httpx.Client) -> Iterator[Piece]:
            sdk = self._sdk.ZhipuAI(api_key=key, base_url=s.zhipu_url, max_retries=0, http_client=client)
            try:
                response = sdk.chat.completions.create(
                    model=conversation.model,
                    messages=[{"role": m.role, "content": m.content} for m in conversation.messages],
                    max_tokens=conversation.max_tokens,
                    temperature=conversation.temperature,
                    stream=True,
                )
                yield from chunks(provider, (_plain(c) for c in response))
            except errors.APIStatusError as e:
                raise failure(provider, e.status_code, e.response.text, e.response.headers) from e
            except errors.APIConnectionError as e:
                raise Retry(provider.error("llm-unreachable")) from e
            except errors.APIResponseValidationError as e:
                raise provider.error("llm-broken-stream") from e
            except errors.APIResponseError as e:  # an error object inside the stream
                raise refusal(provider, e.json_data) from e
            except ValueError as e:  # a chunk that is no JSON
                raise provider.error("llm-broken-stream") from e

        return stream(provider, open_, s, cancelled)


def _plain(chunk: Any) -> Any:
    """A chunk as plain data; the SDK passes on unchanged what does not look like one."""
    return chunk.model_dump() if hasattr(chunk, "model_dump") else chunk
