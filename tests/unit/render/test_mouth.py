"""Visemes, co-articulation and hearing: what the mouth must do for a sound, and that pieces equal the whole."""

import numpy as np
import pytest

from services.render.audio.log_mel import RATE, Levelled
from services.render.audio.resampling import Resampler
from services.render.engines.atlas.mouth.track import LEAD_S, VISEME_REACH_S, labiodental_at, mouth_at
from services.render.engines.atlas.mouth.visemes import PAUSE, REST, VISEMES, TimedViseme, timed_visemes
from services.render.types import PhonemeSpan

STEP_US = 120_000


def speak(*phonemes: str) -> list[PhonemeSpan]:
    """Half a second of silence, the phonemes, 0.12 s each, and silence again."""
    spans = [PhonemeSpan("", 0, 500_000)]
    for p in phonemes:
        spans.append(PhonemeSpan(p, spans[-1].end_us, spans[-1].end_us + STEP_US))
    return [*spans, PhonemeSpan("", spans[-1].end_us, spans[-1].end_us + 800_000)]


def middle(k: int) -> float:
    """When the mouth is at the middle of phoneme ``k``, in seconds of audio."""
    return (500_000 + (k + 0.5) * STEP_US) / 1e6 - LEAD_S


def at(spans: list[PhonemeSpan], *seconds: float) -> np.ndarray:
    return mouth_at(timed_visemes(spans), np.array(seconds))


@pytest.mark.parametrize("sound", "mbp")
@pytest.mark.parametrize("vowel", ["ɑ", "i", "u", "æ"])
def test_bilabials_close_the_lips_between_any_vowels(sound: str, vowel: str) -> None:
    spans = speak(vowel, sound, vowel)
    assert at(spans, middle(1))[0, 0] <= 0.02
    assert at(spans, middle(0))[0, 0] > 0.02


def test_lips_close_in_the_shortest_bilabial() -> None:
    spans = [PhonemeSpan("ɑ", 0, 200_000), PhonemeSpan("b", 200_000, 230_000), PhonemeSpan("ɑ", 230_000, 500_000)]
    assert at(spans, 0.215 - LEAD_S)[0, 0] <= 0.02


def test_the_lip_is_under_the_teeth_in_f_and_v_only() -> None:
    visemes = timed_visemes(speak("ɑ", "f", "ɑ", "m", "v"))
    under = [labiodental_at(visemes, middle(k)) for k in range(5)]
    assert under[1] == under[4] == 1 and max(under[0], under[2], under[3]) < 0.2
    assert labiodental_at([], 1.0) == 0


def test_vowels_have_their_shapes() -> None:
    ah, ee, oo = (at(speak(v, v, v), middle(1))[0] for v in ("ɑ", "i", "u"))
    assert ah[0] > 0.7
    assert oo[1] < -0.6 and oo[0] < 0.3
    assert ee[1] > 0.6
    assert ah[0] > ee[0] > oo[0]


def test_silence_is_closed_and_still() -> None:
    spans = speak("ɑ", "ɑ")
    end = spans[-1].end_us / 1e6
    quiet = at(spans, *np.arange(0.0, 0.2, 0.04), *np.arange(end - 0.35, end, 0.04))
    assert np.abs(quiet).max() < 0.05
    assert np.abs(at([], 1.0, 2.0)).max() == 0


def test_lips_stay_parted_in_a_pause_between_phrases_and_shut_when_it_lasts() -> None:
    spans = [PhonemeSpan("ɑ", 0, 400_000), PhonemeSpan("", 400_000, 740_000), PhonemeSpan("ɑ", 740_000, 1_000_000)]
    pause = at(spans, *np.arange(0.5, 0.65, 0.04) - LEAD_S)
    assert pause[:, 0].min() > 0.8 * PAUSE.opening and np.abs(pause[:, 1]).max() < 0.05
    longer = at([*spans[:1], PhonemeSpan("", 400_000, 1_200_000)], *np.arange(0.95, 1.2, 0.04) - LEAD_S)
    assert np.abs(longer).max() < 0.05


