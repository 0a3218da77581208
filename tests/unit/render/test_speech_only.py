"""Music and noise are kept from the engines; speech passes untouched."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from services.common.audio import to_pcm16
from services.common.vad import VadNetwork
from services.render.audio.speech import AROUND, SpeechOnly, vad
from services.render.engines.base import RenderSession
from services.render.outputs import Output, SummaryOut
from services.render.session import AudioIn, EndIn, Rendering
from services.render.types import Frame, PhonemeSpan, Samples
from tests.fakes.media import tone

RATE = 16_000


class Ears(VadNetwork):
    """Takes what is positive for speech."""

    def __init__(self) -> None:
        super().__init__(None)

    def run(
        self, windows: npt.NDArray[np.float32], state: tuple[object, object]
    ) -> tuple[npt.NDArray[np.float32], object]:
        return (windows.mean(1) > 0.01).astype(np.float32), state


def speech(seconds: float) -> Samples:
    return np.full(int(seconds * RATE), 0.2, np.float32)


def music(seconds: float) -> Samples:
    return np.tile(np.array([0.2, -0.2], np.float32), int(seconds * RATE) // 2)


def heard(sound: Samples, rate: int = RATE, size: int = 3200) -> Samples:
    gate = SpeechOnly(rate, Ears())
    return np.concatenate([*(gate.push(sound[i : i + size]) for i in range(0, len(sound), size)), gate.finish()])


@pytest.mark.parametrize("size", [700, 3200, 100_000])
def test_only_speech_is_heard_and_it_stays_in_its_place(size: int) -> None:
    sound = np.concatenate([music(2), speech(1), music(2)])
    found = heard(sound, size=size)
    assert found.shape == sound.shape
    assert not found[: int(1.3 * RATE)].any() and not found[int(3.7 * RATE) :].any()
    assert np.array_equal(found[2 * RATE : 3 * RATE], sound[2 * RATE : 3 * RATE])
    assert np.array_equal(found, heard(sound, size=1234)), "the sizes of the pieces do not matter"


def test_pauses_quiet_sound_and_pure_speech_are_left_as_they_are() -> None:
    paused = np.concatenate([speech(1), music(0.6), speech(1)])
    assert np.array_equal(heard(paused), paused)
    hiss = (music(3) * 0.01).astype(np.float32)
    assert np.array_equal(heard(hiss), hiss)


def test_other_rates_are_heard_alike() -> None:
    sound = np.concatenate([np.tile(np.repeat(np.array([0.2, -0.2], np.float32), 3), 16_000), np.full(48_000, 0.2)])
    found = heard(sound.astype(np.float32), 48_000)
    assert len(found) == len(sound)
    assert not found[: 48_000 * 12 // 10].any() and np.array_equal(found[96_000:], sound[96_000:].astype(np.float32))


def test_what_is_given_lags_by_half_a_second_at_most() -> None:
    gate = SpeechOnly(RATE, Ears())
    given = sum(len(gate.push(speech(0.1))) for _ in range(30))
    assert 3 * RATE - given <= (AROUND + 2) * 512


def test_the_real_detector_takes_tones_and_noise_for_what_they_are() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE).astype(np.float32)
    for sound in (tone(3), noise):
        gate = SpeechOnly(RATE, vad())
        found = np.concatenate([gate.push(sound), gate.finish()])
        assert np.sqrt((found[RATE // 2 :] ** 2).mean()) < 0.1 * np.sqrt((sound**2).mean())


class Listening(RenderSession):
    """Draws grey pictures and keeps what it heard."""

    width, height, fps = 64, 64, 25.0
    end_frame = 0

    def __init__(self) -> None:
        self.heard: list[Samples] = []
        self.drawn = 0

    def push(self, samples: Samples, spans: list[PhonemeSpan] | None = None) -> Iterator[Frame]:
        self.heard.append(samples)
        while (self.drawn + 1) * RATE // 25 <= sum(len(h) for h in self.heard):
            yield Frame(self.drawn * 40_000, np.full((96, 64), 128, np.uint8), 0)
            self.drawn += 1

    def finish(self) -> Iterator[Frame]:
        return iter(())

    def clear(self) -> None:
        self.heard.clear()

    def close(self) -> None:
        pass


class Given:
    """Input of a rendering that is all there."""

    interrupts = 0

    def __init__(self, items: list[object]) -> None:
        self.inbox = Items(items)


class Items(list[object]):
    abandoned = False


class Played:
    """Keeps the sound that goes with the pictures."""

    end_us = 0

    def __init__(self) -> None:
        self.played: list[Samples] = []

    def begin(self) -> Iterator[Output]:
        return iter(())

    def add(self, frames: Sequence[Frame], sound: Samples, key: bool) -> Iterator[Output]:
        self.played.append(sound)
        return iter(())

    def finish(self) -> Iterator[Output]:
        return iter(())

    def close(self) -> None:
        pass


def test_a_video_plays_its_music_but_the_mouth_does_not_hear_it() -> None:
    sound = np.concatenate([music(2), speech(1)])
    pieces = [AudioIn(to_pcm16(sound[i : i + 4000]), i * 1_000_000 // RATE) for i in range(0, len(sound), 4000)]
    session, form = Listening(), Played()
    rendering = Rendering(session, RATE, Given([*pieces, EndIn()]), form, "fake", hears=SpeechOnly(RATE, Ears()))
    (summary,) = [o for o in rendering.run() if isinstance(o, SummaryOut)]
    assert summary.frames == 75
    assert np.abs(np.concatenate(form.played) - sound).max() < 1 / 30_000
    found = np.concatenate(session.heard)
    assert len(found) == len(sound) and not found[:RATE].any() and found[-RATE // 2 :].all()
