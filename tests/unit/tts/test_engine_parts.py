import itertools
import threading
import time

import numpy as np
import pytest

from services.tts.engines.base import FairLock, Stop
from services.tts.engines.kokoro.shaping import LEAD_S, PAUSES_S, limit, shape

RATE = 24_000


def tone(seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(np.arange(round(seconds * RATE)) * 0.3)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def speech() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """0.3 s of silence, "ha" of 0.2 s, a pause of 0.2 s, "si" of 0.2 s, 0.6 s of silence."""
    x = np.concatenate([silence(0.3), tone(0.2), silence(0.2), tone(0.2), silence(0.6)])
    lead = round(LEAD_S * RATE)
    symbols = ["h", "ˈ", "a", "→", ",", " ", "s", "i"]
    seconds = [0.3, 0.05, 0.05, 0.05, 0.05, 0.15, 0.05, 0.1, 0.1, 0.6]
    lengths = np.array([round(s * RATE) for s in seconds])
    lengths[0] += lead  # the network's lengths lag behind its sound
    lengths[-1] -= lead
    return x, lengths, symbols


def test_spans_cover_the_samples_and_fall_on_the_sounds() -> None:
    x, lengths, symbols = speech()
    out, spans = shape(x, lengths, symbols, RATE, "sentence", 1.0, 1.0)
    assert [s.phoneme for s in spans] == ["", "h", "a", "", "s", "i", ""]
    assert spans[0].start == 0 and spans[-1].end == out.size
    assert all(a.end == b.start for a, b in itertools.pairwise(spans))
    assert [round((s.end - s.start) / RATE, 2) for s in spans[1:-1]] == [0.05, 0.15, 0.2, 0.1, 0.1]
    for s in spans:
        loud = float(np.abs(out[s.start : s.end]).max())
        assert loud < 1e-3 if not s.phoneme else loud > 0.4


@pytest.mark.parametrize("end", list(PAUSES_S))
@pytest.mark.parametrize("rest", [0.0, 0.01, 2.0])
def test_the_pause_after_a_stretch_depends_on_its_end_only(end: str, rest: float) -> None:
    x, lengths, symbols = speech()
    x = np.concatenate([x[: round(0.9 * RATE)], silence(rest)])
    lengths[-1] += x.size - int(lengths.sum())
    out, spans = shape(x, lengths, symbols, RATE, end, 1.0, 1.0)
    assert (spans[-1].end - spans[-1].start) / RATE == pytest.approx(max(0.005, PAUSES_S[end] - 0.03), abs=0.006)
    assert out[0] == out[-1] == 0 or abs(out[0]) + abs(out[-1]) < 1e-3


def test_silence_alone_gives_a_pause() -> None:
    out, spans = shape(silence(1), np.array([12_000, 6_000, 6_000]), ["a"], RATE, "pause", 1.0, 1.0)
    assert not out.any() and [s.phoneme for s in spans] == [""] and spans[0].end == out.size


def test_no_phoneme_is_lost_at_the_start() -> None:
    x = np.concatenate([silence(0.3), tone(0.4), silence(0.2)])
    lengths = np.array([round(s * RATE) for s in (0.1, 0.1, 0.2, 0.3, 0.2)])
    _, spans = shape(x, lengths, ["w", "ʊ", "d"], RATE, "word", 1.0, 1.0)
    assert [s.phoneme for s in spans if s.phoneme] == ["w", "ʊ", "d"]


def test_peaks_are_bent_not_cut() -> None:
    x = np.array([0.1, -0.5, 0.79, 1.5, -3.0], np.float32)
    y = limit(x)
    assert np.array_equal(y[:3], x[:3])
    assert 0.8 < y[3] < 0.951 and -0.951 < y[4] < -0.8


def test_turns_are_given_in_the_order_they_were_asked_for() -> None:
    lock, order, threads = FairLock(), [], []

    def work(n: int) -> None:
        with lock.hold(Stop()) as mine:
            assert mine
            order.append(n)

    with lock.hold(Stop()):
        for n in range(6):
            threads.append(threading.Thread(target=work, args=(n,)))
            threads[-1].start()
            while len(lock._waiting) <= n:
                time.sleep(0.001)
    for t in threads:
        t.join(5)
    assert order == [0, 1, 2, 3, 4, 5]


def test_who_stops_waiting_takes_no_turn_and_blocks_nobody() -> None:
    lock, stop, got = FairLock(), Stop(), []

    def wait() -> None:
        with lock.hold(stop) as mine:
            got.append(mine)

    with lock.hold(Stop()):
        thread = threading.Thread(target=wait)
        thread.start()
        while not lock._waiting:
            time.sleep(0.001)
        stop.set()
        thread.join(5)
        assert got == [False]
    with lock.hold(Stop()) as mine:
        assert mine


def test_a_stop_that_came_before_acts_at_once() -> None:
    stop, done = Stop(), []
    stop.set()
    with stop.on_set(lambda: done.append(1)):
        assert done == [1]
    stop.set()
    assert done == [1]
