"""The number of a consent clip: found in what recognisers write, and not by chance."""

from __future__ import annotations

import itertools
import random

import pytest

from services.gateway.accounts.consents import texts
from services.gateway.accounts.spoken_number import digits_in, in_groups, new_number, wrong_digits

HEARD = [
    ("382741", "我同意在此使用我的面容制作视频，我的号码是382-741。"),
    ("382741", "我的号码是三八二，七四幺"),
    ("382741", "我的号码是三十八，二十七，四十一"),
    ("348045", "我同意在此使用我的面容制作食品，我以后骂是散司版林死物。"),
    ("801593", "我得号码是百林亿、五就散。"),
    ("382741", "I agree that videos with my face are made here. My number is thirty-eight, twenty seven, forty one."),
    ("380741", "My number is three eight oh, 7 4 one."),
    ("131215", "thirteen twelve fifteen"),
    ("203040", "twenty, thirty, forty"),
    ("382741382741", "382,741. I repeat, 382,741."),
    ("382741", "３８２７４１"),
    ("", "我同意在此使用我的面容制作视频"),
    ("", "I agree that videos with my face are made here."),
]


@pytest.mark.parametrize(("digits", "text"), HEARD)
def test_digits_are_found_however_they_are_written(digits: str, text: str) -> None:
    assert digits_in(text) == digits


def test_the_sentences_have_no_digits_of_their_own() -> None:
    for language in ("zh", "en"):
        assert digits_in(texts()["clip"][language].format(number=in_groups("382741"))) == "382741"


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ("382741", 0),
        ("382741382741", 0),
        ("99382741", 0),
        ("382742", 1),
        ("982741", 1),
        ("38241", 1),
        ("82741", 1),
        ("3827451", 1),
        ("382714", None),
        ("38271", 1),
        ("38272", None),
        ("3827", None),
        ("", None),
        ("9999999382741", None),
    ],
)
def test_one_mistake_is_allowed(heard: str, wrong: int | None) -> None:
    assert wrong_digits("382741", heard) == wrong


def test_another_number_passes_less_than_once_in_ten_thousand() -> None:
    """All numbers that may be asked for, against readings of every length."""
    every = [
        "".join(d) for d in itertools.product("0123456789", repeat=6) if all(a != b for a, b in itertools.pairwise(d))
    ]
    assert len(every) == 590_490
    pick = random.Random(0)
    readings = [
        "382741",
        "111111",
        "123123123123",
        *("".join(pick.choices("0123456789", k=k)) for k in (4, 5, 6, 7, 8, 12)),
    ]
    for heard in readings:
        passing = sum(wrong_digits(number, heard) is not None for number in every)
        assert passing <= 55 < len(every) / 10_000, heard


def test_numbers_are_random_and_have_no_pairs() -> None:
    numbers = {new_number() for _ in range(500)}
    assert len(numbers) > 490
    assert all(len(n) == 6 and all(a != b for a, b in itertools.pairwise(n)) for n in numbers)
    assert {n[0] for n in numbers} == set("0123456789")
