import io
from pathlib import Path

import av
import numpy as np
import pytest

from services.common import audio
from services.common.errors import HuashengError
from services.tts.loudness import loudness_lufs


def tone(seconds: float, rate: int, level: float = 0.3) -> audio.Samples:
    return (level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def encoded(form: str, codec: str, rate: int, seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate)[None], format="flt", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [("wav", "pcm_s16le", 8000), ("flac", "flac", 44100), ("mp3", "libmp3lame", 48000), ("ogg", "libopus", 48000)],
)
def test_decodes_and_resamples(form: str, codec: str, rate: int) -> None:
    x = audio.decode(encoded(form, codec, rate), 16000)
    assert x.dtype == np.float32
    assert x.ndim == 1
    assert abs(x.size / 16000 - 1) < 0.12
    spectrum = np.abs(np.fft.rfft(x[: x.size // 2 * 2]))
    assert abs(np.argmax(spectrum) * 16000 / x.size - 440) < 5


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty-file"), (b"just words, no media\n" * 40, "unsupported-media"), (b"\0" * 4096, "unsupported-media")],
)
def test_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(HuashengError) as e:
        audio.decode(data, 16000)
    assert e.value.slug == reason


def test_zero_seconds_of_audio_is_refused() -> None:
    with pytest.raises(HuashengError) as e:
        audio.decode(audio.wav_bytes(np.zeros(0, np.float32), 16000), 16000)
    assert e.value.slug in ("corrupt-media", "unsupported-media")


def test_a_video_without_sound_has_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for packet in (
            *stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))),
            *stream.encode(None),
        ):
            container.mux(packet)
    with pytest.raises(HuashengError) as e:
        audio.decode(path, 16000)
    assert e.value.slug == "no-audio"


def test_length_is_limited_while_decoding() -> None:
    with pytest.raises(HuashengError) as e:
        audio.decode(audio.wav_bytes(tone(30, 8000), 8000), 8000, limit_s=5)
    assert e.value.slug == "too-long"
    assert e.value.params["seconds"] == "30"


def test_silence_is_told_from_quiet_speech() -> None:
    audio.require_sound(tone(1, 16000, 0.01), 16000)
    with pytest.raises(HuashengError):
        audio.require_sound(np.zeros(16000, np.float32), 16000)


def test_pcm16_round_trip_and_clipping() -> None:
    x = tone(0.1, 16000)
    assert np.abs(audio.from_pcm16(audio.to_pcm16(x)) - x).max() < 1e-4
    assert audio.from_pcm16(audio.to_pcm16(np.array([3, -3], np.float32))) == pytest.approx([1, -1], abs=1e-4)


def test_loudness_of_a_known_tone() -> None:
    # BS.1770: a 0 dBFS 997 Hz sine in one channel reads -3.01 LKFS
    t = np.arange(5 * 48000) / 48000
    assert loudness_lufs(np.sin(2 * np.pi * 997 * t).astype(np.float32), 48000) == pytest.approx(-3.01, abs=0.1)
