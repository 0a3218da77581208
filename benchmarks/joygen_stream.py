"""How near a stream's Whisper features come to those of the whole recording, on real speech and real weights.

    python -m benchmarks.joygen_stream RECORDING … [--weights FOLDER]

With ``--weights`` the Whisper of a JoyGen folder; else Whisper base, which the recogniser uses and which is at hand:
the network family and the streaming are the same, the size is not.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from services.common.audio import decode
from services.common.settings import SharedSettings, load
from services.common.weights import folder
from services.render.audio.log_mel import RATE
from services.render.engines.joygen import audio
from services.render.engines.joygen.checkpoints import REQUIRED, find_file, load_whisper
from services.render.engines.joygen.nets.whisper import WhisperEncoder

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def whisper_base(path: Path) -> WhisperEncoder:
    """Whisper base's encoder from CTranslate2's file: a count of variables, each with name, shape, type and values."""
    data, at, found = path.read_bytes(), 4, {}

    def take(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize(form)
        return int(value)

    def name() -> str:
        nonlocal at
        size = take("H")
        text = data[at : at + size - 1].decode()
        at += size
        return text

    name(), take("I")
    for _ in range(take("I")):
        key, shape = name(), [take("I") for _ in range(take("B"))]
        kind, size = np.dtype(TYPES[take("B")]), take("I")
        if key.startswith("encoder/"):
            values = np.frombuffer(data, kind, size // kind.itemsize, at).astype(np.float32)
            found[key.removeprefix("encoder/")] = torch.from_numpy(values.reshape(shape))
        at += size
    state = {"positional_embedding": found["position_encodings/encodings"]}
    plain = {"conv1": "conv1", "conv2": "conv2"}
    norms = {"layer_norm": "ln_post"}
    for i in range(6):
        here, there = f"layer_{i}/", f"blocks.{i}."
        plain |= {here + "self_attention/linear_1": there + "attn.out"}
        plain |= {here + f"ffn/linear_{j}": f"{there}mlp.{2 * j}" for j in (0, 1)}
        norms |= {here + "self_attention/layer_norm": there + "attn_ln", here + "ffn/layer_norm": there + "mlp_ln"}
        for part in ("weight", "bias"):
            pieces = found[f"{here}self_attention/linear_0/{part}"].chunk(3)
            state |= {f"{there}attn.{n}.{part}": p for n, p in zip(("query", "key", "value"), pieces, strict=True)}
        del state[there + "attn.key.bias"]  # it is zero
    for theirs, ours in plain.items():
        state |= {f"{ours}.{part}": found[f"{theirs}/{part}"] for part in ("weight", "bias")}
    for theirs, ours in norms.items():
        state |= {f"{ours}.weight": found[theirs + "/gamma"], f"{ours}.bias": found[theirs + "/beta"]}
    net = WhisperEncoder(80, 1500, 512, 8, 6)
    net.load_state_dict(state)
    return net.eval()


def features(net: WhisperEncoder, x: npt.NDArray[np.float32], live: bool) -> npt.NDArray[np.float32]:
    """Rows of every picture, (pictures, 10, layers, size), without positions."""
    stream = audio.WhisperFeatures(net, live=live)
    stream.push(x)
    stream.finish()
    layers, size = len(net.blocks) + 1, net.conv1.weight.shape[0]
    places = audio.positions(10 * layers, size)
    return np.stack([stream.rows(i) - places for i in range(stream.end)]).reshape(-1, 10, layers, size)


def main() -> None:
    """Command line: likeness (cosine) of stream and whole, over all layers and by layer."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, help="a JoyGen folder")
    parser.add_argument("--ahead-ms", type=int, nargs="+", default=[0, 320])
    args = parser.parse_args()
    if args.weights:
        path = find_file(args.weights, REQUIRED["joygen"]["whisper"])
        net = load_whisper(path or args.weights / "whisper/tiny.pt")
    else:
        net = whisper_base(folder("whisper-base", load(SharedSettings).weights_dir) / "model.bin")
    for recording in args.recordings:
        x = decode(recording, RATE)
        whole = features(net, x, live=False)
        for ahead in args.ahead_ms:
            audio.LOOK_AHEAD = ahead * RATE // 1000
            live = features(net, x, live=True)
            dots = ((live * whole).sum((1, 3)), (live**2).sum((1, 3)), (whole**2).sum((1, 3)))
            each, (top, one, two) = dots[0] / np.sqrt(dots[1] * dots[2]), (d.sum(1) for d in dots)
            all_layers = top / np.sqrt(one * two)
            print(
                f"{recording.name}, {ahead} ms ahead: mean {all_layers.mean():.3f}, 5th percentile "
                f"{np.percentile(all_layers, 5):.3f}; by layer {' '.join(f'{v:.3f}' for v in each.mean(0))}"
            )


if __name__ == "__main__":
    main()
