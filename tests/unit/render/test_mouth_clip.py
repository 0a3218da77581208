"""Hearing recordings: windows at fixed times, so that the pieces in which sound comes do not show."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.render.audio.log_mel import RATE
from services.render.audio.whisper import BANDS, PER_S, SIZE, WINDOW_S, log_mel
from services.render.engines.atlas.mouth.clip import (
    CONTEXT_AFTER_S,
    CONTEXT_OFFSETS,
    FIRST_WINDOW_S,
    LATER_WINDOW_S,
    ClipAudioToMouth,
    ClipModel,
)
from services.render.engines.atlas.mouth.encoded import encode_recording

STEP = RATE // PER_S
NOW = CONTEXT_OFFSETS.tolist().index(0)
BACK = -int(CONTEXT_OFFSETS[0])


class Loudness:
    """Stands for the encoder: the first feature is how loud the sound is, the others are nothing."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.windows.append(len(x))
        out = np.zeros((round(WINDOW_S * PER_S), SIZE), np.float32)
        whole = np.pad(x, (0, round(WINDOW_S * RATE) - len(x))).reshape(-1, STEP)
        out[:, 0] = np.abs(whole).mean(1)
        return out


def model() -> ClipModel:
    """Opening is the loudness now, width is that of a moment before."""
    size = SIZE * len(CONTEXT_OFFSETS)
    matrix = np.zeros((size, 2), np.float32)
    matrix[SIZE * NOW, 0] = matrix[0, 1] = 1
    one = np.ones(size, np.float32)
    return ClipModel(one * 0, one, matrix, np.zeros(2, np.float32), np.ones(2, np.float32))


def babble(seconds: float, rate: int = RATE) -> np.ndarray:
    dice = np.random.default_rng(0)
    t = np.arange(int(seconds * rate)) / rate
    return (dice.normal(0, 0.2, len(t)) * (1.2 + np.sin(2 * np.pi * 1.7 * t)) / 2).astype(np.float32)


def followed(sound: np.ndarray, size: int, rate: int = RATE) -> np.ndarray:
    """The mouth at 25 pictures a second, told as soon as it is known."""
    listener = ClipAudioToMouth(Loudness(), model(), rate)
    out: list[np.ndarray] = []

    def told(until_s: float, last: bool) -> Iterator[np.ndarray]:
        while len(out) / 25 < until_s and (last or listener.ready(len(out) / 25)):
            yield listener.mouth_at(len(out) / 25)

    for k in range(0, len(sound), size):
        listener.push(sound[k : k + size])
        for mouth in told((k + size) / rate, False):
            out.append(mouth)
    listener.push(np.zeros(0, np.float32), last=True)
    for mouth in told(len(sound) / rate, True):
        out.append(mouth)
    return np.array(out)


def test_the_mouth_opens_and_closes_in_steps() -> None:
    """Speech between two stretches of nothing at all, whose estimate would jump."""
    always = replace(model(), matrix=model().matrix * 0, centre=np.array([0.5, 0], np.float32))
    hush = np.zeros(RATE, np.float32)
    listener = ClipAudioToMouth(Loudness(), always, RATE)
    listener.push(np.concatenate([hush, babble(2), hush]), last=True)
    mouth = np.array([listener.mouth_at(k / 25)[0] for k in range(100)])
    assert mouth.max() == pytest.approx(0.5, abs=1e-3) and mouth[0] == 0 and mouth[-1] == 0
    assert np.abs(np.diff(mouth)).max() < 0.25, "a jump"


