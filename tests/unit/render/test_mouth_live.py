"""Hearing live speech: short windows at fixed times, each moment told with at most 0.2 s of what follows."""

import numpy as np
import pytest

from services.render.audio.log_mel import RATE
from services.render.audio.whisper import PER_S, SIZE
from services.render.engines.atlas.mouth.clip import SAMPLES_PER_FEATURE
from services.render.engines.atlas.mouth.live import (
    CONTEXT_OFFSETS,
    FIRST_FEATURES,
    HOP,
    MAX_AHEAD,
    MIN_AHEAD,
    TAIL_SAMPLES,
    WINDOW_S,
    LiveAudioToMouth,
    LiveModel,
    window_samples,
    with_context,
)

NOW = CONTEXT_OFFSETS.index(0)
LOOK_AHEAD_S = MAX_AHEAD / PER_S


class Loudness:
    """Stands for the encoder: the first feature is how loud the sound is, the others are nothing."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.windows.append(len(x))
        out = np.zeros((len(x) // SAMPLES_PER_FEATURE, SIZE), np.float32)
        out[:, 0] = np.abs(x.reshape(-1, SAMPLES_PER_FEATURE)).mean(1)
        return out


def model() -> LiveModel:
    """Opening is the loudness now, width is that of a moment before."""
    matrix = np.zeros((MAX_AHEAD - MIN_AHEAD + 1, len(CONTEXT_OFFSETS) * SIZE, 2), np.float32)
    matrix[:, SIZE * NOW, 0] = matrix[:, SIZE * (NOW - 1), 1] = 1
    zero = np.zeros(SIZE, np.float32)
    return LiveModel(zero, zero + 1, matrix, np.zeros(2, np.float32), np.ones(2, np.float32))


def babble(seconds: float, rate: int = RATE) -> np.ndarray:
    dice = np.random.default_rng(0)
    t = np.arange(int(seconds * rate)) / rate
    return (dice.normal(0, 0.2, len(t)) * (1.2 + np.sin(2 * np.pi * 1.7 * t)) / 2).astype(np.float32)


def followed(sound: np.ndarray, size: int, rate: int = RATE, fps: float = 25) -> np.ndarray:
    """The mouth at ``fps``, told as soon as it is known."""
    listener, out = LiveAudioToMouth(Loudness(), model(), rate), []
    for k in range(0, len(sound), size):
        listener.push(sound[k : k + size])
        while listener.ready(len(out) / fps) and len(out) / fps < len(sound) / rate:
            out.append(listener.mouth_at(len(out) / fps))
    listener.push(np.zeros(0, np.float32), last=True)
    while len(out) / fps < len(sound) / rate:
        assert listener.ready(len(out) / fps)
        out.append(listener.mouth_at(len(out) / fps))
    return np.array(out)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 4.9])
@pytest.mark.parametrize("rate", [RATE, 24_000])
@pytest.mark.parametrize("fps", [25, 29.97])
def test_the_pieces_do_not_show(seconds: float, rate: int, fps: float) -> None:
    sound = babble(seconds, rate)
    whole = followed(sound, len(sound), rate, fps)
    for size in (rate // 50, rate // 7, rate):
        assert np.allclose(followed(sound, size, rate, fps), whole, atol=1e-5)


def test_every_moment_is_told_by_the_sound_at_that_moment() -> None:
    sound = babble(8)
    loud = np.abs(sound.reshape(-1, SAMPLES_PER_FEATURE)).mean(1)
    mouth = followed(sound, 999)[:-6]
    assert np.allclose(mouth[4:, 0], loud[8::2][: len(mouth) - 4], atol=1e-3)  # before that it begins to move
    assert np.allclose(mouth[4:, 1], loud[6::2][: len(mouth) - 4], atol=1e-3)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("fps", [25, 29.97, 60])
def test_hearing_needs_no_more_than_its_look_ahead(rate: int, fps: float) -> None:
    sound = babble(2, rate)
    listener, heard = LiveAudioToMouth(Loudness(), model(), rate), 0
    waits = []
    for k in range(int(1.5 * fps)):
        until = int(np.ceil((k / fps + LOOK_AHEAD_S) * rate))
        waits.append(not listener.ready(k / fps))
        listener.push(sound[heard:until])
        heard = until
        assert listener.ready(k / fps), k
    assert any(waits)


def test_a_moment_is_not_told_before_its_window() -> None:
    listener = LiveAudioToMouth(Loudness(), model(), RATE)
    listener.push(babble(FIRST_FEATURES / PER_S)[:-100])
    assert not listener.ready(0)
    listener.push(babble(0.1)[:100])
    assert listener.ready(0) and listener.ready((FIRST_FEATURES - MIN_AHEAD - 1) / PER_S)
    assert not listener.ready((FIRST_FEATURES - MIN_AHEAD) / PER_S)
    listener.push(babble(HOP / PER_S))
    assert listener.ready((FIRST_FEATURES - MIN_AHEAD) / PER_S)


def test_windows_and_memory_stay_bounded() -> None:
    encoder = Loudness()
    listener = LiveAudioToMouth(encoder, model(), RATE)
    kept = []
    for second in range(60):
        listener.push(babble(1))
        for k in range(25):
            if listener.ready(second - 1 + k / 25):
                listener.mouth_at(max(0.0, second - 1 + k / 25))
        kept.append(len(listener._sound) / RATE + len(listener._track) / PER_S)
    assert set(encoder.windows) == {WINDOW_S * RATE}
    assert len(encoder.windows) <= 60 * PER_S / HOP + 1
    assert max(kept) < WINDOW_S + 4


def test_silence_is_closed_and_still() -> None:
    noise = np.random.default_rng(1).normal(0, 2e-4, 4 * RATE).astype(np.float32)
    mouth = followed(np.concatenate([babble(4), noise, babble(4)]), 4000)
    assert mouth[:95, 0].mean() > 0.05
    assert not mouth[110:190].any()
    assert mouth[205:, 0].mean() > 0.05


def test_nothing_heard_is_a_closed_mouth() -> None:
    listener = LiveAudioToMouth(Loudness(), model(), RATE)
    assert not listener.mouth_at(0).any()
    listener.push(np.zeros(0, np.float32), last=True)
    assert not listener.mouth_at(0).any()


def test_a_listener_may_start_anywhere() -> None:
    here, later = (LiveAudioToMouth(Loudness(), model(), RATE, start) for start in (0.0, 7.48))
    here.push(babble(1))
    later.push(babble(1))
    assert later.ready(7.8) and not later.ready(8.5)
    assert np.allclose(here.mouth_at(0.4), later.mouth_at(7.88), atol=1e-5)


def test_windows_are_of_one_length_with_silence_before_the_stream() -> None:
    assert not window_samples(np.zeros(0, np.float32)).any()
    short, long = window_samples(babble(1)), window_samples(babble(9))
    assert len(short) == len(long) == WINDOW_S * RATE
    assert not short[: 2 * RATE - TAIL_SAMPLES].any() and short[2 * RATE + 100 :].any()


def test_only_what_has_sounded_is_heard() -> None:
    features = np.zeros((150, SIZE), np.float32)
    features[:, 0] = np.arange(150)
    assert with_context(features, 4)[::SIZE].tolist() == [146 + k for k in CONTEXT_OFFSETS if k < 4]
