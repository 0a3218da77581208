"""Fine-tuning joygen: chance, losses, steps, and what a stopped training goes on from."""

import copy
import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.joygen.checkpoints import UNET, load_unet, load_vae
from services.render.engines.joygen.nets.unet import UNet
from services.render.engines.joygen.nets.vae import Vae
from services.render.engines.joygen.train import fit as fitting
from services.render.engines.joygen.train import run
from services.render.engines.joygen.train.augment import MIN_FRAME_DISTANCE, sample_batch
from services.render.engines.joygen.train.fit import FineTuneRecipe, UNetFineTuning
from services.render.engines.joygen.train.losses import PatchDiscriminator, perceptual, reconstruction
from services.render.engines.joygen.train.material import TrainingData
from services.render.engines.joygen.train.run import save_unet
from services.render.settings import RenderSettings
from services.render.train.job import TrainingJob
from tests.fakes.joygen_small import SOUND, write_small

SMALL_DISCRIMINATOR = partial(PatchDiscriminator, size=4)
RECIPE = FineTuneRecipe(batch=1, rate=2e-3, last_rate=1e-3, average=0.9)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("weights"), "joygen", depth=False)


@pytest.fixture(scope="module")
def material() -> TrainingData:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (40, 8, 8, 3), np.uint8)
    faces = small.repeat(32, 1).repeat(32, 2)
    depth = np.full((40, 128, 256), 200, np.uint8)
    sound = rng.normal(0, 1, (40, 50, SOUND)).astype(np.float32)
    return TrainingData(faces, depth, sound, np.arange(30), np.arange(36, 40, 2))


@cache
def loaded(root: Path) -> tuple[UNet, Vae]:
    """The published networks; training changes a copy of the first and never the second."""
    return load_unet(root / "joygen"), load_vae(root / "sd-vae-ft-mse/diffusion_pytorch_model.bin")


def fit_of(root: Path, material: TrainingData, steps: int = 6, recipe: FineTuneRecipe = RECIPE) -> UNetFineTuning:
    unet, vae = loaded(root)
    return UNetFineTuning(copy.deepcopy(unet), vae, material, recipe, steps, "cpu", "made up")


def test_the_depth_is_really_shown_shifted_by_little_and_black_as_often_as_asked(material: TrainingData) -> None:
    rng = torch.Generator().manual_seed(1)
    shown = sample_batch(material, 24, 0.5, rng).depth
    deep = [bool((d > 0).any()) for d in shown]
    assert 6 <= sum(deep) <= 18
    assert all((d == -1).all() for d, is_deep in zip(shown, deep, strict=True) if not is_deep)
    assert not any((d > 0).any() for d in sample_batch(material, 4, 0.0, rng).depth)
    always = sample_batch(material, 8, 1.0, rng).depth
    assert all((d > 0).any() for d in always)
    filled = [int((d[0] > 0).sum()) for d in always]
    assert min(filled) > 0.8 * 128 * 256 * 0.8 and len(set(filled)) > 3  # moved and cut differently


def test_the_reference_is_another_moment(material: TrainingData) -> None:
    numbers = np.broadcast_to((np.arange(40) * 6).astype(np.uint8)[:, None, None, None], material.faces.shape)
    batch = sample_batch(
        replace(material, faces=np.ascontiguousarray(numbers)), 30, 0.5, torch.Generator().manual_seed(2)
    )
    apart = (batch.real.mean((1, 2, 3)) - batch.reference.mean((1, 2, 3))).abs() * 127.5 / 6
    assert apart.min() > 0.6 * MIN_FRAME_DISTANCE  # colours are varied by a tenth or so, alike on both


