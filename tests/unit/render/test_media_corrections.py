"""What cameras and editors leave to the player: HDR, flips, fields, see-through parts."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph
from av.video.reformatter import Colorspace, Interpolation

from services.render.media.read import probe, read_frames
from tests.fakes import clips

PATCHES = {"white": (235, 235, 235), "skin": (120, 150, 205), "red": (40, 40, 200), "sky": (210, 160, 90)}
"""BGR of the film's quarters as an HLG camera codes them; PQ codes such light lower, see ``DIMMER``."""
CORNERS = ((32, 40), (32, 120), (96, 40), (96, 120))
"""Middles (y, x) of the quarters."""
DIMMER = {16: 0.55, 18: 1.0, 1: 1.0}
# what ffmpeg -vf "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,
# zscale=t=bt709:m=bt709:r=tv,format=yuv420p" makes of them (FFmpeg 5.1.9 with zimg 3.0.4; without tonemap for SDR)
BY_FFMPEG = {
    18: [(239, 239, 239), (80, 96, 226), (0, 0, 224), (217, 132, 0)],
    16: [(156, 156, 156), (43, 57, 143), (0, 0, 142), (132, 80, 0)],
    1: [(235, 235, 235), (113, 139, 233), (19, 0, 244), (215, 163, 0)],
}


def hdr_film(path: Path, transfer: int) -> Path:
    """Four patches in 10 bit, BT.2020, with the transfer function's tag."""
    picture = np.zeros((128, 160, 3), np.uint8)
    for (y, x), colour in zip(CORNERS, PATCHES.values(), strict=True):
        picture[y - 32 : y + 32, x - 40 : x + 40] = np.array(colour) * DIMMER[transfer]
    with av.open(str(path), "w") as container:
        options = {"crf": "8", "x265-params": "log-level=none"}
        stream = container.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p10le"
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, transfer
        stream.codec_context.colorspace, stream.codec_context.color_range = 9, 1
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(
                format="yuv420p10le", dst_colorspace=Colorspace.BT2020, interpolation=Interpolation.ACCURATE_RND
            )
            frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = 9, transfer, 9, 1
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", sorted(BY_FFMPEG))
def test_hdr_and_wide_colours_become_what_ffmpeg_makes_of_them(tmp_path: Path, transfer: int) -> None:
    picture = list(read_frames(hdr_film(tmp_path / "film.mp4", transfer)))[3][1]
    found = np.array([picture[y, x] for y, x in CORNERS], int)
    assert np.abs(found - BY_FFMPEG[transfer]).max() <= 3


def test_a_film_in_ordinary_colours_is_not_mapped(tmp_path: Path) -> None:
    picture = list(read_frames(clips.clip(tmp_path / "film.mp4", [clips.quarters(160, 128)] * 5)))[3][1]
    assert np.abs(picture[20, 20].astype(int) - clips.COLOURS["red"]).max() <= 3


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("vflip", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_every_display_matrix_is_followed(tmp_path: Path, degrees: int, hflip: bool, vflip: bool) -> None:
    stored = clips.quarters(192, 128)
    wanted = np.rot90(stored, degrees // 90)
    wanted = wanted[:, ::-1] if hflip else wanted
    wanted = wanted[::-1] if vflip else wanted
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)
        for i in range(5):
            frame = av.VideoFrame.from_ndarray(stored, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    picture = next(iter(read_frames(path)))[1]
    assert picture.shape == wanted.shape == (probe(path).height, probe(path).width, 3)
    assert np.abs(picture[8::16, 8::16].astype(int) - wanted[8::16, 8::16]).mean() < 4


def moving(count: int) -> list[np.ndarray]:
    """A textured wall that slides by 3 pixels a moment; its lines are smooth from one to the next."""
    wall = np.random.default_rng(3).integers(30, 220, (12, 60), np.uint8).repeat(24, 0).repeat(12, 1)
    return [np.repeat(wall[:192, 3 * i : 3 * i + 256, None], 3, 2) for i in range(count)]


def woven(order: str) -> list[np.ndarray]:
    """Pictures of two moments each: the first in the even lines (``tff``) or in the odd ones."""
    moments = moving(80)
    pictures = []
    for first, second in zip(moments[::2], moments[1::2], strict=True):
        picture = first.copy()
        picture[1 if order == "tff" else 0 :: 2] = second[1 if order == "tff" else 0 :: 2]
        pictures.append(picture)
    return pictures


def combs(picture: np.ndarray) -> float:
    """How much a line differs from the mean of its neighbours."""
    luma = picture[..., 1].astype(float)
    return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())


def interlaced(path: Path, order: str, flagged: bool) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 256, 192, "yuv420p"
        mark = Graph()  # x264 asks each frame which of its fields comes first
        buffer = mark.add_buffer(width=256, height=192, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, 25))
        mark.link_nodes(buffer, mark.add("setfield", order), mark.add("buffersink")).configure()
        if flagged:
            stream.options = {"crf": "12", "x264-params": "tff=1"}
        for i, picture in enumerate(woven(order)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            if flagged:
                mark.push(frame)
                frame = mark.pull()
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_become_whole_pictures(tmp_path: Path, order: str, flagged: bool) -> None:
    found = [p for _, p in read_frames(interlaced(tmp_path / "film.mp4", order, flagged))]
    whole, raw = moving(80)[::2], woven(order)
    assert len(found) == 40
    assert combs(raw[20]) > 3 * combs(whole[20])
    assert np.median([combs(p) for p in found[2:-2]]) < 1.5 * combs(whole[20])
    wrong = [np.abs(a.astype(int) - b).mean() for a, b in zip(found[2:-2], whole[2:-2], strict=True)]
    assert np.median(wrong) < 6, "each picture is of the moment of its first field"


def test_whole_pictures_stay_as_they_are(tmp_path: Path) -> None:
    path = clips.clip(tmp_path / "film.mp4", moving(40))
    with av.open(str(path)) as container:
        stored = [f.to_ndarray(format="bgr24")[..., 1] for f in container.decode(video=0)]
    found = [p[..., 1] for _, p in read_frames(path)]
    assert all(np.abs(a.astype(int) - b).max() <= 2 for a, b in zip(found, stored, strict=True))


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_see_through_film_is_on_white(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "film.webm"
    picture = np.zeros((128, 160, 4), np.uint8)
    picture[32:96, 40:120] = (40, 40, 200, 255)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(picture, format="bgra").reformat(format="yuva420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = [p for _, p in read_frames(path)]
    assert len(found) == 10
    assert found[5][:20].min() > 250 and np.abs(found[5][64, 80].astype(int) - (40, 40, 200)).max() < 12
