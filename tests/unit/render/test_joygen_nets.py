"""The published checkpoints' names and shapes, wrong files, and the originals' numbers."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from services.common.weights import WeightsError
from services.render.engines.joygen.checkpoints import (
    UNET,
    Bundle,
    load_a2m,
    load_bundle,
    load_hubert,
    load_parsing,
    load_recon,
    load_unet,
    load_vae,
    load_whisper,
)
from services.render.engines.joygen.nets.hubert import HubertConfig
from services.render.engines.joygen.nets.unet import UNetConfig
from services.render.engines.joygen.nets.vae import VaeConfig, decode, encode
from services.render.engines.joygen.reading import mismatches, read_checkpoint
from tests.fakes import joygen_weights
from tools import joygen_golden

KEYS = Path(__file__).parents[2] / "data/joygen/keys"
LOADERS = {
    "unet": load_unet,
    "vae": load_vae,
    "whisper_enc": load_whisper,
    "hubert": load_hubert,
    "a2m": load_a2m,
    "recon": load_recon,
    "bisenet": load_parsing,
}


def dumped(name: str) -> dict[str, Tensor]:
    """A tensor of each published shape that takes no memory."""
    out = {}
    for line in (KEYS / f"{name}.txt").read_text().splitlines():
        key, shape = re.fullmatch(r"(\S+) \((.*)\)", line).groups()
        sizes = [int(n) for n in shape.split(",") if n]
        out[key] = torch.zeros(()).expand(sizes) if sizes else torch.tensor(0)
    return out


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return joygen_weights.write(tmp_path_factory.mktemp("joygen"))


@pytest.fixture(scope="module")
def full(tiny: Path) -> Bundle:
    """All networks in full precision."""
    return load_bundle(tiny)


def published(name: str, folder: Path) -> Path:
    """The dump as a file of the published format, with the configuration beside it."""
    tensors = dumped(name)
    wrapped = {
        "a2m": {"state_dict": {f"model.{k}": v for k, v in tensors.items()}, "best": np.float64(0.5)},
        "recon": {"net_recon": tensors, "opt_00": {"state": {}}},
        "whisper_enc": {"dims": {"n_audio_head": 6}, "model_state_dict": tensors | {"decoder.ln.bias": torch.ones(1)}},
    }.get(name, tensors)
    raw = {
        "unet": UNetConfig().to_json(),
        "vae": VaeConfig().to_json(),
        "hubert": joygen_weights.hubert_json(HubertConfig()),
    }
    if name in raw:
        (folder / "config.json").write_text(json.dumps(raw[name]))
    torch.save(wrapped, folder / f"{name}.bin")
    return folder / f"{name}.bin"


@pytest.mark.parametrize("name", LOADERS)
def test_every_published_tensor_finds_its_place(name: str, tmp_path: Path) -> None:
    assert LOADERS[name](published(name, tmp_path)).training is False


@pytest.mark.parametrize("name", LOADERS)
def test_a_tensor_too_few_or_too_many_is_named(name: str, tmp_path: Path) -> None:
    path = published(name, tmp_path)
    whole = torch.load(path, weights_only=False)
    inner = whole.get("state_dict") or whole.get("net_recon") or whole.get("model_state_dict") or whole
    victim = [k for k in inner if k.endswith("bias") and "vae.encoder" not in k and not k.startswith("decoder.ln")][-1]
    prefix = {"a2m": "model.", "whisper_enc": "encoder."}.get(name, "")
    inner[prefix + "surprise"] = inner.pop(victim)
    torch.save(whole, path)
    with pytest.raises(WeightsError, match=r"1 missing \(.*1 unexpected \(surprise\)") as caught:
        LOADERS[name](path)
    assert victim.removeprefix(prefix) in str(caught.value) and str(path) in str(caught.value)


def test_another_shape_is_told(full: Bundle) -> None:
    net = full.vae
    state = net.state_dict() | {"encoder.conv_in.bias": torch.zeros(3)}
    assert mismatches(net, state) == ["1 of another shape (encoder.conv_in.bias (3,) instead of (16,))"]


def test_musetalk_has_the_same_network_with_eight_channels_in(tmp_path: Path) -> None:
    bundle = load_bundle(joygen_weights.write(tmp_path, "musetalk"))
    assert (bundle.kind, bundle.unet.config.in_channels, bundle.missing) == ("musetalk", 8, [])
    assert bundle.hubert is None and bundle.parsing is not None


def test_what_is_optional_may_be_absent_and_is_named(tiny: Path, tmp_path: Path) -> None:
    for part in ("joygen", "sd-vae-ft-mse", "whisper"):
        (tmp_path / part).symlink_to(tiny / part)
    bundle = load_bundle(tmp_path, dtype=torch.bfloat16)
    assert bundle.recon is bundle.a2m is bundle.hubert is bundle.parsing is None
    assert len(bundle.missing) == 4 and bundle.unet.conv_in.weight.dtype is torch.bfloat16


def test_what_is_needed_may_not(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds neither joygen/.* nor musetalkV15/unet\.pth"):
        load_bundle(tmp_path)
    (tmp_path / "joygen").symlink_to(tiny / "joygen")
    with pytest.raises(WeightsError, match=r"sd-vae-ft-mse/diffusion_pytorch_model\.safetensors is missing"):
        load_bundle(tmp_path)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("executed",))


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<!DOCTYPE html><title>Quota exceeded</title>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"", "broken off"),
        (b"\x80\x02}q\x00", "broken off"),
    ],
)
def test_files_that_are_no_weights_are_told_apart(suffix: str, content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=why) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)


def test_a_broken_off_file_is_told(tiny: Path, tmp_path: Path) -> None:
    for name in (f"joygen/{UNET}", "whisper/tiny.pt", "face-parse-bisent/79999_iter.pth"):
        path = tmp_path / Path(name).name
        path.write_bytes((tiny / name).read_bytes()[:-1000])
        with pytest.raises(WeightsError, match="broken off, damaged"):
            read_checkpoint(path)


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="holds code"):
        read_checkpoint(tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out


def test_old_and_new_attention_names_give_the_same_latents(tmp_path: Path) -> None:
    config = joygen_weights.TINY["vae"]
    joygen_weights.write_vae(tmp_path / "old", config, seed=5)
    joygen_weights.write_vae(tmp_path / "new", config, seed=5, old_names=False)
    nets = [load_vae(tmp_path / "old/diffusion_pytorch_model.bin"), load_vae(tmp_path / "new" / UNET)]
    images = joygen_golden.picture(1, 64) * 2 - 1
    first, second = (encode(net, images) for net in nets)
    assert torch.equal(first, second) and first.std() > 0.01


def test_latents_can_be_drawn_with_a_seed(full: Bundle) -> None:
    vae = full.vae
    images = joygen_golden.picture(1, 64) * 2 - 1
    drawn = [encode(vae, images, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], encode(vae, images))
    assert decode(vae, drawn[0]).shape == images.shape


def test_another_architecture_is_refused() -> None:
    raw = UNetConfig().to_json()
    assert UNetConfig.from_json(raw) == UNetConfig()
    with pytest.raises(ValueError, match="use_linear_projection"):
        UNetConfig.from_json(raw | {"use_linear_projection": True})


def test_a_trained_network_replaces_the_published_one(tiny: Path, full: Bundle, tmp_path: Path) -> None:
    joygen_weights.write_unet(tmp_path, joygen_weights.TINY["unet"], "joygen", seed=99)
    (tmp_path / "clip_steps20").mkdir()
    (tmp_path / "joygen").rename(tmp_path / "clip_steps20/unet")
    trained = load_bundle(tiny, unet=tmp_path / "clip_steps20").unet
    assert not torch.equal(trained.conv_in.weight, full.unet.conv_in.weight)


def test_all_networks_give_the_numbers_of_the_originals(tmp_path: Path) -> None:
    weights = joygen_weights.write(tmp_path, size="parity")
    assert {k: v for k, v in joygen_golden.differences(weights).items() if not v < joygen_golden.TOLERANCE} == {}


def test_one_engine_does_not_take_the_other_ones_network(tiny: Path, tmp_path: Path) -> None:
    joygen_weights.write_unet(tmp_path, joygen_weights.TINY["unet"], "musetalk", seed=1)
    with pytest.raises(WeightsError, match="takes 8 channels: it is not joygen's network"):
        load_bundle(tiny, unet=tmp_path / "musetalkV15/unet.pth")


def test_half_precision_gives_nearly_the_same(tiny: Path, full: Bundle) -> None:
    half = load_bundle(tiny, dtype=torch.bfloat16)
    latents, rows = joygen_golden.noise(1, 12, 16, 16), joygen_golden.noise(1, 50, 384)
    drawn = [decode(b.vae, b.unet(latents.to(b.dtype), rows.to(b.dtype))).float() for b in (full, half)]
    assert half.recon.final_layers[0].weight.dtype is torch.float32
    assert torch.nn.functional.cosine_similarity(drawn[0].flatten(), drawn[1].flatten(), dim=0) > 0.999
