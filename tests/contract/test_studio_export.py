"""Transparent films, decoded again: their alpha is the mask, and their colour is the person's own up to the edge."""

from __future__ import annotations

import tracemalloc
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from services.common.audio import Samples, to_pcm16
from services.common.errors import HuashengError
from services.gateway.marks.label import Labeller, find_label
from services.gateway.studio.export import export
from services.gateway.studio.straight_alpha import straight
from tests.fakes.films import Floats, decoded, mask_of, masked_film, person_of
from tests.fakes.talk import talk

SIZE = (180, 320)
FRAMES = 30
LABEL = Labeller("画声", b"secret").label("j_1")
DECODERS = {"webm": "libvpx-vp9", "mov": "prores"}


def wav(path: Path, x: Samples, rate: int = 48000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(to_pcm16(np.repeat(x, channels)))
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return masked_film(tmp_path_factory.mktemp("film") / "film.mp4", SIZE, FRAMES)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return wav(tmp_path / "s.wav", talk(FRAMES / 25, 48000))


def alpha_of(frame: av.VideoFrame) -> Floats:
    """The alpha as it was decoded, 0 to 255."""
    plane, bits = frame.planes[3], frame.format.components[3].bits
    lines = np.frombuffer(memoryview(plane), np.uint8 if bits == 8 else np.uint16).reshape(
        plane.buffer_size // plane.line_size, -1
    )
    return lines[: plane.height, : plane.width] / np.float32((2**bits - 1) / 255)


@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
@pytest.mark.parametrize("container", ["webm", "mov"])
def test_alpha_is_the_mask_and_colour_is_the_person(
    container: str, quality: str, film: Path, sound: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"o.{container}"
    assert export(film, sound, out, container, label=LABEL, quality=quality) == FRAMES
    frames = decoded(out, DECODERS[container])
    assert len(frames) == FRAMES
    off = {"draft": 2.0, "standard": 1.0, "high": 1.0}[quality]
    for i in (0, FRAMES // 2, FRAMES - 1):
        assert (frames[i].width, frames[i].height) == SIZE
        mask, alpha = mask_of(SIZE, i), alpha_of(frames[i])
        assert np.abs(alpha - mask * 255).mean() < off / 2
        assert np.percentile(np.abs(alpha - mask * 255), 99.5) < 12 * off
        assert alpha[mask == 0].mean() < 0.1 and alpha[mask == 1].mean() > 254.8
        picture = (
            frames[i].reformat(format="bgr24", src_colorspace=1, src_color_range=1, dst_color_range=2).to_ndarray()
        )
        difference = (picture.astype(float) - person_of(SIZE))[:, :176]  # swscale's last columns are not all filled
        mask = mask[:, :176]
        assert np.abs(difference[mask > 0.98]).mean() < 4 * off
        # at the edge: divided by the mask, or it would be dark. On the whole, since the encoder's noise is divided too
        edge = (mask > 0.25) & (mask < 0.75)
        assert np.abs(difference[edge].mean(0)).max() < 8 * off


@pytest.mark.parametrize(("container", "codecs"), [("webm", ("vp9", "opus")), ("mov", ("prores", "pcm_s16le"))])
@pytest.mark.parametrize(("rate", "channels"), [(48000, 1), (48000, 2), (24000, 1)])
def test_streams_sound_and_label(
    container: str, codecs: tuple[str, str], rate: int, channels: int, film: Path, tmp_path: Path
) -> None:
    x = talk(FRAMES / 25, rate, level=0.5)
    out = tmp_path / f"o.{container}"
    export(film, wav(tmp_path / "s.wav", x, rate, channels), out, container, label=LABEL)
    with av.open(str(out)) as made:
        picture, speech = made.streams.video[0], made.streams.audio[0]
        assert (picture.codec_context.name, speech.codec_context.name) == codecs
        assert picture.average_rate == 25
        assert speech.codec_context.channels == channels
        if container == "webm":
            assert picture.metadata["ALPHA_MODE"] == "1"
        heard = np.concatenate(
            [
                f.to_ndarray().reshape(-1, channels) if not f.format.is_planar else f.to_ndarray().T
                for f in made.decode(speech)
            ]
        )
        y = heard[:, 0].astype(float) / (32768 if heard.dtype == np.int16 else 1)
        assert y.size / speech.codec_context.sample_rate == pytest.approx(FRAMES / 25, abs=0.03)
    if container == "mov":
        assert np.array_equal((y * 32768).astype(np.int16), np.frombuffer(to_pcm16(x), np.int16))
    found = find_label(out, "video")
    assert found is not None and found.produce_id == "j_1"
    assert Labeller("画声", b"secret").is_ours(found)


def test_sound_that_ends_early_is_silence_and_what_is_longer_is_left_out(film: Path, tmp_path: Path) -> None:
    for seconds in (0.4, 3.0):
        out = tmp_path / "o.mov"
        export(film, wav(tmp_path / "s.wav", talk(seconds, 48000)), out, "mov", label=LABEL)
        with av.open(str(out)) as made:
            assert sum(f.samples for f in made.decode(audio=0)) == round(FRAMES / 25 * 48000)


def test_planes_are_divided_exactly() -> None:
    frame = av.VideoFrame(4, 8, "yuv420p")
    alpha = np.array([[255, 128, 64, 0]] * 4)
    person = 16 + (180 - 16) * alpha / 255
    y = np.vstack([person, 16 + alpha * 219 / 255]).round().astype(np.uint8)
    values = (y, np.full((4, 2), 128), np.full((4, 2), 128))
    for plane, content in zip(frame.planes, values, strict=True):
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        lines[: plane.height, : plane.width] = content
    out = straight(frame)
    assert (out.format.name, out.width, out.height) == ("yuva420p", 4, 4)
    planes = [
        np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height, : p.width] for p in out.planes
    ]
    assert np.abs(planes[3].astype(int) - alpha).max() <= 1
    assert np.abs(planes[0][:, :3].astype(int) - 180).max() <= 2
    assert (planes[0][:, 3] == 16).all() and (planes[1] == 128).all()


def test_progress_goes_up_to_one(film: Path, sound: Path, tmp_path: Path) -> None:
    told: list[float] = []
    export(film, sound, tmp_path / "o.webm", "webm", label=LABEL, progress=told.append)
    assert told == sorted(told) and told[-1] == 1 and len(told) > 10


def test_cancelling_leaves_nothing(film: Path, sound: Path, tmp_path: Path) -> None:
    asked = iter([False] * 5)
    with pytest.raises(HuashengError) as caught:
        export(film, sound, tmp_path / "o.mov", "mov", label=LABEL, cancelled=lambda: next(asked, True))
    assert caught.value.slug == "cancelled" and not (tmp_path / "o.mov").exists()


def test_a_broken_film_is_told_and_leaves_nothing(film: Path, sound: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    with pytest.raises(HuashengError) as caught:
        export(tmp_path / "broken.mp4", sound, tmp_path / "o.webm", "webm", label=LABEL)
    assert caught.value.slug == "corrupt-media" and not (tmp_path / "o.webm").exists()


def test_memory_does_not_grow_with_the_length(sound: Path, tmp_path: Path) -> None:
    most = []
    for frames in (20, 120):
        long = masked_film(tmp_path / "f.mp4", (96, 128), frames)
        tracemalloc.start()
        export(long, sound, tmp_path / "o.mov", "mov", label=LABEL)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < most[0] * 1.3 + 200_000
