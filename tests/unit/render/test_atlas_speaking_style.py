"""What a mouth track means for one person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.render.engines.atlas.analysis import fit_face
from services.render.engines.atlas.face import Face
from services.render.engines.atlas.speaking_style import (
    SPREAD_SHARE,
    TRACK_CHOLESKY,
    TRACK_MEAN,
    SpeakingStyle,
    talking_frames,
)
from tests.fakes import faces

FPS = 25.0


@pytest.fixture(scope="module")
def face() -> Face:
    meshes = faces.talking(200)
    return fit_face(meshes, np.ones(len(meshes), bool), faces.face())


def speech(count: int = 4000) -> np.ndarray:
    """A track with the usual spread, without pauses."""
    return TRACK_MEAN + np.random.default_rng(0).normal(0, 1, (count, 2)) @ TRACK_CHOLESKY.T


def talker(face: Face, middle: tuple[float, float], spread: tuple[float, float], together: float) -> Face:
    """The face with other measured mouths, which change as quickly as in speech."""
    x = np.random.default_rng(1).normal(0, 1, (len(face.mouths), 2))
    y = np.c_[x[:, 0], together * x[:, 0] + np.sqrt(1 - together**2) * x[:, 1]]
    return replace(face, mouths=(np.array(middle) + y * spread).astype(np.float32))


@pytest.mark.parametrize("together", [0.0, 0.7])
def test_usual_speech_becomes_the_speech_of_the_person(face: Face, together: float) -> None:
    person = talker(face, (0.09, 0.8), (0.06, 0.05), together)
    style = SpeakingStyle.from_clip(person, FPS)
    assert np.allclose(style.mouth(TRACK_MEAN), person.mouths.mean(0), atol=0.01)
    drawn = (speech() - TRACK_MEAN) @ style.matrix.T
    assert np.allclose(drawn.std(0) / person.mouths.std(0), SPREAD_SHARE, atol=0.05)
    real = np.corrcoef(person.mouths[:, 0], person.mouths[:, 1])[0, 1]
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(real, abs=0.05)


def test_silence_is_rest_and_a_closure_closes(face: Face) -> None:
    style = SpeakingStyle.from_clip(talker(face, (0.2, 0.9), (0.06, 0.05), 0.5), FPS)
    assert np.allclose(style.mouth(np.zeros(2)), face.closed, atol=1e-6)
    assert style.mouth(np.array([-0.3, 0.0]))[0] < face.closed[0]
    assert style.mouth(np.array([-5.0, 0.0]))[0] >= 0
    openings = [style.mouth(np.array([t, 0.0]))[0] for t in np.linspace(-0.3, 1.2, 60)]
    assert (np.diff(openings) >= 0).all(), "more sound, less mouth"


def test_a_mumbler_is_understood_and_a_shouter_does_not_shout(face: Face) -> None:
    quiet, loud = (SpeakingStyle.from_clip(talker(face, (0.2, 0.8), (s, s), 0.0), FPS) for s in (0.001, 0.5))
    assert 0.03 < quiet.matrix[0, 0] * 0.25 < loud.matrix[0, 0] * 0.25 < 0.12


def test_without_speech_steps_are_those_of_any_face(face: Face) -> None:
    still = replace(face, mouths=face.mouths * 0 + face.closed)
    for style in (SpeakingStyle.default(face), SpeakingStyle.from_clip(still, FPS)):
        for track in ((0.0, 0.0), (0.1, 0.4), (0.9, -0.5)):
            assert np.allclose(style.mouth(np.array(track)), face.closed + track * face.reach, atol=1e-5)


def test_pauses_do_not_count_as_speech() -> None:
    opening = np.r_[0.02 * np.ones(100), 0.1 + 0.08 * np.sin(np.arange(100) / 2), 0.02 * np.ones(100)]
    found = talking_frames(opening, FPS)
    assert not found[:80].any() and found[105:195].all() and not found[220:].any()
