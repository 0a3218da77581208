"""Whole checkpoint folders with seeded random weights, in upstream's layout and file formats: tiny or full-size."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from services.render.engines.joygen.nets.a2m import A2mConfig, ExpressionVae
from services.render.engines.joygen.nets.bisenet import BiSeNet
from services.render.engines.joygen.nets.hubert import Hubert, HubertConfig
from services.render.engines.joygen.nets.resnet import ReconNet
from services.render.engines.joygen.nets.unet import UNet, UNetConfig
from services.render.engines.joygen.nets.vae import Vae, VaeConfig
from services.render.engines.joygen.nets.whisper import WhisperEncoder

TINY: dict[str, Any] = {
    "unet": UNetConfig(channels=(32, 64, 64, 64), groups=8),
    "vae": VaeConfig(channels=(16, 32, 32, 32), layers=1, groups=8),
    "hubert": HubertConfig(size=64, inner=128, layers=2, heads=4, conv_size=16, pos_kernel=16, pos_groups=4),
    "a2m": A2mConfig(audio=64, feat=16, hidden=32, flow_hidden=16),
    "whisper": (80, 1500, 384, 6, 4),
    "width": 8,
}
FULL: dict[str, Any] = {
    "unet": UNetConfig(),
    "vae": VaeConfig(),
    "hubert": HubertConfig(),
    "a2m": A2mConfig(),
    "whisper": (80, 1500, 384, 6, 4),
    "width": 64,
}
# small where upstream's code can be asked for small networks, else as it is: what the golden numbers are made with
PARITY: dict[str, Any] = TINY | {"a2m": A2mConfig(), "width": 64}


def write(folder: Path, kind: str = "joygen", *, size: str = "tiny", seed: int = 0) -> Path:
    """Write every network's file of ``kind`` (joygen, musetalk) and ``size`` (tiny, parity, full) into ``folder``."""
    sizes = {"tiny": TINY, "parity": PARITY, "full": FULL}[size]
    write_unet(folder, sizes["unet"], kind, seed)
    write_vae(folder / ("sd-vae-ft-mse" if kind == "joygen" else "sd-vae"), sizes["vae"], seed + 1)
    write_whisper(folder / "whisper", sizes["whisper"], kind, seed + 2)
    write_parsing(folder / "face-parse-bisent", sizes["width"], seed + 3)
    if kind == "joygen":
        audio = folder / "audio2motion"
        write_a2m(audio / "240210_real3dportrait_orig/audio2secc_vae", sizes["a2m"], seed + 4)
        write_hubert(audio / "hubert", sizes["hubert"], seed + 5)
        write_recon(folder / "face_recon_feat0.2_augment", sizes["width"], seed + 6)
    return folder


def weights(net: nn.Module, seed: int) -> dict[str, Tensor]:
    """Random weights for every tensor of a network, scaled so that signals neither die nor explode."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, like in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            out[name] = torch.tensor(1000)
        elif name.endswith("running_var"):
            out[name] = torch.rand(like.shape, generator=generator) + 0.5
        elif like.dim() < 2:
            noise = 0.1 * torch.randn(like.shape, generator=generator)
            is_scale = name.endswith("weight") and like.dim() == 1
            out[name] = noise + 1 if is_scale else noise
        else:
            fan_in = math.prod(like.shape[1:])
            out[name] = torch.randn(like.shape, generator=generator) / math.sqrt(fan_in)
    return out


def empty(make: Any) -> Any:
    """A network without memory, for its names and shapes."""
    with torch.device("meta"):
        return make()


def split_weight_norm(tensors: dict[str, Tensor], names: list[str], dim: int = 0) -> dict[str, Tensor]:
    """The named weights as length ``weight_g`` (over all axes but ``dim``) and direction ``weight_v``."""
    out = dict(tensors)
    for name in names:
        v = out.pop(name)
        over = [d for d in range(v.dim()) if d != dim]
        stem = name.removesuffix("weight")
        out[stem + "weight_g"] = torch.linalg.vector_norm(v, dim=over, keepdim=True)
        out[stem + "weight_v"] = 1.7 * v  # the direction's own length must not matter
    return out


def write_unet(folder: Path, config: UNetConfig, kind: str, seed: int) -> None:
    """``joygen/`` as diffusers saves it, or ``musetalkV15/`` with a plain state dict."""
    raw = config.to_json()
    raw["in_channels"] = 12 if kind == "joygen" else 8
    config = UNetConfig.from_json(raw)
    tensors = weights(empty(lambda: UNet(config)), seed)
    into = folder / ("joygen" if kind == "joygen" else "musetalkV15")
    into.mkdir(parents=True, exist_ok=True)
    (into / ("config.json" if kind == "joygen" else "musetalk.json")).write_text(json.dumps(raw))
    if kind == "joygen":
        save_file(tensors, into / "diffusion_pytorch_model.safetensors")
    else:
        torch.save(tensors, into / "unet.pth")


def write_vae(into: Path, config: VaeConfig, seed: int, old_names: bool = True) -> None:
    """A .bin with the attention names of the published one, or a .safetensors with today's."""
    into.mkdir(parents=True, exist_ok=True)
    (into / "config.json").write_text(json.dumps(config.to_json()))
    tensors = weights(empty(lambda: Vae(config)), seed)
    if not old_names:
        save_file(tensors, into / "diffusion_pytorch_model.safetensors")
        return
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        tensors = {k.replace(f".{new}.", f".{old}."): v for k, v in tensors.items()}
    torch.save(tensors, into / "diffusion_pytorch_model.bin")


