"""How long a job still takes: by the stages of earlier jobs, then by its own pace; and the file that remembers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gateway.jobs.estimates import Measured, StageRate, learned, remaining_s
from services.gateway.jobs.rate_book import FILE, RateBook
from services.gateway.jobs.stage_clock import StageClock

VIDEO = {"tts": StageRate(2.0, 0.0, 0.0), "render": StageRate(1.5, 0.0, 0.98), "publish": StageRate(0.2, 0.99, 0.99)}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_known_predicts_all_stages_that_come() -> None:
    assert remaining_s(VIDEO, "tts", 0.0, 0.0, work=10) == pytest.approx(2 + 15 + 0.2)
    assert remaining_s(VIDEO, "tts", 1.5, 0.0, work=10) == pytest.approx(0.5 + 15 + 0.2)
    assert remaining_s(VIDEO, "render", 7.5, 0.0, work=10, done=0.5) == pytest.approx(7.5 + 0.2)


def test_a_stage_that_is_late_is_never_said_to_be_over() -> None:
    left = remaining_s(VIDEO, "tts", 10.0, 0.0, work=10)
    assert left is not None and left > 15.2 + 1
    slow = remaining_s(VIDEO, "render", 60.0, 0.5, work=10, done=0.5)
    assert slow == pytest.approx(60.2)


def test_own_pace_replaces_what_is_known_as_the_stage_goes_on() -> None:
    twice_as_slow = [remaining_s(VIDEO, "render", 30 * part, part, work=10, done=part) for part in (0.1, 0.2, 0.4)]
    truth = [30 * (1 - part) + 0.2 for part in (0.1, 0.2, 0.4)]
    factors = [t / (e or 0) for e, t in zip(twice_as_slow, truth, strict=True)]
    assert factors == sorted(factors, reverse=True) and factors[1] < 1.5 and factors[2] == pytest.approx(1.0)


def test_nothing_is_said_of_a_job_of_which_nothing_is_known() -> None:
    clock = Clock()
    stages = StageClock({}, 1.0, clock)
    stages.enter("tts", 0.0)
    clock.now += 5
    assert stages.remaining_s() is None
    stages.enter("render", 0.5)
    assert stages.remaining_s() == pytest.approx(5.0)


def test_stages_are_learned_for_each_unit_of_work_and_averaged() -> None:
    first = learned({}, [Measured("tts", 2.0, 0.0, 0.1), Measured("render", 20.0, 0.1, 0.98)], work=10)
    assert first == {"tts": StageRate(2.0, 0.0, 0.1), "render": StageRate(2.0, 0.1, 0.98)}
    then = learned(first, [Measured("tts", 1.0, 0.0, 0.1), Measured("render", 5.0, 0.1, 0.9)], work=5)
    assert then["tts"].seconds == pytest.approx(1.6) and then["render"].seconds == pytest.approx(1.6)
    assert list(learned(then, [Measured("render", 5.0, 0.1, 0.9)], work=5)) == ["render"], "the way may change"
    twice = learned(
        {}, [Measured("fit", 1.0, 0.0, 0.1), Measured("score", 1.0, 0.1, 0.2), Measured("fit", 2, 0.2, 1)], 1
    )
    assert twice["fit"] == StageRate(3.0, 0.0, 1)


def test_the_book_survives_a_restart_and_damage(tmp_path: Path) -> None:
    book = RateBook(tmp_path)
    book.learn(["video/a", "video"], [Measured("tts", 2.0, 0.0, 0.1)], 1)
    book.learn_number("speech/x", 0.2)
    book.save()
    again = RateBook(tmp_path)
    assert again.rates("video/b", "video") == {"tts": StageRate(2.0, 0.0, 0.1)} and again.rates("avatar") == {}
    assert (again.number("speech/x", 0.25), again.number("speech/y", 0.25)) == (0.2, 0.25)
    assert [p.name for p in tmp_path.iterdir()] == [FILE]
    for damage in ("", "{", "[]", '{"stages": {"a": {"b": {"c": 1}}}, "numbers": {}}'):
        (tmp_path / FILE).write_text(damage)
        assert RateBook(tmp_path).rates("video") == {}


def test_the_book_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.jobs.rate_book.MOST_KEYS", 3)
    book = RateBook(tmp_path)
    for n in range(10):
        book.learn([f"k{n}"], [Measured("tts", 1.0, 0.0, 1.0)], 1)
    book.save()
    assert [n for n in range(10) if RateBook(tmp_path).rates(f"k{n}")] == [7, 8, 9]
