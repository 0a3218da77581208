"""What a language engine is: a conversation in, pieces of an answer out."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from services.common.engines import Engine
from services.llm.settings import LlmSettings


@dataclass(frozen=True)
class Message:
    """One message; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True)
class Conversation:
    """What an engine answers: the last message is the person's."""

    messages: list[Message]
    model: str
    """Never empty: the engine's own model when the caller names none."""
    language: str
    """Primary language of the answer; empty to follow the person."""
    max_tokens: int
    temperature: float


class Reason(Enum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"
    UNKNOWN_ANSWER = "unknown-answer"


@dataclass(frozen=True)
class Finished:
    """The last piece of every answer; token counts are 0 when the engine does not report them."""

    reason: Reason
    prompt_tokens: int = 0
    completion_tokens: int = 0


Piece = str | Finished


class LlmEngine(Engine):
    """Shared by all callers: ``chat`` may be at work in several threads at once."""

    service: LlmSettings

    @property
    @abstractmethod
    def model(self) -> str:
        """The model that answers when the caller names none."""

    @classmethod
    def models(cls, _settings: Any) -> tuple[str, ...]:
        """The models that a caller may name, the default one first; empty when naming one makes no difference."""
        return ()

    def load(self) -> None:
        """Load what is needed to answer; nothing by default."""
        return

    def openings(self, _language: str) -> list[str]:
        """First clauses of likely answers in ``zh`` or ``en``, as callers cut them, the most likely first."""
        return []

    @abstractmethod
    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as it is made, then ``Finished``. Returns early, and frees its connection, when ``cancelled`` is set.

        Raises the ``llm-*`` errors and ``engine-failed``; what was yielded before stays valid.
        """
