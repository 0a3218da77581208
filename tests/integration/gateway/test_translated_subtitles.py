"""Subtitles in a second language, from a language model over real gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.gateway.clients import Clients
from services.gateway.settings import GatewaySettings
from services.gateway.studio.translate import MOST_LINES, can_translate, parsed, translated
from services.gateway.studio.types import Cue, Word
from tests.fakes.llm_translator import Translator
from tests.fakes.service_script import engine
from tests.fakes.serving import Serve, service_of

CUES = [Cue(k, k + 1.0, ((Word(f"line {k}", k, k + 1.0),),)) for k in range(MOST_LINES + 5)]


@pytest.fixture
def model() -> Translator:
    return Translator()


@pytest.fixture
async def clients(serve: Serve, model: Translator, tmp_path: Path) -> AsyncIterator[Clients]:
    running = await serve(service_of("llm", model))
    made = Clients(GatewaySettings(llm_address=running.address, data_dir=tmp_path, llm_s=2))
    yield made
    await made.close()


async def test_every_line_has_its_translation(clients: Clients, model: Translator) -> None:
    made = await translated(clients, CUES, "fr")
    assert [c.second for c in made] == [(f"<line {k}>",) for k in range(len(CUES))]
    assert [(c.start_s, c.end_s, c.lines) for c in made] == [(c.start_s, c.end_s, c.lines) for c in CUES]
    assert len(model.seen) == 2, "bounded batches"
    assert all(r.engine == "fake-llm" and r.no_fallback for r in model.seen), "the built-in answers never translate"
    assert all("French" in r.messages[-1].content for r in model.seen)


async def test_missing_lines_are_asked_for_again(clients: Clients, model: Translator) -> None:
    model.forgets = [{2, 3}, {3}]
    made = await translated(clients, CUES[:4], "zh")
    assert all(c.second for c in made)
    assert "3|line 2" in model.seen[2].messages[-1].content
    assert "1|line 0" not in model.seen[2].messages[-1].content


async def test_lines_that_never_come_are_an_error(clients: Clients, model: Translator) -> None:
    model.forgets = [{2}, {2}, {2}]
    with pytest.raises(HuashengError) as e:
        await translated(clients, CUES[:4], "zh")
    assert (e.value.slug, e.value.params["count"]) == ("translation-incomplete", "1")


async def test_a_silent_model_is_given_up_in_time(clients: Clients, model: Translator) -> None:
    model.silence.clear()
    async with asyncio.timeout(30):
        with pytest.raises(HuashengError):
            await translated(clients, CUES[:2], "zh")


async def test_the_built_in_answers_are_no_language_model(clients: Clients, model: Translator) -> None:
    assert await can_translate(clients)
    model.engines = [engine("faq")]
    assert not await can_translate(clients)
    with pytest.raises(HuashengError, match="no-language-model"):
        await translated(clients, CUES[:1], "zh")
    assert model.seen == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("1|one\n2|two", {1: "one", 2: "two"}),
        ("Sure! Here you are:\n\n1 | one\n**2**: two\n```\n", {1: "one", 2: "two"}),
        ("1. one\n2）two\n3|not asked for\n1|again", {1: "one", 2: "two"}),
        ("1|\n2|two | three", {2: "two | three"}),
        ("I cannot do that.", {}),
        ("1|10:30 is it", {1: "10:30 is it"}),
    ],
)
def test_answers_are_read_whatever_else_they_hold(answer: str, expected: dict[int, str]) -> None:
    assert parsed(answer, {1, 2}) == expected
