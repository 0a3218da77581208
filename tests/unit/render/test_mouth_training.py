"""What the mouth models learn from, and that the documents name the weights that are there."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from services.render.audio.log_mel import RATE
from services.render.engines.atlas.mouth.track import LEAD_S, mouth_at
from services.render.engines.atlas.mouth.visemes import REST, VISEMES, TimedViseme
from tools.mouth_speech import BREATH, BREATH_REACH_US, recording, with_breaths
from tools.train_mouth import digest

ROOT = Path(__file__).parents[3]
SENTENCE = (
    np.full(RATE, 0.1, np.float32),
    ["ɑ", "m", "ɑ"],
    np.array([[0, 400_000], [400_000, 600_000], [600_000, 1_000_000]]),
)


def spoken_visemes(pause_us: int) -> list[TimedViseme]:
    ah = VISEMES["ɑ"]
    return [
        TimedViseme(ah, 0, 500_000),
        TimedViseme(REST, 500_000, 500_000 + pause_us),
        TimedViseme(ah, 500_000 + pause_us, 10_000_000),
    ]


def test_short_pauses_are_breaths() -> None:
    assert [v.viseme for v in with_breaths(spoken_visemes(400_000))][1] is BREATH
    assert with_breaths(spoken_visemes(60_000)) == spoken_visemes(60_000)


def test_long_pauses_rest_in_the_middle() -> None:
    visemes = with_breaths(spoken_visemes(2_000_000))
    assert [v.viseme for v in visemes[1:4]] == [BREATH, REST, BREATH]
    assert visemes[2].start_us == 500_000 + BREATH_REACH_US
    assert all(a.end_us == b.start_us for a, b in pairwise(visemes))
    near, middle = mouth_at(visemes, np.array([0.7, 1.5]) - LEAD_S)[:, 0]
    assert near > 0.4 and abs(middle) < 0.05


def test_a_recording_knows_when_its_lips_meet() -> None:
    sound, visemes = recording([SENTENCE] * 5, np.random.default_rng(0))
    closures = [v for v in visemes if v.closes]
    assert len(closures) == 5
    assert visemes[-1].end_us <= len(sound) / RATE * 1e6 + 100
    for v in closures:
        middle = (v.start_us + v.end_us) / 2e6
        assert mouth_at(visemes, np.array([middle - LEAD_S]))[0, 0] < 0
        assert sound[int(middle * RATE)] > 0.05


def test_sentences_begin_after_their_pause() -> None:
    sound, visemes = recording([SENTENCE] * 5, np.random.default_rng(1))
    for v in visemes:
        if v.viseme is REST:
            inside = sound[int(v.start_us * RATE / 1e6) + 80 : int(v.end_us * RATE / 1e6) - 80]
            assert not inside.any()


@pytest.mark.parametrize("name", ["clip", "live"])
def test_the_documents_name_the_weights(name: str) -> None:
    with np.load(ROOT / f"services/render/engines/atlas/mouth/{name}.npz", allow_pickle=False) as data:
        found = digest({key: data[key] for key in data.files})
    assert found in (ROOT / "docs/atlas.md").read_text(encoding="utf-8")
