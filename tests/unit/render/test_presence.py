"""One person's longest stretch of a film is played; others and empty pictures are not."""

from pathlib import Path

import numpy as np

from services.render.clip.loop import LoopWalk
from services.render.clip.plan import Plan
from services.render.clip.presence import SAME, cuts, mouth_inside, present
from services.render.face import points as pt
from tests.fakes.faces import face

ANN, BOB = np.zeros((4, 4, 3), np.float32), np.full((4, 4, 3), 2 * SAME, np.float32)


def heads(*who: tuple[np.ndarray, int]) -> np.ndarray:
    return np.concatenate([np.repeat(head[None], count, 0) for head, count in who])


def test_a_person_who_is_always_there_is_shown_whole() -> None:
    good = np.ones(100, bool)
    good[40:44] = False  # too short to have gone
    found = present(good, heads((ANN, 100)), [], 25)
    assert (found.first, found.end, found.warnings) == (0, 100, [])
    assert np.array_equal(found.person, good)


def test_a_person_who_leaves_is_shown_while_there() -> None:
    good = np.ones(200, bool)
    good[60:90] = False
    found = present(good, heads((ANN, 200)), [], 25)
    assert (found.first, found.end, found.warnings) == (90, 200, ["person-leaves"])
    assert np.array_equal(found.person, good), "the mouth is learned from all of it"


def test_the_one_of_two_who_is_seen_longer_is_shown() -> None:
    found = present(np.ones(100, bool), heads((ANN, 40), (BOB, 60)), [40], 25)
    assert (found.first, found.end, found.warnings) == (40, 100, ["other-person"])
    assert np.flatnonzero(found.person).tolist() == list(range(40, 100))
    back = present(np.ones(150, bool), heads((ANN, 40), (BOB, 50), (ANN, 60)), [40, 90], 25)
    assert (back.first, back.end) == (90, 150)
    assert np.flatnonzero(back.person).tolist() == [*range(40), *range(90, 150)]


def test_a_cut_that_comes_back_to_the_same_person_does_not_part_the_film() -> None:
    found = present(np.ones(100, bool), heads((ANN, 100)), [30, 70], 25)
    assert (found.first, found.end, found.warnings) == (0, 100, [])


def test_cuts_are_found_and_fast_motion_is_none() -> None:
    dice = np.random.default_rng(2)
    one, two = (dice.uniform(0, 255, (24, 24, 3)) for _ in range(2))
    still = np.stack([one] * 20 + [two] * 20)
    assert cuts(still + dice.normal(0, 3, still.shape)) == [20]
    sliding = np.stack([np.roll(one, i, 1) for i in range(40)])
    assert cuts(sliding) == []


def test_a_mouth_must_be_inside_the_picture() -> None:
    mesh = face() * 100 + (200, 200, 0)
    assert mouth_inside(mesh, 400, 400)
    assert not mouth_inside(mesh - (180, 0, 0), 400, 400)
    assert not mouth_inside(mesh, 400, int(mesh[17, 1]) - 2)
    assert mouth_inside(mesh, 400, int(mesh[list(pt.OUTER_RING), 1].max()) + 2), "a cut chin is no reason"


def test_only_the_played_part_is_walked() -> None:
    plan = Plan(64, 64, 25, 100, False, [*range(50, 90), *range(89, 49, -1)], [0] * 100, (45, 95))
    walk = LoopWalk(plan, 0, whole=True)
    assert {walk.step().source for _ in range(400)} == set(range(45, 95))


def test_a_plan_keeps_its_played_part(tmp_path: Path) -> None:
    plan = Plan(64, 64, 25, 100, False, [50], [0] * 100, (45, 95))
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    (tmp_path / "old.json").write_text(
        '{"width":2,"height":2,"fps":25,"frames":3,"cyclic":true,"loop":[0],"positions":[0]}'
    )
    assert Plan.load(tmp_path / "old.json").span == (0, 2)
