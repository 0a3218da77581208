"""The idle clock, the names of trainings, and what is kept of a loss curve."""

import itertools
from typing import Any

from huasheng.render.v1 import render_pb2

from services.gateway.training import MAX_POINTS, Told, stem_of, training_id
from services.gateway.turn.idle_position import LEAD_S, Idle


class Jobs:
    def __init__(self, *rows: tuple[str, str]) -> None:
        self.rows = [{"params": {"training_id": t, "video_asset_id": a}} for t, a in rows]

    def of_kind(self, owner: str, kind: str) -> list[dict[str, Any]]:
        return self.rows


def test_the_loop_runs_on_while_the_answer_is_prepared() -> None:
    idle = Idle(10, 25, asked_at=100.0)
    assert idle.at(100.0) == 10 + round(LEAD_S * 25)
    assert idle.at(104.0) - idle.at(100.0) == 100
    assert Idle(10, 50, asked_at=100.0).at(101.0) == 10 + round((1 + LEAD_S) * 50)


def test_names_of_trainings() -> None:
    assert stem_of("my talk.v2.mp4", "j_1") == "my-talk-v2"
    assert stem_of("我.mp4", "j_1") == "t-1"
    assert len(stem_of("x" * 200, "j_1")) <= 60
    asset = {"id": "a_1"}
    assert training_id(Jobs(), [], "local", asset, "talk", "j") == "talk"  # type: ignore[arg-type]
    assert training_id(Jobs(("talk", "a_1")), [{"training_id": "talk"}], "local", asset, "talk", "j") == "talk"  # type: ignore[arg-type]
    others = Jobs(("talk", "a_2"), ("talk-2", "a_3"))
    assert training_id(others, [], "local", asset, "talk", "j") == "talk-3"  # type: ignore[arg-type]
    assert training_id(Jobs(), [{"training_id": "talk"}], "local", asset, "talk", "j") == "talk-2"  # type: ignore[arg-type]


def progress(step: int, measured: bool = False) -> render_pb2.TrainProgress:
    told = render_pb2.TrainProgress(step=step, steps=9000, loss=1 / step, stage="fit")
    if measured:
        told.validation_loss = 2 / step
    return told


def test_a_long_loss_curve_is_thinned_but_spans_all_and_keeps_what_was_measured() -> None:
    told = Told({})
    for step in range(1, 9001):
        told.take(progress(step, step % 500 == 0), None, None)
    history = told.partial["history"]
    assert MAX_POINTS / 3 < len(history) <= MAX_POINTS
    steps = [p["step"] for p in history]
    assert steps == sorted(set(steps))
    assert steps[0] <= 10
    assert steps[-1] == 9000
    assert [p["step"] for p in history if p["validation_loss"]] == list(range(500, 9001, 500))
    widest = max(b - a for a, b in itertools.pairwise(steps))
    assert widest < 9000 / 20, "no hole in the curve"


def test_a_resumed_training_takes_back_what_it_repeats() -> None:
    told = Told({})
    for step in (10, 20, 30, 40):
        told.take(progress(step), None, None)
    again = Told(told.partial)
    again.take(progress(30), None, None)
    assert [p["step"] for p in told.partial["history"]] == [10, 20, 30]
    assert told.partial["step"] == 30


def test_the_last_pass_over_the_whole_clip_leaves_the_curve_alone() -> None:
    told = Told({})
    told.take(progress(9000), None, None)
    last = progress(50)
    last.stage = "final"
    new = told.take(last, None, None)
    assert "step" not in new
    assert (told.partial["step"], [p["step"] for p in told.partial["history"]]) == (9000, [9000])
