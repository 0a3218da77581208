"""Captions in pictures: when they are there, where they stand, and that they can be read on any ground."""

from __future__ import annotations

import random
import re

import cv2
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2

from services.common import weights
from services.common.settings import SharedSettings, load
from services.gateway.studio.subtitle_characters import TABLE, caption_warnings, is_drawn
from services.gateway.studio.types import Cue, Word
from services.render.composition.caption_fonts import GROUP, fonts
from services.render.composition.caption_layout import Said, fitted
from services.render.composition.captions import Captions
from services.render.media.planes import planes
from services.render.types import Image

YELLOW = 0xFFD60A
SIZES = [(1080, 1920), (1920, 1080), (512, 512), (64, 64)]
FOLDER = weights.folder(GROUP, load(SharedSettings).weights_dir)
Box = tuple[float, float, float, float]


def line(*texts: str, start_s: float = 1.0, step_s: float = 0.5) -> render_pb2.CueLine:
    words = [
        render_pb2.CueWord(text=t, start_us=us(start_s + k * step_s), end_us=us(start_s + (k + 1) * step_s))
        for k, t in enumerate(texts)
    ]
    return render_pb2.CueLine(words=words)


def us(seconds: float) -> int:
    return round(seconds * 1e6)


def cue(*lines: render_pb2.CueLine, second: tuple[str, ...] = (), start_s: float = 1.0, end_s: float = 3.0):
    return render_pb2.Cue(start_us=us(start_s), end_us=us(end_s), lines=lines, second=[line(s) for s in second])


ZH = cue(line("它的", "价格", "是", "1,299", "元"), second=("Its price is 1,299 yuan",))
EN = cue(line("Today ", "we're ", "going ", "to ", "look ", "at ", "the ", "idea"), line("behind ", "version ", "3.5"))


def captions(
    *cues: render_pb2.Cue, size: tuple[int, int] = (640, 360), face: Box | None = None, **of: float
) -> Captions:
    return Captions(render_pb2.Captions(cues=cues, **of), *size, face, FOLDER)


def grey(size: tuple[int, int], value: int = 128) -> Image:
    return np.full((size[1], size[0], 3), value, np.uint8)


