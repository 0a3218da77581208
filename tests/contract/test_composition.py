"""Composed videos, decoded: their size and rate, what is behind the person, what is on top, and that parts fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.common.errors import HuashengError
from services.common.weights import WeightsError, folder
from services.render.avatars.store import AvatarRecord
from services.render.composition.composing import Composing
from services.render.media.planes import resized
from services.render.types import Frame
from tests.fakes.composing import Studio, green_screen, person, swaying
from tests.fakes.media import png, video

SIDE, SOURCE = 256, 320
COLOUR = 0x3060C0
RGB = np.array([0x30, 0x60, 0xC0])


@dataclass
class World:
    studio: Studio
    ann: AvatarRecord
    """The portrait before its own ground."""
    green: AvatarRecord
    """The same before a green screen."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    try:
        studio = Studio(tmp_path_factory.mktemp("storage"))
        for group in ("person-mask", "caption-fonts"):
            folder(group, studio.shared.weights_dir)
        head = swaying(person(SOURCE)[0])
        made = World(studio, studio.prepare("ann", head), studio.prepare("green", swaying(green_screen(SOURCE)[0])))
    except WeightsError as e:
        pytest.skip(str(e))
    except HuashengError as e:
        if e.slug != "engine-unavailable":
            raise
        pytest.skip(str(e))
    return made


def composition(width: int = SIDE, height: int = SIDE, **how: object) -> pb.Composition:
    return pb.Composition(width=width, height=height, **how)


