"""Teeth that the mesh takes for lip, and which mouth pictures follow each other."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from services.render.engines.atlas.library import Library, PictureSelector
from services.render.engines.atlas.painter import _colour_match
from services.render.engines.atlas.train import score
from services.render.face import points as pt
from services.render.face.lip_contour import LIP_CURVES, TOLERANCE, move_lip_contour, teeth_reach
from services.render.face.shape import measure_mouth
from services.render.media.planes import Patch, blend
from tests.fakes import faces

SKIN, LIP, TEETH = (140, 170, 210), (90, 90, 170), (205, 215, 220)


def scene(shown: float, measured: float, gap: tuple[int, int, int] = TEETH) -> tuple[np.ndarray, np.ndarray]:
    """A BGR picture of a mouth that is open by ``shown``, and a mesh whose inner lips are ``measured`` apart."""
    true, mesh = (160 * faces.face(opening) + (160, 60, 0) for opening in (shown, measured))
    picture = np.full((320, 320, 3), SKIN, np.uint8)
    for ring, colour in ((pt.OUTER_RING, LIP), (pt.INNER_RING, gap)):
        cv2.fillPoly(picture, [np.round(true[list(ring), :2]).astype(np.int32)], colour)
    outer = [*pt.UPPER_OUTER, *pt.LOWER_OUTER]
    mesh[outer] = true[outer]
    return cv2.GaussianBlur(picture, (0, 0), 1), mesh.astype(np.float32)


def test_teeth_beyond_the_contour_are_counted_as_opening() -> None:
    picture, mesh = scene(0.2, 0.12)
    reach = teeth_reach(picture, mesh)
    assert reach[:, 4] == pytest.approx([(0.04 - d) * 160 for d in TOLERANCE], abs=2.5)
    clip = move_lip_contour(np.array([mesh] * 7), np.array([reach] * 7))
    opening = measure_mouth(clip)[:, 0] / 160
    assert opening == pytest.approx(0.19, abs=0.03) and measure_mouth(mesh[None])[0, 0] / 160 < 0.13
    inner = [p for _, points in LIP_CURVES for p in points]
    others = np.setdiff1d(np.arange(468), inner)
    assert np.array_equal(clip[3][others], mesh[others])


def test_a_training_measures_drawn_mouths_as_it_does_real_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picture, mesh = scene(0.2, 0.12)

    class Tracker:
        def __init__(self, weights: Path) -> None:
            pass

        def next(self, picture: np.ndarray) -> np.ndarray:
            return mesh

    monkeypatch.setattr(score, "Tracker", Tracker)
    monkeypatch.setattr(score, "load_canonical_face", lambda path: faces.face())
    drawn = measure_mouth(score.head_shapes([picture] * 7, tmp_path, lambda part: None))
    assert drawn[:, 0] == pytest.approx(0.19, abs=0.03), "teeth that the mesh takes for lip are opening here too"


@pytest.mark.parametrize(
    ("shown", "measured", "gap"), [(0.12, 0.12, TEETH), (0.02, 0.06, LIP), (0.2, 0.12, (60, 60, 120))]
)
def test_lips_closed_lips_and_a_tongue_are_not_taken_for_teeth(
    shown: float, measured: float, gap: tuple[int, int, int]
) -> None:
    assert teeth_reach(*scene(shown, measured, gap)).max() <= 2.5


def test_grey_pictures_and_single_frames_are_left_alone() -> None:
    picture, mesh = scene(0.2, 0.12)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert not teeth_reach(grey, mesh).any()
    reach = np.zeros((9, 2, 9), np.float32)
    reach[4] = 6
    clip = np.array([mesh] * 9)
    assert np.array_equal(move_lip_contour(clip, reach), clip), "one frame's teeth were believed"


def library(looks: list[int], openings: list[float]) -> Library:
    """Pictures that are of one brightness between the lips, with these openings."""
    meshes = np.array([80 * faces.face(o) + (160, 130, 0) for o in openings], np.float32)
    patches = [
        Patch((0, 0, 320, 320), np.full((320, 320), v, np.uint8), np.full((160, 160, 2), 128, np.uint8)) for v in looks
    ]
    n = len(looks)
    traits = np.array([[o, 0.75, 0, 0, 0] for o in openings], np.float32)
    return Library(patches, meshes, traits, np.ones(n, np.float32), np.full(n, 80, np.float32), np.arange(n))


def test_teeth_do_not_turn_into_a_tongue_while_a_like_picture_is_near() -> None:
    pictures = library([200, 60, 195], [0.12, 0.16, 0.18])
    assert pictures.lip_difference[0, 2] < 10 < 100 < pictures.lip_difference[0, 1]
    chooser = PictureSelector(pictures)
    chooser.select(pictures.traits[0])
    shown = {k for _ in range(8) for k, _ in chooser.select(np.array([0.165, 0.75, 0, 0, 0], np.float32))}
    assert 1 not in shown


def test_a_shut_mouth_is_not_faded_into_an_open_one() -> None:
    pictures = library([90, 90], [0.01, 0.2])
    chooser = PictureSelector(pictures)
    assert dict(chooser.select(pictures.traits[0])) == {0: 1.0}
    assert dict(chooser.select(pictures.traits[1])) == {1: 1.0}, "lips that meet were torn open"
    assert set(dict(chooser.select(pictures.traits[0]))) == {0, 1}, "closing may fade: lips are joined"


@pytest.mark.parametrize("light", [0.7, 1.0, 1.4])
def test_a_picture_taken_in_other_light_keeps_its_contrast(light: float) -> None:
    side, step = 96, 4
    y, x = np.mgrid[:side, :side]
    lips = np.hypot(x - 48, (y - 48) * 1.5) < 18
    frame = np.where(lips, 60, 140).astype(np.float32) * light + 16
    half = (side // 2, side // 2, 2)
    chroma = 128 + light * np.broadcast_to(np.array([-8, 20], np.float32), half)
    under = Patch((0, 0, side, side), frame.astype(np.uint8), np.round(chroma).astype(np.uint8))
    own = np.where(lips, 76, 156).astype(np.uint8)
    over = Patch(under.rect, own, np.broadcast_to(np.array([120, 148], np.uint8), half).copy())
    nodes = (np.arange(side // step) + 0.5) * step
    alpha = np.clip((34 - np.hypot(nodes[None] - 48, nodes[:, None] - 48)) / 10, 0, 1).astype(np.float32)
    shift, gain = _colour_match(under, over, alpha, 8.0)
    after = blend(under, over, alpha, shift, step, gain)
    assert gain == pytest.approx(light, abs=0.08)
    middle = (slice(44, 52), slice(44, 52))
    assert float(after.luma[middle].mean()) == pytest.approx(60 * light + 16, abs=6)
    assert np.abs(after.chroma[24, 24] - chroma[24, 24]).max() <= 2
