"""What a correction learns of a person, that it helps only where it does, and what answers from text look like."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.render.audio.whisper import PER_S
from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.train.correction import (
    answer_scores,
    drawn_mouths,
    evaluate_corrections,
    fit_correction,
    improves,
    scores,
    select_correction,
    training_pairs,
)
from services.render.engines.atlas.train.material import TrainingData

REACH = np.array([0.3, 0.12], np.float32)


def walk(count: int, seed: int) -> np.ndarray:
    dice = np.random.default_rng(seed)
    both = [np.convolve(dice.normal(0, 1, count + 8), np.ones(9) / 3, "valid") for _ in range(2)]
    return (np.stack(both, 1) * (0.2, 0.3) + (0.35, 0.0)).astype(np.float32)


def likes(general: np.ndarray, seed: int = 7) -> np.ndarray:
    """A person who speaks with a wide mouth that opens less, more so where it is wide; with chance in it."""
    noise = walk(len(general), seed) - (0.35, 0.0)
    return np.asarray(general @ np.array([[0.6, 0.0], [-0.2, 0.8]]) + (0.1, 0.4) + 0.5 * noise, np.float32)


def material(seconds: float, lag: int = 0, seed: int = 1) -> TrainingData:
    """Both ways tell the same; the mouth is ``lag`` features ahead."""
    count = round(seconds * PER_S)
    general = walk(count + abs(lag), seed)
    real = likes(general[lag:][:count])
    every = np.ones(count, bool)
    return TrainingData([], general[:count], general[:count], every, real, every, lag, 0.6)


def avatar(real: np.ndarray) -> Any:
    face: Any = SimpleNamespace(closed=np.array([0.02, 0.7], np.float32), reach=REACH)
    style = SpeakingStyle.default(face)
    return SimpleNamespace(face=face, style=style)


def test_it_learns_where_the_mouth_is_and_how_far_it_goes() -> None:
    general = walk(60 * PER_S, 1)
    real = likes(general)
    found = select_correction(general, real, REACH)
    assert found
    own = found.apply(general)
    np.testing.assert_allclose(own.mean(0), real.mean(0), atol=0.05)
    np.testing.assert_allclose(own.std(0), 0.9 * real.std(0), rtol=0.1)
    fresh = walk(20 * PER_S, 2)
    wanted = likes(fresh, 9)
    before, after = (np.linalg.norm((m - wanted) * REACH, axis=1).mean() for m in (fresh, found.apply(fresh)))
    assert after < 0.7 * before


def test_little_speech_changes_little() -> None:
    general = walk(3 * PER_S, 1)
    real = likes(general)
    near, far = (np.abs(fit_correction(general, real, s).apply(general) - general).mean() for s in (60.0, 1.0))
    assert near < 0.25 * far
    assert select_correction(general[:PER_S], real[:PER_S], REACH) is None


def test_the_clips_own_offset_is_taken_out() -> None:
    told, real = training_pairs(material(10, lag=9), "text")
    assert len(told) == len(real) == 10 * PER_S - 9
    np.testing.assert_allclose(real, likes(walk(509, 1)[9:])[: len(real)], rtol=1e-6)
    assert np.corrcoef(told[:, 1], real[:, 1])[0, 1] > 0.8


@pytest.mark.parametrize("lag", [0, 6, -6])
def test_a_correction_is_judged_on_what_it_has_not_seen(lag: int) -> None:
    everything = material(30, abs(lag))
    everything = replace(everything, lag=abs(lag))
    cut = 20 * PER_S
    parts = ("general", "live", "speech", "measured", "usable")
    held_in = replace(everything, **{name: getattr(everything, name)[:cut] for name in parts})
    person = avatar(everything.measured)
    found = evaluate_corrections(held_in, everything, person, person)
    assert set(found) == {"text", "live"}
    for way, of in found.items():
        assert of.correction and of.after[f"{way}_distance"] < 0.8 * of.before[f"{way}_distance"]
        assert of.before["real_opening"] == of.after["real_opening"] > 0
    assert {"text_opening", "text_range"} <= set(found["text"].after)


def test_what_does_not_help_is_not_used_and_its_figures_stay() -> None:
    everything = material(30)
    cut = 20 * PER_S
    # in the part held out the person speaks as everybody does
    other = replace(everything, measured=np.concatenate([everything.measured[:cut], everything.general[cut:]]))
    parts = ("general", "live", "speech", "measured", "usable")
    held_in = replace(other, **{name: getattr(other, name)[:cut] for name in parts})
    person = avatar(other.measured)
    for of in evaluate_corrections(held_in, other, person, person).values():
        assert of.correction is None and of.after == of.before


def test_helping_means_nearer_and_following_no_less() -> None:
    before = {"live_distance": 0.08, "live_opening_corr": 0.5, "live_width_corr": 0.6}
    assert improves("live", before, before | {"live_distance": 0.07})
    assert not improves("live", before, before | {"live_distance": 0.079})
    assert not improves("live", before, before | {"live_distance": 0.07, "live_opening_corr": 0.4})


def test_answers_from_text_open_as_the_person_does() -> None:
    person = avatar(walk(100, 1))
    real = drawn_mouths(person, likes(walk(40 * PER_S, 3)), True)
    small = Correction(
        np.array([0.3, 0], np.float32), 0.5 * np.eye(2, dtype=np.float32), np.array([0.2, 0], np.float32)
    )
    before, after = answer_scores(person, None, real), answer_scores(person, small, real)
    assert 0 < after["text_opening"] < before["text_opening"] < 0.3
    assert scores("text", real, real)["text_distance"] == 0
