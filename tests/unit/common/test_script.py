"""The language of a typed question."""

import pytest

from services.common.script import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("你好", "zh"),
        ("画声？", "zh"),
        ("NVIDIA GeForce RTX 能用吗", "zh"),
        ("怎么接入 Ollama 和 deepseek", "zh"),
        ("who are you?", "en"),
        ("Huasheng?", "en"),
        ("how do I use 画声", "en"),
        ("what does 你好 mean in your language", "en"),
        ("GPU", "en"),
        ("こんにちは", ""),
        ("日本語で話してください", ""),
        ("안녕하세요", ""),
        ("Привет", ""),
        ("Ça va très bien", ""),
        ("123 + 4?", ""),
        ("", ""),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language
