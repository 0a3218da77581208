"""Finds the published checkpoints and loads them into networks.

The folder has upstream's layout (JoyGen's ``pretrained_models``, MuseTalk's ``models``), so that files are used as they
were downloaded. ``REQUIRED`` files must be present; ``OPTIONAL`` ones add features.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar
from weakref import WeakValueDictionary

import torch
from torch import nn

from services.common.weights import WeightsError
from services.render.engines.joygen.nets.a2m import A2mConfig, ExpressionVae
from services.render.engines.joygen.nets.bisenet import BiSeNet
from services.render.engines.joygen.nets.hubert import Hubert, HubertConfig
from services.render.engines.joygen.nets.resnet import ReconNet
from services.render.engines.joygen.nets.unet import UNet, UNetConfig
from services.render.engines.joygen.nets.vae import Vae, VaeConfig
from services.render.engines.joygen.nets.whisper import WhisperEncoder
from services.render.engines.joygen.reading import (
    Tensors,
    build_network,
    fold_weight_norm,
    named_tensors,
    read_checkpoint,
)

Kind = Literal["joygen", "musetalk"]
Net = TypeVar("Net", bound=nn.Module)

CHANNELS: dict[Kind, int] = {"joygen": 12, "musetalk": 8}
"""Of the UNet's input: masked face, reference face and, for JoyGen, lip depth."""
UNET = "diffusion_pytorch_model.safetensors"
A2M = "audio2motion/240210_real3dportrait_orig/audio2secc_vae"
HUBERT = "audio2motion/hubert"
RECON = "face_recon_feat0.2_augment/epoch_20.pth"
PARSING = "face-parse-bisent/79999_iter.pth"
REQUIRED: dict[Kind, dict[str, tuple[str, ...]]] = {
    "joygen": {
        "unet": (f"joygen/{UNET}",),
        "vae": (f"sd-vae-ft-mse/{UNET}", "sd-vae-ft-mse/diffusion_pytorch_model.bin"),
        "whisper": ("whisper/tiny.pt",),
    },
    "musetalk": {
        "unet": ("musetalkV15/unet.pth",),
        "vae": (
            "sd-vae/diffusion_pytorch_model.bin",
            f"sd-vae/{UNET}",
            "sd-vae-ft-mse/diffusion_pytorch_model.bin",
            f"sd-vae-ft-mse/{UNET}",
        ),
        "whisper": ("whisper/pytorch_model.bin", "whisper/model.safetensors", "whisper/tiny.pt"),
    },
}
OPTIONAL: dict[Kind, dict[str, tuple[str, ...]]] = {
    "joygen": {
        "a2m": (f"{A2M}/model_ckpt_steps_*.ckpt",),
        "hubert": (f"{HUBERT}/pytorch_model.bin", f"{HUBERT}/model.safetensors"),
        "recon": (RECON,),
        "parsing": (PARSING,),
    },
    "musetalk": {"parsing": (PARSING,)},
}


@dataclass
class Bundle:
    """The networks of one engine on one device; missing optional ones are None and listed in ``missing``."""

    kind: Kind
    unet: UNet
    vae: Vae
    whisper: WhisperEncoder
    a2m: ExpressionVae | None = None
    hubert: Hubert | None = None
    recon: ReconNet | None = None
    parsing: BiSeNet | None = None
    missing: list[str] = field(default_factory=list)
    """Missing optional files, relative to the folder."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    """Of UNet, autoencoder, Whisper and HuBERT; the three small networks stay on float32."""


def find_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of the files that is there; of a pattern the one with the most steps."""
    for name in names:
        found = [p for p in folder.glob(name) if p.is_file()]
        if found:
            return max(found, key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)])
    return None


def network_kind(folder: Path) -> Kind:
    """Which engine the folder is for. Raises ``WeightsError`` if it holds neither's UNet."""
    for kind in REQUIRED:
        if find_file(folder, REQUIRED[kind]["unet"]):
            return kind
    expected = " nor ".join(REQUIRED[kind]["unet"][0] for kind in REQUIRED)
    raise WeightsError(
        f"weights folder {folder} holds neither {expected}; make weights ENGINE=joygen says where to get them"
    )


