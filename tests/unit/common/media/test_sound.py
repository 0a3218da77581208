"""Sound in every container, at the times that the file gives."""

import numpy as np
import pytest

from services.common import audio
from services.common.errors import HuashengError
from tests.fakes.odd_media import SPEECH_HZ, film, sound, speech

TALK = speech(2.5, 130, 3)
ONSET_S = float(np.flatnonzero(np.abs(TALK) > 0.05)[0]) / SPEECH_HZ


def onset(x: np.ndarray) -> float:
    return float(np.flatnonzero(np.abs(x) > 0.05)[0]) / SPEECH_HZ


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("amr", "libopencore_amrnb", 8000),
        ("asf", "wmav2", 44100),
        ("aiff", "pcm_s16be", 22050),
        ("caf", "alac", 44100),
        ("caf", "pcm_s16le", 16000),
        ("au", "pcm_mulaw", 8000),
        ("w64", "pcm_s24le", 48000),
        ("wv", "wavpack", 44100),
        ("wav", "adpcm_ms", 8000),
        ("wav", "pcm_alaw", 8000),
        ("ac3", "ac3", 48000),
        ("adts", "aac", 44100),
        ("mpegts", "mp2", 48000),
        ("3gp", "libopencore_amrnb", 8000),
        ("ogg", "libopus", 48000),
    ],
)
def test_every_container_is_heard(form: str, codec: str, rate: int) -> None:
    talk = speech(2.5, 130, 3, rate)
    x = audio.decode(sound(talk, form, codec, rate), SPEECH_HZ)
    assert abs(x.size / SPEECH_HZ - 2.5) < 0.15
    assert abs(onset(x) - ONSET_S) < 0.08
    assert audio.peak_dbfs(x, SPEECH_HZ) > -25


@pytest.mark.parametrize(
    ("form", "codec"),
    [("mp4", "aac"), ("ipod", "aac"), ("mov", "pcm_s16le"), ("matroska", "flac"), ("webm", "libopus")],
)
def test_sound_that_starts_late_has_silence_before_it(form: str, codec: str) -> None:
    rate = 48000 if codec == "libopus" else SPEECH_HZ
    x = audio.decode(sound(speech(2.5, 130, 3, rate), form, codec, rate, start_s=2.0), SPEECH_HZ)
    assert abs(onset(x) - 2.0 - ONSET_S) < 0.06
    assert abs(x.size / SPEECH_HZ - 4.5) < 0.1


@pytest.mark.parametrize(("form", "codec"), [("matroska", "pcm_s16le"), ("mp4", "aac"), ("mpegts", "mp2")])
def test_a_gap_in_the_times_is_silence(form: str, codec: str) -> None:
    rate = 48000 if codec == "mp2" else SPEECH_HZ
    steady = 0.2 * np.sin(2 * np.pi * 300 * np.arange(2 * rate) / rate)
    x = audio.decode(sound(steady.astype(np.float32), form, codec, rate, gap=(1.0, 0.8)), SPEECH_HZ)
    assert abs(x.size / SPEECH_HZ - 2.8) < 0.1
    middle = x[round(1.2 * SPEECH_HZ) : round(1.6 * SPEECH_HZ)]
    assert audio.peak_dbfs(middle, SPEECH_HZ) < -60


@pytest.mark.parametrize("form", ["matroska", "mp4"])
def test_a_clock_that_starts_after_an_hour_is_no_hour_of_silence(form: str) -> None:
    x = audio.decode(sound(TALK, form, "aac", start_s=3600.0), SPEECH_HZ)
    assert abs(x.size / SPEECH_HZ - 2.5) < 0.15


def test_sound_of_a_film_is_cut_to_its_picture_on_request() -> None:
    data = film(2.0, np.concatenate([np.zeros(2 * SPEECH_HZ, np.float32), TALK]), late_s=1.5)
    assert abs(onset(audio.decode(data, SPEECH_HZ)) - 2.0 - ONSET_S) < 0.06
    assert abs(onset(audio.decode(data, SPEECH_HZ, zero_s=1.5)) - 0.5 - ONSET_S) < 0.06


def test_a_picture_or_playlist_is_not_taken_for_sound() -> None:
    for data, slug in ((b"\xff\xd8\xff" + bytes(99), "wrong-kind"), (b"#EXTM3U\n/etc/passwd\n", "foreign-format")):
        with pytest.raises(HuashengError) as e:
            audio.decode(data, SPEECH_HZ)
        assert e.value.slug == slug