def test_chance_is_the_generators_alone(material: TrainingData) -> None:
    a, b = (sample_batch(material, 3, 0.5, torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(getattr(a, n), getattr(b, n)) for n in ("real", "reference", "depth", "sound"))


def test_the_loss_counts_latents_once_and_lower_pixels_twice() -> None:
    zeros, ones = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    upper = zeros.clone()
    upper[:, :, :4] = 1
    assert reconstruction(zeros, zeros, upper, zeros) == 0
    assert reconstruction(zeros, ones, zeros, zeros) == 1
    assert reconstruction(zeros, zeros, ones, zeros) == 2


def test_a_blurred_mouth_is_worse_to_the_perceptual_loss(root: Path, material: TrainingData) -> None:
    _, vae = loaded(root)
    real = sample_batch(material, 1, 0, torch.Generator().manual_seed(0)).real
    blurred = torch.nn.functional.avg_pool2d(real, 31, 1, 15)
    assert perceptual(vae, real, real) == 0 < perceptual(vae, blurred, real)


def test_it_learns_and_goes_on_exactly(
    root: Path, material: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "PatchDiscriminator", SMALL_DISCRIMINATOR)
    recipe = replace(RECIPE, adversarial=0.01, perceptual=0.1, accumulate=2)
    whole, part = (fit_of(root, material, recipe=recipe) for _ in range(2))
    for _ in range(2):
        whole.train_step()
    part.train_step()
    part.save(tmp_path / "x.pt")
    part.train_step()  # work after the checkpoint is lost with the process
    again = fit_of(root, material, recipe=recipe)
    assert again.resume(tmp_path / "x.pt") and again.step == 1
    again.train_step()
    for name in ("unet", "averaged", "discriminator"):
        a, b = (getattr(f, name).state_dict() for f in (whole, again))
        assert all(torch.equal(a[k], b[k]) for k in a)
    assert whole.loss == again.loss and whole.scores() == again.scores()
    start = loaded(root)[0].state_dict()
    assert any(not torch.equal(start[k], v) for k, v in whole.averaged.state_dict().items())


def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    root: Path, material: TrainingData, tmp_path: Path
) -> None:
    fit = fit_of(root, material)
    fit.train_step()
    fit.save(tmp_path / "x.pt")
    assert not fit_of(root, material, steps=7).resume(tmp_path / "x.pt")
    assert not fit_of(root, material, recipe=replace(RECIPE, seed=1)).resume(tmp_path / "x.pt")
    assert not fit_of(root, material).resume(tmp_path / "none.pt")


def test_recomputing_and_accumulating_change_nothing_but_memory(root: Path, material: TrainingData) -> None:
    plain, saving = fit_of(root, material), fit_of(root, material, recipe=replace(RECIPE, recompute=True))
    for fit in (plain, saving):
        fit.train_step()
    a, b = plain.unet.state_dict(), saving.unet.state_dict()
    assert max(float((a[k] - b[k]).abs().max()) for k in a) < 1e-5


def test_the_rate_rises_and_falls(root: Path, material: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, rates = fit_of(root, material, recipe=replace(RECIPE, warm_up=2)), []
    monkeypatch.setattr(fit, "_accumulate", lambda _batch: 0.0)  # the rate does not depend on what is learnt
    for _ in range(6):
        fit.train_step()
        rates.append(fit.optimiser.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(1e-3) and rates[1] > rates[2] > rates[5] > 1e-3


def test_half_precision_learns_too(root: Path, material: TrainingData) -> None:
    fit = fit_of(root, material, recipe=replace(RECIPE, precision="bf16"))
    fit.train_step()
    assert 0 < fit.loss < 100 and next(fit.unet.parameters()).dtype == torch.float32


def test_the_network_is_kept_in_upstreams_format(root: Path, material: TrainingData, tmp_path: Path) -> None:
    fit = fit_of(root, material)
    fit.train_step()
    save_unet(fit, tmp_path / "unet")
    assert load_file(tmp_path / "unet" / UNET).keys() == load_file(root / "joygen" / UNET).keys()
    assert json.loads((tmp_path / "unet/config.json").read_text()) == json.loads(
        (root / "joygen/config.json").read_text()
    )
    again, kept = load_unet(tmp_path).state_dict(), fit.averaged.state_dict()
    assert all(torch.equal(again[k], kept[k]) for k in kept)


def test_options_are_checked() -> None:
    assert FineTuneRecipe.from_values({"batch": 8, "perceptual": 1}).batch == 8
    for wrong in ({"bach": 8}, {"batch": "8"}):
        with pytest.raises(HuashengError, match="bad-request"):
            FineTuneRecipe.from_values(wrong)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    ],
    ids=["GPU", "Python", "torch on the CPU"],
)
def test_too_little_memory_is_told_as_such(
    root: Path, material: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fit = fit_of(root, material)

    def full(*_: object) -> None:
        raise error

    def prepared(_job: TrainingJob) -> None:
        fit.train_step()

    monkeypatch.setattr(fit.unet, "forward", full)
    monkeypatch.setattr(run, "_train", prepared)
    job = TrainingJob(
        source=tmp_path / "x.mp4",
        name="x",
        work=tmp_path,
        out=tmp_path,
        steps=5,
        device="cuda:0",
        service=RenderSettings(),
        shared=SharedSettings(weights_dir=tmp_path, threads=1),
    )
    with pytest.raises(HuashengError) as e:
        run.train(job)
    assert (e.value.slug, e.value.params["device"]) == ("training-memory", "cuda:0")
    monkeypatch.setattr(run, "_train", lambda _job: (_ for _ in ()).throw(RuntimeError("a mistake of ours")))
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        run.train(job)
