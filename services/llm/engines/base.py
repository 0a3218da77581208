"""What a language engine is: a conversation in, pieces of an answer out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from services.common.errors import HuashengError
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


class LlmEngine(ABC):
    """Shared by all callers: ``chat`` may be at work in several threads at once."""

    name: ClassVar[str]
    languages: ClassVar[tuple[str, ...]] = ()
    license: ClassVar[str]
    description: ClassVar[str]

    def __init__(self, settings: LlmSettings) -> None:
        self.settings = settings

    @classmethod
    @abstractmethod
    def unavailable(cls, settings: LlmSettings) -> HuashengError | None:
        """Why the engine cannot be used here, or ``None``. Cheap, and asks nobody outside this process."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The model that answers when the caller names none."""

    @classmethod
    def models(cls, _settings: LlmSettings) -> tuple[str, ...]:
        """The models that a caller may name, the default one first; empty when naming one makes no difference."""
        return ()

    def load(self) -> None:
        """Load what is needed to answer."""
        return

    @abstractmethod
    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """Text as it is made, then ``Finished``. Returns early, and frees its connection, when ``cancelled`` is set.

        Raises the ``llm-*`` errors and ``engine-failed``; what was yielded before stays valid.
        """
