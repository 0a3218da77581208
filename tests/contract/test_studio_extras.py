"""Intro and outro films, converted and decoded again."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from services.common.errors import HuashengError
from services.gateway.studio.extras import Extra, convert, options_like
from services.gateway.turn.joining import Joiner
from services.render.media.write import EncoderOptions
from tests.fakes import odd_media
from tests.fakes.films import decoded, drawn_piece
from tests.fakes.talk import talk

SIZE = (144, 256)
DATA = Path(__file__).resolve().parents[3] / "shared/data/clips"


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    return drawn_piece(tmp_path / "piece.mp4", SIZE, 25, EncoderOptions())


def converted(film: bytes, tmp_path: Path, piece: Path, fps: float = 25) -> Extra:
    (tmp_path / "film").write_bytes(film)
    return convert(tmp_path / "film", "intro.mp4", tmp_path, SIZE, fps, piece)


def greys(extra: Extra) -> list[int]:
    """The grey in the middle of each picture, as ``odd_media.film`` numbers them."""
    return [round(float(f.to_ndarray(format="gray")[96:160, 40:100].mean())) for f in decoded(extra.pictures)]


def reason(film: bytes, tmp_path: Path, piece: Path) -> HuashengError:
    with pytest.raises(HuashengError) as caught:
        converted(film, tmp_path, piece)
    assert caught.value.params.get("name") == "intro.mp4"
    return caught.value


@pytest.mark.parametrize("fps", [25.0, 30.0, 12.5, 30000 / 1001])
def test_size_rate_keys_and_length_are_those_of_the_video(fps: float, tmp_path: Path) -> None:
    piece = drawn_piece(tmp_path / "piece.mp4", SIZE, fps, EncoderOptions())
    extra = converted(odd_media.film(4.0, talk(4, 16000), size=(320, 180)), tmp_path, piece, fps)
    frames = decoded(extra.pictures)
    assert len(frames) == extra.frames == round(4 * fps)
    assert extra.seconds == pytest.approx(4, abs=0.5 / fps)
    assert all((f.width, f.height) == SIZE for f in frames)
    assert [f.pts * f.time_base * Fraction(fps).limit_denominator(1001) for f in frames] == list(range(len(frames)))
    with av.open(str(extra.pictures)) as made, av.open(str(piece)) as drawn:
        streams = made.streams.video[0], drawn.streams.video[0]
        assert streams[0].codec_context.extradata == streams[1].codec_context.extradata
        keys = [i for i, packet in enumerate(p for p in made.demux(streams[0]) if p.size) if packet.is_keyframe]
    assert keys[0] == 0 and np.diff(keys).max() <= round(2 * fps)
    assert {f.pict_type for f in frames} <= {PictureType.I, PictureType.P}


def test_pictures_stand_at_their_nearest_times(tmp_path: Path) -> None:
    piece = drawn_piece(tmp_path / "piece.mp4", SIZE, 50, EncoderOptions())
    twice = greys(converted(odd_media.film(2.0), tmp_path, piece, 50))
    assert np.abs(np.array(twice) - (40 + np.arange(100) / 2)).max() <= 2
    half = drawn_piece(tmp_path / "half.mp4", SIZE, 12.5, EncoderOptions())
    assert (
        np.abs(np.array(greys(converted(odd_media.film(2.0), tmp_path, half, 12.5))) - (40 + np.arange(25) * 2)).max()
        <= 3
    )


def test_what_begins_late_shows_its_first_picture_from_the_start(tmp_path: Path, piece: Path) -> None:
    extra = converted(odd_media.film(2.0, talk(3, 16000), late_s=1.0), tmp_path, piece)
    seen = greys(extra)
    assert len(seen) == 75
    assert np.abs(np.array(seen[:25]) - seen[0]).max() <= 1 and seen[-1] == pytest.approx(89, abs=2)


def test_another_form_gets_black_bars_and_keeps_its_own(tmp_path: Path, piece: Path) -> None:
    extra = converted(odd_media.film(0.4, size=(320, 180)), tmp_path, piece)  # 144 x 80 or 82 in the middle
    y = decoded(extra.pictures)[0].to_ndarray()[:256]
    assert y[:80].max() <= 18 and y[176:].max() <= 18
    assert y[92:164].min() > 40
    tall = converted(odd_media.film(0.4, size=(64, 256)), tmp_path, piece)
    y = decoded(tall.pictures)[0].to_ndarray()[:256]
    assert y[:, :36].max() <= 18 and y[:, 44:100].min() > 40 and y[:, 108:].max() <= 18


def test_pixels_that_are_not_square(tmp_path: Path, piece: Path) -> None:
    extra = converted(odd_media.film(0.4, size=(72, 256), aspect=Fraction(2, 1)), tmp_path, piece)
    y = decoded(extra.pictures)[0].to_ndarray()[:256]
    assert y.min() > 40  # as wide as the video


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_film_on_its_side_is_turned(rotation: int, tmp_path: Path, piece: Path) -> None:
    corner = np.zeros((128, 128, 3), np.uint8)
    corner[:64, :64] = 255  # top left
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 128
        stream.pix_fmt = "yuv420p"
        stream.set_display_rotation(rotation)
        for i in range(5):
            frame = av.VideoFrame.from_ndarray(corner, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    y = decoded(converted(out.getvalue(), tmp_path, piece).pictures)[0].to_ndarray()[56:200, :144]
    wanted = np.rot90(corner[..., 0], rotation // 90)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        seen = y[20 + 72 * row : 52 + 72 * row, 20 + 72 * column : 52 + 72 * column].mean()
        assert (seen > 128) == (wanted[32 + 64 * row, 32 + 64 * column] > 128)


def test_sound_is_as_long_as_the_pictures_and_in_step(tmp_path: Path, piece: Path) -> None:
    tone = np.zeros(3 * 16000, np.float32)
    tone[16000:16400] = 0.8 * np.sin(np.arange(400))
    extra = converted(odd_media.film(2.0, tone, size=(320, 180)), tmp_path, piece)
    assert extra.sound is not None
    with wave.open(str(extra.sound)) as w:
        assert (w.getframerate(), w.getnchannels(), w.getnframes()) == (48000, 1, 96000)
        x = np.frombuffer(w.readframes(96000), "<i2").astype(float)
    assert np.argmax(np.abs(x) > 8000) == pytest.approx(48000, abs=480)
    assert converted(odd_media.film(0.4), tmp_path, piece).sound is None


@pytest.mark.parametrize(
    ("form", "codec", "sound"),
    [("webm", "libvpx", "libopus"), ("avi", "mjpeg", "mp3"), ("mov", "mpeg4", "aac"), ("mpegts", "mpeg2video", "mp2")],
)
def test_other_containers(form: str, codec: str, sound: str, tmp_path: Path, piece: Path) -> None:
    speech = None if sound == "libopus" else talk(1, 16000)
    extra = converted(odd_media.film(1.0, speech, form=form, codec=codec, sound_codec=sound), tmp_path, piece)
    assert extra.frames == pytest.approx(25, abs=1)
    seen = np.array(greys(extra))[:24]
    assert np.abs(seen - (40 + np.arange(seen.size))).max() <= 4


@pytest.mark.parametrize(
    "options", [EncoderOptions(), EncoderOptions("veryfast", 14), EncoderOptions(crf=26), EncoderOptions("medium", 31)]
)
def test_settings_are_found_in_a_drawn_piece_so_that_the_joiner_takes_both(
    options: EncoderOptions, tmp_path: Path
) -> None:
    piece = drawn_piece(tmp_path / "piece.mp4", SIZE, 25, options)
    assert options_like(piece, SIZE, 25).crf == options.crf
    extra = converted(odd_media.film(1.0), tmp_path, piece)
    joiner = Joiner(piece, 25, 48000)
    data = joiner.head
    for part in (extra.pictures, piece):
        data += b"".join(d for d, _ in joiner.add(part, np.zeros(96000, np.int16)))
    data += b"".join(d for d, _ in joiner.finish())
    (tmp_path / "whole.mp4").write_bytes(data)
    seen = [float(f.to_ndarray(format="gray")[128, 72]) for f in decoded(tmp_path / "whole.mp4")]
    assert len(seen) == 29
    assert np.abs(np.array(seen) - [*(40 + np.arange(25)), *(40 + np.arange(4))]).max() <= 4


def test_a_piece_of_another_encoder_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.mp4").write_bytes(odd_media.film(0.4, size=SIZE))
    with pytest.raises(HuashengError) as caught:
        options_like(tmp_path / "odd.mp4", (SIZE[0], SIZE[1] + 2), 25)
    assert caught.value.slug == "engine-failed"


def test_what_cannot_be_an_intro_is_refused(tmp_path: Path, piece: Path) -> None:
    film = odd_media.film(3.0, talk(3, 16000), size=(320, 180))
    too_long = reason(odd_media.film(62.0, size=(32, 32)), tmp_path, piece)
    assert (too_long.slug, too_long.params["limit"]) == ("too-long", "60")
    assert (
        reason(odd_media.film(61.0, form="mpegts", codec="mpeg2video", size=(32, 32)), tmp_path, piece).slug
        == "too-long"
    )
    recording = reason(odd_media.sound(talk(2, 16000)), tmp_path, piece)
    assert recording.slug == "wrong-kind" and "录音" in recording.text("detail", "zh")
    assert reason(b"", tmp_path, piece).slug == "empty-file"
    assert reason(b"no film" * 100, tmp_path, piece).slug == "unsupported-media"
    assert reason(film[: len(film) // 2], tmp_path, piece).slug == "corrupt-media"


def test_broken_pictures_are_refused_within_reason(tmp_path: Path, piece: Path) -> None:
    film = bytearray(odd_media.film(3.0, form="mpegts", codec="mpeg2video", size=(320, 180)))
    rng = np.random.default_rng(0)
    for at in rng.integers(2000, len(film), len(film) // 12):
        film[at] = rng.integers(256)
    assert reason(bytes(film), tmp_path, piece).slug == "corrupt-media"


def test_cancelling(tmp_path: Path, piece: Path) -> None:
    (tmp_path / "film").write_bytes(odd_media.film(3.0))
    asked = iter([False] * 10)
    with pytest.raises(HuashengError) as caught:
        convert(tmp_path / "film", "x", tmp_path, SIZE, 25, piece, lambda: next(asked, True))
    assert caught.value.slug == "cancelled"


@pytest.mark.parametrize("name", ["retalking_face1_vfr_threequarter.mp4", "latentsync_demo1_1080x1920_hevc.mp4"])
def test_real_clips(name: str, tmp_path: Path, piece: Path) -> None:
    if not (DATA / name).exists():
        pytest.skip("no clips of real people beside the checkout")
    extra = convert(DATA / name, name, tmp_path, SIZE, 25, piece)
    with av.open(str(DATA / name)) as container:
        assert extra.seconds == pytest.approx((container.duration or 0) / 1e6, abs=0.05)
    assert len(decoded(extra.pictures)) == extra.frames