def test_lips_shut_smoothly_where_nothing_is_told_after_a_pause() -> None:
    spans = [PhonemeSpan("ɑ", 0, 400_000), PhonemeSpan("", 400_000, 600_000)]
    opening = at(spans, *np.arange(0.55, 1.2, 0.04) - LEAD_S)[:, 0]
    assert opening[0] > 0.8 * PAUSE.opening and opening[-1] == 0
    assert -0.6 * PAUSE.opening < np.diff(opening).min() and np.diff(opening).max() <= 0
    assert opening[6:].max() < 0.02


def test_what_is_said_after_a_pause_changes_nothing_at_its_beginning() -> None:
    spans = [PhonemeSpan("ɑ", 0, 400_000), PhonemeSpan("", 400_000, 710_000)]
    more = [*spans, PhonemeSpan("", 710_000, 740_000), PhonemeSpan("ɑ", 740_000, 1_000_000)]
    early = np.arange(0.3, 0.735 - VISEME_REACH_S, 0.01) - LEAD_S
    assert np.array_equal(at(spans, *early), at(more, *early))


def test_a_short_space_between_words_does_not_close_the_mouth() -> None:
    spans = [PhonemeSpan("ɑ", 0, 200_000), PhonemeSpan(" ", 200_000, 250_000), PhonemeSpan("ɑ", 250_000, 500_000)]
    assert at(spans, 0.225 - LEAD_S)[0, 0] > 0.6


def test_the_track_is_smooth() -> None:
    track = at(speak(*"ɑmisuːɑbiu"), *np.arange(0.0, 2.0, 0.01))
    assert np.abs(np.diff(track[:, 1])).max() < 0.25
    assert np.abs(np.diff(track[:, 0])).max() < 0.35


def test_only_near_sounds_are_felt() -> None:
    spans = speak(*"ɑimsuɑ")
    more = [*spans, PhonemeSpan("u", spans[-1].end_us, spans[-1].end_us + 200_000)]
    t = spans[-1].end_us / 1e6 - LEAD_S - 0.31
    assert np.array_equal(at(spans, t), at(more, t))


def test_visemes_in_pieces_equal_the_whole() -> None:
    spans = speak(*"ɑˈmiːA", "I→", "", "xj")
    whole = timed_visemes(spans)
    pieces: list[TimedViseme] = []
    for k in range(0, len(spans), 2):
        timed_visemes(spans[k : k + 2], pieces)
    assert pieces == whole


def test_marks_lengthen_and_glides_split() -> None:
    got = timed_visemes([PhonemeSpan("i", 0, 100), PhonemeSpan("ː", 100, 150), PhonemeSpan("A", 150, 350)])
    assert [(v.start_us, v.end_us) for v in got] == [(0, 150), (150, 250), (250, 350)]
    assert [v.viseme for v in got] == [VISEMES["i"], VISEMES["e"], VISEMES["ɪ"]]


def test_silences_join() -> None:
    got = timed_visemes([PhonemeSpan("", 0, 100), PhonemeSpan(",", 100, 200), PhonemeSpan(" ", 200, 300)])
    assert len(got) == 1 and got[0].viseme is REST and got[0].end_us == 300


def voice(seconds: float) -> np.ndarray:
    """A buzz whose loudness and colour change, as in speech."""
    t = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(0)
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * t)) + 0.1 * rng.normal(
        size=t.size
    )
    return (0.1 * buzz).astype(np.float32)


def test_features_in_pieces_equal_the_whole() -> None:
    x = voice(1.5)
    whole = Levelled().push(x)
    stream = Levelled()
    pieces = np.concatenate([stream.push(x[k : k + 777]) for k in range(0, len(x), 777)])
    assert np.allclose(whole, pieces, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_resampling_keeps_tone_and_time(rate: int) -> None:
    t = np.arange(rate) / rate
    got = Resampler(rate, RATE).push(np.sin(2 * np.pi * 440 * t).astype(np.float32), last=True)
    want = np.sin(2 * np.pi * 440 * np.arange(len(got)) / RATE)
    assert abs(len(got) - RATE) <= 2
    assert np.abs(got - want)[200:-200].max() < 0.01
