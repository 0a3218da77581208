"""Faces that never show their open mouth: what lies between the lips, how it moves, and what must stay as it was."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.render.clip.portrait import LIDS, close_eyes, has_glasses, snap_closed_lips
from services.render.engines.atlas.analysis import fit_face
from services.render.engines.atlas.face import Face
from services.render.engines.atlas.interior import BLACK_YUV, UPPER_TEETH_OVERLAP, Interior, Lips
from services.render.engines.atlas.light import Light, light_of_picture, luma, rgb, yuv
from services.render.engines.atlas.light import median_light as middle_of
from services.render.engines.atlas.still import ROUNDED_WIDTH, StillPainter
from services.render.engines.atlas.teeth import ENAMEL, FLESH, lit_colour, tongue, tooth_row
from services.render.face import points as pt
from services.render.media.planes import cut, planes
from services.render.types import Image
from tests.fakes import faces

SIDE = 320
DAY = Light((0.6, 0.55, 0.5), 1.0, 0.008, 0.0)
GREY = Light((0.55, 0.55, 0.55), 0.0, 0.008, 0.0)
SKIN = np.array([0.45, 0.25, 0.18], np.float32)
LIPS = np.array([0.35, 0.10, 0.10], np.float32)


def flat(colour: np.ndarray) -> Image:
    """A YUV picture of one colour."""
    y, u, v = np.round(yuv(colour)).astype(np.uint8)
    quarter = SIDE * SIDE // 4
    values = np.concatenate([np.full(SIDE * SIDE, y), np.full(quarter, u), np.full(quarter, v)]).astype(np.uint8)
    return values.reshape(SIDE * 3 // 2, SIDE)


def closed_face(opening: float = 0.01) -> Face:
    """A swaying portrait with this much of a gap between the lips."""
    meshes = []
    for k in range(12):
        a = 0.03 * np.sin(k)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        meshes.append(80 * faces.face(opening) @ turn.T + (160 + 2 * np.sin(k), 130, 0))
    return fit_face(np.array(meshes, np.float32), np.ones(12, bool), faces.face(opening)).for_portrait()


@pytest.fixture(scope="module")
def face() -> Face:
    return closed_face()


def painter(face: Face, light: Light = DAY) -> StillPainter:
    return StillPainter(face, Interior(face, light), SIDE, SIDE)


def hole(face: Face, mouth: np.ndarray, before: Image, after: Image) -> np.ndarray:
    """Y, U, V (n, 3) in the middle of the open mouth."""
    mesh = face.meshes[0]
    x, y = mesh[[13, 14], :2].mean(0)
    gap = float(mouth[0] - face.closed[0]) * float(face.scale[0])
    patch = cut(after, (int(x - 8) // 2 * 2, int(y + 0.1 * gap) // 2 * 2, 16, max(2, int(0.4 * gap) // 2 * 2)))
    assert not np.array_equal(before, after)
    colour = cv2.resize(patch.chroma, patch.luma.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.dstack([patch.luma, colour]).reshape(-1, 3).astype(float)


@pytest.mark.parametrize("frame", [0, 5, 9])
def test_at_rest_not_one_byte_changes(face: Face, frame: int) -> None:
    picture = faces.picture(3)
    assert np.array_equal(painter(face).paint(picture, frame, face.closed), picture)


def test_speaking_leaves_the_stored_frame_and_the_eyes_alone(face: Face) -> None:
    picture = faces.picture(4)
    kept = picture.copy()
    after = painter(face).paint(picture, 2, face.closed + np.array([0.25, 0.0], np.float32))
    assert np.array_equal(picture, kept) and not np.array_equal(after, picture)
    eyes = int(face.meshes[2][[33, 133, 263, 362], 1].max())
    assert np.array_equal(planes(after)[0][:eyes], planes(picture)[0][:eyes])


def test_the_cavity_is_warm_and_darker_than_the_lips_but_not_black(face: Face) -> None:
    mouth = face.closed + np.array([0.3, 0.0], np.float32)
    before = flat(LIPS)
    inside = hole(face, mouth, before, painter(face).paint(before, 0, mouth))
    colour = np.median(rgb(inside), axis=0)
    assert 16 < np.median(inside[:, 0]) < 0.8 * yuv(LIPS)[0]
    assert colour[0] > 1.3 * colour[1] and colour[0] > 1.3 * colour[2], f"not red-brown: {colour}"
    assert colour[0] > 20, f"black: {colour}"


def test_no_row_between_the_teeth_and_the_lower_lip_is_grey(face: Face) -> None:
    interior = Interior(face, DAY)
    u, across = np.zeros((60, 1), np.float32), np.zeros((60, 1), np.float32)
    under = np.linspace(0.01, 0.29, 60, dtype=np.float32)[:, None]
    inside = interior._shaded_interior(u, under, 0.3 - under, across, under - 0.06, 0.2) + BLACK_YUV
    colours = rgb(inside)[:, 0]
    teeth = colours.min(1) > 0.55 * colours.max(1)
    runs = np.flatnonzero(np.diff(teeth.astype(int)))
    assert teeth[:6].any() and len(runs) <= 3, "teeth, dark, and at most the lower teeth"
    dark = colours[~teeth]
    assert len(dark) > 15 and (dark[:, 0] > 1.3 * dark[:, 2]).all()


def test_teeth_take_the_light_of_the_picture() -> None:
    enamel = rgb(yuv(lit_colour(DAY, ENAMEL)))
    assert enamel[0] > enamel[2], "teeth are a little yellow"
    pink = Light((0.7, 0.4, 0.6), 1.0, 0.01, 0.0)
    assert rgb(yuv(lit_colour(pink, ENAMEL)))[0] > 1.15 * rgb(yuv(lit_colour(pink, ENAMEL)))[1]
    for made in (tooth_row(GREY, 80, True), tooth_row(GREY, 80, False), tongue(GREY, 80)):
        assert np.abs(made.pixels[..., 1:3]).max() < 1, "colour in a grey picture"
    assert np.ptp(lit_colour(GREY, FLESH)) < 1e-6


def test_upper_teeth_stay_with_the_skull_and_lower_ones_follow_the_jaw(face: Face) -> None:
    interior = Interior(face, DAY)
    narrow, wide = face.closed + np.array([0.1, 0], np.float32), face.closed + np.array([0.3, 0], np.float32)
    assert interior.jaw_drop(wide) > interior.jaw_drop(narrow) + 0.08
    assert interior.jaw_drop(face.closed) == 0
    down = np.linspace(-0.1, 0.4, 400, dtype=np.float32)[:, None]
    far, zero = np.full_like(down, 0.5), np.zeros_like(down)
    at = [interior._shaded_interior(zero, far, far, zero, down, interior.jaw_drop(m))[:, 0, 0] for m in (narrow, wide)]
    skull = down[:, 0] < -0.05
    assert np.allclose(at[0][skull], at[1][skull], atol=0.5), "the upper teeth moved"
    lower = slice(np.flatnonzero(down[:, 0] > 0.06 + interior.jaw_drop(narrow))[0], 260)
    shift = interior.jaw_drop(wide) - interior.jaw_drop(narrow)
    moved = np.interp(down[lower, 0] + shift, down[:, 0], at[1])
    assert np.abs(moved - at[0][lower]).max() < 4, "the lower teeth do not follow the jaw"
    assert np.ptp(at[0][lower]) > 40, "no lower teeth"


def test_the_plane_of_the_teeth_turns_with_the_head(face: Face) -> None:
    interior = Interior(face, DAY)
    places = []
    for i in range(12):
        head = np.array([[0.1 + interior._teeth_centre, 0.8, interior._depth + 1.6 * 0.01 + 11 * 0.0001]])
        at = face.scale[i] * head @ face.rotation[i].T + face.shift[i]
        across, down = interior.to_arch(i, at[:, 0].astype(np.float32), at[:, 1].astype(np.float32))
        places.append((float(across[0]), float(down[0])))
    assert np.abs(np.array(places) - (0.1, 0.8)).max() < 0.01


def test_nothing_pops_while_the_mouth_opens(face: Face) -> None:
    before = flat(SKIN)
    drawn = painter(face)
    frames = [drawn.paint(before, 0, face.closed + np.array([t, 0.0])).astype(int) for t in np.linspace(0, 0.3, 121)]
    x, y = face.meshes[0][[13, 14], :2].mean(0).astype(int)
    steps = np.array([np.abs(b - a)[y - 25 : y + 45, x - 35 : x + 35].mean() for a, b in pairwise(frames)])
    assert steps.max() < 1.5, f"a step of {steps.max():.2f} levels at {steps.argmax()} of 120"
    assert steps.sum() > 5, "nothing opened"


def test_teeth_of_the_picture_are_the_upper_row() -> None:
    face = closed_face(0.2)
    picture = flat(LIPS)
    mesh = face.meshes[0]
    ring = np.round(mesh[[*pt.UPPER_INNER, *pt.LOWER_INNER[-2:0:-1]], :2]).astype(np.int32)
    luma_plane = planes(picture)[0]
    cv2.fillPoly(luma_plane, [ring], 210)
    y = int(mesh[14, 1] - 0.05 * face.scale[0])
    luma_plane[y : int(mesh[14, 1])] = np.where(
        luma_plane[y : int(mesh[14, 1])] == 210, 40, luma_plane[y : int(mesh[14, 1])]
    )
    patch = cut(picture, (60, 100, 200, 200))
    plain = Interior(face, DAY)
    own = plain.with_own_teeth(patch, 0)
    assert own is not plain and own._has_own_teeth and not plain._has_own_teeth
    middle = own._upper.pixels.shape[1] // 2
    column = own._upper.pixels[:, middle]
    assert column[:, 0].max() == pytest.approx(210 - 16, abs=3)
    end = own._upper.top + np.flatnonzero(column[:, 3] > 0.5)[-1] / own._upper.per_unit
    _, low = plain.to_arch(0, mesh[14:15, 0], mesh[14:15, 1])
    assert end < float(low[0]) - plain._biting_edge_y - 0.03, "the dark under the teeth was taken for teeth"
    toothless = cut(flat(FLESH * 0.3), (60, 100, 200, 200))
    assert plain.with_own_teeth(toothless, 0) is plain


def test_a_smile_that_rests_is_closed_everywhere() -> None:
    face = closed_face(0.2)
    drawn = painter(face)
    head = drawn._target_head(0, face.closed)
    gaps = head[list(pt.LOWER_INNER), 1] - head[list(pt.UPPER_INNER), 1]
    assert gaps.max() < 0.05


def test_light_is_read_from_eyes_and_skin() -> None:
    mesh = (80 * faces.face(0.01) + (160, 130, 0)).astype(np.float32)
    picture = np.tile((SKIN ** (1 / 2.2) * 255).astype(np.float32), (SIDE, SIDE, 1))
    plain = light_of_picture(picture, mesh, 80)
    assert plain.colour > 0.9 and plain.white[0] > plain.white[2]
    grey = light_of_picture(np.full((SIDE, SIDE, 3), 150, np.float32), mesh, 80)
    assert grey.colour == 0 and np.ptp(grey.white) < 1e-3
    dark = light_of_picture(picture * 0.5, mesh, 80)
    assert luma(np.array(dark.white)) < 0.5 * luma(np.array(plain.white))
    assert middle_of([plain, grey, plain]).colour == plain.colour


def test_light_survives_a_file(tmp_path: Path) -> None:
    DAY.save(tmp_path / "light.npz")
    assert Light.load(tmp_path / "light.npz").white == pytest.approx(DAY.white)


def test_lips_meet_where_the_picture_shows_it() -> None:
    mesh = (80 * faces.face(0.05) + (160, 130, 0)).astype(np.float32)
    picture = np.full((SIDE, SIDE, 3), 170, np.uint8)
    y = int(mesh[[13, 14], 1].mean()) + 3
    cv2.line(picture, (int(mesh[78, 0]), y), (int(mesh[308, 0]), y), (40, 40, 60), 2)
    found = snap_closed_lips(picture, mesh)
    assert abs(found[[13, 14], 1].mean() - y) < 1.2
    assert np.abs(found[[78, 308], 1] - y).max() < 1.5, "the corners do not lie on it"
    still = [p for p in range(468) if p not in (*pt.UPPER_INNER, *pt.LOWER_INNER, *pt.CORNERS)]
    assert np.array_equal(found[still], mesh[still])
    wide = (80 * faces.face(0.2) + (160, 130, 0)).astype(np.float32)
    assert snap_closed_lips(picture, wide) is wide


def test_lids_close_over_the_eye_and_glasses_keep_them_open() -> None:
    mesh = (80 * faces.face() + (160, 130, 0)).astype(np.float32)
    picture = np.full((SIDE, SIDE, 3), 190, np.uint8)
    for upper, lower, brow in LIDS:
        ends = mesh[[upper[0], upper[-1]], :2]
        for curve, side in ((upper, -6), (lower, 6), (brow, -25)):
            t = np.linspace(0, 1, len(curve))[:, None]
            mesh[list(curve), :2] = (
                ends[0] + t * (ends[1] - ends[0]) + [[0, side]] * (np.sin(np.pi * t) if side != -25 else 1)
            )
        middle = ends.mean(0).astype(int)
        cv2.circle(picture, (int(middle[0]), int(middle[1])), 5, (20, 20, 20), -1)
    assert close_eyes(picture, mesh, 0.0) is picture
    shut = close_eyes(picture, mesh, 1.0)
    assert (picture[..., 0] < 60).sum() > 100 and (shut[..., 0] < 60).sum() < 12
    half = close_eyes(picture, mesh, 0.5)
    assert 12 < (half[..., 0] < 60).sum() < 0.8 * (picture[..., 0] < 60).sum()
    mesh[9, :2], mesh[197, :2] = (160, 70), (160, 150)
    assert not has_glasses(np.full((SIDE, SIDE, 3), 190, np.uint8), mesh)
    cv2.line(picture, (120, 110), (200, 110), (30, 30, 30), 3)
    assert has_glasses(picture, mesh)


def test_lips_are_drawn_through_their_points() -> None:
    t = np.linspace(-1, 1, 11)
    up, low = np.c_[100 + 30 * t, 100 - 5 * (1 - t**2)], np.c_[100 + 30 * t, 100 + 9 * (1 - t**2)]
    lips = Lips.from_pixels(up.astype(np.float32), low.astype(np.float32), 80, 0.0)
    assert lips.gap == pytest.approx(14 / 80, abs=0.002) and lips.half_width == pytest.approx(30 / 80, abs=0.002)
    high, deep = lips.curves(np.array([0.0]))
    assert (deep - high)[0] == pytest.approx(14 / 80, abs=0.002)


def test_in_f_the_lower_lip_lies_at_the_edge_of_the_upper_teeth(face: Face) -> None:
    drawn = painter(face)
    rest, tucked = drawn._target_head(0, face.closed), drawn._target_head(0, face.closed, 1.0)
    assert tucked[13, 1] < rest[13, 1] - 0.03, "the upper lip does not show the teeth"
    edge = rest[[13, 14], 1].mean() + UPPER_TEETH_OVERLAP
    assert tucked[14, 1] == pytest.approx(edge, abs=0.015)
    lip = [head[17, 1] - head[14, 1] for head in (rest, tucked)]
    assert lip[1] < lip[0] - 0.03, "the lower lip is not rolled in"
    assert np.array_equal(tucked[list(pt.CORNERS)], rest[list(pt.CORNERS)])
    before = flat(LIPS)
    shown = cut(drawn.paint(before, 0, face.closed, 1.0), (150, 170, 20, 40)).luma
    assert shown.max() > cut(before, (150, 170, 20, 40)).luma.max() + 15, "no teeth"


def test_rounded_lips_leave_a_hole_in_the_middle_and_close_beside_it(face: Face) -> None:
    drawn = painter(face)
    wanted = face.closed + np.array([0.04, ROUNDED_WIDTH - face.closed[1]], np.float32)
    gaps = []
    for mouth in (wanted * (1, 0) + (0, face.closed[1]), wanted):
        head = drawn._target_head(0, mouth)
        gaps.append(head[list(pt.LOWER_INNER), 1] - head[list(pt.UPPER_INNER), 1])
    assert gaps[1][5] > gaps[0][5] + 0.01, "no hole"
    assert gaps[1][2] / gaps[1][5] < 0.85 * gaps[0][2] / gaps[0][5], "not round"
