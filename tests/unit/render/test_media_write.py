import io
import re
from pathlib import Path

import av
import numpy as np
import pytest

from services.render.media.read import probe, read_frames
from services.render.media.write import EncoderOptions, FragmentedMp4, to_bgr, to_yuv, write_loop
from tests.fakes.clips import COLOURS, numbered, quarters
from tests.fakes.media import tone

OPTIONS = EncoderOptions()


def stream(
    seconds: float,
    fps: float = 25,
    rate: int = 24000,
    options: EncoderOptions = OPTIONS,
    size: tuple[int, int] = (192, 128),
) -> tuple[list[bytes], list[int], FragmentedMp4]:
    """Parts of a stream with a tone in it, and the media time after each."""
    mp4 = FragmentedMp4(*size, fps, rate, options)
    parts, ends = [mp4.head()], [0]
    sound, done = tone(seconds + 1, rate), 0
    for i in range(round(seconds * fps)):
        upto = round((i + 1) * rate / fps)
        mp4.add_audio(sound[done:upto])
        done = upto
        parts.append(mp4.add_frame(quarters(*size)))
        ends.append(mp4.end_us)
    parts.append(mp4.finish())
    return parts, [*ends, mp4.end_us], mp4


def packets(data: bytes) -> tuple[list[float], list[float], float]:
    """Times of pictures, times of sound, and where sound ends, in seconds."""
    with av.open(io.BytesIO(data)) as container:
        times: dict[str, list[float]] = {"video": [], "audio": []}
        end = 0.0
        for packet in container.demux():
            if packet.pts is None:
                continue
            t = float(packet.pts * packet.time_base)
            times[packet.stream.type].append(t)
            if packet.stream.type == "audio":
                end = t + float(packet.duration * packet.time_base)
        return times["video"], times["audio"], end


@pytest.mark.parametrize("fps", [24, 25, 30])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("live", [False, True])
def test_both_tracks_start_at_zero_run_evenly_and_end_together(fps: int, rate: int, live: bool) -> None:
    parts, _, _ = stream(2, fps, rate, EncoderOptions(live=live), size=(96, 64))
    video, audio, audio_end = packets(b"".join(parts))
    assert video == pytest.approx([i / fps for i in range(2 * fps)], abs=0.001)
    assert audio[0] == pytest.approx(0, abs=0.001)
    assert audio == sorted(audio)
    assert audio_end == pytest.approx(2, abs=1 / fps)


def test_it_can_be_cut_anywhere_between_parts() -> None:
    parts, ends, _ = stream(3)
    assert parts[0][4:8] == b"ftyp"
    assert b"moov" in parts[0]
    for part in (p for p in parts[1:] if p):
        assert part[4:8] in (b"moof", b"styp")
    upto = next(i for i, e in enumerate(ends) if e >= 1_000_000)
    video, _, _ = packets(b"".join(parts[: upto + 1]))
    assert len(video) == round(ends[upto] / 1e6 * 25)


