import pytest

from services.gateway.live.words import heard, is_backchannel, joined, normalised, unheard

CLAUSES = [("你好，", 0, 800_000), ("很高兴见到你。", 800_000, 2_200_000)]


@pytest.mark.parametrize("text", ["", "嗯。", "嗯嗯", "Yeah", "uh-huh.", "对，对，", "OK, OK", "哈哈！", "Mm."])
def test_sounds_of_listening_interrupt_nobody(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text", ["停", "等一下。", "Stop!", "嗯，但是我想问", "不对", "Yes but why", "好的，下一个问题", "no"]
)
def test_words_do(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("我想问一下。", "你是谁？", "我想问一下，你是谁？"),
        ("Could you tell me", "who you are?", "Could you tell me who you are?"),
        ("", "你好", "你好"),
        ("你好", "", "你好"),
    ],
)
def test_parts_of_a_question_are_joined(first: str, second: str, whole: str) -> None:
    assert joined(first, second) == whole


def test_texts_are_compared_without_marks() -> None:
    assert normalised("你好，你是谁？") == normalised("你好 你是谁") != normalised("你好你是")
    assert normalised("Who are you?") == normalised("who are you")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (0, ""),
        (400_000, "你好"),
        (800_000, "你好，"),
        (1_500_000, "你好，很高兴见"),
        (9_000_000, CLAUSES[0][0] + CLAUSES[1][0]),
    ],
)
def test_what_was_heard_is_cut_where_the_sound_was(at: int, words: str) -> None:
    got = heard(CLAUSES, at)
    assert words.startswith(got) and len(words) - len(got) <= 1


def test_english_is_cut_between_words() -> None:
    assert heard([("Nice to meet you today.", 0, 2_000_000)], 1_000_000) == "Nice to"


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("", "哈哈哈哈，**你好**。 It is late."),
        ("哈哈", "哈哈，**你好**。 It is late."),
        ("哈哈哈哈，你好", "**。 It is late."),
        ("哈哈哈哈，你好。 It is", "late."),
        ("哈哈哈哈，你好。It is late.", ""),
        ("再见", "哈哈哈哈，**你好**。 It is late."),
    ],
)
def test_what_was_not_heard_follows_what_was(said: str, rest: str) -> None:
    assert unheard("哈哈哈哈，**你好**。 It is late.", said) == rest
