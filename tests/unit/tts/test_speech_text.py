"""Every kind of written text is read right: the sentences of benchmarks/speech_text.tsv, and what is left out."""

from __future__ import annotations

import pytest

from benchmarks.speech_text import cases, is_right, ours
from services.common.clauses import ClauseSplitter
from services.common.pronunciation import Pronunciation
from services.common.script import addresses, main_language
from services.tts.text.clauses import split
from services.tts.text.dictionary import Dictionary
from services.tts.text.prepare import preview

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[2][:24])
def test_kind(case: tuple[str, str, str, str]) -> None:
    _, language, text, wanted = case
    said = ours(text, language)
    assert is_right(said, wanted), said


def test_there_are_enough_of_both_languages() -> None:
    assert len(CASES) >= 120 and len({kind for kind, *_ in CASES}) >= 40
    assert min(sum(lang == x for _, lang, _, _ in CASES) for x in ("zh", "en")) >= 40


def told(text: str) -> tuple[str, list[str], list[str]]:
    """What is said, what is left out, and what of that is a warning."""
    clauses = preview(text, "", Dictionary())
    left = [x for c in clauses for x in c.left_out]
    return "".join(c.spoken for c in clauses), [x.text for x in left], [x.text for x in left if x.script]


@pytest.mark.parametrize(
    ("text", "kept", "left"),
    [
        ("他说さようなら，意思是再见。", ["他说", "意思是再见"], ["さようなら"]),
        ("今天学 カタカナ，明天学汉字。", ["今天学", "明天学汉字"], ["カタカナ"]),
        ("朋友是친구，老师是선생님。", ["朋友是", "老师是"], ["친구", "선생님"]),
        ("Say спасибо to her.", ["Say", "to her"], ["спасибо"]),
        ("The sign says مرحبا today.", ["The sign says", "today"], ["مرحبا"]),
        ("नमस्ते means hello.", ["means hello"], ["नमस्ते"]),
    ],
)
def test_other_scripts_are_left_out_with_a_warning_and_the_rest_is_said(
    text: str, kept: list[str], left: list[str]
) -> None:
    said, _, warned = told(text)
    assert all(k in said for k in kept), said
    assert warned == left


@pytest.mark.parametrize("sign", ["∮", "⊗", "ℵ", "₸", "㏒", "℡", "★", "😀", "™"])
def test_no_sign_disappears_unnamed(sign: str) -> None:
    said, left, _ = told(f"前面{sign}后面")
    assert sign in left or said.replace("前面", "").replace("后面", "").strip(), said


ADDRESS = "https://www.example.org/a_b/c.html?x=1&y=zh-CN#top"


@pytest.mark.parametrize("text", [f"请打开 {ADDRESS} ，谢谢。", f"Please open {ADDRESS} , thanks.", f"请看{ADDRESS}。"])
def test_addresses_stay_whole_and_choose_no_language(text: str) -> None:
    splitter = ClauseSplitter()
    pieces = [p for c in text for p in splitter.feed(c)] + splitter.flush()
    assert any(ADDRESS in p for p in pieces), pieces
    assert any(ADDRESS in s.text for s in split(text))
    assert main_language(text) == ("en" if text.startswith("P") else "zh")
    assert [text[a:b] for a, b in addresses(text)] == [ADDRESS]


@pytest.mark.parametrize("text", ["若 a != b，则停止。", '看<a href="x?y=1!">这里。好</a>吧', "设 $a_1! = b$ 成立"])
def test_no_clause_ends_within_a_sign_a_tag_or_a_formula(text: str) -> None:
    splitter = ClauseSplitter()
    pieces = [p for c in text for p in splitter.feed(c)] + splitter.flush()
    assert "".join(pieces) == text
    assert not [p for p in pieces if p.rstrip().endswith(("!", "?")) or p.count("<") != p.count(">")], pieces


def test_clauses_of_digits_follow_the_language_before_them() -> None:
    languages = {c.language for c in preview("我们赢了，比分如下。\n3:0。\n12.5%。", "", Dictionary())}
    assert languages == {"zh"}


def test_the_users_words_stand_alone_and_keep_no_rule_out() -> None:
    entries = [Pronunciation("重庆", "chong2 qing4", "zh"), Pronunciation("GIF", "jiff", "en")]
    dictionary = Dictionary(entries)
    marked = dictionary.mark("去重庆看gif和GIFS")
    assert dictionary.unmark(marked) == "去重庆看jiff和GIFS"
    assert [dictionary.entry(c).word for c in marked if ord(c) >= 0xF0000] == ["重庆", "GIF"]
    (clause,) = preview("重庆3:0胜", "", Dictionary(entries))
    assert clause.spoken == "重庆三比零胜"
    assert preview("\U000f0000好", "", dictionary)[0].spoken == "好", "marks in a text are no words"
