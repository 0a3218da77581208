"""The words burned into pictures: large enough, readable on any ground, in both forms of a picture, for long enough."""

from __future__ import annotations

import numpy as np
import pytest

from services.render.media.mark import WORDS, MarkOptions, VisibleMark
from services.render.media.write import to_bgr, to_yuv

SIZES = [(1280, 720), (720, 1280), (512, 512), (96, 64)]


def ground(width: int, height: int, value: int | None) -> np.ndarray:
    if value is None:
        return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return np.full((height, width, 3), value, np.uint8)


def ink_rows(picture: np.ndarray) -> int:
    """Height of what is nearly white, in pixels."""
    rows = np.flatnonzero((picture.min(2) > 225).any(1))
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("language", ["zh-CN", "en", "fr"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_letters_have_a_twentieth_of_the_short_side(language: str, width: int, height: int) -> None:
    dark = ground(width, height, 0)
    marked = VisibleMark(MarkOptions(language), width, height, 25).on(dark, 0)
    assert ink_rows(marked) >= 0.05 * min(width, height)


@pytest.mark.parametrize("value", [0, 60, 128, 255, None])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_can_be_read_on_any_ground(language: str, value: int | None) -> None:
    """Black letters on white need 4.5:1 to be read by all; these are light on what the plate leaves of the ground."""
    picture = ground(1280, 720, value)
    words = VisibleMark(MarkOptions(language), 1280, 720, 25).on(picture, 0)
    changed = (words != picture).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    area = words[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float).max(2) / 255
    linear = np.where(area <= 0.04045, area / 12.92, ((area + 0.055) / 1.055) ** 2.4)
    letters, around = linear[area > 0.97], linear[area < 0.6]
    assert letters.size > 0.05 * area.size, "there are letters"
    assert (np.median(letters) + 0.05) / (np.median(around) + 0.05) >= 4.5


def test_both_forms_of_a_picture_get_the_same_words() -> None:
    picture = ground(640, 360, 120)
    mark = VisibleMark(MarkOptions("zh"), 640, 360, 25)
    plain, planar = mark.on(picture, 0).astype(int), to_bgr(mark.on(to_yuv(picture), 0)).astype(int)
    assert np.abs(plain - planar).mean() < 1
    untouched = (mark.on(picture, 0) == picture).all(2)
    assert np.abs(planar - 120)[untouched].max() <= 8, "nothing else changes"


@pytest.mark.parametrize(("fps", "last"), [(25, 62), (30, 74), (60, 149)])
def test_they_stand_for_more_than_two_seconds_and_go(fps: float, last: int) -> None:
    picture = ground(320, 240, 90)
    mark = VisibleMark(MarkOptions("en"), 320, 240, fps)
    assert (mark.on(picture, last) != picture).any()
    assert mark.on(picture, last + 1) is picture


def test_small_ones_may_stay_in_the_same_corner() -> None:
    picture = ground(640, 640, 90)
    mark = VisibleMark(MarkOptions("zh", throughout=True), 640, 640, 25)
    large, small = ((mark.on(picture, n) != picture).any(2) for n in (0, 10_000))
    assert 0 < small.sum() < 0.5 * large.sum()
    assert np.flatnonzero(small.any(1))[0] == np.flatnonzero(large.any(1))[0]
    assert np.flatnonzero(small.any(1))[-1] < 0.2 * 640, "far from the mouth"


def test_a_stored_picture_that_is_shown_again_stays_clean() -> None:
    picture = to_yuv(ground(320, 240, 90))
    before = picture.copy()
    VisibleMark(MarkOptions("zh"), 320, 240, 25).on(picture, 0)
    assert (picture == before).all()


def test_the_words_are_those_of_the_standard() -> None:
    assert WORDS == {"zh": "AI生成", "en": "AI-generated"}
