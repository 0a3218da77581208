"""What every language engine must do, each in its own way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, LlmEngine, Message, Reason
from services.llm.engines.openai.settings import Settings as OpenAiSettings
from services.llm.engines.registry import REGISTRY, make_engines
from services.llm.engines.zhipu.settings import Settings as ZhipuSettings
from services.llm.settings import LlmSettings
from tests.fakes.llm_http import good, serving


@pytest.fixture(scope="module", params=sorted(REGISTRY))
def engine(request: pytest.FixtureRequest) -> Iterator[LlmEngine]:
    with serving(good) as server:
        own = {
            "zhipu": ZhipuSettings(url=server.url, api_key=SecretStr("an-id.a-secret")),
            "openai": OpenAiSettings(url=server.url, model="served-model"),
        }
        engines = make_engines(LlmSettings(engines=",".join(REGISTRY)), SharedSettings(), own)
        if error := engines.unavailable(request.param):
            pytest.skip(str(error))
        yield engines.get(request.param)


def conversation(engine: LlmEngine, question: str = "你好") -> Conversation:
    return Conversation([Message("system", "Be brief."), Message("user", question)], engine.model, "", 100, 0.5)


def test_text_then_exactly_one_finished(engine: LlmEngine) -> None:
    pieces = list(engine.chat(conversation(engine), threading.Event()))
    assert isinstance(pieces[-1], Finished) and pieces[-1].reason is Reason.STOP
    assert len(pieces) >= 2 and all(isinstance(p, str) and p for p in pieces[:-1])


def test_describes_itself(engine: LlmEngine) -> None:
    assert REGISTRY[engine.name].endswith(type(engine).__name__)
    assert engine.model and engine.license and engine.description


def test_cancelled_before_the_start_says_nothing_more_than_a_piece(engine: LlmEngine) -> None:
    cancelled = threading.Event()
    cancelled.set()
    assert not any(isinstance(p, Finished) for p in engine.chat(conversation(engine), cancelled))


def test_several_callers_at_once(engine: LlmEngine) -> None:
    answers: list[str] = []

    def ask() -> None:
        answers.append("".join(p for p in engine.chat(conversation(engine), threading.Event()) if isinstance(p, str)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == 4 and len(set(answers)) == 1 and answers[0]
