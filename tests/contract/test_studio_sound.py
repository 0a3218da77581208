"""The sound of a whole video, measured on what was written; loudness also by another program than the mixer's own."""

from __future__ import annotations

import io
import tracemalloc
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
from scipy.signal import resample_poly

from services.common.audio import decode, to_pcm16
from services.common.errors import HuashengError
from services.gateway.studio.music import looped
from services.gateway.studio.sound import MOST_GAIN_DB, Around, Bed, mix
from tests.fakes.talk import GAP_S, SPAN_S, talk, write_pcm

DATA = Path(__file__).resolve().parents[3] / "shared/data"
RATE = 24000
Floats = npt.NDArray[np.float64]


def read(path: Path) -> tuple[Floats, int]:
    """Samples (n, channels) of a WAV, and its rate."""
    with wave.open(str(path)) as w:
        x = np.frombuffer(w.readframes(w.getnframes()), "<i2").reshape(-1, w.getnchannels())
        return x / 32768, w.getframerate()


def write_wav(path: Path, x: Floats, rate: int = 48000) -> Path:
    """``x``: (n,) or (n, channels)."""
    x = x[:, None] if x.ndim == 1 else x
    with wave.open(str(path), "wb") as w:
        w.setnchannels(x.shape[1])
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(to_pcm16(x.astype(np.float32).ravel()))
    return path


def lufs(path: Path) -> float:
    x, rate = read(path)
    return float(pyloudnorm.Meter(rate).integrated_loudness(x))


def peak_db(path: Path) -> float:
    x, _ = read(path)
    return float(20 * np.log10(np.abs(resample_poly(x, 8, 1)).max()))


def music(path: Path, seconds: float = 5.0, channels: int = 2) -> Path:
    """A chord that goes on steadily."""
    t = np.arange(round(seconds * 48000)) / 48000
    x = sum(np.sin(2 * np.pi * f * t) for f in (900.0, 1125.0, 1350.0)) * 0.1
    return write_wav(path, np.stack([x, 0.7 * x][:channels], 1))


SPEECH = {
    "talk": (talk(8), RATE),
    "quiet talk": (talk(8, level=0.02), RATE),
    "full scale": (talk(8, level=1.0), RATE),
    "16 kHz": (talk(6, rate=16000), 16000),
    "44.1 kHz": (talk(6, rate=44100), 44100),
    "clipped": (np.clip(talk(6, level=6.0), -1, 1), RATE),
    "short": (talk(1.0), RATE),
}
REAL = ("zh_news_8s.wav", "en_radio_8s.wav", "zh_joygen_xinwen_10s.mp3", "zh_cosyvoice_prompt_3s5.wav")


@pytest.mark.parametrize("wanted", [-16.0, -14.0, -23.0])
@pytest.mark.parametrize("name", SPEECH)
def test_loudness_and_peaks_are_as_asked_for(name: str, wanted: float, tmp_path: Path) -> None:
    x, rate = SPEECH[name]
    made = mix(write_pcm(tmp_path / "s.pcm", x), rate, tmp_path / "o.wav", loudness_lufs=wanted)
    assert lufs(tmp_path / "o.wav") == pytest.approx(wanted, abs=0.5)
    assert peak_db(tmp_path / "o.wav") <= -0.95  # of the test's own measurement, which is finer
    assert (made.rate_hz, made.channels) == (48000, 1)
    assert made.loudness_lufs == pytest.approx(lufs(tmp_path / "o.wav"), abs=0.2)
    assert made.peak_dbtp is not None and made.peak_dbtp <= -1.0
    assert made.seconds == pytest.approx(x.size / rate, abs=1e-4)
    assert read(tmp_path / "o.wav")[0].shape[0] == round(x.size * 48000 / rate)


@pytest.mark.parametrize("with_music", [False, True])
@pytest.mark.parametrize("name", REAL)
def test_loudness_of_real_speech(name: str, with_music: bool, tmp_path: Path) -> None:
    if not (DATA / "audio" / name).exists():
        pytest.skip("no recordings of real speech here")
    bed = Bed(music(tmp_path / "m.wav"), "m", -20, 12, 1, 1) if with_music else None
    pcm = write_pcm(tmp_path / "s.pcm", decode(DATA / "audio" / name, RATE))
    for wanted in (-16.0, -14.0):
        mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=wanted, bed=bed)
        assert lufs(tmp_path / "o.wav") == pytest.approx(wanted, abs=0.5)
        assert peak_db(tmp_path / "o.wav") <= -0.95


