"""How a clip is cut into windows of speech."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from services.asr.engines.base import Recognition, Segment, join
from services.asr.vad import WINDOW, Vad, VadStream, pack, spans
from tests.fakes.asr_engine import ScriptedVad


def speech(*stretches: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(n, p, np.float32) for n, p in stretches])


def test_clicks_are_dropped_and_short_pauses_bridged() -> None:
    p = speech((10, 0), (2, 0.9), (20, 0), (30, 0.9), (5, 0.1), (30, 0.9), (20, 0))
    assert spans(p) == [(32, 97)]


def test_between_the_thresholds_the_state_stays() -> None:
    assert spans(speech((5, 0.4), (10, 0.6), (10, 0.4), (5, 0.1))) == [(5, 25)]
    assert spans(speech((20, 0.4))) == []


def test_speech_to_the_very_end_is_kept() -> None:
    assert spans(speech((5, 0), (10, 0.9))) == [(5, 15)]


def test_windows_are_padded_and_gathered() -> None:
    p = speech((20, 0), (20, 0.9), (20, 0), (20, 0.9), (100, 0), (20, 0.9))
    assert pack(p, spans(p), 200) == [(14, 86), (174, 200)]
    assert pack(p, spans(p), 50) == [(14, 46), (54, 86), (174, 200)]


def test_long_speech_is_cut_where_it_is_quietest_and_nothing_is_lost() -> None:
    p = np.full(300, 0.9, np.float32)
    p[80] = 0.5
    cut = pack(p, spans(p), 100)
    assert cut[0] == (0, 80)
    assert all(b - a <= 100 for a, b in cut)
    assert cut[-1][1] == 300 and all(x[1] == y[0] for x, y in itertools.pairwise(cut))


def test_stream_gives_the_same_probabilities_however_it_is_cut() -> None:
    vad = Vad()
    x = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    whole = vad.probabilities(x)
    assert whole.shape == (-(-x.size // WINDOW),)
    stream = VadStream(vad)
    parts = [stream.feed(x[i : i + 700]) for i in range(0, x.size, 700)]
    got = np.concatenate(parts)
    np.testing.assert_allclose(got, whole[: got.size], atol=1e-4)
    assert vad.windows(np.zeros(0, np.float32), 20) == []


def test_stream_keeps_rest_and_context() -> None:
    stream = VadStream(ScriptedVad())  # type: ignore[arg-type]
    assert stream.feed(np.zeros(100, np.float32)).size == 0
    assert stream.feed(np.ones(924, np.float32)).tolist() == [1.0, 1.0]


def test_join_spaces_latin_but_not_chinese_and_takes_the_longest_language() -> None:
    zh, en = Recognition("你好。", "zh", 0.9), Recognition("Hello there.", "en", 0.8)
    got = join([Segment(zh, 0, 1), Segment(zh, 1, 2), Segment(en, 2, 6)], None)
    assert got.text == "你好。你好。 Hello there."
    assert (got.language, got.language_probability) == ("en", 0.8)
    assert join([], "zh-CN").language == "zh"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["今天天气不错", "我们走吧"], "今天天气不错我们走吧"),
        (["“好的。”", "他说……", "走"], "“好的。”他说……走"),
        (["我用", "Python", "写的"], "我用 Python 写的"),
        (["one two", "three."], "one two three."),
        (["“Yes,”", "he said"], "“Yes,” he said"),
        (["Привет", "мир"], "Привет мир"),
        (["안녕", "하세요"], "안녕 하세요"),
        (["こんにちは", "元気ですか"], "こんにちは元気ですか"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
    ],
)
def test_join_knows_which_scripts_have_spaces(parts: list[str], text: str) -> None:
    assert join([Segment(Recognition(p, "xx"), i, i + 1) for i, p in enumerate(parts)], None).text == text