def load_bundle(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    kind: Kind | None = None,
    unet: Path | None = None,
) -> Bundle:
    """Load everything that the folder holds for ``kind`` (by default: for the engine whose UNet is there).

    ``unet`` is the folder of a trained network to take instead of the published one. Raises ``WeightsError`` naming the
    file that is absent, damaged or of another network. Nothing is downloaded.
    """
    device = torch.device(device)
    kind = kind or network_kind(folder)
    paths: dict[str, Path] = {}
    for name, names in REQUIRED[kind].items():
        path = unet if name == "unet" and unet else find_file(folder, names)
        if path is None:
            raise WeightsError(
                f"weights file {folder / names[0]} is missing; make weights ENGINE={kind} says where to get it"
            )
        paths[name] = path
    optional = {name: find_file(folder, names) for name, names in OPTIONAL[kind].items()}
    network = load_unet(paths["unet"])
    if network.config.in_channels != CHANNELS[kind]:
        raise WeightsError(
            f"weights file {paths['unet']} takes {network.config.in_channels} channels: it is not {kind}'s network"
        )
    bundle = Bundle(
        kind=kind,
        unet=network.to(device, dtype),
        vae=share_network(load_vae(paths["vae"]), device, dtype),
        whisper=share_network(load_whisper(paths["whisper"]), device, dtype),
        missing=[OPTIONAL[kind][name][0] for name, path in optional.items() if path is None],
        device=device,
        dtype=dtype,
    )
    if path := optional.get("a2m"):
        bundle.a2m = load_a2m(path).to(device)
    if path := optional.get("hubert"):
        bundle.hubert = load_hubert(path).to(device, dtype)
    if path := optional.get("recon"):
        bundle.recon = load_recon(path).to(device)
    if path := optional.get("parsing"):
        bundle.parsing = share_network(load_parsing(path), device)
    return bundle


_loaded: WeakValueDictionary[tuple[Any, ...], nn.Module] = WeakValueDictionary()
_loading = threading.Lock()


def share_network(net: Net, device: torch.device, dtype: torch.dtype = torch.float32) -> Net:
    """The network on the device: the one that is there already if it has the same weights, whatever file they are from.

    So two engines on one device keep one copy of what they have in common. Nobody may change its weights.
    """
    net = net.to(dtype)
    digest = hashlib.blake2b(repr(getattr(net, "config", None)).encode())
    digest.update(repr([m.heads for m in net.modules() if hasattr(m, "heads")]).encode())  # not visible in the weights
    for name, tensor in net.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    key = (type(net), digest.digest(), str(device), dtype)
    with _loading:
        existing = _loaded.get(key)
        if existing is None:
            existing = _loaded[key] = net.to(device)
    assert isinstance(existing, type(net))
    return existing


def load_unet(path: Path) -> UNet:
    """A UNet from its file or its folder, with the configuration beside it (``config.json`` or ``musetalk.json``)."""
    if path.is_dir():  # upstream's trainer saves the network one level down
        path = find_file(path, (UNET, f"unet/{UNET}")) or path / UNET
    content = read_checkpoint(path)
    tensors = named_tensors(content, path)
    tensors = {k.removeprefix("module."): v for k, v in tensors.items()}
    config = UNetConfig.from_json(_config(path, "config.json", "musetalk.json"))
    return build_network(lambda: UNet(config), tensors, path)


def load_vae(path: Path) -> Vae:
    """The image autoencoder; also reads the attention names of old checkpoints."""
    names = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
    old = re.compile(rf"(.*\.attentions\.\d+\.)({'|'.join(names)})(\..*)")
    tensors: Tensors = {}
    for name, tensor in named_tensors(read_checkpoint(path), path).items():
        if m := old.fullmatch(name):
            name = m[1] + names[m[2]] + m[3]
        tensors[name] = tensor
    config = VaeConfig.from_json(_config(path, "config.json"))
    # its wide, shallow first and last stages are computed faster with the channels side by side
    return build_network(lambda: Vae(config), tensors, path).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_whisper(path: Path) -> WhisperEncoder:
    """Whisper's encoder from OpenAI's ``tiny.pt`` or from a transformers checkpoint."""
    found = read_checkpoint(path)
    if "model_state_dict" in found:
        dims = found["dims"]
        tensors = named_tensors(found["model_state_dict"], path, "encoder.")
        heads = dims["n_audio_head"]
    else:
        prefix = "model.encoder." if any(k.startswith("model.encoder.") for k in found) else "encoder."
        tensors = {_openai_name(k): v for k, v in named_tensors(found, path, prefix).items()}
        heads = _config(path, "config.json")["encoder_attention_heads"]
    try:
        context, size = tensors["positional_embedding"].shape
        bands = tensors["conv1.weight"].shape[1]
    except KeyError as e:
        raise WeightsError(f"weights file {path} is not Whisper's: {e.args[0]} is missing") from e
    layers = _layer_count(tensors, "blocks.")
    return build_network(lambda: WhisperEncoder(bands, context, size, heads, layers), tensors, path)


