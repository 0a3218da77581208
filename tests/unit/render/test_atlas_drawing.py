"""Drawing: what may change in a picture, and that shapes, warps and frame order do what they say."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.render.clip.frames import GROUP, Reader, Writer
from services.render.clip.loop import LoopWalk, idle_loop, positions, there_and_back
from services.render.clip.plan import Plan
from services.render.clip.portrait import BLINKS_S, CLOSING_S, LOOP_S, blink_at, sway_at
from services.render.engines.atlas.analysis import BLURRED, build_library, fit_face, missing_shapes, relearn, sharpness
from services.render.engines.atlas.face import Face, mouth_rect
from services.render.engines.atlas.interior import Interior
from services.render.engines.atlas.library import Library, PictureSelector, select_frames
from services.render.engines.atlas.light import Light
from services.render.engines.atlas.painter import Painter
from services.render.face import points as pt
from services.render.face.occlusion import LOWER, UPPER, lip_colours, occluded_frames
from services.render.face.pose import fit_poses, separate_pose, smooth, to_head, to_picture
from services.render.face.shape import fit_mouth_model, measure_mouth
from services.render.face.warp import ThinPlateSpline
from services.render.media.planes import Patch, cut, mix, paste, planes
from tests.fakes import faces

SIDE = 320
LIGHT = Light((0.6, 0.55, 0.5), 1.0, 0.01, 0.5)


@pytest.fixture(scope="module")
def person() -> tuple[Face, Library]:
    meshes = faces.talking()
    face = fit_face(meshes, np.ones(len(meshes), bool), faces.face())
    picked = [3, 9, 20, 31]
    traits = np.concatenate([face.mouths, face.poses.angles()], 1).astype(np.float32)[picked]
    patches = [cut(faces.picture(k), mouth_rect(face.meshes[k], float(face.scale[k]), SIDE, SIDE)) for k in picked]
    return face, Library(
        patches, face.meshes[picked], traits, np.ones(4, np.float32), face.scale[picked], np.array(picked)
    )


def test_nothing_outside_the_lower_face_changes(person: tuple[Face, Library]) -> None:
    face, library = person
    painter = Painter(face, library, Interior(face, LIGHT), SIDE, SIDE)
    for i in (0, 11, 25):
        before = faces.picture(i)
        kept = before.copy()
        after = painter.paint(before, i, np.array([0.3, 0.7], np.float32))
        assert np.array_equal(before, kept), "the stored frame was written to"
        x, y, w, h = mouth_rect(face.meshes[i], float(face.scale[i]), SIDE, SIDE)
        assert y > face.meshes[i][[33, 133, 263, 362], 1].max(), "the rectangle reaches the eyes"
        for a, b, k in zip(planes(before), planes(after), (1, 2, 2), strict=True):
            outside = np.ones(a.shape, bool)
            outside[y // k : (y + h) // k, x // k : (x + w) // k] = False
            assert np.array_equal(a[outside], b[outside])
        assert not np.array_equal(before, after)


def test_a_frame_without_a_face_is_left_alone(person: tuple[Face, Library]) -> None:
    face, library = person
    face.strength[5] = 0
    try:
        picture = faces.picture(5)
        assert Painter(face, library, Interior(face, LIGHT), SIDE, SIDE).paint(picture, 5, face.closed) is picture
    finally:
        face.strength[5] = 1


def test_strength_fades_around_missing_faces() -> None:
    meshes = faces.talking()
    good = np.ones(len(meshes), bool)
    good[15:20] = False
    meshes[~good] = np.nan
    face = fit_face(meshes, good, faces.face())
    assert (face.strength[15:20] == 0).all() and face.strength[0] == 1 and face.strength[30] == 1
    assert 0 < face.strength[14] < 1 and 0 < face.strength[20] < 1
    assert np.isfinite(face.meshes).all() and np.isfinite(face.residual).all()


def test_pose_is_found_and_undone() -> None:
    head = faces.face()
    poses = fit_poses(faces.talking(), head)
    assert np.abs(poses.scale - 80).max() < 2
    back = to_head(poses, np.stack([to_picture(poses, i, head) for i in range(40)]))
    assert np.abs(back - head).max() < 1e-3


def test_mouths_are_measured_whatever_the_pose() -> None:
    _, shapes = separate_pose(faces.talking(), faces.face())
    opening = 0.1 + 0.09 * np.sin(np.arange(40) / 2)
    assert np.corrcoef(measure_mouth(shapes)[:, 0], opening)[0, 1] > 0.999


@pytest.mark.parametrize("frames", [1, 40])
def test_the_mouth_model_makes_the_mouth_it_is_asked_for(frames: int) -> None:
    _, shapes = separate_pose(faces.talking(frames), faces.face())
    model = fit_mouth_model(shapes)
    for wanted in ([0.05, 0.7], [0.3, 0.8], [0.15, 0.62]):
        made = measure_mouth(model.shape(np.array(wanted, np.float32))[None])[0]
        assert np.abs(made - wanted).max() < 0.02
    moved = model.shape(np.array([0.3, 0.75], np.float32)) - model.mean
    assert np.abs(moved[[33, 263, 133, 362]]).max() < 1e-4, "the eyes moved"
    assert moved[152, 1] > 0.02, "the chin did not drop"


def test_smoothing_keeps_motion_and_drops_jitter() -> None:
    t = np.arange(60, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 1, 60)
    good = np.ones(60, bool)
    assert np.abs(smooth((0.1 * t**2)[:, None], good)[:, 0] - 0.1 * t**2).max() < 0.5
    assert smooth(noise[:, None].astype(np.float32), good).std() < 0.8 * noise.std()


def test_warp_goes_through_its_points() -> None:
    rng = np.random.default_rng(1)
    target = rng.uniform(20, 180, (30, 2)).astype(np.float32)
    plate = ThinPlateSpline((0, 0, 200, 200), target, 4)
    shift = plate.interpolate(np.full((30, 2), 7, np.float32))
    assert np.abs(shift - 7).max() < 0.05


def test_planes_survive_cut_and_paste() -> None:
    picture = faces.picture()
    other = faces.picture(1)
    paste(other, cut(picture, (40, 60, 100, 80)))
    assert np.array_equal(cut(other, (40, 60, 100, 80)).luma, planes(picture)[0][60:140, 40:140])
    assert np.array_equal(planes(other)[1][30:70, 20:70], planes(picture)[1][30:70, 20:70])


def test_store_gives_every_frame_in_any_order(tmp_path: Path) -> None:
    flat = [np.full((96, 64), 30 + 4 * i, np.uint8) for i in range(3 * GROUP + 2)]
    with Writer(tmp_path / "f.mp4", 64, 64, 25) as writer:
        for p in flat:
            writer.add(p)
    reader = Reader(tmp_path / "f.mp4")
    for i in [0, 1, 25, 24, 9, 8, 7, 16, 2, *range(26), *range(25, -1, -1), *np.random.default_rng(0).permutation(26)]:
        assert abs(int(reader.frame(i)[:64].mean()) - (30 + 4 * i)) <= 2
    reader.close()
    reader.close()


@pytest.mark.parametrize("count", [2, 3, 10, 200])
def test_turning_back_never_jumps(count: int) -> None:
    order = there_and_back(0, count - 1)
    assert max(abs(a - b) for a, b in zip(order, [*order[1:], order[0]], strict=True)) <= 1
    assert set(order) == set(range(count))


@pytest.mark.parametrize("whole", [True, False])
def test_a_path_never_jumps_and_never_ends(whole: bool) -> None:
    loop = idle_loop(25, *np.ones((3, 100), np.float32))
    walk = LoopWalk(Plan(64, 64, 25.0, 100, False, loop, positions(loop, 100, np.arange(100)[:, None])), 30, whole)
    shown = [walk.step().source for _ in range(1000)]
    assert shown[0] == loop[30]
    assert max(abs(a - b) for a, b in pairwise(shown)) <= 1
    assert not whole or set(shown) == set(range(100))


def test_a_walk_looks_ahead_without_going_on() -> None:
    loop = [2, 3, 4, 3]
    plan = Plan(64, 64, 25.0, 6, False, loop, [0, 0, 0, 1, 2, 2])
    round_, whole = LoopWalk(plan, 6, whole=False), LoopWalk(plan, 6, whole=True)
    assert round_.upcoming(5) == round_.upcoming(5) == [4, 3, 2, 3, 4] and round_.end_frame == 2
    assert [(s.source, s.position) for s in (round_.step(), round_.step(), round_.step())] == [(4, 2), (3, 3), (2, 0)]
    assert round_.end_frame == 1
    assert whole.step().source == 4 and whole.end_frame == 3
    steps = [whole.step() for _ in range(60)]
    assert {s.source for s in steps} == set(range(6))
    assert all(s.position == plan.positions[s.source] for s in steps)
    assert whole.end_frame == (steps[-1].position + 1) % 4
    still = LoopWalk(Plan(64, 64, 25.0, 1, False, [0], [0]), 3, whole=True)
    assert [still.step().source for _ in range(3)] == [0, 0, 0] and still.end_frame == 0


@pytest.mark.parametrize(("limit", "size"), [(0, (640, 358)), (2000, (640, 358)), (200, (200, 110)), (1, (2, 2))])
def test_a_smaller_video_has_even_sides(limit: int, size: tuple[int, int]) -> None:
    assert Plan(640, 358, 25.0, 1, True, [0], [0]).output_size(limit) == size


def test_turns_slow_down() -> None:
    order = there_and_back(0, 99)
    turn = order.index(99)
    assert len(set(order[turn - 4 : turn + 5])) <= 4


def test_the_loop_begins_on_an_open_eyed_and_still_picture() -> None:
    eyes, motion, usable = np.ones(100, np.float32), np.ones(100, np.float32), np.ones(100, np.float32)
    eyes[:30], motion[10], motion[60] = 0.1, 0, 0.2
    usable[50], motion[50] = 0, 0
    loop = idle_loop(25, motion, usable, eyes)
    assert {10, 50} <= set(loop) and loop[0] == 60, "10 is stiller with shut eyes, 50 shows no face"
    assert max(abs(a - b) for a, b in pairwise([*loop, loop[0]])) <= 1


@pytest.mark.parametrize(("frames", "fps"), [(25, 25.0), (127, 25.0), (375, 25.0), (1800, 30.0)])
def test_idle_loop_has_its_length_and_turns_where_the_head_is_still(frames: int, fps: float) -> None:
    motion = np.abs(np.sin(np.arange(frames) / 11)).astype(np.float32)
    loop = idle_loop(fps, motion, *np.ones((2, frames), np.float32))
    assert 5 <= len(loop) / fps <= 10
    assert max(loop) < frames and min(loop) >= 0
    if frames > 300:
        assert motion[min(loop)] < 0.5 and motion[max(loop)] < 0.5
    where = positions(loop, frames, np.arange(frames, dtype=np.float32)[:, None])
    assert all(loop[where[f]] == f for f in set(loop))


def test_blinks_are_short_whole_and_apart() -> None:
    t = np.arange(0, LOOP_S, 0.01)
    closed = np.array([blink_at(s) for s in t])
    assert closed[0] == 0 and closed[-1] == 0
    starts = t[1:][(closed[1:] > 0) & (closed[:-1] == 0)]
    assert len(starts) == len(BLINKS_S) and np.diff(starts).min() > 1.5
    assert all(blink_at(s + CLOSING_S + 0.01) == 1 for s in BLINKS_S)
    assert (closed > 0).mean() < 0.12


def test_sway_is_small_and_closes() -> None:
    assert np.allclose(sway_at(0.0), sway_at(1.0), atol=1e-5)
    assert max(np.abs(sway_at(t)).max() for t in np.linspace(0, 1, 50)) < 0.06


def test_the_atlas_covers_shapes_and_prefers_good_frames() -> None:
    rng = np.random.default_rng(0)
    traits = np.c_[rng.uniform(0, 0.4, 300), rng.uniform(0.6, 0.9, 300), np.zeros((300, 3))].astype(np.float32)
    sharpness = np.ones(300)
    sharpness[::2] = 0.05
    chosen = select_frames(traits, sharpness, 30)
    assert len(chosen) == 30
    assert traits[chosen, 0].min() < 0.03 and traits[chosen, 0].max() > 0.37
    assert np.mean([sharpness[c] == 1 for c in chosen]) > 0.8


def test_pictures_fade_in_and_out(person: tuple[Face, Library]) -> None:
    chooser = PictureSelector(person[1])
    first, second = person[1].traits[0], person[1].traits[2]
    chooser.select(first)
    before = dict(chooser.select(first))
    after = dict(chooser.select(second))
    assert abs(sum(after.values()) - 1) < 1e-6
    assert max(abs(after.get(k, 0) - before.get(k, 0)) for k in {*before, *after}) < 0.9


def test_pictures_from_around_the_frame_drawn_can_be_left_out(person: tuple[Face, Library]) -> None:
    library = person[1]
    assert PictureSelector(library).select(library.traits[2], 20)[0][0] == 2
    chooser = PictureSelector(library, min_distance=3)
    assert all(k != 2 for n in (18, 20, 22) for k, _ in chooser.select(library.traits[2], n))
    assert 2 in dict(chooser.select(library.traits[2], 23))


@pytest.mark.parametrize("weight", [0.5, 0.6, 0.85])
def test_a_mixture_is_as_sharp_as_its_parts(weight: float) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    parts = [
        Patch((0, 0, 64, 64), (100 + tone * (x - y) / 4 + rng.normal(0, 10, (64, 64))).astype(np.uint8), colour)
        for tone, colour in ((1, np.full((32, 32, 2), 100, np.uint8)), (-1, np.full((32, 32, 2), 140, np.uint8)))
    ]
    mixed = mix([(weight, parts[0]), (1 - weight, parts[1])], 2)
    sharpness = [cv2.Laplacian(p.luma, cv2.CV_32F).var() for p in (*parts, mixed)]
    assert 0.8 < sharpness[2] / sharpness[0] < 1.2
    soft = [cv2.GaussianBlur(p.luma.astype(np.float32), (0, 0), 6) for p in (*parts, mixed)]
    assert np.abs(soft[2] - (weight * soft[0] + (1 - weight) * soft[1])).max() < 4
    assert abs(int(mixed.chroma[5, 5, 0]) - (140 - 40 * weight)) <= 1


def test_a_model_of_the_mouth_can_be_learned_from_a_part(person: tuple[Face, Library]) -> None:
    face = person[0]
    whole = relearn(face, np.ones(len(face.strength), bool))
    assert np.allclose(whole.basis, face.basis, atol=1e-4) and np.allclose(whole.reach, face.reach, atol=1e-4)
    first = relearn(face, np.arange(len(face.strength)) < 5)
    assert not np.allclose(first.basis, face.basis, atol=1e-3)


def test_missing_shapes_are_named_and_blurred_frames_do_not_count(person: tuple[Face, Library]) -> None:
    face = replace(person[0], closed=np.array([0.02, 0.75], np.float32))
    good = np.ones(len(face.strength), np.float32)
    assert missing_shapes(face, good) == ()
    wide = face.mouths[:, 0] > 0.12
    assert missing_shapes(face, np.where(wide, 0.1, 1).astype(np.float32)) == ("open",)
    assert "spread" in missing_shapes(face, good * (face.mouths[:, 1] < face.closed[1]))
    assert missing_shapes(face, good * 0.1) == ("open", "rounded", "spread", "closed")


def test_the_library_takes_sharp_frames(person: tuple[Face, Library], tmp_path: Path) -> None:
    face = person[0]
    with Writer(tmp_path / "f.mp4", SIDE, SIDE, 25) as writer:
        for k in range(len(face.strength)):
            picture = faces.picture(k)
            writer.add(cv2.GaussianBlur(picture, (0, 0), 4) if k % 4 == 1 else picture)
    sharp = sharpness(face, tmp_path / "f.mp4", SIDE, SIDE, lambda: False)
    assert (sharp[1::4] < BLURRED).all() and (sharp[::2] > BLURRED).all()
    library = build_library(face, tmp_path / "f.mp4", SIDE, SIDE, sharp, 12)
    assert len(library.patches) == len(library.frames) == 12
    assert (library.frames % 4 == 1).sum() <= 1
    half = build_library(face, tmp_path / "f.mp4", SIDE, SIDE, sharp * (np.arange(len(sharp)) < 20), 12)
    assert half.frames.max() < 20


def test_something_in_front_of_the_mouth_is_noticed() -> None:
    meshes = faces.talking()
    looks = []
    for k, mesh in enumerate(meshes):
        picture = np.full((SIDE, SIDE, 3), (120, 150, 200), np.uint8)
        picture[:, : SIDE // 2] -= 20
        picture += np.uint8(k % 5)
        if 12 <= k < 16:
            cv2.circle(picture, (int(mesh[13, 0]), int(mesh[13, 1])), 45, (60, 60, 60), -1)
        looks.append(lip_colours(picture, mesh))
    hidden = occluded_frames(np.stack(looks), np.ones(len(meshes), bool))
    assert set(np.flatnonzero(hidden)) == {12, 13, 14, 15}


def test_what_is_as_light_as_the_skin_is_told_by_its_colour_and_coloured_light_is_not() -> None:
    looks = []
    for k, mesh in enumerate(faces.talking()):
        picture = np.full((SIDE, SIDE, 3), (120, 150, 200), np.uint8)
        if 12 <= k < 16:
            cv2.circle(picture, (int(mesh[175, 0]), int(mesh[175, 1])), 60, (158, 158, 158), -1)
        elif 24 <= k < 28:
            picture[..., 0] += 40
        looks.append(lip_colours(picture, mesh))
    hidden = occluded_frames(np.stack(looks), np.ones(len(looks), bool))
    assert set(np.flatnonzero(hidden)) == {12, 13, 14, 15}


def test_what_covers_the_mouth_is_followed_until_it_is_gone_and_not_round_the_ends() -> None:
    meshes = faces.talking()
    last = len(meshes) - 1
    strong, weak = {12, 13, 14, last}, {0, 11, 15, 16, 20}
    looks = []
    for k, mesh in enumerate(meshes):
        picture = np.full((SIDE, SIDE, 3), (120, 150, 200), np.uint8)
        colour = (158, 158, 158) if k in strong else (129, 152, 191) if k in weak else (120, 150, 200)
        cv2.circle(picture, (int(mesh[175, 0]), int(mesh[175, 1])), 60, colour, -1)
        looks.append(lip_colours(picture, mesh))
    hidden = occluded_frames(np.stack(looks), np.ones(len(looks), bool))
    assert set(np.flatnonzero(hidden)) == {11, 12, 13, 14, 15, 16, last}


def test_a_hand_of_the_skins_own_colour_is_noticed_where_lips_are_gone_for_more_than_a_moment() -> None:
    meshes = faces.talking()
    skin, lip = (150, 170, 210), (120, 110, 190)
    looks = []
    for k, mesh in enumerate(meshes):
        mesh[list(UPPER)] = (mesh[list(pt.UPPER_OUTER[1:-1])] + mesh[list(pt.UPPER_INNER[1:-1])]) / 2
        mesh[list(LOWER)] = (mesh[list(pt.LOWER_OUTER[1:-1])] + mesh[list(pt.LOWER_INNER[1:-1])]) / 2
        picture = np.full((SIDE, SIDE, 3), skin, np.uint8)
        cv2.fillPoly(picture, [np.round(mesh[list(pt.OUTER_RING), :2]).astype(np.int32)], lip)
        middle = mesh[[13, 14], :2].mean(0).astype(int)
        if 12 <= k < 15 or 17 <= k < 20:
            cv2.rectangle(picture, (0, int(middle[1])), (SIDE, SIDE), skin, -1)
        elif k == 30:
            cv2.fillPoly(picture, [np.round(mesh[list(pt.OUTER_RING), :2]).astype(np.int32)], skin)
        looks.append(lip_colours(picture, mesh))
    everywhere = np.ones(len(meshes), bool)
    assert np.flatnonzero(occluded_frames(np.stack(looks), everywhere)).tolist() == list(range(12, 20))
    grey = np.stack(looks)
    grey[..., 1:] = 0
    assert not occluded_frames(grey, everywhere).any(), "lips of a grey picture cannot be told from skin"