def test_as_spoken_alone_keeps_every_sample(tmp_path: Path) -> None:
    x = talk(3, level=1.0)
    made = mix(write_pcm(tmp_path / "s.pcm", x), RATE, tmp_path / "o.wav", loudness_lufs=None)
    with wave.open(str(tmp_path / "o.wav")) as w:
        assert (w.getframerate(), w.getnchannels()) == (RATE, 1)
        assert w.readframes(w.getnframes()) == to_pcm16(x)
    assert made.rate_hz == RATE and made.loudness_lufs is not None


def test_as_spoken_with_music_keeps_the_level_of_the_speech(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", talk(6))
    mix(pcm, RATE, tmp_path / "a.wav", loudness_lufs=None)
    bed = Bed(music(tmp_path / "m.wav", channels=1), "m", -30, 12, 0, 0)
    made = mix(pcm, RATE, tmp_path / "b.wav", loudness_lufs=None, bed=bed)
    assert made.channels == 1
    assert lufs(tmp_path / "b.wav") == pytest.approx(lufs(tmp_path / "a.wav"), abs=0.3)


@pytest.mark.parametrize("wanted", [-16.0, None])
def test_silence_is_not_raised(wanted: float | None, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-4, 5 * RATE).astype(np.float32)
    pcm = write_pcm(tmp_path / "s.pcm", noise)
    mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=wanted)
    assert np.abs(read(tmp_path / "o.wav")[0]).max() < 1e-3
    bed = Bed(music(tmp_path / "m.wav"), "m", -20, 12, 0, 0)
    made = mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=wanted, bed=bed)
    assert made.loudness_lufs == pytest.approx(-36, abs=1)
    empty = mix(write_pcm(tmp_path / "e.pcm", noise[:0]), RATE, tmp_path / "o.wav", loudness_lufs=wanted)
    assert empty.seconds == 0 and empty.loudness_lufs is None


def test_speech_that_hardly_is_there_is_raised_so_far_and_no_further(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", talk(6, level=0.008))
    before = mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=None).loudness_lufs
    after = mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-10.0).loudness_lufs
    assert before is not None and after is not None and before < -40
    assert after - before == pytest.approx(MOST_GAIN_DB, abs=0.5)


def band(x: Floats, start_s: float, end_s: float) -> float:
    """Level in dB of the music's own tones, which the speech does not have."""
    part = x[round(start_s * 48000) : round(end_s * 48000)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size)))
    bins = np.fft.rfftfreq(part.size, 1 / 48000)
    found = [spectrum[np.abs(bins - f) < 6].max() for f in (900.0, 1125.0, 1350.0)]
    return float(20 * np.log10(np.sqrt(np.mean(np.square(found))) / part.size))


def speech_without_the_tones(seconds: float) -> npt.NDArray[np.float32]:
    x = talk(seconds, rate=48000)
    spectrum, bins = np.fft.rfft(x), np.fft.rfftfreq(x.size, 1 / 48000)
    spectrum[(bins > 800) & (bins < 1450)] = 0
    return np.fft.irfft(spectrum, x.size).astype(np.float32)


@pytest.mark.parametrize(("level_db", "duck_db"), [(-20.0, 12.0), (-10.0, 20.0), (-20.0, 0.0)])
def test_music_is_as_loud_as_asked_and_ducks_as_deep(level_db: float, duck_db: float, tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", speech_without_the_tones(12))
    bed = Bed(music(tmp_path / "m.wav", 30, channels=1), "m", level_db, duck_db, 0, 0)
    mix(pcm, 48000, tmp_path / "o.wav", loudness_lufs=-20, bed=bed)
    x = read(tmp_path / "o.wav")[0][:, 0]
    period = SPAN_S + GAP_S
    under = [band(x, k * period + 0.2, k * period + SPAN_S - 0.1) for k in range(1, 4)]
    between = [band(x, k * period + SPAN_S + 0.95, (k + 1) * period - 0.2) for k in range(3)]
    assert np.mean(between) - np.mean(under) == pytest.approx(duck_db, abs=0.7)
    # down when the speech begins, not after it
    assert band(x, period - 0.02, period + 0.08) == pytest.approx(np.mean(under), abs=2.5)
    alone = x[round((SPAN_S + 0.95) * 48000) : round((period - 0.2) * 48000)]
    assert pyloudnorm.Meter(48000, block_size=0.2).integrated_loudness(alone[:, None]) == pytest.approx(
        -20 + level_db,
        abs=1.5,  # what is heard between the words counts in the loudness of the whole
    )


def test_music_fades_and_ends_with_the_speech(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", np.zeros(10 * RATE, np.float32))
    bed = Bed(music(tmp_path / "m.wav", 20), "m", -10, 12, 2, 4)
    mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-16, bed=bed)
    x = read(tmp_path / "o.wav")[0]
    assert x.shape == (480000, 2)
    level = np.sqrt(np.square(x).reshape(100, -1, 2).mean((1, 2)))  # of every 0.1 s
    assert level[0] < 0.1 * level[40] and level[99] < 0.1 * level[40]
    assert np.all(np.diff(level[:18]) > 0) and np.all(np.diff(level[62:]) < 0)
    assert level[40] / level[10] == pytest.approx(np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 3.3])