def load_a2m(path: Path) -> ExpressionVae:
    """The sound-to-expression network; its options are read off the tensors, ``config.yaml`` is not needed."""
    found = read_checkpoint(path).get("state_dict")
    if not isinstance(found, dict):
        raise WeightsError(f"weights file {path} holds no state_dict: it is not an audio2secc checkpoint")
    # its encoder only served training
    unused = ("vae.encoder.*",)
    if isinstance(found.get("model"), dict):
        tensors = named_tensors(found["model"], path, unused=unused)
    else:
        tensors = named_tensors(found, path, "model.", unused)
    tensors = fold_weight_norm(tensors)
    try:
        config = A2mConfig.from_tensors(tensors)
    except (KeyError, IndexError) as e:
        raise WeightsError(f"weights file {path} is not an audio2secc checkpoint with pitch: {e} is missing") from e
    return build_network(lambda: ExpressionVae(config), tensors, path)


def load_hubert(path: Path) -> Hubert:
    """HuBERT-large from a transformers checkpoint, of the bare model or of the recogniser."""
    found = read_checkpoint(path)
    prefix = "hubert." if any(k.startswith("hubert.") for k in found) else ""
    tensors = fold_weight_norm(named_tensors(found, path, prefix, unused=("masked_spec_embed", "lm_head.*")))
    raw = _config(path, "config.json")
    if raw.get("feat_extract_norm") != "layer" or not raw.get("do_stable_layer_norm"):
        raise WeightsError(f"weights file {path} is not HuBERT-large: its layers are normalised in another way")
    config = HubertConfig(
        size=raw["hidden_size"],
        inner=raw["intermediate_size"],
        layers=raw["num_hidden_layers"],
        heads=raw["num_attention_heads"],
        conv_size=raw["conv_dim"][0],
        kernels=tuple(raw["conv_kernel"]),
        strides=tuple(raw["conv_stride"]),
        pos_kernel=raw["num_conv_pos_embeddings"],
        pos_groups=raw["num_conv_pos_embedding_groups"],
    )
    return build_network(lambda: Hubert(config), tensors, path)


def load_recon(path: Path) -> ReconNet:
    """The face regressor of Deep3DFaceRecon (its training state beside it is not used)."""
    found = read_checkpoint(path).get("net_recon")
    if not isinstance(found, dict):
        raise WeightsError(f"weights file {path} holds no net_recon: it is not a Deep3DFaceRecon checkpoint")
    tensors = named_tensors(found, path)
    return build_network(lambda: ReconNet(_channels(tensors, "backbone.conv1.weight")), tensors, path)


def load_parsing(path: Path) -> BiSeNet:
    """The face parser."""
    tensors = named_tensors(read_checkpoint(path), path)
    return build_network(lambda: BiSeNet(_channels(tensors, "cp.resnet.conv1.weight")), tensors, path)


def _channels(tensors: Tensors, name: str) -> int:
    return tensors[name].shape[0] if name in tensors else 64


def _layer_count(tensors: Tensors, prefix: str) -> int:
    return len({k[len(prefix) :].split(".")[0] for k in tensors if k.startswith(prefix)})


def _config(path: Path, *names: str) -> dict[str, Any]:
    for name in names:
        beside = path.with_name(name)
        if beside.is_file():
            try:
                found = json.loads(beside.read_text(encoding="utf-8"))
            except ValueError as e:
                raise WeightsError(f"weights file {beside} is not JSON: {e}") from e
            if isinstance(found, dict):
                return found
    raise WeightsError(f"weights file {path.with_name(names[0])} is missing; it belongs to {path.name}")


_OPENAI = {
    "layers.": "blocks.",
    "self_attn_layer_norm": "attn_ln",
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "final_layer_norm": "mlp_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "embed_positions.weight": "positional_embedding",
}


def _openai_name(name: str) -> str:
    if name.startswith("layer_norm."):
        return "ln_post." + name.removeprefix("layer_norm.")
    for theirs, ours in _OPENAI.items():
        name = name.replace(theirs, ours)
    return name
