"""The idle clock, the names of trainings, and what is kept of a loss curve."""

import itertools
from typing import Any

from huasheng.render.v1 import render_pb2

from services.gateway.catalogue.trainings import stem_of, training_id
from services.gateway.jobs.training_history import MAX_POINTS, TrainingHistory
from services.gateway.turn.idle_position import LEAD_S, IdlePosition


class Jobs:
    def __init__(self, *rows: tuple[str, str]) -> None:
        self.rows = [{"params": {"training_id": t, "video_asset_id": a}} for t, a in rows]

    def of_kind(self, owner: str, kind: str) -> list[dict[str, Any]]:
        return self.rows


def test_the_loop_runs_on_while_the_answer_is_prepared() -> None:
    idle = IdlePosition(10, 25, asked_at=100.0)
    assert idle.at(100.0) == 10 + round(LEAD_S * 25)
    assert idle.at(104.0) - idle.at(100.0) == 100
    assert IdlePosition(10, 50, asked_at=100.0).at(101.0) == 10 + round((1 + LEAD_S) * 50)


def test_names_of_trainings() -> None:
    assert stem_of("my talk.v2.mp4", "a_1") == "my-talk-v2"
    assert stem_of("我.mp4", "a_1") == "t-1"
    assert len(stem_of("x" * 200, "a_1")) <= 60
    asset = {"id": "a_1"}
    assert training_id(Jobs(), "local", asset=asset, stem="talk", used=set()) == "talk"  # type: ignore[arg-type]
    assert training_id(Jobs(("talk", "a_1")), "local", asset=asset, stem="talk", used={"talk"}) == "talk"  # type: ignore[arg-type]
    others = Jobs(("talk", "a_2"), ("talk-2", "a_3"))
    assert training_id(others, "local", asset=asset, stem="talk", used=set()) == "talk-3"  # type: ignore[arg-type]
    assert training_id(Jobs(), "local", asset=asset, stem="talk", used={"talk"}) == "talk-2"  # type: ignore[arg-type]


def progress(step: int, measured: bool = False) -> render_pb2.TrainProgress:
    message = render_pb2.TrainProgress(step=step, steps=9000, loss=1 / step, stage="fit")
    if measured:
        message.validation_loss = 2 / step
    return message


def test_a_long_loss_curve_is_thinned_but_spans_all_and_keeps_what_was_measured() -> None:
    history = TrainingHistory({})
    for step in range(1, 9001):
        history.add(progress(step, step % 500 == 0), None, None)
    points = history.partial["history"]
    assert MAX_POINTS / 3 < len(points) <= MAX_POINTS
    steps = [p["step"] for p in points]
    assert steps == sorted(set(steps))
    assert steps[0] <= 10
    assert steps[-1] == 9000
    assert [p["step"] for p in points if p["validation_loss"]] == list(range(500, 9001, 500))
    widest = max(b - a for a, b in itertools.pairwise(steps))
    assert widest < 9000 / 20, "no hole in the curve"


def test_a_resumed_training_takes_back_what_it_repeats() -> None:
    history = TrainingHistory({})
    for step in (10, 20, 30, 40):
        history.add(progress(step), None, None)
    again = TrainingHistory(history.partial)
    again.add(progress(30), None, None)
    assert [p["step"] for p in history.partial["history"]] == [10, 20, 30]
    assert history.partial["step"] == 30


def test_the_last_pass_over_the_whole_clip_leaves_the_curve_alone() -> None:
    history = TrainingHistory({})
    history.add(progress(9000), None, None)
    last = progress(50)
    last.stage = "final"
    new = history.add(last, None, None)
    assert "step" not in new
    assert (history.partial["step"], [p["step"] for p in history.partial["history"]]) == (9000, [9000])
