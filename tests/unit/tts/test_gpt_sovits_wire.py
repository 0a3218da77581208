"""Bytes of GPT-SoVITS to samples, and failures dressed as success."""

import numpy as np
import pytest

from services.tts.engines.gpt_sovits.failures import Failure
from services.tts.engines.gpt_sovits.wire import Decoder
from tests.fakes.gpt_sovits_server import FAILED, packed, tone, wav

RATES = frozenset({24000, 32000, 48000})


def decoded(data: bytes, media: str = "wav", streamed: bool = True, step: int = 777, to: int = 32000) -> np.ndarray:
    decoder = Decoder(media, streamed, frozenset({32000}) if media == "raw" else RATES, to)
    parts = [decoder.feed(data[i : i + step]) for i in range(0, len(data), step)]
    return np.concatenate([*parts, decoder.finish()])


@pytest.mark.parametrize("step", [1, 43, 44, 45, 777, 10**9])
@pytest.mark.parametrize("media", ["wav", "raw"])
def test_no_sample_is_lost_wherever_the_bytes_are_cut(media: str, step: int) -> None:
    x = tone("Hello there", 32000, 1, 0.3)[:4000]
    data = wav(x, 32000, endless=True) if media == "wav" else x.tobytes()
    assert np.array_equal(decoded(data, media, step=step), x.astype(np.float32) / 32768)


@pytest.mark.parametrize("rate", [24000, 32000, 48000])
@pytest.mark.parametrize("to", [24000, 32000, 48000])
def test_rates_are_told_and_changed_once(rate: int, to: int) -> None:
    x = tone("Hello there", rate, 1, 0.3)
    y = decoded(wav(x, rate), to=to)
    assert abs(y.size - x.size * to / rate) < 3
    level = [float(np.sqrt((z.astype(np.float64) ** 2).mean())) for z in (x / 32768, y)]
    assert level[1] == pytest.approx(level[0], rel=0.02)


@pytest.mark.parametrize("media", ["ogg", "aac"])
def test_every_chunk_is_a_file_of_its_own(media: str) -> None:
    x = tone("Hello there", 32000, 1, 0.3)
    y = decoded(packed(x[:9000], 32000, media) + packed(x[9000:], 32000, media), media)
    assert x.size <= y.size < x.size + 4096  # aac: its encoder's silence
    if media == "ogg":
        assert np.array_equal(y, x.astype(np.float32) / 32768)


def test_silence_waits_for_sound() -> None:
    decoder = Decoder("wav", True, RATES, 32000)
    assert decoder.feed(wav(FAILED, 32000, endless=True)).size == 0
    assert decoder.feed(tone("abc", 32000, 1, 0).tobytes()).size > 16000


SOUND = tone("Hello there", 32000, 1, 0.3)
FAILURES = {
    "at 16000 Hz": wav(FAILED, 16000),
    "only digital silence": wav(SOUND * 0, 32000),
    "ended with a second": wav(SOUND, 32000, endless=True) + FAILED.tobytes(),
    "was empty": b"",
    "no wav file": b"<html>this is not a sound at all</html>",
    "broke off: ": wav(SOUND, 32000)[:5000],
    "within a sample": wav(SOUND, 32000, endless=True)[:-1],
    "0.05 s of sound": wav(SOUND[:1600], 32000, endless=True),
    "not 16-bit mono": wav(SOUND, 32000).replace(b"\x01\x00\x01\x00", b"\x01\x00\x02\x00", 1),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("why", FAILURES)
def test_failures_that_look_like_success(why: str, streamed: bool) -> None:
    with pytest.raises(Failure, match=why):
        decoded(FAILURES[why], streamed=streamed)


@pytest.mark.parametrize("media", ["ogg", "aac"])
def test_containers_that_break_off(media: str) -> None:
    whole = packed(SOUND, 32000, media)
    for broken in (whole[:-50], b"garbage" * 50):
        with pytest.raises(Failure):
            decoded(broken, media)
