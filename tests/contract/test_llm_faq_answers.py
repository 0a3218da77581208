"""The faq engine with its real embeddings: what it knows, what it does not, and in which language."""

from __future__ import annotations

import threading

import pytest

from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, Message, Reason
from services.llm.engines.faq.engine import FaqEngine
from services.llm.engines.faq.settings import Settings
from services.llm.settings import LlmSettings


@pytest.fixture(scope="module")
def engine() -> FaqEngine:
    setup = Settings(), SharedSettings(), LlmSettings()
    if error := FaqEngine.unavailable(*setup):
        pytest.skip(str(error))
    made = FaqEngine(*setup)
    made.load()
    return made


def ask(engine: FaqEngine, question: str, language: str = "") -> tuple[str, Reason]:
    conversation = Conversation([Message("user", question)], engine.model, language, 100, 0)
    pieces = list(engine.chat(conversation, threading.Event()))
    assert isinstance(pieces[-1], Finished)
    return "".join(p for p in pieces if isinstance(p, str)), pieces[-1].reason


def answer(engine: FaqEngine, name: str, language: str) -> str:
    return next(e.answers[language] for e in [*engine.knowledge.entries, engine.knowledge.unknown] if e.id == name)


@pytest.mark.parametrize(
    ("question", "name", "language"),
    [
        ("花生是什么", "what-is-huasheng", "zh"),
        ("what is hua sheng", "what-is-huasheng", "en"),
        ("怎么做一个自己的数字人", "make-avatar", "zh"),
        ("how can I create my own avatar", "make-avatar", "en"),
        ("没有显卡能用吗", "gpu", "zh"),
        ("do I need a graphics card", "gpu", "en"),
        ("怎么接入 olama", "connect-openai", "zh"),
        ("谢谢你", "thanks", "zh"),
    ],
)
def test_knows_the_product(engine: FaqEngine, question: str, name: str, language: str) -> None:
    assert ask(engine, question) == (answer(engine, name, language), Reason.STOP)


@pytest.mark.parametrize(
    "question", ["明天北京会下雨吗", "红烧排骨怎么做", "who won the football match", "what is seven times six"]
)
def test_says_honestly_that_it_does_not_know(engine: FaqEngine, question: str) -> None:
    language = "zh" if question[0] > "z" else "en"
    assert ask(engine, question) == (answer(engine, "unknown", language), Reason.UNKNOWN_ANSWER)


def test_the_caller_may_choose_the_language(engine: FaqEngine) -> None:
    assert ask(engine, "你好", "en")[0] == answer(engine, "hello", "en")


def test_only_the_last_message_counts(engine: FaqEngine) -> None:
    messages = [Message("user", "what is the weather"), Message("assistant", "No idea."), Message("user", "goodbye")]
    pieces = list(engine.chat(Conversation(messages, engine.model, "", 100, 0), threading.Event()))
    assert "".join(p for p in pieces if isinstance(p, str)) == answer(engine, "goodbye", "en")
