"""What every recognition engine must do, each with its real weights; google against a local server."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine
from services.asr.engines.google.settings import Settings as GoogleSettings
from services.asr.engines.registry import REGISTRY, make_engines
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.audio import Samples
from services.common.settings import SharedSettings
from tests.fakes.google_http import heard, serving

DATA = Path(__file__).parents[2] / "../shared/data/audio"


@pytest.fixture(scope="module", params=sorted(REGISTRY))
def engine(request: pytest.FixtureRequest) -> Iterator[AsrEngine]:
    with serving(heard("the holidays are a time")) as server:
        own = {"google": GoogleSettings(url=server.url)}
        engines = make_engines(AsrSettings(engines=",".join(REGISTRY)), SharedSettings(), own)
        if error := engines.unavailable(request.param):
            pytest.skip(str(error))
        yield engines.get(request.param)


@pytest.fixture(scope="module")
def whisper() -> AsrEngine:
    engines = make_engines(AsrSettings(), SharedSettings())
    if error := engines.unavailable("whisper"):
        pytest.skip(str(error))
    return engines.get("whisper")


@pytest.fixture(scope="module")
def speech() -> Samples:
    path = DATA / "en_radio_8s.wav"
    if not path.exists():
        pytest.skip("no recordings of real speech here")
    return audio.decode(path, SAMPLE_RATE_HZ)[: SAMPLE_RATE_HZ * 4]  # sphinx takes about as long as the speech


def test_writes_down_real_speech(engine: AsrEngine, speech: Samples) -> None:
    got = engine.transcribe(speech, "en-US")
    assert "holidays" in got.text.lower() or "time" in got.text.lower()
    assert got.language == "en"
    assert got.segments and all(0 <= s.start_s < s.end_s <= speech.size / SAMPLE_RATE_HZ for s in got.segments)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(got.segments))


@pytest.mark.parametrize("what", ["silence", "hiss", "hum", "nothing"])
def test_hears_no_words_where_there_are_none(engine: AsrEngine, what: str) -> None:
    n = SAMPLE_RATE_HZ * 4
    sounds = {
        "silence": np.zeros(n),
        "hiss": np.random.default_rng(0).normal(0, 0.05, n),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * np.arange(n) / SAMPLE_RATE_HZ),
        "nothing": np.zeros(0),
    }
    assert engine.transcribe(sounds[what].astype(np.float32)).text == ""


def test_several_callers_at_once_get_the_same(engine: AsrEngine, speech: Samples) -> None:
    texts: list[str] = []
    clip = speech[: SAMPLE_RATE_HZ * 3]
    threads = [threading.Thread(target=lambda: texts.append(engine.transcribe(clip, "en").text)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(texts) == 3 and len(set(texts)) == 1 and texts[0]


def test_describes_itself(engine: AsrEngine) -> None:
    assert engine.languages and engine.license and engine.description and 5 <= engine.window_s <= 28


@pytest.mark.parametrize(
    ("name", "language", "some"),
    [
        ("zh_joygen_xinwen_10s.mp3", "zh", "电影票房突破40亿"),
        ("zh_cosyvoice_prompt_3s5.wav", "zh", "你以后能够做的"),
        ("en_latentsync_9s6.wav", "en", "loves to gamble"),
        ("en_echomimic_5s.wav", "en", "bring you a unique experience"),
    ],
)
def test_whisper_finds_language_and_words(whisper: AsrEngine, name: str, language: str, some: str) -> None:
    if not (DATA / name).exists():
        pytest.skip("no recordings of real speech here")
    got = whisper.transcribe(audio.decode(DATA / name, SAMPLE_RATE_HZ))
    assert got.language == language and got.language_probability > 0.8
    assert some in got.text
