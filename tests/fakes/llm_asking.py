"""The remote language engines pointed at a local server, and one question put to them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import SecretStr

from services.common.errors import HuashengError
from services.llm.engines.base import Conversation, Finished, LlmEngine, Message
from services.llm.engines.openai import OpenAiEngine
from services.llm.engines.zhipu import ZhipuEngine
from services.llm.settings import LlmSettings

KEY = "an-id.a-very-secret-value"
QUESTION = [Message("system", "Be brief."), Message("user", "你好")]
ENGINES = {"zhipu": ZhipuEngine, "openai": OpenAiEngine}


def make(name: str, url: str, **settings: Any) -> LlmEngine:
    """A loaded engine with short deadlines."""
    values: dict[str, Any] = {
        "zhipu_url": url,
        "zhipu_api_key": SecretStr(KEY),
        "openai_url": url,
        "openai_api_key": SecretStr(KEY),
        "openai_model": "served-model",
        "backoff_s": 0.01,
        "first_token_s": 5,
        "deadline_s": 10,
        **settings,
    }
    engine = ENGINES[name](LlmSettings.model_validate(values))
    engine.load()
    return engine


def ask(engine: LlmEngine, cancelled: threading.Event | None = None, model: str = "") -> tuple[str, Finished | None]:
    """The whole answer."""
    conversation = Conversation(QUESTION, model or engine.model, "", 100, 0.5)
    text, finished = "", None
    for piece in engine.chat(conversation, cancelled or threading.Event()):
        if isinstance(piece, Finished):
            finished = piece
        else:
            text += piece
    return text, finished


def slug_of(engine: LlmEngine, model: str = "") -> str:
    """The reason why the question is not answered; holds that it gives no key away."""
    with pytest.raises(HuashengError) as e:
        ask(engine, model=model)
    for told in (e.value.text(part, lang) for part in ("detail", "hint") for lang in ("en", "zh")):
        assert "?" not in told and KEY not in told, told  # "?" stands for a parameter that was not given
    assert KEY not in str(e.value.params)
    return e.value.slug
