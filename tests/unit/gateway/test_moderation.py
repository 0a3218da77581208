"""Words that are not said: the operator's list, whatever their form, and across clauses."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.gateway.settings import GatewaySettings
from services.gateway.turn.moderation import Moderation, plain, read_words

LIST = """\
# not said here
坏话
free money
Köln
"""


@pytest.fixture
def moderation(tmp_path: Path) -> Moderation:
    (tmp_path / "words.txt").write_text(LIST, encoding="utf-8")
    return Moderation(GatewaySettings(moderation_words=tmp_path / "words.txt"))


@pytest.mark.parametrize(
    "text",
    ["这是坏话。", "这是 坏 话", "坏，话", "FREE Money!", "free—money", "ｆｒｅｅ　ｍｏｎｅｙ", "from Koln", "KÖLN"],
)
async def test_a_phrase_is_found_in_any_form(moderation: Moderation, text: str) -> None:
    with pytest.raises(HuashengError, match="words-refused") as e:
        await moderation.check(text)
    assert e.value.params == {}, "the answer does not repeat the words"


@pytest.mark.parametrize("text", ["坏了的话筒", "carefree moneybags", "free the money", "Kölner Dom", ""])
async def test_other_words_pass(moderation: Moderation, text: str) -> None:
    await moderation.check(text)


async def test_a_phrase_may_cross_clauses(moderation: Moderation) -> None:
    await moderation.check("Take it, it is free")
    with pytest.raises(HuashengError, match="words-refused"):
        await moderation.check("money for you.", "Take it, it is free")
    with pytest.raises(HuashengError, match="words-refused"):
        await moderation.check("话", "他说坏")


def test_a_list_that_cannot_be_read_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="GATEWAY_MODERATION_WORDS"):
        read_words(tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SystemExit, match="UTF-8"):
        read_words(tmp_path / "bad.txt")
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    assert read_words(tmp_path / "empty.txt") is None


def test_plain_text_keeps_letters_and_digits() -> None:
    assert plain("A１  b-c！你 好") == "a1 b c你好"
