"""The fit of a person's own mouth: it learns what is there, resumes exactly, and its model is run alike in numpy."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.render.audio.whisper import SIZE
from services.render.engines.atlas.mouth.clip import CONTEXT_OFFSETS, ClipModel
from services.render.engines.atlas.mouth.person import (
    SOUND_VALUES,
    Ensemble,
    InputTransform,
    PersonModel,
    neighbours,
    person_encoder,
    smoothed,
)

pytest.importorskip("torch")

import torch

from services.render.engines.atlas.train import fit as fitting
from services.render.engines.atlas.train.fit import (
    ENSEMBLE_SIZE,
    PREVIOUS_SUFFIX,
    EnsembleFit,
    FitProgress,
    setup_torch,
)

SAVE_EVERY = 50
"""Steps between two checkpoints here; 250 in a real training."""
STEPS = SAVE_EVERY + 40


@pytest.fixture
def often_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "SAVE_EVERY", SAVE_EVERY)


def toy(seed: int = 1, count: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, wanted mouths that are a known map of them, and times."""
    dice = np.random.default_rng(seed)
    x = dice.normal(0, 1, (count, 12)).astype(np.float32)
    y = np.stack([x[:, 0] - 0.5 * x[:, 3], np.tanh(2 * x[:, 5])], 1).astype(np.float32)
    return x, y + dice.normal(0, 0.1, y.shape).astype(np.float32), np.arange(count)


def test_it_learns_a_known_map_and_unseen_rows_say_so(tmp_path: Path) -> None:
    x, y, when = toy()
    fit, looks = EnsembleFit(x, y, when, 600, "cpu", "toy"), []
    members = fit.run(tmp_path / "fit.pt", looks.append)
    assert looks[-1].step == 600 and looks[-1].validation_loss < 0.15 < looks[0].validation_loss
    fresh, wanted, _ = toy(seed=2)
    guess = members.predict_each(fresh).mean(0)
    assert min(np.corrcoef(guess[:, c], wanted[:, c])[0, 1] for c in range(2)) > 0.9
    assert np.corrcoef(fit.out_of_fold()[:, 0], y[:, 0])[0, 1] > 0.9


