"""Prepares a conversation for a model: system prompt, persona, and as much history as the budget allows."""

from __future__ import annotations

from services.common.errors import HuashengError
from services.llm.engines.base import Message
from services.llm.settings import LlmSettings

_NAMES = {"zh": "Chinese", "en": "English"}


def tokens(text: str) -> int:
    """Estimated tokens: one for each Chinese character, one for every three others. Rather too many than too few."""
    wide = sum(1 for c in text if ord(c) >= 0x2E80)
    return wide + (len(text) - wide + 2) // 3 + 4


def prepare(messages: list[Message], persona: str, language: str, settings: LlmSettings) -> list[Message]:
    """The messages that a model is sent: one system message, then the newest of the conversation.

    Raises ``bad-request`` (the last message is not the person's), ``empty-text``, and ``llm-too-long`` when the last
    message alone is over the budget.
    """
    if not messages or messages[-1].role != "user":
        raise HuashengError("bad-request", what="The last message must be the person's (ROLE_USER).")
    if not messages[-1].content.strip():
        raise HuashengError("empty-text")
    left = settings.history_tokens - tokens(messages[-1].content)
    if left < 0:
        raise HuashengError("llm-too-long")
    spoken = [m for m in messages if m.role != "system" and m.content.strip()]
    kept = [spoken.pop()]
    while spoken and (left := left - tokens(spoken[-1].content)) >= 0:
        kept.append(spoken.pop())
    kept.reverse()
    while kept[0].role == "assistant":  # a conversation begins with the person; some models insist on it
        kept.pop(0)
    parts = [settings.system_prompt, persona, *(m.content for m in messages if m.role == "system")]
    if language:
        parts.append(f"Answer in {_NAMES.get(language, language)}.")
    system = "\n\n".join(p.strip() for p in parts if p.strip())
    return [Message("system", system), *kept] if system else kept
