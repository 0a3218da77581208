"""Kinds that cannot be used are called by their name."""

import io
import zipfile

import pytest

from services.common.errors import HuashengError
from services.common.media.containers import opened
from services.common.media.file_types import foreign_type, picture_type


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(name, b"x" * 100)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x02#!SILK_V3" + bytes(range(200)), "SILK"),
        (b"#!SILK_V3" + bytes(200), "SILK"),
        (b"%PDF-1.7\n" + bytes(99), "PDF"),
        (zipped("[Content_Types].xml"), "Office"),
        (zipped("talk.mp4"), "ZIP"),
        (b"Rar!\x1a\x07\x01\0" + bytes(99), "RAR"),
        (b"MThd\0\0\0\x06" + bytes(99), "MIDI"),
        (b"8BPS\0\1" + bytes(99), "Photoshop"),
        (b"CTENFDAM" + bytes(99), "NetEase"),
        (b"\xff\x0a" + bytes(99), "JPEG XL"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "raw photo"),
        (b"<!DOCTYPE html><html>" + bytes(99), "web page"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://x/1.ts\n", "playlist"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nx", "subtitles"),
    ],
)
def test_a_foreign_kind_has_a_name_and_a_way_out(data: bytes, word: str) -> None:
    with pytest.raises(HuashengError) as e, opened(data, "x.bin"):
        pass
    assert e.value.slug == "foreign-format"
    assert word in e.value.text("detail", "en")
    for lang in ("en", "zh"):
        assert len(e.value.text("hint", lang)) > 10
        assert "?" not in e.value.text("detail", lang) + e.value.text("hint", lang)
    assert not e.value.text("hint", "zh").isascii()


@pytest.mark.parametrize("data", [bytes(5000), b"only words\n" * 99, b"\x01\x02\x03" * 999])
def test_what_is_not_known_is_called_that(data: bytes) -> None:
    assert foreign_type(data) is None and picture_type(data) is None
    with pytest.raises(HuashengError) as e, opened(data, "x"):
        pass
    assert e.value.slug == "unsupported-media"


@pytest.mark.parametrize(
    "data",
    [b"\0\0\0\x18ftypmp42" + bytes(99), b"RIFF\x10\0\0\0AVI " + bytes(99), b"\x1aE\xdf\xa3" + bytes(9)],
)
def test_the_start_of_a_film_or_recording_alone_is_damaged(data: bytes) -> None:
    with pytest.raises(HuashengError) as e, opened(data, "x") as container:
        next(container.decode(audio=0))
    assert e.value.slug == "corrupt-media"