def changed(before: Image, after: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what differs by more than the faintest shadow."""
    ys, xs = np.nonzero(np.abs(after.astype(int) - before.astype(int)).max(axis=2) > 6)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def letters_of(c: Captions, size: tuple[int, int], seconds: float = 1.2) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the letters themselves."""
    shown = c.on(grey(size, 0), us(seconds))
    return changed(grey(size, 0), np.where(shown > 60, shown, 0).astype(np.uint8))


def test_words_are_there_in_their_time_only() -> None:
    c, ground = captions(ZH), grey((640, 360))
    for outside in (0.0, 0.999999, 3.0, 9.0):
        assert c.on(ground, us(outside)) is ground
        assert c.coverage(us(outside)) is None
    for inside in (1.0, 2.0, 2.999999):
        shown = c.on(ground, us(inside))
        assert not np.array_equal(shown, ground)
    assert np.all(ground == 128), "the engine's own picture is left alone"
    assert c.on(ground, us(1), in_place=True) is ground
    assert not np.all(ground == 128)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("cues", [ZH, EN], ids=["zh", "en"])
def test_captions_stay_inside_the_safe_margins(size: tuple[int, int], place: float, cues: render_pb2.Cue) -> None:
    left, top, right, bottom = letters_of(captions(cues, size=size, place=place), size)
    w, h = size
    assert left >= 0.02 * w
    assert right <= 0.98 * w
    assert top >= 0.02 * h
    assert bottom <= 0.99 * h
    assert abs((left + right) / 2 - w / 2) < 0.02 * w + 2
    if place and w > 64:
        assert abs((top + bottom) / 2 / h - place) < 0.12


@pytest.mark.parametrize("size", SIZES)
def test_a_long_line_is_broken_or_smaller_and_never_cut(size: tuple[int, int]) -> None:
    words = [f"extraordinary{k} " for k in range(12)]
    for text in (words, ["w" * 120], ["很" * 60]):
        left, _, right, _ = letters_of(captions(cue(line(*text)), size=size), size)
        assert left >= 0.02 * size[0]
        assert right <= 0.98 * size[0]


def test_lines_that_are_broken_anew_keep_their_words_apart() -> None:
    lines = [[Said(t, 0, 1) for t in ("look ", "at ", "the ", "idea")], [Said(t, 0, 1) for t in ("behind ", "it")]]
    letters = fonts(FOLDER)
    made, size = fitted(lines, letters, 40, letters.width("look at the", 40) + 1)
    assert size == 40
    assert "".join(w.text for line in made for w in line).split() == ["look", "at", "the", "idea", "behind", "it"]
    assert len(made) == 3


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("cues", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize("chin", [0.5, 0.7, 0.78])
def test_never_over_the_face_where_there_is_room(size: tuple[int, int], cues: render_pb2.Cue, chin: float) -> None:
    w, h = size
    face = (0.3 * w, 0.1 * h, 0.7 * w, chin * h)
    _, top, _, _ = changed(grey(size), captions(cues, size=size, face=face).on(grey(size), us(1.2)))
    assert top >= chin * h


def test_off_the_mouth_in_a_close_up() -> None:
    face = (0, 0.02 * 720, 720, 0.92 * 720)
    c = captions(EN, size=(720, 720), face=face)
    _, top, _, _ = changed(grey((720, 720)), c.on(grey((720, 720)), us(1.2)))
    assert top >= face[1] + 0.85 * (face[3] - face[1])


def highlighted(image: Image) -> float:
    """Middle of the yellow pixels, from the left."""
    b, g, r = (image[..., k].astype(int) for k in range(3))
    xs = np.nonzero((r > 220) & (g > 180) & (b < 80))[1]
    return float(xs.mean()) if xs.size else -1.0


def test_the_highlight_moves_from_word_to_word() -> None:
    c, ground = captions(ZH, highlight=YELLOW), grey((1280, 720), 40)
    c = captions(ZH, size=(1280, 720), highlight=YELLOW)
    at = [highlighted(c.on(ground, us(1.0 + 0.5 * k + 0.1))) for k in range(4)]
    assert all(a > 0 for a in at)
    assert at == sorted(at)
    assert at[-1] - at[0] > 100
    plain = captions(ZH, size=(1280, 720))
    assert highlighted(plain.on(ground, us(1.2))) == -1.0
    first = c.on(ground, us(1.1))
    assert np.array_equal(first, captions(ZH, size=(1280, 720), highlight=YELLOW).on(ground, us(1.1))), "by time alone"


@pytest.mark.parametrize("ground", ["white", "black", "busy", "white-like"])
def test_letters_stand_out_from_any_ground(ground: str) -> None:
    size = (1280, 720)
    rng = np.random.default_rng(1)
    under = {
        "white": grey(size, 255),
        "black": grey(size, 0),
        "busy": rng.integers(0, 256, (720, 1280, 3), np.uint8),
        "white-like": grey(size, 235),
    }[ground]
    c = captions(ZH, size=size)
    shown = cv2.cvtColor(c.on(under, us(1.2)), cv2.COLOR_BGR2GRAY).astype(float)
    alone = captions(ZH, size=size).on(grey(size, 0), us(1.2))[..., 0]
    letters = alone > 250
    near = cv2.dilate(letters.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    edge = near & ~cv2.dilate(letters.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & (alone < 40)
    assert letters.sum() > 3000
    assert shown[letters].mean() > 240
    assert shown[edge].mean() < 60, "a dark line all round"


@pytest.mark.parametrize("size", SIZES[:3])
def test_both_forms_of_a_picture_show_the_same(size: tuple[int, int]) -> None:
    ground = grey(size, 90)
    h, w = ground.shape[:2]
    yuv = np.empty((h * 3 // 2, w), np.uint8)
    for plane, value in zip(planes(yuv), (16 + 90 * 219 / 255, 128, 128), strict=True):
        plane[:] = round(value)
    c = captions(ZH, size=size, highlight=YELLOW)
    bgr, shown = c.on(ground, us(1.7)), planes(c.on(yuv, us(1.7)))
    b, g, r = (bgr[..., k].astype(float) / 255 for k in range(3))
    luma = 16 + 219 * (0.2126 * r + 0.7152 * g + 0.0722 * b)
    assert np.abs(shown[0] - luma).max() < 4
    small = cv2.resize(bgr, (w // 2, h // 2), interpolation=cv2.INTER_AREA).astype(float) / 255
    y = 0.2126 * small[..., 2] + 0.7152 * small[..., 1] + 0.0722 * small[..., 0]
    for plane, c, k in ((shown[1], 0, 1.8556), (shown[2], 2, 1.5748)):
        error = np.abs(plane - (128 + 224 * (small[..., c] - y) / k))
        assert error.max() < 12, "where two words of different colours share a pixel"
        assert error.mean() < 1


def test_coverage_is_where_the_words_are() -> None:
    c, ground = captions(EN), grey((640, 360))
    x, y, part = c.coverage(us(1.5)) or pytest.fail("nothing is shown")
    full = np.zeros((360, 640), np.uint8)
    full[y : y + part.shape[0], x : x + part.shape[1]] = part
    touched = np.abs(c.on(ground, us(1.5)).astype(int) - 128).max(axis=2) > 3
    assert np.all(full[touched] > 0)
    assert full.max() == 255


def test_characters_without_a_font_are_named_and_left_out() -> None:
    c = captions(cue(line("好😀", "مرحبا", "สวัสดี", "łódź", "한국어", "ありがとう", "Привет")))
    assert set(c.left_out) == set("😀مرحباสวัสดี")
    assert c.on(grey((640, 360)), us(1.5)).max() > 240
    nothing = captions(cue(line("😀")))
    ground = grey((640, 360))
    assert nothing.on(ground, us(1.5)) is ground
    assert nothing.left_out == "😀"
    assert captions(cue(line("👨\u200d👩\ufe0f e\u0301"))).left_out == "👨👩", "what is invisible is not named"


def test_the_second_language_is_smaller_and_beneath() -> None:
    one, two = cue(line("价格")), cue(line("价格"), second=("价格",))
    ground = grey((1280, 720))
    _, top, _, bottom = changed(ground, captions(one, size=(1280, 720)).on(ground, us(1.2)))
    _, top2, _, bottom2 = changed(ground, captions(two, size=(1280, 720)).on(ground, us(1.2)))
    assert abs(bottom - bottom2) < 6
    assert 0.6 * (bottom - top) < (bottom2 - top2) - (bottom - top) < (bottom - top)


def test_the_gateway_knows_what_the_fonts_have() -> None:
    """Its table: at all its borders, and anywhere else."""
    borders = [int(code, 16) + k for code in re.findall(r"[0-9A-F]+", TABLE.read_text()) for k in (-1, 0, 1)]
    anywhere = random.Random(1).sample([*range(0x20, 0xD800), *range(0xF900, 0x20000)], 2000)
    letters = fonts(FOLDER)
    wrong = [hex(c) for c in (*borders, *anywhere) if c >= 0x20 and letters.draws(chr(c)) != is_drawn(chr(c))]
    assert not wrong
    cues = [Cue(0, 1, ((Word("好😀 한 łódź مر", 0, 1),),), ("😀e\u0301",))]
    (warning,) = caption_warnings(cues)
    assert (warning.reason, warning.text) == ("not-shown", "😀مر")
    assert caption_warnings([Cue(0, 1, ((Word("好 a\u200d", 0, 1),),))]) == []
