"""Where a person goes in a composed picture, which pictures are shown when, and what a colour key makes of a screen."""

from __future__ import annotations

import numpy as np
import pytest

from services.render.composition.blend import Cover, flat, put_over, without_ground
from services.render.composition.geometry import HAIR, geometry
from services.render.composition.keying import find_screen, key_masks, without_spill
from services.render.composition.rate import Rate
from services.render.media.planes import planes
from services.render.media.write import to_bgr, to_yuv

SOURCES = [(1920, 1080), (1080, 1920), (900, 900), (590, 590), (202, 362)]
SIZES = [(1080, 1920), (1920, 1080), (1080, 1080), (864, 1080), (512, 512), (66, 64)]
FACES = [(0.4, 0.2, 0.6, 0.5), (0.05, 0.05, 0.3, 0.4), (0.7, 0.5, 0.98, 0.97), (0.1, 0.1, 0.9, 0.9)]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", SOURCES)
def test_the_largest_cut_keeps_the_head(
    source: tuple[int, int], size: tuple[int, int], face: tuple[float, ...]
) -> None:
    where = geometry(source, size, None, face)
    left, top, right, bottom = where.crop
    assert 0 <= left <= face[0] and face[2] <= right <= 1
    assert top <= max(0, face[1] - HAIR * (face[3] - face[1])) + 1e-9 and face[3] <= bottom <= 1
    assert where.fitted[0] == size[0] or where.fitted[1] == size[1]
    assert all(n % 2 == 0 and 2 <= n <= most for n, most in zip(where.fitted, size, strict=True))
    placed = where.box(face, at_bottom=True)
    assert all(-0.01 <= v <= 1.01 for v in placed)


@pytest.mark.parametrize("crop", [(0, 0, 1, 1), (0.2, 0.1, 0.7, 0.9), (0.0, 0.5, 0.3, 1.0)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", SOURCES)
def test_a_cut_is_drawn_no_larger_than_it_is_shown(
    source: tuple[int, int], size: tuple[int, int], crop: tuple[float, ...]
) -> None:
    where = geometry(source, size, crop, None)
    side = where.max_side_px or max(source)
    drawn = tuple(int(n * side / max(source)) // 2 * 2 for n in source)
    x, y, w, h = where.rect(drawn)
    assert x % 2 == y % 2 == w % 2 == h % 2 == 0
    assert x >= 0 and x + w <= drawn[0] and y >= 0 and y + h <= drawn[1]
    if where.max_side_px:
        assert (w, h) == where.fitted, "it is cut out as it is drawn, without being scaled again"
    picture = np.zeros((drawn[1] * 3 // 2, drawn[0]), np.uint8)
    mask = np.zeros(source[::-1], np.uint8)
    assert where.cut(picture).shape == (where.fitted[1] * 3 // 2, where.fitted[0])
    assert where.cut_mask(mask, drawn).shape == where.fitted[::-1]


@pytest.mark.parametrize("shown", [10, 23.976, 24, 25, 29.97, 30, 50, 60])
@pytest.mark.parametrize("drawn", [24, 25, 30])
def test_every_picture_is_shown_at_the_times_nearest_to_its_own(drawn: float, shown: float) -> None:
    rate = Rate(drawn, shown)
    order = [(k, n) for n in range(200) for k in rate.numbers(n)]
    assert [k for k, _ in order] == list(range(len(order))), "none is missing and none comes twice"
    assert len(order) == pytest.approx(200 / drawn * shown, abs=0.51)
    for k, n in order:
        assert abs((k + 0.5) / shown - (n + 0.5) / drawn) <= 0.5 / drawn + 1e-9
    assert Rate(drawn, 0).fps == drawn


def screened(colour: tuple[int, int, int], spill: float) -> tuple[np.ndarray, np.ndarray]:
    """A grey and skin-coloured disc before an uneven screen (BGR), and its cover."""
    y, x = np.mgrid[:240, :320]
    cover = np.clip((80 - np.hypot(x - 160, y - 140)) / 3 + 0.5, 0, 1)[..., None]
    skin = np.where(x[..., None] < 160, (120.0, 150.0, 200.0), (90.0, 90.0, 90.0))
    screen = np.array(colour, float) * (0.75 + 0.3 * x[..., None] / 320)
    noise = np.random.default_rng(1).normal(0, 2, (240, 320, 3))
    person = skin * (1 - spill) + spill * np.array(colour, float)
    return np.clip(person * cover + screen * (1 - cover) + noise, 0, 255).astype(np.uint8), cover[..., 0]


@pytest.mark.parametrize("colour", [(60, 190, 40), (190, 70, 30), (90, 255, 0)])
@pytest.mark.parametrize("given", [True, False])
def test_a_screen_is_found_and_taken_out(colour: tuple[int, int, int], given: bool) -> None:
    picture, cover = screened(colour, 0.1)
    named = colour[2] << 16 | colour[1] << 8 | colour[0] if given else 0
    screen = find_screen([to_yuv(picture)], named)
    (mask,) = key_masks([to_yuv(picture)], screen)
    assert mask[cover == 0].mean() < 3 and np.percentile(mask[cover == 0], 99) < 40
    assert mask[cover == 1].mean() > 250
    assert np.abs(mask / 255 - cover).mean() < 0.02
    clean = to_yuv(picture)
    without_spill(clean, screen)
    before, after = (to_bgr(p)[cover == 1].astype(float).reshape(-1, 3).mean(0) for p in (to_yuv(picture), clean))
    strong = int(np.argmax(colour))
    others = [k for k in range(3) if k != strong]
    assert after[strong] - after[others].mean() < before[strong] - before[others].mean() + 1


def test_edges_get_the_persons_own_colours() -> None:
    """A dark disc before white: on black there is no bright rim."""
    picture, cover = screened((255, 255, 255), 0)
    dark = (picture * (1 - cover[..., None]) + 40 * cover[..., None]).astype(np.uint8)
    mask = Cover(np.round(cover * 255).astype(np.uint8))
    rims = []
    for clean in (False, True):
        person = to_yuv(dark)
        if clean:
            without_ground(person, mask)
        out = flat(320, 240, (16, 128, 128))
        put_over(out, person, mask, (0, 0))
        rims.append(planes(out)[0].max())
    assert rims[1] < 60 < rims[0], "luma of the disc is 50"
