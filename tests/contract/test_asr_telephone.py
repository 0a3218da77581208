"""Short questions over a telephone, asked by the product's own voice; and sounds that are not speech. Real weights."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speech import errors, speak, syllables, words
from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine
from services.asr.engines.registry import make_engines
from services.asr.engines.whisper.attempt import echoes_hint, units
from services.asr.engines.whisper.script import simplified
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.audio import Samples
from services.common.settings import SharedSettings
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.settings import Settings as KokoroSettings
from services.tts.settings import TtsSettings
from tests.fakes import sounds, telephone

FIELD = Path(__file__).parents[2] / "../shared/data/field"
QUESTIONS = {
    "今天天气怎么样？": "zf_xiaoxiao",
    "现在几点了？": "zm_yunxi",
    "怎么联系客服？": "zf_xiaoyi",
    "What time is it?": "af_heart",
}
LINES: list[tuple[str, float]] = [
    ("mulaw", -12),
    ("alaw", 0),
    ("ima", -20),
    ("adpcm", -3),
    ("g726", 0),
    ("amr", -12),
    ("opus", -20),
    ("mp3", 0),
]


@pytest.fixture(scope="module")
def whisper() -> Iterator[AsrEngine]:
    engines = make_engines(AsrSettings(), SharedSettings())
    if error := engines.unavailable("whisper"):
        pytest.skip(str(error))
    yield engines.get("whisper")


@pytest.fixture(scope="module")
def asked() -> dict[str, Samples]:
    """The questions at 16 kHz."""
    if error := KokoroEngine.unavailable(KokoroSettings(), SharedSettings(), TtsSettings()):
        pytest.skip(str(error))
    kokoro = KokoroEngine(KokoroSettings(), SharedSettings(), TtsSettings())
    kokoro.load()
    spoken = {q: np.concatenate([p.samples for p in speak(kokoro, q, voice)[0]]) for q, voice in QUESTIONS.items()}
    return {question: audio.resample(x, 24_000, SAMPLE_RATE_HZ) for question, x in spoken.items()}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_short_question_over_the_telephone_is_heard(
    whisper: AsrEngine, asked: dict[str, Samples], question: str
) -> None:
    spoken = words if question.isascii() else syllables
    bad = 0
    for codec, level in LINES:
        text = whisper.transcribe(telephone.heard(asked[question], codec, level)).text
        assert text == simplified(text) and not echoes_hint(text, "zh"), (codec, level)
        wrong = errors(spoken(question), spoken(text))
        assert wrong < len(spoken(question)), f"lost over {codec} at {level} dB: {text}"
        bad += wrong
    assert bad <= 0.35 * len(LINES) * len(spoken(question))


@pytest.mark.parametrize("kind", sounds.not_speech())
def test_what_is_no_speech_gets_no_words(whisper: AsrEngine, kind: str) -> None:
    x = sounds.not_speech()[kind]
    for line in (x, telephone.heard(x, "mulaw"), telephone.heard(x, "amr-low", -12)):
        assert whisper.transcribe(line).text == ""


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("r03b_phone_8k_hint_echo.wav", "你以后能够做的比我还好"),
        ("r03c_phone_8k_only_first_word.wav", "今天天气怎么样"),
        ("r10_recorder.amr", "能够做的比我还好"),
    ],
)
def test_recordings_from_the_field_are_heard(whisper: AsrEngine, name: str, some: str) -> None:
    assert some in "".join(units(whisper.transcribe(field_recording(name)).text))


def test_a_recording_whose_words_depend_on_rounding_is_not_lost(whisper: AsrEngine) -> None:
    """Moved by milliseconds, or on another processor, some of its syllables are taken for others with any window."""
    said = "希望你以后能够做的比我还好呦"
    text = whisper.transcribe(field_recording("r03_phone_8k_mulaw.wav")).text
    assert not echoes_hint(text, "zh")
    same = SequenceMatcher(None, syllables(said), syllables(text), autojunk=False).get_matching_blocks()
    assert sum(block.size for block in same) >= len(said) * 2 / 3, text


def field_recording(name: str) -> Samples:
    if not (FIELD / name).exists():
        pytest.skip("shared test data is not here")
    return audio.decode(FIELD / name, SAMPLE_RATE_HZ)