@pytest.mark.parametrize("rate", [16000, 24000, 48000])
def test_the_first_pictures_come_soon_with_sound_and_then_in_fragments_of_one_length(rate: int) -> None:
    for live, soon, step in ((True, 2, 80_000), (False, 16, 200_000)):
        parts, ends, _ = stream(3, rate=rate, options=EncoderOptions(live=live))
        assert next(i for i, e in enumerate(ends) if e) <= soon
        shown, heard, _ = packets(b"".join(parts[: soon + 1]))
        assert shown and heard, "pictures without sound: no player begins"
        handed = np.array([len(packets(b"".join(parts[:k]))[0]) for k in range(2, len(parts), 10)])
        assert set(handed % (step // 40_000)) == {0}
        assert np.diff([e for e in ends[:-1] if e]).max() <= 2 * step
        assert ends[-1] == 3_000_000


def test_a_key_frame_says_that_it_is_one() -> None:
    with av.open(io.BytesIO(b"".join(stream(2.2, options=EncoderOptions(live=True))[0]))) as container:
        keys = [i for i, p in enumerate(p for p in container.demux(video=0) if p.pts is not None) if p.is_keyframe]
    assert keys == [0, 25, 50]


def test_the_mime_type_is_that_of_the_stream() -> None:
    parts, _, mp4 = stream(0.4, size=(1920, 1080))
    assert mp4.mime_type == 'video/mp4; codecs="avc1.640028, mp4a.40.2"'
    avcc = parts[0].index(b"avcC") + 4
    assert parts[0][avcc + 1 : avcc + 4].hex() == "640028"


def test_colours_are_tagged() -> None:
    parts, _, _ = stream(0.4)
    with av.open(io.BytesIO(b"".join(parts))) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


@pytest.mark.parametrize("form", ["bgr", "yuv"])
def test_pixels_survive(tmp_path: Path, form: str) -> None:
    picture = quarters(192, 128)
    if form == "yuv":
        picture = to_yuv(picture)
        assert np.abs(to_bgr(picture).astype(int) - quarters(192, 128)).mean() < 3
    assert write_loop(tmp_path / "a.mp4", [picture] * 10, (192, 128), 25, OPTIONS) == 10
    _, read = next(read_frames(tmp_path / "a.mp4"))
    for (y, x), name in zip(((32, 48), (32, 144), (96, 48), (96, 144)), ("red", "green", "blue", "grey"), strict=True):
        assert np.abs(read[y, x].astype(int) - COLOURS[name]).max() <= 4


def test_conversion_neither_darkens_nor_tints() -> None:
    noise = np.random.default_rng(1).integers(40, 215, (64, 96, 3)).astype(np.uint8)
    picture = noise.repeat(4, 0).repeat(4, 1)  # blocks, so that coarser colour costs nothing
    bias = (to_bgr(to_yuv(picture)).astype(float) - picture)[2::4, 2::4].mean((0, 1))
    assert np.abs(bias).max() < 0.4


def test_a_loop_keeps_every_picture_and_its_order(tmp_path: Path) -> None:
    write_loop(tmp_path / "a.mp4", numbered(40), (160, 128), 30, OPTIONS)
    assert (probe(tmp_path / "a.mp4").frames, probe(tmp_path / "a.mp4").fps) == (40, 30)
    levels = [float(p.mean()) for _, p in read_frames(tmp_path / "a.mp4")]
    assert levels == pytest.approx([20 + 5 * i for i in range(40)], abs=3)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a browser shows it before all of it has come


def test_sound_is_where_it_was_put() -> None:
    rate, fps = 16000, 25  # 16 kHz is resampled to 24 kHz
    mp4 = FragmentedMp4(192, 128, fps, rate)
    sound = np.zeros(2 * rate, np.float32)
    sound[rate : rate + 1600] = tone(0.1, rate, 0.8)
    parts = [mp4.head()]
    for i in range(2 * fps):
        mp4.add_audio(sound[i * 640 : (i + 1) * 640])
        parts.append(mp4.add_frame(quarters(192, 128)))
    parts.append(mp4.finish())
    with av.open(io.BytesIO(b"".join(parts))) as container:
        heard = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    loud = np.flatnonzero(np.abs(heard) > 0.2) / 24000
    assert loud[0] == pytest.approx(1.0, abs=0.005)
    assert loud[-1] == pytest.approx(1.1, abs=0.01)


def test_an_unfinished_stream_can_be_dropped() -> None:
    mp4 = FragmentedMp4(192, 128, 25, 16000)
    mp4.add_frame(quarters(192, 128))
    mp4.close()
    mp4.close()


@pytest.mark.parametrize("height", [94, 96])
def test_planar_pictures_keep_their_lines_whatever_the_height(height: int) -> None:
    rows = np.arange(height, dtype=np.uint8)[:, None] * 2 + 30
    picture = np.concatenate([np.repeat(rows, 128, 1), np.full((height // 2, 128), 128, np.uint8)])
    mp4 = FragmentedMp4(128, height, 25, 24000, EncoderOptions(crf=12))
    data = mp4.head()
    for _ in range(3):
        mp4.add_audio(np.zeros(960, np.float32))
        data += mp4.add_frame(picture)
    data += mp4.finish()
    with av.open(io.BytesIO(data)) as container:
        shown = next(container.decode(video=0)).to_ndarray()
    assert shown.shape == picture.shape
    assert np.abs(shown[:height].astype(int) - picture[:height]).mean() < 1
    grey = (picture[:height, 0].astype(float) - 16) * 255 / 219
    assert np.abs(to_bgr(picture).mean((1, 2)) - grey.clip(0, 255)).max() < 2


@pytest.mark.parametrize(("preset", "told"), [("auto", "me=dia subme=1"), ("medium", "me=hex subme=7")])
def test_pictures_are_encoded_with_look_ahead_but_live(preset: str, told: str) -> None:
    steady = "mbtree=0 crf=16.0 qcomp=1.00 ip_ratio=1.40"
    for live, rate in ((False, "rc_lookahead=10 mbtree=1 crf=20.0"), (True, steady)):
        parts, _, _ = stream(0.48, options=EncoderOptions(preset=preset, live=live))
        settings = re.search(rb"x264 - core.*?options: ([ -~]*)", b"".join(parts))
        assert settings
        assert set(f"{told} {rate}".split()) <= set(settings[1].decode().split())
