"""The rules around whisper that need no weights."""

from __future__ import annotations

from pathlib import Path

from services.asr.engines.whisper.engine import WhisperEngine, choose_language, is_repetitive, tidy
from services.asr.engines.whisper.settings import Settings
from services.asr.settings import AsrSettings
from services.common.settings import SharedSettings


def test_other_languages_only_when_sure() -> None:
    assert choose_language({"ja": 0.6, "zh": 0.3, "en": 0.1})[0] == "zh"
    assert choose_language({"nn": 0.5, "en": 0.3, "zh": 0.1}) == ("en", 0.3)
    assert choose_language({"fr": 0.9, "en": 0.05}) == ("fr", 0.9)


def test_loops_are_found_and_speech_is_not() -> None:
    assert is_repetitive("thank you " * 20)
    assert is_repetitive("谢谢观看" * 12)
    assert not is_repetitive("截至今天中午，电影票房突破40亿，一个重要原因是电影题材非常丰富。")
    assert not is_repetitive("no no no")


def test_chinese_punctuation_becomes_full_width_only_beside_chinese() -> None:
    assert tidy("你好,今天怎么样?我用 v1.5, ok", "zh") == "你好，今天怎么样？我用 v1.5, ok"
    assert tidy("Hello, you?", "en") == "Hello, you?"
    assert tidy(" …… ", "zh") == ""


def test_missing_weights_are_a_reason(tmp_path: Path) -> None:
    error = WhisperEngine.unavailable(Settings(), SharedSettings(weights_dir=tmp_path), AsrSettings())
    assert error and "whisper-base" in str(error) and "make weights" in str(error)
