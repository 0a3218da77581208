"""Subtitles keep the norms of the field, whatever the text."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from services.gateway.api.studio_requests import CueText
from services.gateway.studio.subtitle_lines import limits
from services.gateway.studio.subtitles import GAP_S, LONGEST_S, SHORTEST_S, cues_of, edited, second_lines
from services.gateway.studio.types import Cue, Word
from services.gateway.studio.words import spread, syllables
from services.gateway.studio.words_written import split_words, width

ZH = (
    "大家好，欢迎收看本期节目。今天给大家介绍一款全新的产品，它的价格是1,299元，比去年便宜了20%！我们从三个方面来看："
    "第一，性能提升了百分之五十；第二，续航时间达到了24小时；第三，它支持OpenAI和iPhone 15等多种设备。你觉得怎么样？"
)
EN = (
    "Hello everyone, and welcome back to our channel! Today we're going to look at the idea behind version 3.5 of our "
    "product, which costs $1,299 and is available in more than 40 countries. Dr. Smith said that it was the best thing "
    "since sliced bread. Do you agree? Let us know in the comments below."
)


def spoken(text: str, per_second: float = 4.5) -> list[Word]:
    words = split_words(text)
    return spread(words, 0.2, 0.2 + max(sum(map(syllables, words)), 1) / per_second)


def rows(cue: Cue) -> list[str]:
    return ["".join(w.text for w in line) for line in cue.lines]


def check(cues: list[Cue], language: str, seconds: float) -> None:
    limit = limits(language)
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(width(r) <= limit.line and r == r.strip() and r for r in rows(cue)), rows(cue)
        assert 0 < cue.end_s - cue.start_s <= LONGEST_S + 1e-6
        assert cue.end_s <= seconds + 1e-6
        assert cue.start_s == pytest.approx(cue.lines[0][0].start_s), "it appears with its sound"
        assert cue.end_s >= min(cue.lines[-1][-1].end_s, cue.start_s + LONGEST_S) - 1e-6
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(cues))


PIECES = (
    *(
        "你好",
        "世界",
        "，",
        "。",
        "我们今天讨论",
        "一个问题",
        "！",
        "、",
        "；",
        " ",
        "2024年",
        "3.14",
        "1,299元",
        "20%",
    ),
    *(
        "hello ",
        "world, ",
        "extraordinarily ",
        "a ",
        "e.g. ",
        "Dr. ",
        "end. ",
        "😀",
        "“引用”",
        "(note) ",
        "https://a.cn/x ",
    ),
    *(
        "的",
        "了",
        "因为",
        "所以",
        "\n",
        "iPhone 15 ",
        "Donaudampfschifffahrtsgesellschaftskapitänsmütze ",
        "ありがとう",
    ),
)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_norms_hold_for_any_text(seed: int, language: str) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 80)))
    words = spoken(text, rng.choice([1.0, 4.5, 9.0]))
    seconds = words[-1].end_s + rng.choice([0, 0.05, 3.0]) if words else 1.0
    cues = cues_of(words, language, seconds)
    check(cues, language, seconds)
    shown = "".join("".join(rows(c)) for c in cues)
    assert [c for c in shown if c.isalnum()] == [c for c in text if c.isalnum()], "no word is lost or doubled"


@pytest.mark.parametrize(("text", "language"), [(ZH, "zh"), (EN, "en")])
def test_breaks_are_where_a_reader_expects_them(text: str, language: str) -> None:
    words = spoken(text)
    cues = cues_of(words, language, words[-1].end_s + 2)
    check(cues, language, words[-1].end_s + 2)
    lines = [r for c in cues for r in rows(c)]
    whole = (
        ("1,299元", "20%", "24小时", "iPhone 15")
        if language == "zh"
        else ("$1,299", "3.5", "40 countries", "Dr. Smith")
    )
    assert all(any(w in r for r in lines) for w in whole), lines
    assert not any(r.startswith(("的", "了", "，", "。", ",", ".", "！")) for r in lines)
    assert not any(r.rstrip().split(" ")[-1] in ("the", "a", "of", "to", "our") for r in lines)
    if language == "zh":
        assert not any(r.endswith(("，", "。", "；", "：")) for r in lines)
        assert rows(cues[0]) == ["大家好，欢迎收看本期节目"]
    else:
        assert rows(cues[0]) == ["Hello everyone,", "and welcome back to our channel!"]
    for cue in cues:
        upper, lower = (width(r) for r in (rows(cue) * 2)[:2])
        assert abs(upper - lower) <= 0.75 * limits(language).line, rows(cue)


def test_time_to_read_is_taken_from_the_silence_after() -> None:
    words = spread(split_words("十二个字的话说得非常快啊"), 0.0, 0.6)
    alone = cues_of(words, "zh", 10.0)
    assert alone[0].end_s >= 12 / 9
    words += spread(split_words("下一句话马上就来了"), 2.0, 3.5)
    first, second = cues_of(words, "zh", 10.0)
    assert first.end_s <= second.start_s - GAP_S + 1e-9
    assert first.end_s - first.start_s >= SHORTEST_S
    assert second.start_s == 2.0


def test_a_long_silence_parts_two_subtitles() -> None:
    words = [*spread(["你好"], 0.0, 0.5), *spread(["再见"], 5.0, 5.5)]
    assert [rows(c) for c in cues_of(words, "zh", 6.0)] == [["你好"], ["再见"]]


def test_a_slow_word_is_shown_for_seven_seconds() -> None:
    (cue,) = cues_of([Word("好", 0.0, 30.0)], "zh", 30.0)
    assert cue.end_s == LONGEST_S


def test_nothing_said_is_nothing_shown() -> None:
    assert cues_of([], "zh", 5.0) == []


def test_edited_cues_keep_their_times_and_the_breaks_of_their_user() -> None:
    made = edited(
        [
            CueText(start_s=5, end_s=8, text="第二条<b>字幕</b>", second="the second"),
            CueText(start_s=1, end_s=6, text="第一行\n第二行"),
            CueText(start_s=9, end_s=10, text="   "),
        ]
    )
    assert [(c.start_s, c.end_s) for c in made] == [(1, 5), (5, 8)], "none overlaps, none is empty"
    assert rows(made[0]) == ["第一行", "第二行"]
    assert rows(made[1]) == ["第二条字幕"]
    assert made[1].second == ("the second",)
    for cue in made:
        words = [w for line in cue.lines for w in line]
        assert all(cue.start_s <= w.start_s <= w.end_s <= cue.end_s for w in words)


def test_an_edited_cue_that_is_too_long_becomes_several() -> None:
    made = edited([CueText(start_s=2, end_s=20, text=ZH)])
    assert len(made) > 3
    assert (made[0].start_s, made[-1].end_s) == (2, 20)
    assert all(width(r) <= 16 for c in made for r in rows(c))
    assert all(a.end_s == b.start_s for a, b in pairwise(made))


def test_a_second_language_has_two_lines_at_most() -> None:
    assert second_lines("") == ()
    assert second_lines("今天我们来看看，") == ("今天我们来看看",)
    long = second_lines(EN)
    assert len(long) == 2
    assert " ".join(long) == EN
