"""A language engine for tests: repeats the question, or stalls, or fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import ClassVar

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, LlmEngine, Piece, Reason
from services.llm.settings import LlmSettings

REGISTRY = {"echo": "tests.fakes.llm_engine:EchoEngine", "broken": "tests.fakes.llm_engine:BrokenEngine"}


class EchoEngine(LlmEngine):
    name: ClassVar[str] = "echo"
    languages: ClassVar[tuple[str, ...]] = ("en",)
    license: ClassVar[str] = "none"
    description = "for tests"
    asked: ClassVar[list[Conversation]] = []
    cancelled: ClassVar[threading.Event] = threading.Event()

    @property
    def model(self) -> str:
        return "echo-1"

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        self.asked.append(conversation)
        question = conversation.messages[-1].content
        for word in question.split():
            yield word + " "
            if word == "stall" and cancelled.wait(10):
                EchoEngine.cancelled.set()
                return
            if word == "fail":
                raise HuashengError("llm-broken-stream", engine="echo")
        yield Finished(Reason.STOP, 3, len(question.split()))


class BrokenEngine(EchoEngine):
    name: ClassVar[str] = "broken"

    @classmethod
    def unavailable(cls, settings: None, shared: SharedSettings, service: LlmSettings) -> HuashengError | None:
        return HuashengError("llm-no-key", engine="broken", variable="LLM_BROKEN_API_KEY")
