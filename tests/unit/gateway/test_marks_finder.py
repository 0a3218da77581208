"""Copies are found by sound and pictures, other sayings of the same voice are not. See also benchmarks/verify.py."""

from __future__ import annotations

import numpy as np
import pytest

from services.gateway.marks.finder import Print, find
from services.gateway.marks.picture_print import PicturePrint, picture_hash, picture_print
from services.gateway.marks.sound_print import RATE, SoundPrinter, sound_print
from tests.fakes.boxes import boxes
from tests.fakes.media import rocking, video

NO_PICTURES = PicturePrint(np.zeros(0, np.uint64), np.zeros(0, np.float32))


def saying(seed: int, seconds: float = 12.0) -> np.ndarray:
    """Something like speech: one voice whose resonances move from syllable to syllable, with pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    syllables = np.cumsum(rng.uniform(0.12, 0.3, round(seconds * 8)))
    places = np.searchsorted(syllables, t)
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t + seed))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = rng.uniform((300, 900), (800, 2200), (syllables.size + 1, 2))
    loud = rng.uniform(0, 1, syllables.size + 1)[places] > 0.15
    out = np.zeros(t.size)
    for harmonic in range(1, 25):
        frequency = harmonic * 120
        gain = sum(np.exp(-(((frequency - formants[places, k]) / 150) ** 2)) for k in range(2))
        out += gain * np.sin(harmonic * phase)
    return (0.1 * loud * out).astype(np.float32)


def stored(*seeds: int) -> list[Print]:
    return [Print(f"j_{s}", sound_print([(saying(s), RATE)]), NO_PICTURES) for s in seeds]


MADE = stored(1, 2, 3, 4)


def found(sound: np.ndarray) -> list[str]:
    return [m.made_id for m in find(sound.astype(np.float32), NO_PICTURES, lambda: MADE)]


def faster(sound: np.ndarray, speed: float) -> np.ndarray:
    return np.interp(np.arange(int(sound.size / speed)) * speed, np.arange(sound.size), sound)


NOISE = np.random.default_rng(9).standard_normal(12 * RATE)


@pytest.mark.parametrize(
    "copy",
    [
        saying(2),
        0.1 * saying(2),
        saying(2) + 0.004 * NOISE,
        saying(2)[2 * RATE + 77 : 8 * RATE],
        np.concatenate([np.zeros(RATE // 3), saying(2)]),
        faster(saying(2), 1.04),
        faster(saying(2), 0.97),
    ],
    ids=["itself", "quieter", "noisy", "a part", "later", "faster", "slower"],
)
def test_a_copy_is_found(copy: np.ndarray) -> None:
    assert found(copy) == ["j_2"]


def test_the_place_and_speed_of_a_part_are_told() -> None:
    (match,) = find(saying(3)[4 * RATE : 9 * RATE], NO_PICTURES, lambda: MADE)
    assert match.offset_s == pytest.approx(4, abs=0.1)
    assert (match.speed, match.pictures) == (1.0, None)
    assert match.share > 0.9 and match.wrong < 0.1


def test_other_sayings_of_the_same_voice_are_not() -> None:
    assert not [seed for seed in range(10, 40) if found(saying(seed, 6))]


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(9 * RATE), 0.1 * NOISE, np.sin(np.arange(9 * RATE) / 5)])
def test_silence_noise_and_a_tone_are_nothing(sound: np.ndarray) -> None:
    assert found(sound) == []


def test_a_little_of_it_within_something_else_is_not_enough() -> None:
    mixed = np.concatenate([saying(50), saying(2)[: 3 * RATE]])
    assert found(mixed) == []


def test_pieces_make_the_same_print_as_the_whole() -> None:
    whole = sound_print([(saying(1), RATE)])
    printer = SoundPrinter(RATE)
    for piece in np.array_split(saying(1), 97):
        printer.push(piece)
    assert (printer.finish() == whole).all() and whole.size == (12 * RATE - 3072) // 512


def test_of_two_with_one_sound_the_one_with_the_same_pictures_is_taken() -> None:
    words = sound_print([(saying(1), RATE)])
    times = np.arange(0, 12, 2, np.float32)
    looks = [PicturePrint(np.full(6, bits, np.uint64), times) for bits in (0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF)]
    both = [Print("a", words, looks[0]), Print("b", words, looks[1])]
    matches = find(saying(1), looks[1], lambda: both)
    assert [(m.made_id, m.pictures) for m in matches] == [("b", True), ("a", False)]


def test_pictures_are_alike_in_another_size_and_with_cut_edges() -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (8, 8))
    grey = np.kron(noise, np.ones((40, 40))).astype(np.uint8)

    def bits(picture: np.ndarray) -> int:
        rows = np.linspace(0, picture.shape[0] - 1, 32).astype(int)
        return int(picture_hash(picture[rows][:, rows]))

    same = bits(grey)
    assert (same ^ bits(grey[::2, ::2])).bit_count() <= 4
    assert (same ^ bits(grey[16:-16, 16:-16])).bit_count() <= 18
    others = [np.kron(np.random.default_rng(s).uniform(0, 255, (8, 8)), np.ones((40, 40))) for s in range(1, 20)]
    assert min((same ^ bits(o.astype(np.uint8))).bit_count() for o in others) > 18


def test_only_key_pictures_are_looked_at(tmp_path) -> None:
    (tmp_path / "a.mp4").write_bytes(video(rocking(2.0, 64)))
    assert boxes((tmp_path / "a.mp4").read_bytes())
    print_ = picture_print(tmp_path / "a.mp4")
    assert 1 <= print_.hashes.size < 10 and print_.times_s[0] == 0