def test_noise_teaches_nothing(tmp_path: Path) -> None:
    x, _, when = toy()
    y = np.random.default_rng(9).normal(0, 1, (len(x), 2)).astype(np.float32)
    members = EnsembleFit(x, y, when, 400, "cpu", "noise").run(tmp_path / "fit.pt", lambda _look: None)
    assert members.predict_each(x).mean(0).std() < 0.35  # stays near the general model, which is nought here


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ensemble]:
    """A whole fit of ``toy(count=200)``: the folder of its ``fit.pt``, and the networks."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "SAVE_EVERY", SAVE_EVERY)
        members = EnsembleFit(*toy(count=200), STEPS, "cpu", "toy").run(folder / "fit.pt", lambda _look: None)
    return folder, members


@pytest.mark.usefixtures("often_saved")
def test_a_resumed_fit_equals_an_uninterrupted_one(tmp_path: Path, uninterrupted: tuple[Path, Ensemble]) -> None:
    x, y, when = toy(count=200)
    _, whole = uninterrupted
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 77

    with pytest.raises(HuashengError, match="cancelled"):
        EnsembleFit(x, y, when, STEPS, "cpu", "toy").run(tmp_path / "b.pt", lambda _look: None, stop)
    again = EnsembleFit(x, y, when, STEPS, "cpu", "toy")
    resumed = again.run(tmp_path / "b.pt", lambda _look: None)
    for a, b in zip(vars(whole).values(), vars(resumed).values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_of_other_material_is_not_gone_on_from(tmp_path: Path) -> None:
    x, y, when = toy(count=200)
    EnsembleFit(x, y, when, 50, "cpu", "one").run(tmp_path / "fit.pt", lambda _look: None)
    looks = []
    EnsembleFit(x, y, when, 50, "cpu", "two").run(tmp_path / "fit.pt", looks.append)
    assert looks[0].step == 25
    EnsembleFit(x, y, when, 50, "cpu", "two").run(tmp_path / "fit.pt", looks.append)
    assert len(looks) == 2  # finished already


@pytest.mark.usefixtures("often_saved")
@pytest.mark.parametrize("spoil", ["cut", "empty", "text", "foreign"])
@pytest.mark.parametrize("earlier", [True, False])
def test_a_checkpoint_that_cannot_be_read_is_told_and_stops_nothing(
    tmp_path: Path, uninterrupted: tuple[Path, Ensemble], spoil: str, earlier: bool
) -> None:
    folder, whole = uninterrupted
    path = Path(shutil.copytree(folder, tmp_path / "fit")) / "fit.pt"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "text": b"not a checkpoint"}.get(spoil, b""))
    if spoil == "foreign":
        torch.save({"weights": {}}, path)
    if not earlier:
        path.with_suffix(PREVIOUS_SUFFIX).unlink()
    warned: list[str] = []
    looks: list[FitProgress] = []
    resumed = EnsembleFit(*toy(count=200), STEPS, "cpu", "toy").run(path, looks.append, warn=warned.append)
    assert warned == ["checkpoint-lost"]
    assert looks[0].step == (SAVE_EVERY + 25 if earlier else 25)
    for a, b in zip(vars(whole).values(), vars(resumed).values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_device_that_is_not_here_is_named() -> None:
    with pytest.raises(HuashengError, match="unknown-id"):
        setup_torch("cuda:63", 1)


def person() -> PersonModel:
    dice = np.random.default_rng(3)
    size = len(CONTEXT_OFFSETS) * SIZE
    general = ClipModel(
        np.zeros(size, np.float32),
        np.ones(size, np.float32),
        dice.normal(0, 0.01, (size, 2)).astype(np.float32),
        np.zeros(2, np.float32),
        np.ones(2, np.float32),
    )
    features = dice.normal(0, 1, (80, SIZE + SOUND_VALUES)).astype(np.float32)
    inputs = InputTransform.fit(features, general)
    count = len(inputs.mean)
    shapes = (
        (ENSEMBLE_SIZE, count, 2),
        (ENSEMBLE_SIZE, count, 4),
        (ENSEMBLE_SIZE, 4),
        (ENSEMBLE_SIZE, 4, 2),
        (ENSEMBLE_SIZE, 2),
    )
    members = Ensemble(*(dice.normal(0, 0.1, s).astype(np.float32) for s in shapes))
    one = np.ones(2, np.float32)
    return PersonModel(general, inputs, members, 0.5 * one, 0.1 * one, 0.2 * one, one)


def test_a_model_is_kept_as_it_is_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    model, path = person(), tmp_path / "model.npz"
    features = np.random.default_rng(4).normal(0, 1, (60, SIZE + SOUND_VALUES)).astype(np.float32)
    model.save(path)
    np.testing.assert_array_equal(PersonModel.load(path).estimate(features), model.estimate(features))
    np.savez(tmp_path / "other.npz", what=np.array([{"a": 1}], dtype=object))
    with pytest.raises((KeyError, ValueError)):
        PersonModel.load(tmp_path / "other.npz")


def test_a_model_of_an_earlier_version_speaks_as_it_did(tmp_path: Path) -> None:
    now = person()
    known = now.inputs.mean.size - 2 * len(CONTEXT_OFFSETS)  # it does not know the estimate's parts
    inputs = replace(now.inputs, mean=now.inputs.mean[:known], scale=now.inputs.scale[:known])
    cut = {name: getattr(now.members, name)[:, :known] for name in ("linear", "into")}
    earlier = replace(now, inputs=inputs, members=replace(now.members, **cut))
    silent = {name: np.concatenate([w, 0 * w[:, : 2 * len(CONTEXT_OFFSETS)]], 1) for name, w in cut.items()}
    features = np.random.default_rng(4).normal(0, 1, (60, SIZE + SOUND_VALUES)).astype(np.float32)
    earlier.save(tmp_path / "model.npz")
    told = replace(now, members=replace(now.members, **silent)).estimate(features)
    np.testing.assert_allclose(PersonModel.load(tmp_path / "model.npz").estimate(features), told, atol=1e-5)


def test_the_parts_of_an_estimate_make_it_up() -> None:
    general = person().general
    features = np.random.default_rng(5).normal(0, 1, (60, SIZE)).astype(np.float32)
    parts = general.parts(features)
    assert parts.shape == (60, len(CONTEXT_OFFSETS), 2)
    np.testing.assert_allclose(general.centre + parts.sum(1), general.estimate(features), atol=1e-4)
    one = features.copy()
    one[30] += 1  # what is heard at one moment is in the part of that moment
    changed = np.abs(general.parts(one) - parts)[30 - CONTEXT_OFFSETS].max(2) > 1e-4
    assert (changed == np.eye(len(CONTEXT_OFFSETS), dtype=bool)).all()


def test_small_parts() -> None:
    x = np.arange(5, dtype=np.float32)[:, None]
    assert neighbours(x, np.array([-1, 0, 1]), lag=1)[:, 1].tolist() == [1, 2, 3, 4, 4]
    np.testing.assert_allclose(smoothed(np.ones((6, 2), np.float32)), 1, rtol=1e-6)
    place = person_encoder(lambda s: np.tile(np.arange(750, dtype=np.float32)[:, None], (1, SIZE)))
    heard = place(np.zeros(15 * 16000, np.float32))
    assert heard.shape == (750, SIZE + SOUND_VALUES)
    assert heard[10, 0] == 10 and heard[200, 0] == pytest.approx((200 + 150 + 100) / 3)
