"""Sentences of what was recognised, how translations fit into a film, and what a question says."""

from __future__ import annotations

import pytest

from services.common.errors import HuashengError
from services.gateway.dubbing.captions import with_original
from services.gateway.dubbing.fitting import GAP_S, Timed, budget, placed, set_slots, speed_of, usual_pace
from services.gateway.dubbing.sentences import LONGEST_S, PAUSE_S, sentences_of, spaced
from services.gateway.dubbing.table import Line, lines_of, missed
from services.gateway.dubbing.translating import _LIMIT, Asked, _context, _terms
from services.gateway.studio.subtitles import cues_of
from services.gateway.studio.types import Word
from services.gateway.studio.words_written import split_words


def spoken(*stretches: tuple[str, float, float]) -> list[Word]:
    """Words at an even pace."""
    out = []
    for text, a, b in stretches:
        words = split_words(spaced(text))
        step = (b - a) / len(words)
        out += [Word(w, a + k * step, a + (k + 1) * step) for k, w in enumerate(words)]
    return out


def texts(*stretches: tuple[str, float, float]) -> list[str]:
    return [line.text for line in sentences_of(spoken(*stretches))]


def test_stretches_become_sentences() -> None:
    assert texts(("Good evening. This is the", 0, 3), ("news at ten.", 3.4, 5)) == [
        "Good evening.",
        "This is the news at ten.",
    ]
    assert texts(("大家好。今天天气", 0, 3), ("很好。", 3.5, 5)) == ["大家好。", "今天天气很好。"]


def test_a_long_silence_ends_a_sentence_whatever_is_written() -> None:
    assert texts(("And then I", 0, 2), ("went home.", 2 + PAUSE_S, 5)) == ["And then I", "went home."]


def test_dots_that_end_nothing() -> None:
    assert texts(("Mr. Smith paid 3.50 for it in the U.S. market.", 0, 4)) == [
        "Mr. Smith paid 3.50 for it in the U.S. market."
    ]


def test_short_pieces_join_what_is_near() -> None:
    assert texts(("Yes. I do think so.", 0, 2.5)) == ["Yes. I do think so."]
    assert texts(("Yes.", 0, 0.4), ("I do think so.", 3, 5)) == ["Yes.", "I do think so."], "nobody near"


def test_long_sentences_are_broken_where_one_breathes() -> None:
    parts = [("one " * 12 + "two, ", 0.0, 9.0), ("three " * 12 + "four.", 9.5, 18.0)]
    lines = sentences_of(spoken(*parts))
    assert [line.text.split()[-1] for line in lines] == ["two,", "four."]
    endless = sentences_of(spoken(("and so on " * 60, 0.0, 60.0)))
    assert all(1 <= line.own_s <= LONGEST_S for line in endless)
    assert " ".join(line.text for line in endless) == ("and so on " * 60).strip()


def lines(*times: tuple[float, float]) -> list[Line]:
    return [Line(k, a, b, f"sentence {k}") for k, (a, b) in enumerate(times)]


def test_slots_take_two_seconds_of_a_pause() -> None:
    table = lines((0, 2), (2.5, 4), (9, 10))
    set_slots(table, 10.5)
    assert [line.slot_s for line in table] == [2.5, 3.5, 1.5]


def test_budgets_are_those_of_a_language() -> None:
    assert budget(4, usual_pace("en-US")) == 58
    assert budget(4, usual_pace("zh")) == 18
    assert budget(0.1, 14) == 4


@pytest.mark.parametrize(
    ("spoken_s", "own_s", "slot_s", "expected"),
    [
        (2.0, 2.0, 2.5, (1.0, "fits")),
        (2.5, 2.0, 2.5, (1.0, "fits")),
        (2.75, 2.0, 2.5, (1.1, "fast")),
        (2.875, 2.0, 2.5, (1.15, "fast")),
        (2.9, 2.0, 2.5, (1.15, "long")),
        (1.75, 2.0, 2.5, (1.0, "fits")),
        (1.69, 2.0, 2.5, (0.85, "fits")),
        (0.5, 2.0, 2.5, (0.85, "fits")),
    ],
)
def test_speeds(spoken_s: float, own_s: float, slot_s: float, expected: tuple[float, str]) -> None:
    assert speed_of(spoken_s, own_s, slot_s) == expected


