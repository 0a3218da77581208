"""What an answer of a live session is the answer to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.gateway.live.answer import Answer


@dataclass(frozen=True)
class Question:
    """What is answered, and how."""

    text: str
    language: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)
    reply: str = ""
    """The answer itself, when it is known."""
    rest_of: Answer | None = None
    """The answer is what was not heard of this one, which is muted."""
    heard_us: int = 0
    """What was heard of ``rest_of``."""
    persona: str = ""
    llm_engine: str = ""
    llm_model: str = ""
