"""A person's correction: what it changes of mouths told by phonemes and by live sound, and what it must leave alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.render.audio.log_mel import RATE
from services.render.audio.whisper import SIZE
from services.render.engines.atlas.mouth.correction import CLOSED_OPENING, Correction
from services.render.engines.atlas.mouth.live import LiveAudioToMouth, LiveModel
from services.render.engines.atlas.mouth.person import PersonModel
from services.render.engines.atlas.mouth.track import CLOSURE_DEPTH, mouth_at, with_closures
from services.render.engines.atlas.mouth.visemes import timed_visemes
from services.render.types import PhonemeSpan
from tests.unit.render.test_train_fit import person

WIDE = Correction(
    np.array([0.3, 0.0], np.float32),
    np.array([[0.5, 0.2], [0.1, 0.8]], np.float32),
    np.array([0.5, 0.3], np.float32),
)
"""A person who speaks with a wide mouth that moves little."""
SPOKEN = [PhonemeSpan(p, 500_000 + k * 120_000, 620_000 + k * 120_000) for k, p in enumerate("ɑimɑubiɑ")]
VISEMES = timed_visemes([PhonemeSpan("", 0, 500_000), *SPOKEN, PhonemeSpan("", SPOKEN[-1].end_us, 3_000_000)])
TIMES = np.arange(0, 2.5, 0.01)


def test_it_is_affine() -> None:
    np.testing.assert_allclose(WIDE.apply(WIDE.middle[None])[0], WIDE.centre)
    step = WIDE.apply(np.array([[1.3, 0.0]], np.float32))[0] - WIDE.centre
    np.testing.assert_allclose(step, [0.5, 0.2], rtol=1e-6)


def test_text_is_spoken_in_the_persons_way_but_rests_and_closes_as_before() -> None:
    before, after = mouth_at(VISEMES, TIMES), mouth_at(VISEMES, TIMES, WIDE)
    still = (TIMES < 0.2) | (TIMES > 1.9)
    assert np.abs(after[still]).max() < 0.05
    spoken = (TIMES > 0.6) & (TIMES < 1.3)
    assert after[spoken, 1].mean() > before[spoken, 1].mean() + 0.2
    assert after[spoken, 1].std() < before[spoken, 1].std()
    closed = before[:, 0] < -0.8 * CLOSURE_DEPTH
    assert closed.sum() > 4
    np.testing.assert_allclose(after[closed, 0], before[closed, 0], atol=0.15)
    assert after[closed, 0].max() < 0


def test_it_comes_and_goes_smoothly() -> None:
    after = mouth_at(VISEMES, TIMES, WIDE)
    assert np.abs(np.diff(after[:, 1])).max() < 0.25


def test_heard_lips_that_surely_meet_still_do() -> None:
    sure = np.array([[CLOSED_OPENING[0] - 0.05, 0.0], [0.4, 0.0]], np.float32)
    own = WIDE.apply_keeping_closures(sure)
    assert own[0, 0] == pytest.approx(sure[0, 0])
    np.testing.assert_allclose(own[1], WIDE.apply(sure)[1])


def test_lips_of_a_heard_mouth_meet_where_phonemes_close_them() -> None:
    opened = np.full((len(TIMES), 2), 0.5, np.float32)
    closed = with_closures(opened, VISEMES, TIMES)
    there = mouth_at(VISEMES, TIMES)[:, 0] < -0.8 * CLOSURE_DEPTH
    assert closed[there, 0].max() < 0
    np.testing.assert_array_equal(closed[:, 1], opened[:, 1])
    np.testing.assert_allclose(closed[TIMES < 0.2], opened[TIMES < 0.2], atol=1e-3)


def heard(correction: Correction | None) -> np.ndarray:
    """A second of noise, heard live, then a second of silence."""
    model = LiveModel.builtin()
    still = replace(model, matrix=np.zeros_like(model.matrix))  # says its centre, whatever it hears
    listener = LiveAudioToMouth(lambda _: np.zeros((150, SIZE), np.float32), still, RATE, correction=correction)
    loud = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    listener.push(np.concatenate([loud, np.zeros(RATE, np.float32)]), last=True)
    return np.stack([listener.mouth_at(t) for t in np.arange(0, 2, 0.04)])


def test_live_speech_is_corrected_and_silence_is_at_rest() -> None:
    plain, own = heard(None), heard(WIDE)
    assert len(plain) == len(own)
    centre = LiveModel.builtin().centre[None]
    np.testing.assert_allclose(own[10], WIDE.apply_keeping_closures(centre)[0], rtol=1e-5)
    assert np.abs(own[-10:]).max() == 0


def test_a_model_keeps_its_corrections_and_one_without_has_none(tmp_path: Path) -> None:
    model = replace(person(), live=WIDE)
    model.save(tmp_path / "model.npz")
    read = PersonModel.load(tmp_path / "model.npz")
    assert read.text is None and read.live is not None
    for name in ("middle", "matrix", "centre"):
        np.testing.assert_array_equal(getattr(read.live, name), getattr(WIDE, name))
