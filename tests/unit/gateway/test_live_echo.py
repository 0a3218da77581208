import numpy as np
import pytest

from services.common.audio import Samples
from services.gateway.live import echo

RATE = echo.RATE_HZ


def speech(seed: int, seconds: float) -> Samples:
    """Noise in four bands that come and go like syllables: what log spectra see of a speaker."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    frequencies = np.fft.rfftfreq(n, 1 / RATE)
    out = np.zeros(n)
    for low, high in ((150, 500), (500, 1200), (1200, 2600), (2600, 6000)):
        band = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * ((frequencies >= low) & (frequencies < high)), n)
        levels = rng.uniform(0.02, 1, size=round(seconds * 8) + 2)
        out += band * np.interp(np.arange(n) / RATE * 8, np.arange(levels.size), levels)
    return (0.1 * out / out.std()).astype(np.float32)


def room(x: Samples, delay_s: float, gain: float, seed: int) -> Samples:
    """Later, quieter, dulled by the loudspeaker, with a reflection and noise."""
    late = np.pad(x, (round(delay_s * RATE), 0))[: x.size]
    dull = np.convolve(late, np.ones(4) / 4, "same")
    reflected = dull + 0.3 * np.pad(dull, (round(0.012 * RATE), 0))[: x.size]
    return (gain * reflected + 0.0005 * np.random.default_rng(seed).normal(size=x.size)).astype(np.float32)


@pytest.mark.parametrize("delay_s", [0.05, 0.12, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_the_own_voice_is_known_whatever_its_delay(delay_s: float, seed: int) -> None:
    played = speech(seed, 2.0)
    microphone = room(played, delay_s, 0.3, seed)[-round(0.5 * RATE) :]
    assert echo.correlation(microphone, played) >= echo.ECHO


@pytest.mark.parametrize("seed", range(10))
def test_another_voice_is_none_alone_or_above_the_echo(seed: int) -> None:
    played, user = speech(seed, 2.0), speech(seed + 100, 0.5)
    assert echo.correlation(user, played) < echo.ECHO
    assert echo.correlation(user + room(played, 0.1, 0.1, seed)[-user.size :], played) < echo.ECHO


def test_silence_and_nothing_are_no_echo() -> None:
    assert echo.correlation(np.zeros(0, np.float32), speech(1, 1.0)) < echo.ECHO
    assert echo.correlation(np.zeros(8000, np.float32), np.zeros(16000, np.float32)) < echo.ECHO


@pytest.mark.parametrize(
    ("words", "is_own"),
    [
        ("很高兴见到你", True),
        ("高兴见到你今天", True),
        ("我想问别的", False),
        ("你", False),
        ("我是花生，很高心见到你", True),
        ("画声要多少钱呢", False),
        ("nice to meet you", False),
    ],
)
def test_words_of_its_own_are_known(words: str, is_own: bool) -> None:
    assert (echo.share_repeated(words, "我是画声，很高兴见到你。今天想聊些什么呢？") >= echo.REPEATED) is is_own
