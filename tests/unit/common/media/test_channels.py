"""Whoever speaks on whatever channels is heard."""

import numpy as np
import pytest

from services.common import audio
from tests.fakes.odd_media import SPEECH_HZ, sound, speech

A, B = speech(4, 110, 1), speech(4, 210, 2)
NOTHING = np.zeros_like(A)
RNG = np.random.default_rng(5)
T = np.arange(A.size) / SPEECH_HZ
HUM = (0.1 * np.sin(2 * np.pi * 50 * T)).astype(np.float32)
BASS = (0.4 * np.sin(2 * np.pi * 45 * T)).astype(np.float32)
HISS = (0.02 * RNG.standard_normal(A.size)).astype(np.float32)
MUSIC = sum(0.12 * np.sin(2 * np.pi * f * T) * (1 + 0.5 * np.sin(2 * np.pi * 2 * T + f)) for f in (233, 311, 466))
FIRST, THEN = np.concatenate([A, NOTHING]), np.concatenate([NOTHING, 0.2 * B])


def share_of(x: np.ndarray, wanted: np.ndarray) -> float:
    """How much of a mix is the wanted sound, in dB over the rest."""
    n = min(x.size, wanted.size)
    x, wanted = x[:n].astype(np.float64), wanted[:n].astype(np.float64)
    rest = x - wanted * (x @ wanted) / (wanted @ wanted)
    return float(10 * np.log10(((x @ wanted) ** 2 / (wanted @ wanted)) / max(rest @ rest, 1e-12)))


@pytest.mark.parametrize(
    ("layout", "channels", "least_db"),
    [
        ("stereo", [A, A], 40),
        ("stereo", [A, -A], 40),
        ("stereo", [-0.3 * A, A], 40),
        ("stereo", [A + HISS, -A + HISS], 13),
        ("stereo", [np.concatenate([A, B]), np.concatenate([A, -B])], 40),
        ("stereo", [A, np.roll(A, 24)], 40),
        ("stereo", [A, NOTHING], 40),
        ("stereo", [NOTHING, A], 40),
        ("stereo", [HUM, A], 40),
        ("stereo", [A, HISS], 40),
        ("stereo", [0.3 + NOTHING, A], 40),
        ("5.1", [MUSIC, np.roll(MUSIC, 999), A, NOTHING, 0.5 * MUSIC, 0.5 * MUSIC], 8),
        ("5.1", [0.3 * MUSIC, 0.3 * MUSIC, A, BASS, NOTHING, NOTHING], 12),
        ("5.1", [A, A, NOTHING, NOTHING, NOTHING, NOTHING], 40),
        ("5.1", [A, -A, NOTHING, NOTHING, NOTHING, NOTHING], 40),
        ("quad", [A, -A, NOTHING, A], 40),
        ("3.0", [MUSIC, -MUSIC, A], 8),
    ],
)
def test_one_voice_is_kept(layout: str, channels: list[np.ndarray], least_db: float) -> None:
    mixed = audio.decode(sound(channels, layout=layout), SPEECH_HZ)
    wanted = max(channels, key=lambda c: abs(float(c @ A)) if c.size == A.size else 1e9)
    wanted = A if wanted.size == A.size else wanted
    candidates = [wanted, np.roll(wanted, 24)]  # either of two delayed copies will do
    assert max(share_of(mixed, w) for w in candidates) > least_db
    assert abs(audio.peak_dbfs(mixed, SPEECH_HZ) - audio.peak_dbfs(wanted, SPEECH_HZ)) < 4


@pytest.mark.parametrize(
    ("layout", "channels", "voices"),
    [
        ("stereo", [A, B], [A, B]),
        ("stereo", [FIRST, THEN], [FIRST, THEN]),
        ("5.1", [A, NOTHING, NOTHING, B, NOTHING, NOTHING], [A, B]),  # microphones, called surround sound
        ("4.0", [A, NOTHING, B, NOTHING], [B]),
    ],
)
def test_two_people_on_two_channels_are_both_heard(
    layout: str, channels: list[np.ndarray], voices: list[np.ndarray]
) -> None:
    mixed = audio.decode(sound(channels, layout=layout), SPEECH_HZ)
    for voice in voices:
        n = min(mixed.size, voice.size)
        gain = abs(float(mixed[:n] @ voice[:n]) / float(voice @ voice))
        assert gain > 0.6, "nobody is turned down to a whisper"


def test_one_channel_is_left_as_it_is() -> None:
    assert np.abs(audio.decode(sound(A), SPEECH_HZ) - A).max() < 1e-4


def test_silence_on_all_channels_stays_silent() -> None:
    with pytest.raises(Exception, match="silent-audio"):
        audio.require_sound(audio.decode(sound([NOTHING, NOTHING], layout="stereo"), SPEECH_HZ), SPEECH_HZ)
