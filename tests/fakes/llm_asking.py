"""The remote language engines pointed at a local server, and one question put to them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import SecretStr

from services.common.engines import settings_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, LlmEngine, Message
from services.llm.engines.registry import REGISTRY, make_engines
from services.llm.settings import LlmSettings
from tests.fakes.waiting import PATIENCE_S

KEY = "an-id.a-very-secret-value"
QUESTION = [Message("system", "Be brief."), Message("user", "你好")]
ENGINES = ("zhipu", "openai")


def make(name: str, url: str, **settings: Any) -> LlmEngine:
    """A loaded engine. ``settings``: the service's, or an engine's with its name before them."""
    values: dict[str, Any] = {
        "zhipu_url": url,
        "zhipu_api_key": SecretStr(KEY),
        "openai_url": url,
        "openai_api_key": SecretStr(KEY),
        "openai_model": "served-model",
        "backoff_s": 0.01,
        "first_token_s": PATIENCE_S,
        "deadline_s": PATIENCE_S,
        **settings,
    }
    return make_engines(LlmSettings(engines=name, **service(values)), SharedSettings(), own(values)).get(name)


def own(values: dict[str, Any]) -> dict[str, Any]:
    """The engines' own settings among ``values``, whose names begin with the engine's."""
    out = {}
    for name in ENGINES:
        prefix = f"{name}_"
        cls: Any = settings_class(REGISTRY[name])
        out[name] = cls(**{k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)})
    return out


def service(values: dict[str, Any]) -> dict[str, Any]:
    """The other ones."""
    return {k: v for k, v in values.items() if not k.startswith(tuple(f"{n}_" for n in ENGINES))}


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
