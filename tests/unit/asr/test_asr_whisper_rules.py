"""The rules around whisper that need no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.asr.engines.whisper.attempt import (
    HINT,
    Attempt,
    best,
    choose_language,
    echoes_hint,
    is_doubtful,
    is_repetitive,
)
from services.asr.engines.whisper.engine import WhisperEngine
from services.asr.engines.whisper.script import simplified, tidy
from services.asr.engines.whisper.settings import Settings
from services.asr.settings import AsrSettings
from services.common.audio import Samples
from services.common.settings import SharedSettings


def test_other_languages_only_when_sure() -> None:
    assert choose_language({"ja": 0.6, "zh": 0.3, "en": 0.1})[0] == "zh"
    assert choose_language({"nn": 0.5, "en": 0.3, "zh": 0.1}) == ("en", 0.3)
    assert choose_language({"fr": 0.9, "en": 0.05}) == ("fr", 0.9)


def test_loops_are_found_and_speech_is_not() -> None:
    assert is_repetitive("thank you " * 20)
    assert is_repetitive("谢谢观看" * 12)
    assert is_repetitive("您" * 23) and is_repetitive("今天" * 9)
    assert not is_repetitive("截至今天中午，电影票房突破40亿，一个重要原因是电影题材非常丰富。")
    assert not is_repetitive("no no no")


def test_chinese_punctuation_becomes_full_width_only_beside_chinese() -> None:
    assert tidy("你好,今天怎么样?我用 v1.5, ok", "zh") == "你好，今天怎么样？我用 v1.5, ok"
    assert tidy("Hello, you?", "en") == "Hello, you?"
    assert tidy(" …… ", "zh") == ""


def test_missing_weights_are_a_reason(tmp_path: Path) -> None:
    error = WhisperEngine.unavailable(Settings(), SharedSettings(weights_dir=tmp_path), AsrSettings())
    assert error and "whisper-base" in str(error) and "make weights" in str(error)


GOOD = Attempt("明天会下雨吗？", "zh", -0.2, 0.02, hinted=True)
"""Six characters of 1.6 s, as whisper gives them when it hears well."""


def test_a_good_text_is_believed_and_costs_no_second_try() -> None:
    assert not is_doubtful(GOOD, 0.98, 1.6) and not is_doubtful(GOOD, None, 1.6)
    assert not is_doubtful(Attempt("What time is it?", "en", -0.1, 0.05), 0.97, 1.4)


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "probability"),
    [
        ("", -0.01, 0.01, 0.99),  # ended at once, and is sure of it
        ("明天会下雨吗？", -1.4, 0.02, 0.99),
        ("明天", -0.2, 0.02, 0.99),  # two characters of 1.6 s: stopped early
        ("现在几点了\ufffd", -0.2, 0.02, 0.99),
        ("您" * 23, -0.19, 0.05, 0.99),
        ("以下是普通话的句子。", -0.1, 0.02, 0.99),
        ("以下是普通话。", -0.1, 0.02, 0.99),
        ("以下是能够做的，比我还好。", -0.1, 0.02, 0.99),
        ("明天会下雨吗？", -0.2, 0.02, 0.3),
    ],
)
def test_a_doubtful_text_is_tried_again(text: str, score: float, no_speech: float, probability: float) -> None:
    assert is_doubtful(Attempt(text, "zh", score, no_speech, hinted=True), probability, 1.6)


def test_the_hint_is_recognised_whole_in_part_and_cut_off() -> None:
    for text in ("以下是普通话的句子。", "以下是普通话。", "以下是天气", "以", "以下", "这是普通话"):
        assert echoes_hint(text, "zh"), text
    for text in ("今天天气怎么样？", "可以吗？", "", "OK"):
        assert not echoes_hint(text, "zh"), text
    assert not echoes_hint("anything", "en")


def test_a_text_with_the_hint_before_it_counts_only_where_one_without_says_the_same() -> None:
    plain = Attempt("明天会下雨吗", "zh", -0.4, 0.02)
    assert best([GOOD, plain]) == GOOD
    assert best([Attempt("以下是会下雨吗？", "zh", -0.1, 0.02, hinted=True), plain]) == plain
    assert best([Attempt("以下是普通话的句子。", "zh", -0.1, 0.02, hinted=True)]).text == ""
    said = Attempt("以下是普通话的句子", "zh", -0.3, 0.02)  # somebody may say it
    assert best([Attempt("以下是普通话的句子。", "zh", -0.1, 0.02, hinted=True), said]).text == "以下是普通话的句子。"


def test_of_two_languages_the_surer_text_wins_and_what_is_no_speech_never() -> None:
    english, chinese = Attempt("How are you", "en", -0.3, 0.1), Attempt("好啊有", "zh", -1.5, 0.1)
    assert best([chinese, english]) == english
    assert best([Attempt("谢谢观看", "zh", -1.2, 0.9), Attempt("Thank you.", "en", -1.1, 0.9)]).text == ""


def test_traditional_characters_become_simplified_and_simplified_ones_stay() -> None:
    assert tidy("你叫什麼名字,請問洗手間在哪裡?", "zh") == "你叫什么名字，请问洗手间在哪里？"
    assert simplified("我跟著妳,頭髮乾了") == "我跟着你,头发干了"
    for text in ("效果显著，著名的乾坤", "了解一下", "Hello 你好"):
        assert simplified(text) == text


class Scripted(WhisperEngine):
    """What the model would say, on the short and on the whole window."""

    def __init__(self, short: Attempt, whole: Attempt, probability: float = 0.99) -> None:
        super().__init__(Settings(), SharedSettings(), AsrSettings())
        self.short, self.whole, self.probability, self.windows = short, whole, probability, list[int]()
        self._model: Any = self

    supported_languages = ("zh", "en", "ja")

    @staticmethod
    def feature_extractor(samples: Samples) -> Samples:
        return np.zeros((80, samples.size // 160 + 1), np.float32)

    def _encode(self, features: Any, frames: int) -> int:
        self.windows.append(frames)
        return frames

    def _languages(self, encoded: Any) -> tuple[str, float]:
        return self.short.language, self.probability

    def _decode(self, encoded: Any, language: str, seconds: float, *, hinted: bool) -> Attempt:
        if hinted or language not in HINT:
            return self.short
        return self.whole


SPEECH = np.zeros(25_600, np.float32)


def test_the_whole_window_is_asked_only_where_the_first_text_is_doubtful() -> None:
    engine = Scripted(GOOD, Attempt("别的", "zh", 0.0, 0.0))
    assert engine.recognise(SPEECH, None).text == GOOD.text and engine.windows == [1000]


@pytest.mark.parametrize("language", [None, "zh-CN"])
def test_an_echo_of_the_hint_is_replaced_by_what_was_said(language: str | None) -> None:
    engine = Scripted(
        Attempt("以下是普通话的句子。", "zh", -0.1, 0.1, hinted=True), Attempt("明天会下雨吗", "zh", -0.3, 0)
    )
    got = engine.recognise(SPEECH, language)
    assert (got.text, got.language, engine.windows) == ("明天会下雨吗", "zh", [1000, 3000])


@pytest.mark.parametrize("text", ["以下是普通话的句子。", "以下是普", "以下是会下", "以"])
def test_what_is_shown_while_somebody_speaks_is_never_the_hint_and_is_worked_out_once(text: str) -> None:
    engine = Scripted(Attempt(text, "zh", -0.1, 0.1, hinted=True), GOOD)
    assert engine.draft(SPEECH, None).text == "" and engine.windows == [1000]
    assert Scripted(Attempt("明天", "zh", -2.0, 0.1, hinted=True), GOOD).draft(SPEECH, None).text == "明天"


def test_a_second_look_does_not_take_a_less_sure_language() -> None:
    engine = Scripted(Attempt("明", "zh", -2.0, 0.1, hinted=True), Attempt("明天会下雨吗", "zh", -0.3, 0.0), 0.83)
    looks = iter([("zh", 0.83), ("en", 0.11)])
    engine._languages = lambda encoded: next(looks)  # type: ignore[method-assign]
    got = engine.recognise(SPEECH, None)
    assert (got.text, got.language, got.language_probability) == ("明天会下雨吗", "zh", 0.83)
