"""Embeddings of the knowledge file that were made with the image are used, and only for the file they were made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.settings import SharedSettings
from services.llm.engines.faq.engine import FaqEngine
from services.llm.engines.faq.settings import Settings
from services.llm.engines.faq.vectors import make
from services.llm.settings import LlmSettings

KNOWLEDGE = """
[unknown]
zh = ["今天天气怎么样"]
en = ["what is the weather"]
answer_zh = "我不知道。"
answer_en = "I do not know."

[[entry]]
id = "name"
zh = ["你叫什么名字"]
en = ["what is your name"]
answer_zh = "我叫画声。"
answer_en = "I am Huasheng."
"""


def load(cache: Path, vectors: Path, file: Path) -> FaqEngine:
    engine = FaqEngine(
        Settings(cache_dir=cache, faq_vectors=vectors, faq_file=str(file)), SharedSettings(), LlmSettings()
    )
    engine.load()
    return engine


def test_a_start_computes_nothing_that_the_image_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, made, cache = tmp_path / "k.toml", tmp_path / "made", tmp_path / "cache"
    file.write_text(KNOWLEDGE)
    monkeypatch.setenv("LLM_FAQ_FILE", str(file))
    make(made)
    assert load(cache, made, file).match("what's your name").entry.id == "name"
    assert not cache.exists(), "nothing was computed"
    file.write_text(KNOWLEDGE.replace("what is your name", "who are you"))
    assert load(cache, made, file).match("who are you").entry.id == "name"
    assert len(list(cache.iterdir())) == 1, "another file has embeddings of its own"
