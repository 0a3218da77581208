"""Live listening: events, work done ahead, interrupts. Noise stands for speech, a scripted detector finds it."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from services.asr.engines.base import Recognition, Segment
from services.asr.live import Ended, Event, Final, Interrupted, Listener, Partial, Started
from services.asr.settings import AsrSettings
from services.common.aio import Inbox
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from tests.fakes.asr_engine import RulerEngine, ScriptedVad

SAMPLE_RATE_HZ = 16_000


@pytest.fixture
def engine() -> Iterator[RulerEngine]:
    made = RulerEngine(None, SharedSettings(), AsrSettings())
    made.vad = ScriptedVad()  # type: ignore[assignment]
    made.segments = functools.partial(_whole, made)  # type: ignore[method-assign]
    RulerEngine.runs.clear()
    yield made
    RulerEngine.takes_s, RulerEngine.failing = 0.0, False


def _whole(
    engine: RulerEngine,
    samples: Samples,
    language: str | None = None,
    _cancelled: threading.Event | None = None,
    draft: bool = False,
) -> Iterator[Segment]:
    recognise = engine.draft if draft else engine.recognise
    yield Segment(recognise(samples, language), 0, samples.size / SAMPLE_RATE_HZ)


def noise(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)


def listen(
    engine: RulerEngine, *parts: Samples | Interrupted, abandoned: bool = False, pace_s: float = 0.0, **settings: object
) -> list[Event]:
    inbox: Inbox[Samples | Interrupted] = Inbox(10_000)
    listener = Listener(engine, AsrSettings.model_validate(settings), None)

    def feed() -> None:
        for part in parts:
            if isinstance(part, Interrupted):
                inbox.try_put(part)
                continue
            for i in range(0, part.size, 1600):
                inbox.try_put(part[i : i + 1600])
                time.sleep(pace_s)
        inbox.close()
        inbox.abandoned = abandoned

    if pace_s:
        threading.Thread(target=feed, daemon=True).start()
    else:
        feed()
    return list(listener.events(inbox))


def kinds(events: list[Event]) -> list[str]:
    return [type(e).__name__ for e in events if not isinstance(e, Partial)]


def test_two_utterances_in_order_with_their_times(engine: RulerEngine) -> None:
    events = listen(engine, quiet(1), noise(2), quiet(1), noise(1), quiet(1))
    assert kinds(events) == ["Started", "Ended", "Final"] * 2
    first = [e for e in events if not isinstance(e, Partial)][:3]
    started, ended, final = first
    assert isinstance(started, Started) and abs(started.at_us - 1_000_000) < 100_000
    assert isinstance(ended, Ended) and abs(ended.at_us - 3_000_000) < 100_000
    assert isinstance(final, Final) and 600_000 <= final.start_us <= started.at_us and final.end_us == ended.at_us


def test_silence_and_clicks_begin_nothing(engine: RulerEngine) -> None:
    assert listen(engine, quiet(2), noise(0.03), quiet(2)) == []
    assert RulerEngine.runs == []


def test_final_is_the_text_worked_out_at_the_pause(engine: RulerEngine) -> None:
    events = listen(engine, noise(2), quiet(1), partial_interval_s=10)
    assert len(RulerEngine.runs) == 1  # nothing was transcribed twice
    assert RulerEngine.runs[0] < 2.5  # speech and the short pause only, not the whole end-silence
    assert isinstance(events[-1], Final)


def test_a_pause_that_was_not_the_end_is_thrown_away(engine: RulerEngine) -> None:
    events = listen(engine, noise(1), quiet(0.4), noise(1), quiet(1), partial_interval_s=10)
    assert kinds(events) == ["Started", "Ended", "Final"]
    final = events[-1]
    assert isinstance(final, Final) and float(final.transcript.text) > 2.3


def test_partials_come_at_a_bounded_rate(engine: RulerEngine) -> None:
    RulerEngine.takes_s = 0.01
    events = listen(engine, noise(4), quiet(1), pace_s=0.02, partial_interval_s=1)
    texts = [e.text for e in events if isinstance(e, Partial)]
    assert 1 <= len(texts) <= 5
    assert texts == sorted(texts, key=float)


def test_engine_that_must_not_work_ahead_runs_once(engine: RulerEngine) -> None:
    engine.works_ahead = False  # type: ignore[misc]
    listen(engine, noise(3), quiet(0.4), noise(1), quiet(1))
    assert len(RulerEngine.runs) == 1


def test_end_of_input_flushes(engine: RulerEngine) -> None:
    assert kinds(listen(engine, noise(1))) == ["Started", "Ended", "Final"]


def test_abandoned_input_is_dropped(engine: RulerEngine) -> None:
    assert kinds(listen(engine, noise(1), abandoned=True)) == ["Started"]


def test_interrupt_forgets_the_utterance_and_is_answered(engine: RulerEngine) -> None:
    events = listen(engine, noise(1), Interrupted(7), quiet(0.5), noise(1), quiet(1))
    assert kinds(events) == ["Started", "Interrupted", "Started", "Ended", "Final"]
    answer = next(e for e in events if isinstance(e, Interrupted))
    assert answer.generation == 7 and abs(answer.at_us - 1_000_000) < 50_000
    final = events[-1]
    assert isinstance(final, Final) and final.start_us >= 1_000_000


def test_an_utterance_without_pause_is_cut(engine: RulerEngine) -> None:
    events = listen(engine, noise(12), quiet(1), max_utterance_s=5)
    finals = [e for e in events if isinstance(e, Final)]
    assert len(finals) == 3
    assert all(f.end_us - f.start_us <= 5_100_000 for f in finals)


def test_a_failing_engine_ends_the_stream_with_its_error(engine: RulerEngine) -> None:
    RulerEngine.failing = True
    with pytest.raises(HuashengError, match="asr-unreachable"):
        listen(engine, noise(1), quiet(1))


def test_texts_while_somebody_speaks_are_drafts_and_the_last_one_is_not(
    engine: RulerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[float] = []

    def draft(samples: Samples, language: str | None, _cancelled: threading.Event | None = None) -> Recognition:
        drafts.append(samples.size / SAMPLE_RATE_HZ)
        return Recognition("draft", "en")

    monkeypatch.setattr(engine, "draft", draft)
    events = listen(engine, noise(2.5), quiet(1), pace_s=0.02)
    finals = [e.transcript.text for e in events if isinstance(e, Final)]
    assert drafts and "draft" in [e.text for e in events if isinstance(e, Partial)]
    assert len(finals) == 1 and "draft" not in finals[0]