def at(table: list[Line], *lengths: float) -> list[Timed]:
    return [Timed(line, n) for line, n in zip(table, lengths, strict=True)]


def test_what_fits_begins_when_it_did() -> None:
    table = lines((1, 3), (4, 6), (8, 9))
    assert placed(at(table, 2.5, 2, 1.9), 10) == [1, 4, 8]


def test_what_is_too_long_begins_earlier_then_pushes() -> None:
    table = lines((1, 3), (5, 6), (6.5, 7), (9, 9.5))
    starts = placed(at(table, 2, 2, 0.5, 0.5), 10)
    assert starts == [1, pytest.approx(4.45), 6.5, 9], "into the pause before"
    starts = placed(at(table, 2, 4, 0.5, 0.5), 10)
    assert starts[1] == pytest.approx(3 + GAP_S)
    assert starts[2] == pytest.approx(7.05 + GAP_S)
    assert starts[3] == 9, "the pause takes it up"
    for start, one, after in zip(starts, at(table, 2, 4, 0.5, 0.5), starts[1:], strict=False):
        assert start + one.length_s <= after + 1e-9


def test_at_the_end_of_the_film_all_moves_to_the_front() -> None:
    table = lines((3, 5), (6, 8))
    starts = placed(at(table, 4, 5), 10)
    assert starts[1] + 5 == pytest.approx(10)
    assert starts[0] + 4 <= starts[1]


def test_more_than_the_film_holds_is_refused_with_the_sentence() -> None:
    table = lines((1, 3), (4, 6))
    set_slots(table, 8)
    with pytest.raises(HuashengError) as e:
        placed(at(table, 2, 7), 8)
    assert (e.value.slug, e.value.params["sentence"], e.value.params["seconds"]) == ("dubbing-too-long", "2", "1.1")


GLOSSARY = [{"source": "画声", "target": "Huasheng"}, {"source": "OpenAI", "target": "OpenAI"}]


def test_terms_that_are_missed() -> None:
    assert missed(Line(0, 0, 1, "我是画声", translation="I am HuaSheng's voice"), GLOSSARY) is False
    assert missed(Line(0, 0, 1, "我是画声", translation="I am Painted Voice"), GLOSSARY) is True
    assert missed(Line(0, 0, 1, "你好", translation="Hello"), GLOSSARY) is False


def test_a_question_names_only_the_terms_that_are_said() -> None:
    said = [Line(0, 0, 1, "我是画声")]
    assert _terms(GLOSSARY, said) == "\nAlways translate so: 画声 = Huasheng."
    assert _terms(GLOSSARY, [Line(0, 0, 1, "你好")]) == ""


def test_a_question_shows_what_is_around() -> None:
    every = lines((0, 1), (1, 2), (2, 3))
    assert _context(every[:1], every[2:]).count("not to be translated") == 2
    assert "sentence 0" in _context(every[:1], [])
    assert str(Asked(every[0], 12)) == "[at most 12 characters] sentence 0"
    assert "=> long one" in str(Asked(every[0], 12, "long one"))


@pytest.mark.parametrize("answer", ["[at most 12 characters] Hello", "(max. 12 chars) Hello", "Hello"])
def test_a_limit_that_is_written_again_is_left_out(answer: str) -> None:
    assert _LIMIT.sub("", answer) == "Hello"


def test_lines_of_a_request_are_in_order() -> None:
    rows = [{"start_s": s, "end_s": s + 1, "text": "", "translation": f" {s} "} for s in (3, 1)]
    assert [(line.index, line.translation) for line in lines_of(rows)] == [(0, "1"), (1, "3")]


def test_the_original_is_shared_out_over_the_subtitles_of_a_sentence() -> None:
    words = spoken(
        ("This is a rather long sentence that no single subtitle would ever be able to hold, is it not?", 0, 8)
    )
    cues = with_original(cues_of(words, "en", 8), "这是一个相当长的句子，一条字幕肯定放不下，对不对？")
    assert len(cues) > 1
    assert all(c.second for c in cues)
    assert "".join("".join(c.second) for c in cues).startswith("这是一个")
