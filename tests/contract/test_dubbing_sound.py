"""The film's own sound beneath a dubbing: without the old voice where somebody speaks, as it was where nobody does."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from services.common.settings import SharedSettings
from services.gateway.dubbing.background import DUCKED, SEPARATED, Background, background, shares, spoken_spans
from services.gateway.dubbing.mixing import mix_dubbing
from services.gateway.dubbing.separation import RATE_HZ, stems_of, without_voice
from services.gateway.studio.loudness import Sound
from services.gateway.studio.sound_pieces import MIX_HZ

SECONDS, SPAN = 6.0, (2.0, 4.0)
VOICE_HZ, ROOM_HZ, SIDE_HZ = 700, 300, 1100


def tone(hz: float, level: float, seconds: float = SECONDS, rate: int = MIX_HZ) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def sound_file(path: Path, sound: np.ndarray, rate: int = MIX_HZ) -> Path:
    with av.open(str(path), "w", format="wav") as out:
        stream = out.add_stream("pcm_s16le", rate=rate, layout="stereo" if len(sound) == 2 else "mono")
        data = np.ascontiguousarray((np.clip(sound, -1, 1) * 32767).astype(np.int16).T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, "s16", stream.layout.name)
        frame.rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def whole(found: Background) -> Sound:
    return np.concatenate(list(found.pieces()), 1)


def level(sound: np.ndarray, hz: float, start_s: float, end_s: float) -> float:
    part = sound[round(start_s * MIX_HZ) : round(end_s * MIX_HZ)]
    t = np.arange(part.size) / MIX_HZ
    return float(20 * np.log10(abs(np.mean(part * np.exp(-2j * np.pi * hz * t))) * 2 + 1e-9))


def film(with_voice_in_sides: bool = False) -> np.ndarray:
    """A voice in the middle while somebody speaks, and something at the sides all the time."""
    voice = tone(VOICE_HZ, 0.3)
    voice[: int(SPAN[0] * MIX_HZ)] = voice[int(SPAN[1] * MIX_HZ) :] = 0
    side, room = tone(SIDE_HZ, 0.02), tone(ROOM_HZ, 0.05)
    return np.stack([voice + room + side, (0.3 if with_voice_in_sides else 1) * voice + room - side])


def test_where_somebody_speaks() -> None:
    assert spoken_spans([(1, 2), (2.1, 3), (8, 9)]) == [(0.75, 3.4), (7.75, 9.4)]
    share = shares([(1.0, 2.0)], 0, 3 * MIX_HZ)
    assert share[int(0.93 * MIX_HZ)] == 0
    assert share[int(0.97 * MIX_HZ)] == pytest.approx(0.5, abs=0.01)
    assert share[int(1.5 * MIX_HZ)] == 1
    parts = [shares([(1.0, 2.0)], at, MIX_HZ // 2) for at in range(0, 3 * MIX_HZ, MIX_HZ // 2)]
    assert np.array_equal(np.concatenate(parts), share), "in pieces as in one"


def test_without_networks_the_sound_goes_down_but_for_the_sides(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "film.wav", film())
    found = background(path, "film", SECONDS, [SPAN], tmp_path, None)
    sound = whole(found)
    assert (found.how, found.channels, sound.shape[1]) == (DUCKED, 2, SECONDS * MIX_HZ)
    assert level(sound[0], VOICE_HZ, *SPAN) < -55
    assert level(sound[0], SIDE_HZ, *SPAN) == pytest.approx(-34, abs=0.5), "the sides stay"
    for a, b in ((0.2, 1.6), (4.6, 5.8)):
        assert level(sound[0], ROOM_HZ, a, b) == pytest.approx(-26, abs=0.2), "between sentences all is as it was"
    path = sound_file(tmp_path / "other.wav", film(with_voice_in_sides=True))
    sound = whole(background(path, "film", SECONDS, [SPAN], tmp_path, None))
    assert level(sound[0], VOICE_HZ, *SPAN) < -55
    assert level(sound[0], SIDE_HZ, *SPAN) < -70, "a voice is in the sides as well"


def test_the_new_voice_is_as_loud_as_the_old_one_and_the_film_as_loud_as_it_was(tmp_path: Path) -> None:
    found = background(sound_file(tmp_path / "film.wav", film()), "film", SECONDS, [SPAN], tmp_path, None)
    new = tone(220, 0.02, rate=24000)
    new[: 2 * 24000] = new[4 * 24000 :] = 0
    speech = tmp_path / "speech.pcm"
    speech.write_bytes((new * 32767).astype("<i2").tobytes())
    wanted = {"background": found, "keeps": True, "loudness_lufs": None}
    mixed = mix_dubbing(speech, 24000, SECONDS, tmp_path / "out.wav", **wanted)  # type: ignore[arg-type]
    assert mixed.loudness_lufs == pytest.approx(found.film.lufs, abs=0.5)
    assert mixed.peak_dbtp is not None
    assert mixed.peak_dbtp <= -0.9
    assert mixed.seconds == SECONDS
    quiet = mix_dubbing(speech, 24000, SECONDS, tmp_path / "out.wav", **wanted | {"loudness_lufs": -24})  # type: ignore[arg-type]
    assert quiet.loudness_lufs == pytest.approx(-24, abs=0.5)
    alone = mix_dubbing(speech, 24000, SECONDS, tmp_path / "out.wav", **wanted | {"keeps": False})  # type: ignore[arg-type]
    assert alone.channels == 1


def test_parting_gives_back_every_sample(tmp_path: Path) -> None:
    """What is taken out and what is left are the sound, however it comes in pieces; a hum is no voice."""
    stems = stems_of(SharedSettings().weights_dir)
    assert stems is not None, "run: make weights"
    count = round(13.3 * RATE_HZ)  # more than one block
    one = tone(300, 0.1, 14, RATE_HZ)[:count] + tone(3000, 0.02, 14, RATE_HZ)[:count]
    sound = np.stack([one, one]).astype(np.float32)
    cuts = [0, 1000, 250_000, 250_001, count]
    pieces = (sound[:, a:b] for a, b in itertools.pairwise(cuts))
    parts = list(without_voice(stems, pieces))
    rest, voice = (np.concatenate([p[k] for p in parts], 1) for k in (0, 1))
    assert rest.shape == voice.shape == sound.shape
    assert np.abs(rest + voice - sound).max() < 1e-3
    found = background(sound_file(tmp_path / "film.wav", film()), "film", SECONDS, [SPAN], tmp_path, stems)
    assert (found.how, whole(found).shape) == (SEPARATED, (2, SECONDS * MIX_HZ))
