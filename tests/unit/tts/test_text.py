import pytest

from services.common.script import has_words, main_language
from services.tts.text.clauses import FIRST, LIMIT, PATIENCE, halves, split, weight
from services.tts.text.script import is_speakable


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there", "en"),
        ("你好", "zh"),
        ("我用 GPT-SoVITS 和 GLM-4-Plus", "zh"),
        ("我喜欢 machine learning", "zh"),
        ("请问 how do you say apple", "en"),
        ("The word 你好 means hello", "en"),
        ("2024", "en"),
        ("これは日本語です。東京", "en"),
    ],
)
def test_main_language(text: str, language: str) -> None:
    assert main_language(text) == language


@pytest.mark.parametrize("text", ["a", "7", "你", "Ａ", "你好の世界真的很好啊", "café"])
def test_speakable(text: str) -> None:
    assert is_speakable(text)


@pytest.mark.parametrize("text", ["", " ", "...", "😀", "Привет", "こんにちは", "東京へ行きます", "مرحبا"])
def test_not_speakable(text: str) -> None:
    assert not is_speakable(text)


def test_words_of_any_script_are_words() -> None:
    assert has_words("Привет") and not has_words("😀 …")


LONG = (
    "Yes, of course. Dr. Smith said that 3.5 million people, e.g. those at example.com, came at 3:30; the rest went "
    "home. 然后他们去了公园，看见很多花。And so on, without end, until the very last word of this "
    "long text has been said aloud."
)


def test_stretches_give_the_text_again() -> None:
    assert "".join(s.text for s in split(LONG)) == LONG


def test_the_first_stretch_is_short_and_they_grow_to_the_limit() -> None:
    stretches = [weight(s.text) for s in split(LONG * 4)]
    assert stretches[0] <= FIRST * PATIENCE
    assert max(stretches) <= LIMIT
    assert max(stretches) > 2 * FIRST


def test_each_stretch_is_made_before_the_last_has_been_heard() -> None:
    pace = 0.6  # seconds of work for a second of speech, as SPARE assumes
    stretches = [weight(s.text) for s in split(LONG * 4)]
    for k in range(1, len(stretches)):
        late = pace * sum(stretches[1 : k + 1]) - sum(stretches[:k])
        assert late <= pace * (PATIENCE - 1) * stretches[k], f"stretch {k} of {stretches} comes late"


def test_a_pause_a_little_further_is_better_than_a_cut_between_words() -> None:
    text = "画声是一个可以自己部署的会说话的数字人。上传一段视频或一张照片，它就能开口说任何话，还能和你实时对话。"
    assert [s.end for s in split(text)] == ["sentence", "sentence"]


def test_nothing_is_cut_within_numbers_names_and_abbreviations() -> None:
    ends = [s.text.strip() for s in split(LONG)]
    assert not [e for e in ends if e.endswith(("Dr.", "3.", "e.g.", "example.", "3:"))]


def test_text_without_any_gap_is_still_cut() -> None:
    stretches = [s.text for s in split("a" * 1000 + "字" * 300)]
    assert "".join(stretches) == "a" * 1000 + "字" * 300
    assert max(weight(s) for s in stretches) <= LIMIT


def test_a_short_rest_joins_what_is_before() -> None:
    assert [s.text for s in split("It is a very nice day today. Yes.")] == ["It is a very nice day today. Yes."]


@pytest.mark.parametrize("text", ["Hello there", "你好吗", "ab"])
def test_halves(text: str) -> None:
    (stretch,) = split(text)
    a, b = halves(stretch)
    assert a.text + b.text == text and a.text and b.text
    assert b.end == stretch.end
