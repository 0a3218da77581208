"""Sizes and cuts of a video's scenes."""

import pytest
from huasheng.render.v1 import render_pb2

from services.gateway.api.video_requests import VideoRequest
from services.gateway.studio import formats

FACE = render_pb2.FaceBox(left=0.4, top=0.2, right=0.6, bottom=0.5)
WIDE = render_pb2.Avatar(width=1920, height=1080, fps=30, report=render_pb2.AvatarReport(face_box=FACE))
TALL = render_pb2.Avatar(width=720, height=1280, fps=25, report=render_pb2.AvatarReport(face_box=FACE))
UNKNOWN = render_pb2.Avatar(width=400, height=300, fps=25)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        (None, (1920, 1080)),
        ({"ratio": "9:16"}, (1080, 1920)),
        ({"ratio": "1:1", "resolution": 720}, (720, 720)),
        ({"ratio": "4:5", "resolution": 1080}, (1080, 1350)),
        ({"resolution": 720}, (1280, 720)),
        ({"ratio": "source", "resolution": 540}, (960, 540)),
        ({"width": 640, "height": 480}, (640, 480)),
        ({"ratio": "16:9", "resolution": 2160}, (3840, 2160)),
    ],
)
def test_sizes(asked: dict | None, size: tuple[int, int]) -> None:
    video = formats.video_format(asked, WIDE)
    assert (video.width, video.height, video.fps) == (*size, 30)
    assert formats.video_format({"fps": 24}, WIDE).fps == 24


@pytest.mark.parametrize("avatar", [WIDE, TALL, UNKNOWN])
@pytest.mark.parametrize("size", [(1080, 1920), (720, 720), (1920, 1080), (200, 600)])
@pytest.mark.parametrize("framing", ["auto", "head", "bust"])
def test_a_cut_lies_within_the_picture_and_has_the_form(
    avatar: render_pb2.Avatar, size: tuple[int, int], framing: str
) -> None:
    cut = formats.cut_of(framing, avatar, size)
    assert -1e-9 <= cut.left < cut.right <= 1 + 1e-9
    assert -1e-9 <= cut.top < cut.bottom <= 1 + 1e-9
    form = (cut.right - cut.left) * avatar.width / ((cut.bottom - cut.top) * avatar.height)
    assert form == pytest.approx(size[0] / size[1])
    if framing == "auto":
        assert max(cut.right - cut.left, cut.bottom - cut.top) == pytest.approx(1), "the largest one"
    if avatar is not UNKNOWN and cut.bottom - cut.top >= FACE.bottom - FACE.top:
        assert cut.top <= FACE.top and cut.bottom >= FACE.bottom
    if avatar is not UNKNOWN and cut.right - cut.left >= FACE.right - FACE.left:
        assert cut.left <= FACE.left and cut.right >= FACE.right


def test_head_is_nearer_than_bust() -> None:
    heights = [
        cut.bottom - cut.top for cut in (formats.cut_of(f, WIDE, (1080, 1920)) for f in ("head", "bust", "auto"))
    ]
    assert heights[0] < heights[1] <= heights[2]


def test_what_is_enlarged() -> None:
    small = formats.video_format({"ratio": "9:16", "resolution": 720}, WIDE)
    assert not formats.is_enlarged(formats.cut_of("auto", WIDE, (720, 1280)), WIDE, small)
    large = formats.video_format({"ratio": "9:16"}, UNKNOWN)
    assert formats.is_enlarged(formats.cut_of("auto", UNKNOWN, (1080, 1920)), UNKNOWN, large)


def test_backgrounds() -> None:
    assert formats.background_message(None, "") is None
    assert formats.background_message({"kind": "keep"}, "") is None
    green = formats.background_message({"kind": "colour", "colour": "#102030", "key": "#00ff00"}, "")
    assert green and green.colour == 0x102030 and green.key.colour == 0x00FF00
    found = formats.background_message({"kind": "blur", "strength": 0.25, "key": "auto"}, "")
    assert found and found.blur == 0.25 and found.HasField("key") and found.key.colour == 0
    film = formats.background_message({"kind": "film"}, "file:///a")
    assert film and film.film_uri == "file:///a" and not film.HasField("key")


def test_a_logo_keeps_its_form_and_stays_inside() -> None:
    video = formats.video_format({"width": 1000, "height": 500}, WIDE)
    asked = {"corner": "bottom-right", "width": 0.2, "opacity": 0.5}
    box = formats.logo_overlay(asked, {"width": 400, "height": 200}, "u", video).box
    assert (box.right - box.left) * 1000 == pytest.approx(200)
    assert (box.bottom - box.top) * 500 == pytest.approx(100)
    assert (1 - box.right) * 1000 == pytest.approx(20)
    assert (1 - box.bottom) * 500 == pytest.approx(20)


def test_a_single_text_with_pauses_or_ssml_is_one_scene() -> None:
    for text in ("你好。[pause 0.5]再见。", "Hello.<break time='1s'/>Bye."):
        assert len(VideoRequest(text=text).params()["scenes"]) == 1
    assert not VideoRequest(text="a < b, [note] and <b>bold</b>").is_studio