def write_whisper(into: Path, sizes: tuple[int, int, int, int, int], kind: str, seed: int) -> None:
    """OpenAI's ``tiny.pt`` (with a stub of the decoder), or a transformers checkpoint."""
    into.mkdir(parents=True, exist_ok=True)
    tensors = weights(empty(lambda: WhisperEncoder(*sizes)), seed)
    bands, context, size, heads, layers = sizes
    if kind == "joygen":
        dims = {"n_mels": bands, "n_audio_ctx": context, "n_audio_state": size, "n_audio_head": heads}
        state = {"encoder." + k: v for k, v in tensors.items()} | {"decoder.ln.weight": torch.ones(size)}
        torch.save({"dims": dims | {"n_audio_layer": layers}, "model_state_dict": state}, into / "tiny.pt")
        return
    names = {
        "blocks.": "layers.",
        "attn.query": "self_attn.q_proj",
        "attn.key": "self_attn.k_proj",
        "attn.value": "self_attn.v_proj",
        "attn.out": "self_attn.out_proj",
        "attn_ln": "self_attn_layer_norm",
        "mlp.0": "fc1",
        "mlp.2": "fc2",
        "mlp_ln": "final_layer_norm",
        "positional_embedding": "embed_positions.weight",
        "ln_post": "layer_norm",
    }
    state = {}
    for name, tensor in tensors.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        state["model.encoder." + name] = tensor
    torch.save(state | {"model.decoder.layer_norm.weight": torch.ones(size)}, into / "pytorch_model.bin")
    (into / "config.json").write_text(json.dumps({"encoder_attention_heads": heads}))


def write_parsing(into: Path, width: int, seed: int) -> None:
    """``79999_iter.pth``, in torch's old file format as the published one."""
    into.mkdir(parents=True, exist_ok=True)
    tensors = weights(empty(lambda: BiSeNet(width)), seed)
    torch.save(tensors, into / "79999_iter.pth", _use_new_zipfile_serialization=False)


def write_a2m(into: Path, config: A2mConfig, seed: int) -> None:
    """``model_ckpt_steps_400000.ckpt`` with weight norm, a training encoder and what else a trainer saves."""
    into.mkdir(parents=True, exist_ok=True)
    tensors = weights(empty(lambda: ExpressionVae(config)), seed)
    normed = [k for k in tensors if k.endswith("weight") and (".wn." in k or ".enc." in k)]
    tensors = split_weight_norm(tensors, normed)
    tensors["vae.encoder.out_proj.bias"] = torch.zeros(2 * config.latent)
    state = {"model." + k: v for k, v in tensors.items()}
    torch.save({"state_dict": state, "global_step": 400000}, into / "model_ckpt_steps_400000.ckpt")
    (into / "config.yaml").write_text("audio_type: hubert\nuse_pitch: true\n")


def write_hubert(into: Path, config: HubertConfig, seed: int) -> None:
    """``pytorch_model.bin`` of the recogniser, and its configuration."""
    into.mkdir(parents=True, exist_ok=True)
    tensors = weights(empty(lambda: Hubert(config)), seed)
    tensors = split_weight_norm(tensors, ["encoder.pos_conv_embed.conv.weight"], dim=2)
    state = {"hubert." + k: v for k, v in tensors.items()}
    state |= {"hubert.masked_spec_embed": torch.zeros(config.size), "lm_head.weight": torch.zeros(32, config.size)}
    torch.save(state, into / "pytorch_model.bin")
    (into / "config.json").write_text(json.dumps(hubert_json(config)))


def hubert_json(config: HubertConfig) -> dict[str, Any]:
    """HuBERT's ``config.json``."""
    return {
        "model_type": "hubert",
        "hidden_size": config.size,
        "intermediate_size": config.inner,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "conv_dim": [config.conv_size] * len(config.kernels),
        "conv_kernel": list(config.kernels),
        "conv_stride": list(config.strides),
        "num_conv_pos_embeddings": config.pos_kernel,
        "num_conv_pos_embedding_groups": config.pos_groups,
        "conv_bias": True,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "feat_extract_activation": "gelu",
        "hidden_act": "gelu",
    }


def write_recon(into: Path, width: int, seed: int) -> None:
    """``epoch_20.pth`` with an optimiser's and a schedule's state beside the weights."""
    into.mkdir(parents=True, exist_ok=True)
    tensors = weights(empty(lambda: ReconNet(width)), seed)
    for i in range(7):  # small coefficients, as a trained one's: the face stays in view
        tensors[f"final_layers.{i}.weight"] *= 0.1
    extra = {"opt_00": {"state": {}, "param_groups": [{"lr": 1e-4}]}, "sched_00": {"last_epoch": 20}}
    torch.save({"net_recon": tensors} | extra, into / "epoch_20.pth")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=("joygen", "musetalk"), default="joygen")
    parser.add_argument("--size", choices=("tiny", "parity", "full"), default="tiny")
    args = parser.parse_args()
    write(args.folder, args.kind, size=args.size)
