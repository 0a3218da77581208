"""Pictures of every kind, as phones, screenshots and old programs save them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from services.common.errors import HuashengError
from services.common.media.pictures import picture_info, read_picture
from tests.fakes.clips import quarters
from tests.fakes.heic import heic
from tests.fakes.odd_media import png_with_texts, wide_png

WIDE = np.ascontiguousarray(quarters(300, 200)[:, :, ::-1])
STORED = np.ascontiguousarray(np.rot90(WIDE))
"""As a camera stores it that is held upright."""
TURN_RIGHT = 6


def saved(path: Path, picture: np.ndarray, **options: object) -> Path:
    Image.fromarray(picture).save(path, **options)
    return path


def off_by(path: Path, wanted: np.ndarray) -> float:
    read = read_picture(path, path.name, 4096)
    assert read.shape == wanted.shape
    return float(np.abs(read.astype(int) - wanted).mean())


@pytest.mark.parametrize("tile", [0, 128])
@pytest.mark.parametrize("quarter_turns", [0, 1, 3])
def test_heic_in_one_piece_and_in_tiles(tmp_path: Path, tile: int, quarter_turns: int) -> None:
    path = tmp_path / "x.mp4"  # the name says nothing
    path.write_bytes(heic(WIDE, tile, quarter_turns))
    info = picture_info(path, "x", 4096)
    assert (info.content_type, info.width, info.height, info.animated) == ("image/heic", 300, 200, False)
    assert off_by(path, WIDE) < 2


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("a.avif", "image/avif", {}),
        ("a.bmp", "image/bmp", {}),
        ("a.tiff", "image/tiff", {}),
        ("lzw.tiff", "image/tiff", {"compression": "tiff_lzw"}),
        ("jpeg.tiff", "image/tiff", {"compression": "jpeg"}),
        ("a.gif", "image/gif", {}),
        ("a.webp", "image/webp", {}),
        ("a.png", "image/png", {}),
        ("a.jpg", "image/jpeg", {"progressive": True}),
    ],
)
def test_every_kind_is_read(tmp_path: Path, name: str, kind: str, options: dict[str, object]) -> None:
    path = saved(tmp_path / name, WIDE, **options)
    assert picture_info(path, name, 4096).content_type == kind
    assert off_by(path, WIDE) < 4


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff", "avif"])
def test_the_size_and_the_picture_are_upright(tmp_path: Path, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = TURN_RIGHT
    path = saved(tmp_path / f"a.{ending}", STORED, exif=exif)
    info = picture_info(path, path.name, 4096)
    assert (info.width, info.height) == (300, 200)
    assert off_by(path, WIDE) < 4


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "avif"])
def test_of_an_animation_the_first_picture_is_used(tmp_path: Path, ending: str) -> None:
    others = [Image.fromarray(np.full_like(WIDE, level)) for level in (10, 200)]
    path = saved(tmp_path / f"a.{ending}", WIDE, save_all=True, append_images=others, duration=40)
    assert picture_info(path, path.name, 4096).animated
    assert off_by(path, WIDE) < 4


def test_depth_ink_and_transparency(tmp_path: Path) -> None:
    grey = WIDE[:, :, 0]
    deep = saved(tmp_path / "deep.png", grey.astype(np.uint16) * 257)
    assert off_by(deep, np.repeat(grey[:, :, None], 3, 2)) < 1
    Image.fromarray(WIDE).convert("CMYK").save(tmp_path / "ink.jpg", quality=95)
    assert off_by(tmp_path / "ink.jpg", WIDE) < 4
    clear = saved(tmp_path / "clear.png", np.dstack([WIDE, np.zeros(WIDE.shape[:2], np.uint8)]))
    assert off_by(clear, np.full_like(WIDE, 255)) == 0
    flat = saved(tmp_path / "clear.webp", np.dstack([WIDE, np.zeros(WIDE.shape[:2], np.uint8)]))
    assert off_by(flat, np.full_like(WIDE, 255)) == 0


def test_a_colour_profile_is_applied_and_a_broken_one_is_not(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert off_by(saved(tmp_path / "a.png", WIDE, icc_profile=lab), WIDE) < 2
    assert off_by(saved(tmp_path / "b.png", WIDE, icc_profile=b"nonsense" * 20), WIDE) < 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_with_texts(2, 60_000_000), "media-too-heavy"),
        (png_with_texts(100, 900_000), "media-too-heavy"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100_000), "corrupt-media"),
        (wide_png(5000), "too-big-picture"),
        (wide_png(600)[:-200], "corrupt-media"),
        (heic(WIDE, 128)[:-400], "corrupt-media"),
        (b"", "empty-file"),
        (b"words " * 99, "unsupported-media"),
        (b"8BPS" + bytes(99), "foreign-format"),
    ],
)
def test_harmful_and_broken_pictures_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(HuashengError) as e:
        picture_info(path, "a.png", 4096)
    assert e.value.slug == reason
