"""Whether two files show one person, from descriptions of their faces; and the parts of the network that describes."""

from __future__ import annotations

import numpy as np
import pytest

from services.render.clip.likeness import likeness
from services.render.face import identity
from services.render.face.identity import MARKS, PADDING, PLACES, SIDE, _convolved, _largest_of_3, _upright

RANDOM = np.random.default_rng(0)


def pictures(person: int, count: int = 6, noise: float = 0.15) -> np.ndarray:
    """Descriptions (count, 128) of one person; those of two people are about 0.8 apart."""
    centre = np.zeros(128)
    centre[person] = 0.57
    return centre + RANDOM.normal(0, noise / np.sqrt(128), (count, 128))


def test_one_person_is_one_and_two_are_two() -> None:
    assert likeness(pictures(1), pictures(1)).is_same
    found = likeness(pictures(1), pictures(2, 3))
    assert not found.is_same and found.pictures == (6, 3)
    assert found.distance == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("is_source", [True, False])
def test_a_film_that_shows_somebody_else_in_a_part_is_refused(is_source: bool) -> None:
    mixed = np.concatenate([pictures(1, 5), pictures(2, 1)])
    pair = (mixed, pictures(1)) if is_source else (pictures(1), mixed)
    found = likeness(*pair)
    assert found.distance < 0.3 and found.farthest > 0.7 and not found.is_same


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_what_it_says(stride: int) -> None:
    x, filters = RANDOM.normal(size=(9, 8, 3)), RANDOM.normal(size=(3, 3, 3, 4))
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0))) if stride == 1 else x
    got = _convolved(x.astype(np.float32), filters.astype(np.float32), stride)
    rows, columns = (padded.shape[0] - 3) // stride + 1, (padded.shape[1] - 3) // stride + 1
    assert got.shape == (rows, columns, 4)
    for i, j in ((0, 0), (rows - 1, columns - 1), (1, 2)):
        window = padded[i * stride : i * stride + 3, j * stride : j * stride + 3]
        assert got[i, j] == pytest.approx(np.einsum("ijc,ijcf->f", window, filters), abs=1e-4)
    assert _largest_of_3(x)[0, 0] == pytest.approx(x[:3, :3].max((0, 1)))


def test_a_turned_face_comes_to_its_place() -> None:
    """Dots where the marks are lie where the network wants them, however the head was held."""
    angle, scale = np.radians(25), 3.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wanted = (PADDING + PLACES) / (2 * PADDING + 1) * SIDE
    marks = wanted @ turn.T + (320, 60)
    picture = np.zeros((700, 900, 3), np.uint8)
    for x, y in marks.astype(int):
        picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    chip = _upright(picture, marks)
    assert chip.shape == (SIDE, SIDE, 3) and len(MARKS) == len(PLACES)
    for x, y in wanted.round().astype(int):
        assert chip[y, x].min() > 100
    assert chip.mean() < 20


def test_weights_are_read_as_they_are_listed(tmp_path) -> None:
    listed = (
        '[{"weights": [{"name": "a", "shape": [2, 2], "dtype": "float32", "quantization": '
        '{"dtype": "uint8", "scale": 0.5, "min": -1}}, {"name": "fc", "shape": [3], "dtype": "float32"}]}]'
    )
    (tmp_path / "weights.json").write_text(listed)
    (tmp_path / "model.bin").write_bytes(bytes([0, 1, 2, 255]) + np.float32([1, 2, 3]).tobytes())
    found = identity._read(tmp_path)
    assert found["a"].tolist() == [[-1, -0.5], [0, 126.5]] and found["fc"].tolist() == [1, 2, 3]
