"""What a training learns from: faces, depth of the lips and sound of an avatar, made in parts that are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from services.common.errors import HuashengError
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import Bundle, load_bundle
from services.render.engines.joygen.depth import lip_depth
from services.render.engines.joygen.store import Avatar
from services.render.engines.joygen.train import material as making
from services.render.engines.joygen.train.augment import depth_tensors, sample_batch
from services.render.engines.joygen.train.material import HALF, TrainingData, gather_training_data
from tests.fakes.joygen_avatar import ABSENT, COUNT, write_avatar
from tests.fakes.joygen_face import write_bfm
from tests.fakes.joygen_small import SOUND, write_small
from tools.joygen_golden import sound


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    return write_avatar(tmp_path_factory.mktemp("avatar"))


@pytest.fixture(scope="module")
def bfm(tmp_path_factory: pytest.TempPathFactory) -> Bfm:
    return Bfm.load(write_bfm(tmp_path_factory.mktemp("bfm")))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_small(tmp_path_factory.mktemp("weights"), "joygen", depth=False))


def gathered(avatar: Avatar, bundle: Bundle, bfm: Bfm | None, work: Path, seconds: float = COUNT / 25) -> TrainingData:
    return gather_training_data(avatar, "talk", sound(seconds), bundle, bfm, work, lambda _part: None)


def test_the_depth_that_is_shown_is_that_of_the_frames_own_face(
    avatar: Avatar, bundle: Bundle, bfm: Bfm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MIN_FRAMES", 20)
    monkeypatch.setattr(making, "GUARD", 3)
    avatar.face.coefficients[7, 80] = 1.5  # here the mouth is open
    found = gathered(avatar, bundle, bfm, tmp_path)
    assert found.depth is not None
    assert found.faces.shape == (COUNT, 256, 256, 3) and found.depth.shape == (COUNT, HALF, 256)
    assert found.sound.shape[0] == COUNT and found.sound.shape[2] == SOUND
    assert ABSENT not in {*found.train, *found.validation} and found.validation.min() - found.train.max() > 3
    fitted = torch.from_numpy(avatar.face.coefficients)
    for frame in (6, 7):
        whole = lip_depth(bfm, fitted[[frame]], [avatar.placement(frame)])[0].numpy()
        np.testing.assert_array_equal(found.depth[frame], whole[HALF:].astype(np.uint8))
        seen = depth_tensors(found, [frame])[0]
        assert (seen[:, :HALF] == -1).all() and (seen[0] == seen[2]).all()
        np.testing.assert_allclose((seen[0, HALF:] + 1) * 127.5, whole[HALF:], atol=1)
    assert (found.depth[6] > 0).sum() > 500 and (found.depth[6] != found.depth[7]).any()
    assert (sample_batch(found, 2, 1.0, torch.Generator().manual_seed(0)).depth > 0).any()


def test_parts_that_are_there_are_not_made_again_and_none_is_half_written(
    avatar: Avatar, bundle: Bundle, bfm: Bfm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MIN_FRAMES", 20)
    monkeypatch.setattr(making, "PART_FRAMES", 16)

    def stop(_part: float) -> None:
        raise HuashengError("cancelled")

    with pytest.raises(HuashengError, match="cancelled"):
        gather_training_data(avatar, "talk", sound(COUNT / 25), bundle, bfm, tmp_path, stop)
    assert [p.name for p in tmp_path.iterdir()] == ["faces-000000.npz"]
    first = (tmp_path / "faces-000000.npz").stat().st_mtime_ns
    again = gathered(avatar, bundle, bfm, tmp_path)
    assert (tmp_path / "faces-000000.npz").stat().st_mtime_ns == first
    assert len(again.faces) == COUNT and not list(tmp_path.glob("*.tmp*"))


def test_without_the_3d_face_there_is_no_depth_and_too_few_frames_are_refused(
    avatar: Avatar, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HuashengError, match="few-faces"):
        gathered(avatar, bundle, None, tmp_path / "a")
    monkeypatch.setattr(making, "MIN_FRAMES", 10)
    found = gathered(avatar, bundle, None, tmp_path / "b", seconds=1.0)
    assert found.depth is None and len(found.faces) == 25
    assert (depth_tensors(found, [3]) == -1).all()
