"""Sources are looked at before the long work: turned, taken for a portrait, or refused with the reason."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.look import check_for_training, look, looked_at
from services.render.clip.portrait import track_portrait
from services.render.clip.tracking import track_clip
from services.render.face import points as pt
from services.render.face.landmarks import FaceFinder, Points
from services.render.media.read import kind_of
from services.render.types import ClipLimits, PrepareJob
from tests.fakes import media

Picture = np.ndarray


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        media.portrait(64)
        return folder("face-mesh", SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))


def written(path: Path, source: Picture | list[Picture]) -> Path:
    path.write_bytes(media.png(source) if isinstance(source, np.ndarray) else media.video(source))
    return path


def job(path: Path, weights: Path) -> PrepareJob:
    return PrepareJob(
        source=path,
        kind=kind_of(path),
        mesh_weights=weights,
        limits=ClipLimits(512, 10),
        progress=lambda *_: None,
        cancelled=lambda: False,
    )


def refusal(path: Path, weights: Path) -> str:
    with pytest.raises(HuashengError) as e:
        looked_at(job(path, weights))
    assert e.value.text("hint", "zh") and e.value.text("hint", "en")
    return e.value.slug


def film(turn: int = 0, seconds: float = 1.2) -> list[Picture]:
    return [np.ascontiguousarray(np.rot90(p, turn)) for p in media.rocking(seconds, 320)]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_picture_lying_on_its_side_or_head_is_turned(tmp_path: Path, weights: Path, turns: int) -> None:
    path = written(tmp_path / "a.png", np.ascontiguousarray(np.rot90(media.portrait(384), turns)))
    found = looked_at(job(path, weights))
    assert found.turn == (360 - 90 * turns) % 360
    assert found.warnings == (("turned-upright",) if turns else ())


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_film_lying_on_its_side_or_head_is_turned(tmp_path: Path, weights: Path, turns: int) -> None:
    found = looked_at(job(written(tmp_path / "a.mp4", film(turns)), weights))
    assert (found.kind, found.turn) == ("video", 360 - 90 * turns)
    clip = track_clip(found, tmp_path / "frames.mp4")
    assert "turned-upright" in clip.warnings and clip.good.all()
    assert (clip.meshes[:, pt.CHIN, 1] > clip.meshes[:, pt.NOSE_BASE, 1]).all()


def test_a_film_of_one_picture_is_a_portrait(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.render.clip.portrait.LOOP_S", 0.4)
    path = written(tmp_path / "a.mp4", [media.portrait(320)] * 50)
    found = looked_at(job(path, weights))
    assert (found.kind, found.warnings) == ("portrait", ("still-film",))
    clip = track_portrait(found, tmp_path / "frames.mp4")
    assert clip.good.all() and clip.warnings == ["still-film"]
    with pytest.raises(HuashengError) as e:
        check_for_training(path, weights, ClipLimits())
    assert e.value.slug == "still-film"


def test_a_film_that_sways_is_none(tmp_path: Path, weights: Path) -> None:
    path = written(tmp_path / "a.mp4", film())
    assert looked_at(job(path, weights)).kind == "video"
    check_for_training(path, weights, ClipLimits())


def test_nobody_and_two_people_are_refused_at_once(tmp_path: Path, weights: Path) -> None:
    two = np.hstack([media.portrait(256)] * 2)
    assert refusal(written(tmp_path / "a.png", two), weights) == "two-faces"
    assert refusal(written(tmp_path / "b.png", media.blank(256)), weights) == "no-face"
    assert refusal(written(tmp_path / "c.mp4", [media.blank(256)] * 100), weights) == "no-face"
    moving = [np.hstack([p, p]) for p in film()]
    assert refusal(written(tmp_path / "d.mp4", moving), weights) == "two-faces"
    with pytest.raises(HuashengError) as e:
        check_for_training(tmp_path / "c.mp4", weights, ClipLimits())
    assert e.value.slug == "no-face"


def test_two_people_in_a_picture_are_refused_before_it_moves(tmp_path: Path, weights: Path) -> None:
    path = written(tmp_path / "a.png", np.hstack([media.portrait(256)] * 2))
    with pytest.raises(HuashengError) as e:
        track_portrait(job(path, weights), tmp_path / "frames.mp4")
    assert e.value.slug == "two-faces" and not (tmp_path / "frames.mp4").exists()


def mesh_of(picture: Picture, weights: Path) -> Points:
    finder = FaceFinder(weights)
    mesh = finder.mesh(picture, finder.faces(picture))
    assert mesh is not None
    return mesh


def test_without_a_mouth_or_a_chin(tmp_path: Path, weights: Path) -> None:
    picture = media.portrait(512)
    mesh = mesh_of(picture, weights)
    lip, chin = float(mesh[0, 1]), float(mesh[pt.CHIN, 1])
    assert refusal(written(tmp_path / "a.png", picture[: int(lip) // 2 * 2 - 6]), weights) == "mouth-outside"
    low = float(mesh[17, 1])
    tight = picture[: int(low + 0.6 * (chin - low))]
    found = looked_at(job(written(tmp_path / "b.png", tight), weights))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.render.clip.portrait.LOOP_S", 0.4)
        assert track_portrait(found, tmp_path / "frames.mp4").warnings == ["chin-cut"]


def box(colour: tuple[int, int, int]) -> Callable[[Picture, Points], None]:
    def paint(picture: Picture, mesh: Points) -> None:
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        y = int(mesh[pt.NOSE_BASE, 1])
        cv2.rectangle(picture, (int(low[0]), y), (int(high[0]), int(high[1])), colour, -1)

    return paint


def mask(colour: tuple[int, int, int]) -> Callable[[Picture, Points], None]:
    def paint(picture: Picture, mesh: Points) -> None:
        edge = cv2.convexHull(mesh[[*pt.JAW, 50, 197, 280], :2]).astype(np.int32)
        cv2.fillConvexPoly(picture, edge, colour, cv2.LINE_AA)

    return paint


@pytest.mark.parametrize(
    "paint", [box((235, 200, 160)), box((20, 20, 20)), mask((215, 170, 120)), mask((240, 240, 240)), mask((40, 40, 45))]
)
def test_a_mouth_that_is_covered_all_the_time_is_refused(
    tmp_path: Path, weights: Path, paint: Callable[[Picture, Points], None]
) -> None:
    covered = media.portrait(512)
    paint(covered, mesh_of(covered, weights))
    assert refusal(written(tmp_path / "a.png", covered), weights) == "mouth-covered"
    swaying = []
    for picture in list(media.rocking(1.2, 512)):
        paint(picture, mesh_of(picture, weights))
        swaying.append(picture)
    assert refusal(written(tmp_path / "a.mp4", swaying), weights) == "mouth-covered"


def test_grey_and_tinted_pictures_are_not_taken_for_covered(tmp_path: Path, weights: Path) -> None:
    picture = media.portrait(512)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    blue = (picture * (1.0, 0.75, 0.6)).astype(np.uint8)
    for n, changed in enumerate((grey, blue, (picture * 0.5).astype(np.uint8))):
        look(written(tmp_path / f"{n}.png", changed), "portrait", weights, ClipLimits())