def face(record: AvatarRecord, where: Composing, picture: np.ndarray) -> np.ndarray:
    """The middle of the part of a composed picture in which the face must be."""
    assert record.report.face_box
    left, top, right, bottom = where.geometry(0).box(record.report.face_box, at_bottom=True)
    assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1, "the whole face is in the picture"
    height, width = picture.shape[:2]
    part = picture[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    across, down = part.shape[1] // 5, part.shape[0] // 5
    return part[down:-down, across:-across]


@pytest.mark.parametrize(("width", "height"), [(128, 128), (144, 256), (240, 136), (200, 250)])
def test_the_picture_has_the_size_that_was_asked_for_and_keeps_the_face(world: World, width: int, height: int) -> None:
    made = world.studio.film(world.ann, composition(width, height), 0.2)
    assert (made.header.width, made.header.height) == (width, height)
    where = world.studio.composing(world.ann, pb.RenderConfig(composition=composition(width, height)))
    skin = face(world.ann, where, made.rgb[0]).reshape(-1, 3).mean(0)
    assert skin[0] > skin[2] + 20, "skin is red rather than blue"
    assert where.geometry(0).max_side_px in range(1, SOURCE), "it is drawn no larger than it is shown"


@pytest.mark.parametrize("fps", [10, 24, 29.97, 60])
def test_another_rate_repeats_or_leaves_out_pictures(world: World, fps: float) -> None:
    made = world.studio.film(world.ann, composition(64, 64, fps=fps), 2.0)
    assert made.header.fps == fps
    assert made.frames == pytest.approx(2 * fps, abs=0.5)
    assert made.audio_s == pytest.approx(2.0, abs=0.07), "the sound is as long as it was"
    assert (made.summary.frames, made.summary.duration_us) == (50, 2_000_000)


def test_one_colour_is_behind_the_person(world: World) -> None:
    made = world.studio.film(world.ann, composition(background=pb.Background(colour=COLOUR)), 0.2)
    kept = world.studio.film(world.ann, composition(), 0.2)
    for corner in (made.rgb[:, :20, :20], made.rgb[:, :20, -20:]):
        assert np.abs(corner.astype(int) - RGB).max() <= 6
    where = world.studio.composing(world.ann, pb.RenderConfig(composition=composition()))
    now, before = (face(world.ann, where, m.rgb[0]).astype(int) for m in (made, kept))
    assert np.abs(now - before).mean() < 3, "the person is as she was"


def test_a_blur_leaves_the_person_and_takes_detail_from_the_ground(world: World) -> None:
    made = world.studio.film(world.ann, composition(background=pb.Background(blur=1), quality=pb.QUALITY_HIGH), 0.2)
    kept = world.studio.film(world.ann, composition(quality=pb.QUALITY_HIGH), 0.2)
    detail = [cv2.Laplacian(m.rgb[0][:40, :60], cv2.CV_32F).std() for m in (made, kept)]
    assert detail[0] < detail[1] / 2
    where = world.studio.composing(world.ann, pb.RenderConfig(composition=composition()))
    now, before = (face(world.ann, where, m.rgb[0]).astype(int) for m in (made, kept))
    assert np.abs(now - before).mean() < 3


def test_a_film_is_shown_from_its_start_again_and_again(world: World) -> None:
    levels = [40 + 16 * n for n in range(10)]
    uri = put(world, "loop.mp4", video([np.full((96, 128, 3), v, np.uint8) for v in levels]))
    made = world.studio.film(world.ann, composition(background=pb.Background(film_uri=uri)), 1.0)
    shown = made.rgb[:, 4:20, 4:20].mean((1, 2, 3))
    assert shown == pytest.approx([levels[n % 10] for n in range(25)], abs=5)
    doubled = world.studio.film(world.ann, composition(64, 64, background=pb.Background(film_uri=uri), fps=50), 0.4)
    shown = doubled.rgb[:, :6, :6].mean((1, 2, 3))
    assert shown == pytest.approx([levels[n // 2 % 10] for n in range(20)], abs=6)


def test_a_picture_covers_the_frame_and_is_cut_where_its_form_differs(world: World) -> None:
    ground = np.zeros((100, 300, 3), np.uint8)
    ground[:, 100:200] = (0, 200, 0)  # the middle third is what a square shows
    uri = put(world, "ground.png", png(ground))
    made = world.studio.film(world.ann, composition(background=pb.Background(picture_uri=uri)), 0.2)
    assert np.abs(made.rgb[0][:30, :30].astype(int) - (0, 200, 0)).mean() < 8
    assert np.abs(made.rgb[0][:30, -30:].astype(int) - (0, 200, 0)).mean() < 8


def test_beside_a_whole_picture_is_the_background_or_the_source_blurred(world: World) -> None:
    whole = pb.FaceBox(left=0, top=0, right=1, bottom=1)
    kept = world.studio.film(world.ann, composition(320, 180, crop=whole), 0.2)
    assert kept.rgb[0][:, :60].std() > 1 and cv2.Laplacian(kept.rgb[0][:, :60], cv2.CV_32F).std() < 3
    made = world.studio.film(world.ann, composition(180, 320, crop=whole, background=pb.Background(colour=COLOUR)), 0.2)
    assert np.abs(made.rgb[0][:100].astype(int) - RGB).max() <= 8, "all above her is ground: she stands on the edge"


def test_a_transparent_video_has_its_mask_below(world: World) -> None:
    logo = put(world, "logo.png", png(np.full((20, 20, 3), 255, np.uint8)))
    on_top = pb.Overlay(picture_uri=logo, box=pb.FaceBox(left=0, top=0, right=0.25, bottom=0.25))
    made = world.studio.film(world.ann, composition(alpha=True, overlays=[on_top]), 0.2)
    assert (made.header.width, made.header.height) == (SIDE, 2 * SIDE)
    above, below = made.rgb[0][:SIDE].astype(int), made.rgb[0][SIDE:].astype(int)
    assert below[10:50, 10:50].min() > 245, "what lies on top is opaque"
    assert below[:30, -30:].max() < 10 and above[:30, -30:].max() < 10, "the ground is black and not there"
    where = world.studio.composing(world.ann, pb.RenderConfig(composition=composition()))
    assert face(world.ann, where, below).min() > 240
    marked = world.studio.film(world.ann, composition(alpha=True), 0.2, mark=pb.VisibleMark(language="en"))
    plate = marked.rgb[0][SIDE + 14 : SIDE + 24, 14:60].astype(int)
    assert plate.min() > 120, "the mark is seen on any ground"


def test_a_green_screen_is_taken_out_with_its_light(world: World) -> None:
    asked = composition(background=pb.Background(colour=0x808080, key=pb.Key()))
    made = world.studio.film(world.green, asked, 0.2)
    picture = made.rgb[0].astype(int)
    assert np.abs(picture[:30, :30] - 128).max() <= 8 and np.abs(picture[:30, -30:] - 128).max() <= 8
    excess = picture[..., 1] - np.maximum(picture[..., 0], picture[..., 2])
    assert np.percentile(excess, 99.5) < 14, "no green rim, no green light on her"
    kept = world.studio.film(world.green, composition(), 0.2).rgb[0].astype(int)
    assert np.percentile(kept[..., 1] - np.maximum(kept[..., 0], kept[..., 2]), 50) > 50, "there was a screen"


def test_a_grey_ground_is_no_screen(world: World) -> None:
    asked = composition(background=pb.Background(colour=COLOUR, key=pb.Key()))
    with pytest.raises(HuashengError) as e:
        world.studio.film(world.ann, asked, 0.2)
    assert e.value.slug == "no-key-colour" and e.value.params["colour"].startswith("#")


def test_an_overlay_is_fitted_into_its_box_for_its_time(world: World) -> None:
    red = np.zeros((40, 80, 4), np.uint8)
    red[:, :40] = (0, 0, 255, 255)  # the right half is see-through
    uri = put(world, "red.png", png(red))
    box = pb.FaceBox(left=0.5, top=0.5, right=1, bottom=1)
    asked = pb.Overlay(picture_uri=uri, box=box, start_us=200_000, end_us=400_000)
    made = world.studio.film(world.ann, composition(overlays=[asked]), 0.8)
    kept = world.studio.film(world.ann, composition(), 0.8)
    inside = made.rgb[:, 170:216, 134:186].astype(int).mean((1, 2))
    seen = (inside[:, 0] > 200) & (inside[:, 1] < 40)
    assert np.flatnonzero(seen).tolist() == list(range(5, 11))
    apart = np.abs(made.rgb[7].astype(int) - kept.rgb[7])
    assert apart[164:220, 200:].mean() < 3, "through what is see-through one sees"
    assert apart[:150].mean() < 3 and apart[230:, 134:].mean() < 3, "it is as wide as its box and half as high"
    half = pb.Overlay(picture_uri=uri, box=box, opacity=0.5)
    mixed = world.studio.film(world.ann, composition(overlays=[half]), 0.2).rgb[0][170:216, 134:186].astype(int)
    expected = kept.rgb[0][170:216, 134:186] / 2 + np.array([127, 0, 0])
    assert np.abs(mixed.mean((0, 1)) - expected.mean((0, 1))).max() < 8


def test_captions_are_on_the_clock_of_the_sound(world: World) -> None:
    words = [pb.CueWord(text="你好", start_us=200_000, end_us=400_000)]
    cue = pb.Cue(start_us=200_000, end_us=400_000, lines=[pb.CueLine(words=words)])
    asked = composition(alpha=True, captions=pb.Captions(cues=[cue], place=0.2))
    for shown, first in (({}, 5), ({"part": pb.VideoPart(at=5, skip=2, count=6)}, 3)):
        made = world.studio.film(world.ann, asked, 0.6, **shown)
        white = (made.rgb[:, 30:72].min(3) > 230).mean((1, 2))
        said = np.flatnonzero(white > white[0] + 0.003)
        assert said.tolist() == list(range(first, min(first + 5, made.frames)))
        opaque = made.rgb[:, SIDE + 30 : SIDE + 72].min(3) > 230
        assert (opaque[said[0]] & ~opaque[0]).any() or opaque[0].all(), "letters are opaque"


def test_parts_are_the_whole_to_the_bit(world: World) -> None:
    """Composed from any picture on, as by another renderer, and encoded: as many pictures, and the same ones."""
    uri = put(world, "parts.mp4", video([np.full((96, 128, 3), 40 + 16 * n, np.uint8) for n in range(10)]))
    logo = put(world, "dot.png", png(np.full((20, 20, 3), 255, np.uint8)))
    on_top = pb.Overlay(
        picture_uri=logo, box=pb.FaceBox(left=0.8, top=0.8, right=1, bottom=1), start_us=500_000, end_us=1_000_000
    )
    asked = composition(fps=30, background=pb.Background(film_uri=uri), overlays=[on_top])
    config = pb.RenderConfig(composition=asked)
    composing = world.studio.composing(world.ann, config)
    where = composing.geometry(0)
    with world.studio.store.engine_files(world.ann) as files:
        pictures = list(world.studio.engine.source_pictures(files))[:40]
    frames = [Frame(0, resized(p, *[where.max_side_px or SOURCE] * 2), n, n) for n, p in enumerate(pictures)]

    def composed(first: int, end: int) -> list[bytes]:
        with composing.open(where, 25, None, 0) as composer:
            list(composer.prepare())
            return [i.tobytes() for n in range(first, end) for i in composer.pictures(frames[n], n)]

    assert len(composed(0, 40)) == 48
    assert composed(0, 13) + composed(13, 31) + composed(31, 40) == composed(0, 40)
    whole = world.studio.film(world.ann, asked, 1.6)
    parts = [
        world.studio.film(world.ann, asked, 1.6, part=pb.VideoPart(at=0, skip=first, count=count))
        for first, count in ((0, 13), (13, 18), (31, 9))
    ]
    joined = np.concatenate([p.rgb for p in parts])
    assert joined.shape == whole.rgb.shape
    error = ((joined.astype(np.float32) - whole.rgb) ** 2).mean((1, 2, 3))
    assert (10 * np.log10(255**2 / np.maximum(error, 1e-9))).min() > 33


def test_quality_costs_bytes(world: World) -> None:
    def size(quality: pb.Quality) -> int:
        return world.studio.film(world.ann, composition(quality=quality), 0.6).size

    draft, standard, high = (size(q) for q in (pb.QUALITY_DRAFT, pb.QUALITY_STANDARD, pb.QUALITY_HIGH))
    assert 1.2 * draft < standard < high / 1.2


def test_masks_are_made_once_and_go_with_the_avatar(world: World) -> None:
    bob = world.studio.prepare("bob", swaying(person(192)[0], 1.5))
    asked = composition(64, 64, background=pb.Background(colour=COLOUR))
    world.studio.film(bob, asked, 0.2)
    home = Path(world.studio.storage.path("avatars/local/bob"))
    (mask,) = home.glob("mask-*.mp4")
    made = mask.stat().st_mtime_ns
    world.studio.film(bob, asked, 0.2)
    assert [(m, m.stat().st_mtime_ns) for m in home.glob("mask-*")] == [(mask, made)]
    world.studio.store.delete("local", "bob")
    assert not home.exists()


def put(world: World, name: str, data: bytes) -> str:
    world.studio.storage.put(f"assets/{name}", data)
    return world.studio.storage.uri(f"assets/{name}")
