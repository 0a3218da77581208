"""Words of a scene and their times."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from huasheng.common.v1 import common_pb2

from services.gateway.studio.types import SpokenScene, Word
from services.gateway.studio.words import spread, words_of
from services.gateway.studio.words_written import split_words, width
from services.gateway.turn.events import SpokenClause

STEP_S = 0.08


def scene(*clauses: tuple[str, str], rate_hz: int = 24000) -> SpokenScene:
    """Clauses and the sounds in each, 80 ms a sound, as the speech service names them; _ is silence."""
    spans, marks, at = [], [], 0.0
    for text, sounds in clauses:
        begin = at
        for sound in sounds.split():
            phoneme = "" if sound == "_" else sound
            spans.append(common_pb2.PhonemeSpan(phoneme=phoneme, start_us=_us(at), end_us=_us(at + STEP_S)))
            at += STEP_S
        at += 0 if sounds else 2.0
        marks.append(SpokenClause(text, begin, at))
    return SpokenScene(Path("none"), rate_hz, at, "zh", marks, spans)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def sounds_of(word: Word, spoken: SpokenScene) -> str:
    return "".join(
        s.phoneme
        for s in spoken.spans
        if s.start_us >= _us(word.start_s) - 9 and s.end_us <= _us(word.end_s) + 9 and word.end_s > word.start_s
    )


@pytest.mark.parametrize(
    ("text", "sounds", "expected"),
    [
        (
            "它的价格是1,299元，",
            "_ t a t ɤ ʨ j a k ɤ ʂ ɨ i ʨ j ɛ n ɚ p a i ʨ j o u ʂ ɨ ʨ j o u ɥ ɛ n _",
            {"它": "ta", "的": "tɤ", "价格": "ʨjakɤ", "是": "ʂɨ", "1,299": "iʨjɛnɚpaiʨjouʂɨʨjou", "元，": "ɥɛn"},
        ),
        (
            "爱奥尼亚海、OpenAI和iPhone 15都很有名。",
            "_ a i a u n i j a x a i _ oʊ p ə n eɪ aɪ x ɤ aɪ f oʊ n ʂ ɨ u t o u x ə n j o u m i ŋ _",
            {"海、": "xai", "OpenAI": "oʊpəneɪaɪ", "和": "xɤ", "iPhone ": "aɪfoʊn", "15": "ʂɨu", "有名。": "joumiŋ"},
        ),
        (
            "doesn't it? In 2024 about 45% of users came from the U.S. and Dr. Smith agreed.",
            "_ d ʌ z ə n t ɪ t _ ɪ n t w ɛ n t i t w ɛ n t i f ɔ ɹ ə b aʊ t f ɔ ɹ ɾ i f aɪ v p ə ɹ s ɛ n t ʌ v j u z ə "
            "ɹ z k eɪ m f ɹ ʌ m ð ə j u ɛ s æ n d d ɑ k t ə ɹ s m ɪ θ ə ɡ ɹ i d _",
            {
                "doesn't ": "dʌzənt",
                "it? ": "ɪt",
                "2024 ": "twɛntitwɛntifɔɹ",
                "45% ": "fɔɹɾifaɪvpəɹsɛnt",
                "U.S. ": "juɛs",
                "Dr. ": "dɑktəɹ",
                "Smith ": "smɪθ",
                "agreed.": "əɡɹid",
            },
        ),
    ],
)
def test_each_word_has_its_sounds(text: str, sounds: str, expected: dict[str, str]) -> None:
    spoken = scene((text, sounds))
    words = words_of(spoken)
    assert "".join(w.text for w in words) == text
    assert {w.text: sounds_of(w, spoken) for w in words if w.text in expected} == expected


TEXTS = [
    "大家好，我是画声，今天给大家介绍一款新产品。",
    "Hello <b>everyone</b>, **welcome** to https://example.com/a?b=1!",
    "价格：￥1,299.00元（约20% off）😀😀",
    "こんにちは、今日は食べる話です。",
    "สวัสดีครับ ทุกคน",
    "123 456 7.8.9 -5℃ 3:30",
    "……",
    "    \n\n ",
    "😀",
    "a" * 300,
]


@pytest.mark.parametrize("text", TEXTS)
def test_words_stay_in_order_and_in_their_clause(text: str, tmp_path: Path) -> None:
    sounds = "_ t a ʨ j a _ x a u w o ʂ ɨ x w a ʂ ə ŋ _"
    pcm = tmp_path / "a.pcm"
    pcm.write_bytes(bytes(2 * 24000 * 4))
    silent = replace(scene((text, ""), (text, "")), pcm=pcm)
    for spoken in (scene((text, sounds), (text, sounds)), silent):
        words = words_of(spoken)
        assert all(w.start_s <= w.end_s for w in words)
        assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(words))
        assert all(w.text.strip() for w in words)
        assert all(w.start_s >= 0 and w.end_s <= spoken.seconds + 1e-6 for w in words)
        first = [w for w in words if w.start_s < spoken.clauses[1].start_s - 1e-6]
        assert all(w.end_s <= spoken.clauses[0].end_s + 1e-6 for w in first)


def test_markup_is_not_shown_and_nothing_else_is_lost() -> None:
    words = words_of(scene(("**你好** <b>x</b> < 3", "_ n i x a u ɛ k s s a n _")))
    assert "".join(w.text for w in words) == "你好 x < 3"


def recording(path: Path, *loud: tuple[float, float], seconds: float) -> Path:
    """A tone where somebody speaks, else faint noise."""
    t = np.arange(round(16000 * seconds)) / 16000
    sound = np.random.default_rng(0).normal(0, 20, t.size)
    for a, b in loud:
        sound += np.where((t >= a) & (t < b), 8000 * np.sin(2 * np.pi * 200 * t), 0)
    path.write_bytes(sound.astype("<i2").tobytes())
    return path


def test_words_of_a_recording_are_where_it_is_not_silent(tmp_path: Path) -> None:
    pcm = recording(tmp_path / "a.pcm", (0.5, 1.5), (2.2, 3.8), seconds=5.0)
    text = "one two, three four five six"
    words = words_of(SpokenScene(pcm, 16000, 5.0, "en", [SpokenClause(text, 0.0, 5.0)]))
    assert "".join(w.text for w in words) == text
    assert words[0].start_s == pytest.approx(0.5, abs=0.05)
    assert words[1].end_s == pytest.approx(1.5, abs=0.05), "the comma's pause"
    assert words[2].start_s == pytest.approx(2.2, abs=0.05)
    assert words[-1].end_s == pytest.approx(3.8, abs=0.05)


def test_a_clause_without_text_extends_the_one_before(tmp_path: Path) -> None:
    pcm = recording(tmp_path / "a.pcm", (0.0, 3.0), seconds=4.0)
    clauses = [SpokenClause("one two", 0.0, 1.0), SpokenClause("", 1.0, 3.0)]
    assert words_of(SpokenScene(pcm, 16000, 4.0, "en", clauses))[-1].end_s == pytest.approx(3.0)


def test_words_are_words() -> None:
    assert split_words("他说“你好”，然后走了。") == ["他", "说", "“你好”，", "然后", "走", "了。"]
    assert split_words("It's well-known: AT&T paid $1,299 (about 20%) at 10:30.") == [
        *("It's ", "well-known: ", "AT&T ", "paid ", "$1,299 ", "(about ", "20%) ", "at ", "10:30.")
    ]


def test_time_is_shared_by_syllables() -> None:
    words = spread(split_words("我 immediately 走。"), 0.0, 7.0)
    long = {w.text.strip("。 "): w.end_s - w.start_s for w in words}
    assert long["immediately"] > 3 * long["我"]


def test_width() -> None:
    assert width("画声abcd") == 4.0
    assert width("e\u0301") == 0.5
