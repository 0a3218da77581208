"""Zhipu's GLM models through its own SDK (``zhipuai``)."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx

from services.common.engines import package_missing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, secret
from services.llm.engines.base import Conversation, LlmEngine, Piece
from services.llm.engines.zhipu.settings import Settings
from services.llm.remote.answers import chunks
from services.llm.remote.provider import Provider, Retry, named_models, require_model
from services.llm.remote.refusals import failure
from services.llm.remote.sse import objects
from services.llm.remote.streaming import stream


class ZhipuEngine(LlmEngine):
    """One streamed request for each answer; the SDK's own retries are off, since ours know what was already said."""

    name: ClassVar[str] = "zhipu"
    license: ClassVar[str] = "MIT client; Zhipu's terms for the service"
    description = "Zhipu AI's GLM-4-Plus; needs an API key"
    settings: Settings

    @classmethod
    def unavailable(cls, settings: Settings, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """No key, or no SDK."""
        if not secret(settings.api_key, settings.api_key_file):
            return HuashengError("llm-no-key", engine="zhipu", variable=_variable(settings))
        if importlib.util.find_spec("zhipuai") is None:
            return package_missing("zhipu", "zhipuai", "llm")
        return None

    @property
    def model(self) -> str:
        """The model that answers when the caller names none."""
        return self.settings.model

    @classmethod
    def models(cls, settings: Settings) -> tuple[str, ...]:
        """``LLM_ZHIPU_MODEL`` and ``LLM_ZHIPU_MODELS``."""
        return named_models(settings.model, settings.models)

    def load(self) -> None:
        """Import the SDK, which takes a second."""
        import zhipuai

        self._sdk: Any = zhipuai

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as the model makes it."""
        s = self.settings
        require_model(self.name, conversation.model, self.models(s))
        provider = Provider("zhipu", s.url, _variable(s), True, conversation.model)
        errors = self._sdk.core._errors

        def open_(client: httpx.Client) -> Iterator[Piece]:
            key = secret(s.api_key, s.api_key_file)
            if not key:
                raise provider.error("llm-no-key")
            sdk = self._sdk.ZhipuAI(api_key=provider.usable(key), base_url=s.url, max_retries=0, http_client=client)
            try:
                answer = sdk.chat.completions.create(
                    model=conversation.model,
                    messages=[{"role": m.role, "content": m.content} for m in conversation.messages],
                    max_tokens=conversation.max_tokens,
                    temperature=conversation.temperature,
                    stream=True,
                    extra_body=s.extra or None,
                )
            except errors.APIStatusError as e:
                raise failure(provider, e.status_code, e.response.text, e.response.headers) from e
            except errors.APIConnectionError as e:
                # the SDK wraps what httpx raised: no answer at all, or an answer cut off
                raise e.__cause__ if isinstance(e.__cause__, httpx.HTTPError) else _unreachable(provider) from e
            # the SDK does not read it: it takes some characters for line ends (U+2028) and knows one form of error only
            yield from chunks(provider, objects(provider, answer.response))

        return stream(provider, open_, self.service, cancelled)


def _variable(settings: Settings) -> str:
    return "LLM_ZHIPU_API_KEY" + ("_FILE" if settings.api_key_file else "")


def _unreachable(provider: Provider) -> Retry:
    return Retry(provider.error("llm-unreachable"))
