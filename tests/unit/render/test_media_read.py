from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from services.common.errors import HuashengError
from services.render.media.read import constant_rate, fitted, kind_of, probe, read_frames, read_image
from tests.fakes.clips import COLOURS, clip, numbered, quarters
from tests.fakes.media import tone, video, wav


def brightness(path: Path, **how) -> list[int]:
    """The numbers of ``numbered`` pictures as they are read."""
    return [round((float(p.mean()) - 20) / 5) for _, p in read_frames(path, **how)]


@pytest.mark.parametrize(
    ("rate", "read"),
    [
        (24, 24),
        (25, 25),
        (30, 30),
        (23.976, 24),
        (29.97, 30),
        (50, 25),
        (60, 30),
        (59.94, 30),
        (48, 24),
        (120, 30),
        (15, 30),
        (12, 24),
        (12.5, 25),
        (10, 30),
        (22, 24),
        (27, 25),
        (1, 24),
    ],
)
def test_rates_are_kept_or_brought_to_the_most_even_one(rate: float, read: int) -> None:
    assert constant_rate(rate) == read


@pytest.mark.parametrize(("fps", "expected"), [(24, 24), (25, 25), (30, 30), (30000 / 1001, 30)])
def test_usual_rates_are_read_frame_by_frame(tmp_path: Path, fps: float, expected: int) -> None:
    path = clip(tmp_path / "a.mp4", numbered(40), fps)
    info = probe(path)
    assert (info.fps, info.frames, info.is_vfr) == (expected, 40, False)
    assert info.duration_s == pytest.approx(40 / fps, abs=0.02)
    assert brightness(path) == list(range(40))


@pytest.mark.parametrize("fps", [50, 60])
def test_double_rates_are_halved(tmp_path: Path, fps: int) -> None:
    path = clip(tmp_path / "a.mp4", numbered(40), fps)
    assert probe(path).fps == fps // 2
    assert brightness(path) == list(range(0, 40, 2))


def test_times_of_frames_run_evenly_from_zero(tmp_path: Path) -> None:
    times = [t for t, _ in read_frames(clip(tmp_path / "a.mp4", numbered(10), 25))]
    assert times == pytest.approx([i / 25 for i in range(10)])


def test_a_variable_rate_keeps_its_speed(tmp_path: Path) -> None:
    # 30 frames a second for a second, then every second frame missing for a second
    times = [i / 30 for i in range(30)] + [1 + i / 15 for i in range(15)]
    path = clip(tmp_path / "a.mp4", numbered(45), 30, times)
    info = probe(path)
    assert (info.fps, info.is_vfr, info.frames) == (30, True, 45)
    read = brightness(path)
    assert len(read) == 59  # up to the start of the last frame plus one usual length
    assert read[:30] == list(range(30))
    assert read[30:58:2] == read[31:59:2] == list(range(30, 44))


