"""The network that tells faces apart, on real pictures: the built-in portrait, clips of people beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.likeness import Likeness, compare
from tests.fakes import media

CLIPS = Path(__file__).resolve().parents[2] / "../shared/data"
Compare = Callable[[Path, Path], Likeness]


@pytest.fixture(scope="module")
def compared() -> Compare:
    root = SharedSettings().weights_dir
    try:
        media.portrait(64)
        for group in ("face-mesh", "face-identity"):
            folder(group, root)
    except WeightsError as e:
        pytest.skip(str(e))
    return lambda a, b: compare({"first": a, "second": b}, root, 60)


@pytest.fixture
def portrait(tmp_path: Path, compared: Compare) -> Path:
    path = tmp_path / "portrait.png"
    path.write_bytes(media.png(media.portrait()))
    return path


def clip(name: str) -> Path:
    path = (CLIPS / name).resolve()
    if not path.is_file():
        pytest.skip(f"../shared/data is not here: {name}")
    return path


def test_the_same_face_turned_smaller_and_darker_is_the_same(compared: Compare, portrait: Path, tmp_path: Path) -> None:
    picture = media.portrait()
    turned = cv2.warpAffine(picture, cv2.getRotationMatrix2D((256, 200), 12, 0.7), (512, 512))
    other = tmp_path / "other.png"
    other.write_bytes(media.png((turned * 0.7).astype(np.uint8)))
    found = compared(portrait, other)
    assert found.is_same and found.distance < 0.25
    film = tmp_path / "film.mp4"
    film.write_bytes(media.video(media.rocking(1.5, 400)))
    assert compared(film, portrait).is_same


def test_the_file_without_a_face_and_the_one_with_two_are_named(
    compared: Compare, portrait: Path, tmp_path: Path
) -> None:
    empty, pair = tmp_path / "empty.png", tmp_path / "pair.png"
    empty.write_bytes(media.png(media.blank()))
    pair.write_bytes(media.png(np.hstack([media.portrait(), media.portrait()])))
    for other, slug in ((empty, "no-face"), (pair, "two-faces")):
        with pytest.raises(HuashengError) as e:
            compared(portrait, other)
        assert (e.value.slug, e.value.params["name"]) == (slug, "second")


def test_without_the_weights_it_says_what_to_do(portrait: Path, tmp_path: Path) -> None:
    with pytest.raises(HuashengError, match="make weights") as e:
        compare({"a": portrait, "b": portrait}, tmp_path, 60)
    assert e.value.slug == "faces-unavailable"


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("clips/joygen_example_5s.mp4", "clips/joygen_example_15s.mp4", True),
        ("clips/retalking_face3.mp4", "field/v02_hlg.mov", True),
        ("clips/joygen_example_5s.mp4", "clips/retalking_face1_vfr_threequarter.mp4", False),
        ("clips/liveportrait_d13_no_audio.mp4", "clips/retalking_face3.mp4", False),
        ("clips/retalking_face3.mp4", "field/v13_two_people_cut.mp4", False),
    ],
)
def test_real_people(compared: Compare, first: str, second: str, is_same: bool) -> None:
    assert compared(clip(first), clip(second)).is_same is is_same