def test_music_repeats_without_a_click_and_without_a_hole(seconds: float, tmp_path: Path) -> None:
    music(tmp_path / "m.wav", seconds)
    out: list[npt.NDArray[np.float32]] = []
    pieces: Iterator[npt.NDArray[np.float32]] = looped(tmp_path / "m.wav", "m", 48000, 2)
    while sum(p.shape[1] for p in out) < 48000 * 10:
        out.append(next(pieces))
    x = np.concatenate(out, 1)[0].astype(float)
    within = np.concatenate([out[0]], 1)[0, : round(0.2 * 48000)].astype(float)
    # a click is a jump: the second difference of the signal itself is the measure, at most 3 dB more where two cross
    assert np.abs(np.diff(x, 2)).max() < 1.5 * np.abs(np.diff(within, 2)).max()
    level = np.sqrt(np.square(x[: x.size // 4800 * 4800]).reshape(-1, 4800).mean(1))
    assert level.min() > 0.1 * np.median(level)


def test_music_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", talk(2))
    for name, content, slug in (("text", b"not music " * 50, "unsupported-media"), ("empty", b"", "empty-file")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(HuashengError) as caught:
            mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-16, bed=Bed(tmp_path / name, "m.mp3", -20, 12, 0, 0))
        assert caught.value.slug == slug and caught.value.params["name"] == "m.mp3"


def test_intro_and_outro_have_the_same_loudness_and_exact_places(tmp_path: Path) -> None:
    t = np.arange(48000 * 3) / 48000
    intro = write_wav(tmp_path / "i.wav", np.stack([0.01 * np.sin(2 * np.pi * 500 * t)] * 2, 1))
    pcm = write_pcm(tmp_path / "s.pcm", talk(6))
    around = {"intro": Around(intro, 3.0), "outro": Around(None, 1.5)}
    made = mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-16, **around)
    x, rate = read(tmp_path / "o.wav")
    assert (made.channels, x.shape) == (2, (round(10.5 * 48000), 2))
    parts = {"intro": x[: 3 * rate], "speech": x[3 * rate : 9 * rate]}
    for part in parts.values():
        assert pyloudnorm.Meter(rate).integrated_loudness(part) == pytest.approx(-16, abs=0.7)
    assert not x[9 * rate :].any()
    assert abs(x[0]).max() < 1e-3 and abs(x[3 * rate - 1]).max() < 1e-3


def test_cancelling_ends_it_at_once(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "s.pcm", talk(30))
    asked = iter([False] * 5)
    with pytest.raises(HuashengError) as caught:
        mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-16, cancelled=lambda: next(asked, True))
    assert caught.value.slug == "cancelled"


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """Python's and numpy's own memory; ``benchmarks.studio_sound`` has the whole process for 20 minutes."""
    bed = Bed(music(tmp_path / "m.wav", 7), "m", -20, 12, 1, 2)
    most = []
    for seconds in (10, 90):
        pcm = write_pcm(tmp_path / "s.pcm", np.tile(talk(6), seconds // 6 + 1)[: seconds * RATE])
        tracemalloc.start()
        mix(pcm, RATE, tmp_path / "o.wav", loudness_lufs=-16, bed=bed)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < most[0] * 1.3 + 500_000


def test_a_decoder_hears_what_was_written(tmp_path: Path) -> None:
    mix(write_pcm(tmp_path / "s.pcm", talk(2)), RATE, tmp_path / "o.wav", loudness_lufs=-16)
    with av.open(io.BytesIO((tmp_path / "o.wav").read_bytes())) as container:
        assert sum(f.samples for f in container.decode(audio=0)) == 96000