@pytest.mark.parametrize("seconds", [0.3, 4.9, 14.2, 31.0])
@pytest.mark.parametrize("rate", [RATE, 24_000])
def test_the_pieces_do_not_show(seconds: float, rate: int) -> None:
    sound = babble(seconds, rate)
    whole = followed(sound, len(sound), rate)
    assert len(whole) == np.ceil(seconds * 25)
    assert whole.std() > 0.01
    for size in (rate // 7, rate):
        assert np.allclose(followed(sound, size, rate), whole, atol=1e-5)


def test_every_moment_is_told_by_the_sound_at_that_moment() -> None:
    sound = babble(31)
    loud = np.abs(sound[: len(sound) // STEP * STEP].reshape(-1, STEP)).mean(1)
    mouth = followed(sound, 5000)
    assert np.allclose(mouth[:-3, 0], loud[::2][: len(mouth)][:-3], atol=1e-5)  # at the end it begins to close
    late = mouth[BACK // 2 :, 1]
    assert np.allclose(late[:-3], loud[BACK % 2 :: 2][: len(late)][:-3], atol=1e-5)


def test_the_first_picture_comes_with_the_first_window() -> None:
    listener = ClipAudioToMouth(Loudness(), model(), RATE)
    listener.push(babble(FIRST_WINDOW_S + CONTEXT_AFTER_S - 0.05))
    assert not listener.ready(0)
    listener.push(babble(0.1))
    assert listener.ready(0) and listener.ready(FIRST_WINDOW_S - 0.1)
    assert not listener.ready(FIRST_WINDOW_S + 0.1)


def test_windows_and_memory_stay_bounded() -> None:
    encoder = Loudness()
    listener = ClipAudioToMouth(encoder, model(), RATE)
    kept = []
    for second in range(120):
        listener.push(babble(1))
        for k in range(25):
            if listener.ready(second - 20 + k / 25):
                listener.mouth_at(max(0.0, second - 20 + k / 25))
        kept.append(len(listener._sound) / RATE + len(listener._track) / PER_S)
    assert max(encoder.windows) == WINDOW_S * RATE
    assert len(encoder.windows) <= 120 / LATER_WINDOW_S + 1
    assert max(kept) < 30


def test_silence_is_closed_and_still() -> None:
    noise = np.random.default_rng(1).normal(0, 2e-4, 4 * RATE).astype(np.float32)
    mouth = followed(np.concatenate([babble(4), noise, babble(4)]), 4000)
    assert mouth[:95, 0].mean() > 0.05
    assert not mouth[110:185].any()
    assert mouth[205:, 0].mean() > 0.05


@pytest.mark.parametrize("rate", [RATE, 24_000])
@pytest.mark.parametrize("seconds", [0.3, 4.0, 31.0])
def test_encoded_is_what_the_listener_hears(seconds: float, rate: int) -> None:
    sound = babble(seconds, rate)
    encoder = Loudness()
    features = encode_recording(sound, rate, encoder)
    count = int(seconds * PER_S)
    assert abs(len(features) - count) <= 1
    told = model().estimate(features)[:, 0]
    mouth = followed(sound, rate, rate)[:, 0]
    inside = max(1, len(mouth) - 3)  # at the very end the mouth begins to close
    assert np.allclose(told[::2][:inside], mouth[:inside], atol=1e-4 if seconds > 1 else 0.05)


def test_an_empty_recording_has_no_features() -> None:
    assert encode_recording(np.zeros(0, np.float32), RATE, Loudness()).shape == (0, SIZE)


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "person.npz"
    model().save(path)
    dice = np.random.default_rng(3).normal(size=(7, SIZE)).astype(np.float32)
    assert np.allclose(ClipModel.load(path).estimate(dice), model().estimate(dice), atol=1e-3)


def test_a_model_never_runs_what_is_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, mean=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        ClipModel.load(path)


def test_after_a_cut_time_goes_on_where_it_was() -> None:
    listener = ClipAudioToMouth(Loudness(), model(), RATE, start_s=7.5)
    listener.push(babble(1), last=True)
    assert listener.ready(7.5)
    plain = ClipAudioToMouth(Loudness(), model(), RATE)
    plain.push(babble(1), last=True)
    assert np.allclose(listener.mouth_at(7.9), plain.mouth_at(0.4), atol=1e-6)


def test_nothing_heard_is_a_closed_mouth() -> None:
    listener = ClipAudioToMouth(Loudness(), model(), RATE)
    listener.push(np.zeros(0, np.float32), last=True)
    assert not listener.mouth_at(0).any()


def test_log_mel_is_whispers() -> None:
    reference = pytest.importorskip("faster_whisper.feature_extractor").FeatureExtractor()
    sound = babble(2)
    ours = log_mel(sound)
    assert ours.shape == (BANDS, 200)
    assert np.allclose(ours, reference(sound, padding=0)[:, :200], atol=1e-4)
