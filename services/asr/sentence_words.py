"""Lists of words by which sentences are judged (``sentence_words.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def _lists() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def words_of(language: str, name: str) -> frozenset[str]:
    """Single words, separated by spaces in the file."""
    return frozenset(_lists()[language][name].split())


def sayings_of(language: str, name: str) -> frozenset[str]:
    """Sayings of several words, separated by commas in the file."""
    return frozenset(" ".join(saying.split()) for saying in _lists()[language][name].split(","))
