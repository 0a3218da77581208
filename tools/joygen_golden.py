"""Compares our networks with upstream's own code and with diffusers and transformers, on the same random weights.

    python tests/fakes/joygen_weights.py WEIGHTS --size parity       # a checkpoint folder with seeded weights
    python -m tools.joygen_golden make WEIGHTS --upstream CHECKOUT   # numbers of the originals, into tests/data/joygen
    python -m tools.joygen_golden check WEIGHTS                      # ours against them

``make`` needs an environment of its own: torch, numpy < 2, diffusers, transformers, librosa, soundfile, and a checkout
of JoyGen. Only numbers are kept. ``check`` runs in ours, and is what the tests do.
"""

from __future__ import annotations

import argparse
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

GOLDEN = Path(__file__).resolve().parents[1] / "tests/data/joygen/golden.npz"
KEEP = 1500
"""Values kept of each quantity, evenly spread."""
TOLERANCE = 1e-4
"""Largest difference allowed, relative to the largest value."""


def sound(seconds: float = 4.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A voice-like test sound at 16 kHz: a gliding buzz in bursts, with a little noise."""
    t = np.arange(int(seconds * 16000)) / 16000
    phase = 2 * np.pi * np.cumsum(140 + 50 * np.sin(2 * np.pi * 0.7 * t)) / 16000
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    bursts = np.clip(np.sin(2 * np.pi * 1.9 * t) + 0.4, 0, 1)
    rough = np.random.RandomState(7).standard_normal(len(t)) * 0.003
    return np.asarray(0.2 * buzz * bursts + rough, dtype=np.float32)


def noise(*shape: int) -> Tensor:
    """Seeded standard normal numbers."""
    return torch.from_numpy(np.random.RandomState(sum(shape)).standard_normal(shape).astype(np.float32))


def picture(count: int, side: int) -> Tensor:
    """Smooth coloured pictures, [count, 3, side, side] in 0..1."""
    y, x = torch.meshgrid(torch.linspace(0, 6, side), torch.linspace(0, 6, side), indexing="ij")
    planes = [torch.sin(x * (1 + c) + i) * torch.cos(y * (2 - 0.3 * c)) for i in range(count) for c in range(3)]
    return (torch.stack(planes).reshape(count, 3, side, side) + 1) / 2


def pitch_curve(count: int) -> Tensor:
    """Pitch in Hz with unvoiced gaps, [1, count]."""
    hz = 180 + 90 * torch.sin(torch.arange(count) / 9.0)
    return torch.where(torch.arange(count) % 23 < 5, torch.zeros(()), hz)[None]


def thin(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """At most ``KEEP`` values, evenly spread."""
    flat = np.asarray(values, dtype=np.float32).reshape(-1)
    return flat[:: max(1, len(flat) // KEEP)]


@torch.inference_mode()
def ours(weights: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """The quantities by our own code."""
    from services.render.engines.joygen.audio import WhisperFeatures
    from services.render.engines.joygen.checkpoints import load_bundle
    from services.render.engines.joygen.nets.vae import decode, encode

    bundle = load_bundle(weights, kind="joygen")
    assert bundle.a2m and bundle.hubert and bundle.recon and bundle.parsing
    out: dict[str, Any] = {}
    for kind in ("joygen", "musetalk"):
        features = WhisperFeatures(bundle.whisper, kind, live=False)
        features.push(sound())
        features.finish()
        rows = np.stack([features.rows(i) for i in range(features.end)])
        out["whisper" if kind == "joygen" else "musetalk_whisper"] = rows
    out["expression"] = bundle.a2m(noise(1, 256, 1024), pitch_curve(256), torch.zeros(1, 16, 32), 0.45)
    out["coefficients"] = bundle.recon(picture(2, 224))
    out["parsing"] = bundle.parsing.scores(picture(1, 512))
    out["hubert"] = bundle.hubert(noise(1, 24000))
    latents = out["latents"] = encode(bundle.vae, picture(2, 256) * 2 - 1)
    out["decoded"] = decode(bundle.vae, latents)
    out["unet"] = bundle.unet(noise(2, 12, 32, 32), noise(2, 50, 384))
    return {name: thin(values) for name, values in out.items()}


@torch.inference_mode()
def originals(weights: Path, upstream: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """The same by upstream's code, diffusers and transformers."""
    import diffusers  # noqa: F401 - both look for torchvision, so they come before its stand-in
    import transformers  # noqa: F401

    for name in ("ffmpeg", "kornia", "kornia.geometry", "torchvision"):  # imported there, not used by what runs here
        sys.modules[name] = types.ModuleType(name)
    sys.modules["kornia.geometry"].warp_affine = None  # type: ignore[attr-defined]
    sys.path.insert(0, str(upstream))
    out: dict[str, Any] = {}
    out["whisper"], out["musetalk_whisper"] = _whisper(weights)
    out["expression"] = _expression(weights)
    out["coefficients"], out["parsing"] = _pictures(weights, upstream)
    out |= _libraries(weights)
    return {name: thin(values) for name, values in out.items()}


def _whisper(weights: Path) -> tuple[Any, Any]:
    from src.audio2feature import Audio2Feature
    from src.pe import PositionalEncoding
    from src.whisper.model import AudioEncoder
    from src.whisper.transcribe import transcribe
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    found = torch.load(weights / "whisper/tiny.pt", weights_only=True)
    state = {k.removeprefix("encoder."): v for k, v in found["model_state_dict"].items() if k.startswith("encoder.")}
    encoder = AudioEncoder(80, 1500, 384, 6, 4).eval()
    encoder.load_state_dict(state)
    model = types.SimpleNamespace(device=torch.device("cpu"), encoder=encoder)
    reader = Audio2Feature.__new__(Audio2Feature)
    reader.model = types.SimpleNamespace(transcribe=lambda x: transcribe(model, x, fp16=False))
    chunks = reader.feature2chunks(reader.audio2feat(torch.from_numpy(sound())), fps=25)
    place = PositionalEncoding(384)
    count = -(-len(sound()) // 640)
    joygen = place(torch.stack([torch.from_numpy(c) for c in chunks[:count]]))

    config = WhisperConfig(
        num_mel_bins=80,
        d_model=384,
        encoder_layers=4,
        encoder_attention_heads=6,
        encoder_ffn_dim=1536,
        max_source_positions=1500,
    )
    theirs = WhisperEncoder(config).eval()
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
    renamed = {}
    for name, tensor in state.items():
        for a, b in names.items():
            name = name.replace(a, b)
        renamed[name] = tensor
    theirs.load_state_dict(renamed)
    mel = WhisperFeatureExtractor()(sound(), sampling_rate=16000, return_tensors="pt").input_features
    states = torch.stack(theirs(mel, output_hidden_states=True).hidden_states, dim=2)[:, : len(sound()) // 320]
    edge = torch.zeros_like(states[:, :1])
    states = torch.cat([edge.repeat(1, 4, 1, 1), states, edge.repeat(1, 12, 1, 1)], dim=1)
    rows = [states[0, 2 * i : 2 * i + 10].reshape(-1, 384) for i in range(count)]
    return joygen, place(torch.stack(rows))


def _expression(weights: Path) -> Any:
    from audio2motion.modules.vae import PitchContourVAEModel

    path = next(weights.glob("audio2motion/*/audio2secc_vae/*.ckpt"))
    state = torch.load(path, weights_only=True)["state_dict"]
    model = PitchContourVAEModel({"use_mouth_amp_embed": True}).eval()
    missing, unexpected = model.load_state_dict({k.removeprefix("model."): v for k, v in state.items()}, strict=False)
    assert not unexpected and all(k.startswith("vae.encoder.") for k in missing)
    batch = {
        "audio": noise(1, 256, 1024),
        "f0": pitch_curve(256),
        "y_mask": torch.ones(1, 128),
        "blink": torch.zeros(1, 256, 1).long(),
        "mouth_amp": torch.full((1, 1), 0.45),
    }
    ret: dict[str, Any] = {}
    model.forward(batch, ret, train=False, temperature=0.0)
    return ret["pred"]


def _pictures(weights: Path, upstream: Path) -> tuple[Any, Any]:
    package = types.ModuleType("utils.face_parsing")  # without what its own beginning imports
    package.__path__ = [str(upstream / "utils/face_parsing")]
    sys.modules |= {"utils": types.ModuleType("utils"), package.__name__: package}
    faces = types.ModuleType("deep3d_facerecon.models.arcface_torch.backbones")
    faces.get_model = None  # type: ignore[attr-defined]
    sys.modules["deep3d_facerecon.models.arcface_torch"] = types.ModuleType("arcface_torch")
    sys.modules[faces.__name__] = faces
    from deep3d_facerecon.models.networks import define_net_recon
    from utils.face_parsing.model import BiSeNet
    from utils.face_parsing.resnet import Resnet18

    recon = define_net_recon("resnet50").eval()
    recon.load_state_dict(
        torch.load(weights / "face_recon_feat0.2_augment/epoch_20.pth", weights_only=True)["net_recon"]
    )
    Resnet18.init_weight = lambda *_: None
    parsing = BiSeNet(n_classes=19).eval()
    parsing.load_state_dict(torch.load(weights / "face-parse-bisent/79999_iter.pth", weights_only=True))
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return recon(picture(2, 224)), parsing((picture(1, 512) - mean) / std)[0]


def _libraries(weights: Path) -> dict[str, Any]:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import HubertModel

    hubert = HubertModel.from_pretrained(weights / "audio2motion/hubert").eval()
    vae = AutoencoderKL.from_pretrained(weights / "sd-vae-ft-mse").eval()
    unet = UNet2DConditionModel.from_pretrained(weights / "joygen").eval()
    latents = vae.encode(picture(2, 256) * 2 - 1).latent_dist.mode() * 0.18215
    return {
        "hubert": hubert(noise(1, 24000)).last_hidden_state,
        "latents": latents,
        "decoded": vae.decode(latents / 0.18215).sample,
        "unet": unet(noise(2, 12, 32, 32), torch.tensor([0]), encoder_hidden_states=noise(2, 50, 384)).sample,
    }


def differences(weights: Path, golden: Path = GOLDEN) -> dict[str, float]:
    """Largest difference of each quantity from the golden one, relative to its largest value."""
    with np.load(golden) as file:
        wanted = dict(file)
    found = ours(weights)
    assert found.keys() == wanted.keys()
    return {
        k: float(np.abs(found[k] - v).max() / np.abs(v).max()) if found[k].shape == v.shape else float("inf")
        for k, v in wanted.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("action", choices=("make", "check"))
    parser.add_argument("weights", type=Path)
    parser.add_argument("--upstream", type=Path, help="checkout of JoyGen, for make")
    parser.add_argument("--golden", type=Path, default=GOLDEN)
    args = parser.parse_args()
    if args.action == "make":
        args.golden.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(args.golden, **originals(args.weights, args.upstream))  # type: ignore[arg-type]
    found = differences(args.weights, args.golden)
    print(json.dumps({k: f"{v:.1e}" for k, v in found.items()}, indent=1))
    if bad := [k for k, v in found.items() if v > TOLERANCE]:
        sys.exit(f"too far from the originals: {', '.join(bad)}")


if __name__ == "__main__":
    main()