def test_one_lost_frame_does_not_make_a_rate_variable(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", numbered(40), 25, [(i + (i > 20)) / 25 for i in range(40)])
    info = probe(path)
    assert (info.fps, info.is_vfr) == (25, False)
    assert info.source_fps == pytest.approx(25, abs=0.05)
    assert len(brightness(path)) == 41


@pytest.mark.parametrize(
    ("rotation", "corners"),
    [
        (90, ("green", "grey", "red", "blue")),
        (180, ("grey", "blue", "green", "red")),
        (270, ("blue", "red", "grey", "green")),
    ],
)
def test_rotation_is_applied(tmp_path: Path, rotation: int, corners: tuple[str, ...]) -> None:
    path = clip(tmp_path / "a.mp4", [quarters(320, 192)] * 5, rotation=rotation)
    info = probe(path)
    size = (320, 192) if rotation == 180 else (192, 320)
    assert (info.width, info.height, info.orientation.rotation) == (*size, rotation)
    _, picture = next(read_frames(path))
    assert picture.shape == (size[1], size[0], 3)
    h, w = picture.shape[:2]
    found = [
        picture[y, x] for y, x in ((h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (-h // 4, -w // 4))
    ]
    for pixel, name in zip(found, corners, strict=True):
        assert np.abs(pixel.astype(int) - COLOURS[name]).max() < 12, (pixel, name)


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("libx265", "yuv420p"), ("libx265", "yuv420p10le"), ("libx264", "yuv422p")]
)
def test_other_codecs_and_depths_keep_their_colours(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = clip(tmp_path / "a.mp4", [quarters(320, 192)] * 5, codec=codec, pix_fmt=pix_fmt)
    assert probe(path).codec == ("hevc" if codec == "libx265" else "h264")
    _, picture = next(read_frames(path))
    assert np.abs(picture.astype(int) - quarters(320, 192)).mean() < 3


def test_reading_neither_darkens_nor_brightens(tmp_path: Path) -> None:
    for level in (16, 77, 128, 201, 250):
        path = clip(tmp_path / f"{level}.mp4", [np.full((128, 128, 3), level, np.uint8)] * 2)
        assert next(read_frames(path))[1].mean() == pytest.approx(level, abs=1)


def test_odd_sizes_lose_a_line(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", [quarters(321, 193)] * 3, pix_fmt="yuv444p")
    assert (probe(path).width, probe(path).height) == (321, 193)
    assert next(read_frames(path))[1].shape == (192, 320, 3)


def test_pixels_are_made_square(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [quarters(160, 192)] * 3, aspect=Fraction(2, 1))
    assert (probe(path).width, probe(path).height) == (320, 192)
    assert next(read_frames(path))[1].shape == (192, 320, 3)


def test_large_pictures_are_scaled_and_long_clips_cut(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [quarters(640, 360)] * 50)
    read = list(read_frames(path, max_side=320, limit_s=1))
    assert len(read) == 25
    assert read[0][1].shape == (180, 320, 3)
    assert fitted(3840, 2160, 1920) == (1920, 1080)
    assert fitted(99, 51, None) == (98, 50)


def test_sound_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(video(numbered(25), sound=tone(1)))
    assert probe(tmp_path / "a.mp4").has_audio
    assert not probe(clip(tmp_path / "b.mp4", numbered(5))).has_audio


def _bad(path: Path, kind: str) -> Path:
    good = clip(path.with_name("good.mp4"), [quarters(320, 192)] * 100)
    whole = good.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_bytes(b"hello, this is not a video\n" * 100)
        case "playlist":
            path.write_bytes(f"ffconcat version 1.0\nfile '{good}'\n".encode())
        case "hls":
            path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\ngood.mp4\n#EXT-X-ENDLIST\n")
        case "no index":  # the index of an ordinary MP4 comes last
            path.write_bytes(whole[: len(whole) // 2])
        case "index first":
            with av.open(str(good)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as to:
                stream = to.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is not None:
                        packet.stream = stream
                        to.mux(packet)
            data = path.read_bytes()
            path.write_bytes(data[: len(data) - len(data) // 3])
        case "no frames":
            with av.open(str(path), "w") as to:
                stream = to.add_stream("libx264", rate=25)
                stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
                to.start_encoding()
        case "noise":
            data = bytearray(whole)
            start = whole.index(b"mdat") + 800
            data[start : start + len(whole) // 2] = np.random.default_rng(1).bytes(len(whole) // 2)
            path.write_bytes(bytes(data))
        case "sound":
            path.write_bytes(wav(tone(1)))
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "empty-file"),
        ("text", "unsupported-media"),
        ("playlist", "unsupported-media"),
        ("hls", "foreign-format"),
        ("no index", "corrupt-media"),
        ("index first", "corrupt-media"),
        ("no frames", "corrupt-media"),
        ("sound", "wrong-kind"),
    ],
)
def test_bad_files_are_refused_with_the_reason(tmp_path: Path, kind: str, reason: str) -> None:
    path = _bad(tmp_path / "clip.mp4", kind)
    with pytest.raises(HuashengError) as e:
        kind_of(path)
        probe(path)
    assert e.value.slug == reason
    assert e.value.params.get("name") == "clip.mp4"


def test_pictures_are_told_from_videos_by_content(tmp_path: Path) -> None:
    picture = tmp_path / "a.mp4"  # the name says otherwise
    picture.write_bytes(cv2.imencode(".png", quarters(200, 100))[1].tobytes())
    assert kind_of(picture) == "portrait"
    assert kind_of(clip(tmp_path / "a.png.mp4", numbered(3))) == "video"


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_pictures_are_read_with_even_sides(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), quarters(301, 201))
    assert kind_of(path) == "portrait"
    picture = read_image(path)
    assert picture.shape == (200, 300, 3)
    assert np.abs(picture.astype(int) - quarters(301, 201)[:200, :300]).mean() < 4
    assert read_image(path, max_side=150).shape == (100, 150, 3)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", quarters(320, 192))[1].tobytes()
    # TIFF header, one entry: orientation 6, turn 90 degrees clockwise to show
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    exif = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\x00\x00" + tiff
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + exif + jpeg[2:])
    picture = read_image(tmp_path / "a.jpg")
    assert picture.shape == (320, 192, 3)
    assert np.abs(picture[80, 48].astype(int) - COLOURS["blue"]).max() < 12  # was bottom left, is now top left


def test_transparency_is_shown_on_white(tmp_path: Path) -> None:
    picture = np.dstack([np.zeros((100, 100, 3), np.uint8), np.full((100, 100), 255, np.uint8)])
    picture[:50, :, 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    read = read_image(tmp_path / "a.png")
    assert read[:50].min() == 255
    assert read[50:].max() == 0


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    data = cv2.imencode(".png", quarters(300, 300))[1].tobytes()
    (tmp_path / "a.png").write_bytes(data[:60])
    with pytest.raises(HuashengError, match="corrupt-media"):
        read_image(tmp_path / "a.png")
