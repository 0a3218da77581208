"""System prompt, persona and history trimming."""

from __future__ import annotations

import pytest

from services.common.errors import HuashengError
from services.llm.conversation import prepare, tokens
from services.llm.engines.base import Message
from services.llm.settings import LlmSettings

SETTINGS = LlmSettings(system_prompt="Speak.", history_tokens=200)


def user(text: str) -> Message:
    return Message("user", text)


def test_system_prompt_persona_and_language_come_first_in_one_message() -> None:
    messages = [Message("system", "Extra."), user("hi")]
    got = prepare(messages, "You are Lily.", "zh", SETTINGS)
    assert got == [Message("system", "Speak.\n\nYou are Lily.\n\nExtra.\n\nAnswer in Chinese."), user("hi")]


def test_no_empty_system_message() -> None:
    assert prepare([user("hi")], "", "", LlmSettings(system_prompt="")) == [user("hi")]


def test_oldest_messages_are_dropped_and_the_rest_begins_with_the_person() -> None:
    history = [user("x" * 150), Message("assistant", "y" * 150), user("z" * 150), Message("assistant", "w" * 150)]
    got = prepare([*history, user("last question")], "", "", SETTINGS)
    assert got[1:] == [history[2], history[3], user("last question")]
    tight = LlmSettings(system_prompt="Speak.", history_tokens=200)
    got = prepare([user("a" * 300), Message("assistant", "b" * 300), user("c" * 100)], "", "", tight)
    assert got[1:] == [user("c" * 100)]  # the answer would fit, but not without its question


def test_last_message_alone_too_long() -> None:
    with pytest.raises(HuashengError, match="llm-too-long"):
        prepare([user("长" * 250)], "", "", SETTINGS)


@pytest.mark.parametrize(
    ("messages", "slug"),
    [([], "bad-request"), ([user("a"), Message("assistant", "b")], "bad-request"), ([user("  ")], "empty-text")],
)
def test_what_cannot_be_answered_is_refused(messages: list[Message], slug: str) -> None:
    with pytest.raises(HuashengError, match=slug):
        prepare(messages, "", "", SETTINGS)


def test_chinese_counts_a_token_a_character() -> None:
    assert tokens("数字人" * 10) >= 30
    assert tokens("digital human " * 10) < 60
