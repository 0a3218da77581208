import pytest

from services.common.clauses import ClauseSplitter


def split(text: str, step: int = 3) -> list[str]:
    splitter, out = ClauseSplitter(), []
    for i in range(0, len(text), step):
        out += splitter.feed(text[i : i + step])
    return [*out, *splitter.flush()]


CASES = [
    ("你好。很高兴见到你！", ["你好。", "很高兴见到你！"]),
    ("画声是一个数字人，它可以说话。", ["画声是一个数字人，", "它可以说话。"]),
    ("好，我们开始吧。", ["好，我们开始吧。"]),
    ("It costs 3.14 dollars. Really!", ["It costs 3.14 dollars.", " Really!"]),
    ("See e.g. Dr. Smith at 10:30, please.", ["See e.g. Dr. Smith at 10:30,", " please."]),
    ("Visit example.com today. Bye.", ["Visit example.com today.", " Bye."]),
    ("共1,000元。", ["共1,000元。"]),
    ("他说：“走吧！”然后走了。", ["他说：“走吧！", "”然后走了。"]),
    ("没有标点", ["没有标点"]),
    ("……", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_cuts(text: str, expected: list[str]) -> None:
    assert split(text, 1) == expected


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize("text", [c[0] for c in CASES if c[1]])
def test_nothing_is_lost_however_it_comes(text: str, step: int) -> None:
    assert "".join(split(text, step)) == text


def test_first_clause_comes_before_the_text_is_over() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("画声是一个数字人") == []
    assert splitter.feed("，它") == ["画声是一个数字人，"]


def test_later_clauses_are_whole_sentences() -> None:
    assert split("好的，没问题。我先说一句，再说一句，最后说一句。") == [
        "好的，没问题。",
        "我先说一句，再说一句，最后说一句。",
    ]


def test_text_without_any_punctuation_is_cut_at_a_space() -> None:
    clauses = split("word " * 200)
    assert max(len(c) for c in clauses) < 400
    assert all(c.endswith(" ") for c in clauses[:-1])
    assert "".join(clauses) == "word " * 200
