"""What each network of JoyGen or MuseTalk costs, one after the other, on the CPU and on a GPU if there is one.

python -m benchmarks.joygen --weights FOLDER [--batch 8] [--dtype fp16]
python -m benchmarks.joygen                    # random weights of the real sizes: the time is the same

The whole engine on a real clip, stage by stage and beside upstream's way of working: benchmarks/joygen_engine.py.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from services.render.engines.joygen.audio import GROUP_FRAMES, WhisperFeatures
from services.render.engines.joygen.checkpoints import Bundle, load_bundle
from services.render.engines.joygen.nets.vae import decode, encode

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def stages(bundle: Bundle, batch: int) -> dict[str, tuple[Callable[[], Any], float, str]]:
    """Name -> what to run, pictures that one run serves (0: not needed for every picture), and when it is needed."""
    device, dtype = bundle.device, bundle.dtype

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(shape, device=device, dtype=dtype)

    images, latents = noise(batch, 3, 256, 256), noise(batch, 4, 32, 32)
    full, sound = noise(batch, bundle.unet.config.in_channels, 32, 32), noise(batch, 50, 384)
    features = WhisperFeatures(bundle.whisper, bundle.kind)
    features.push(np.random.default_rng(0).standard_normal(16000 * 31).astype(np.float32) * 0.1)
    count = iter(range(GROUP_FRAMES, 10**6, GROUP_FRAMES))
    out: dict[str, tuple[Callable[[], Any], float, str]] = {
        "whisper": (lambda: features.rows(next(count)), GROUP_FRAMES, f"every {GROUP_FRAMES} pictures"),
        "unet": (lambda: bundle.unet(full, sound), batch, "every picture"),
        "decode": (lambda: decode(bundle.vae, latents), batch, "every picture"),
    }
    if bundle.kind == "joygen":
        out["encode depth"] = (lambda: encode(bundle.vae, images), batch, "every picture, with depth")
    else:
        out["encode"] = (lambda: encode(bundle.vae, images), 0, "per avatar picture, twice")
    if hubert := bundle.hubert:
        speech = noise(1, 126 * 320 + 80)
        out["hubert"] = (lambda: hubert(speech), 8, "every 8 pictures, with depth")
    if a2m := bundle.a2m:
        rows, f0 = torch.rand(1, 200, a2m.config.audio, device=device), torch.full((1, 200), 150.0, device=device)
        z = torch.rand(1, a2m.config.latent, 25, device=device)
        out["expression"] = (lambda: a2m(rows, f0, z, 0.45), 8, "every 8 pictures, with depth")
    if recon := bundle.recon:
        faces = torch.rand(batch, 3, 224, 224, device=device)
        out["recon"] = (lambda: recon(faces), 0, "per avatar picture")
    if parsing := bundle.parsing:
        whole = torch.rand(1, 3, 512, 512, device=device)
        out["parsing"] = (lambda: parsing(whole), 0, "per avatar picture")
    return out


def measure(bundle: Bundle, batch: int, repeats: int) -> None:
    """Print a line for each network: milliseconds of a call and of a picture."""
    cuda = bundle.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    total = 0.0
    print(f"{'network':14s}{'million':>9s}{'call ms':>10s}{'picture ms':>12s}  needed")
    nets: dict[str, Any] = {
        "whisper": bundle.whisper,
        "unet": bundle.unet,
        "decode": bundle.vae.decoder,
        "encode": bundle.vae.encoder,
        "encode depth": bundle.vae.encoder,
        "hubert": bundle.hubert,
        "expression": bundle.a2m,
        "recon": bundle.recon,
        "parsing": bundle.parsing,
    }
    for name, (run, pictures, when) in stages(bundle, batch).items():
        times = []
        with torch.inference_mode():
            for _ in range(repeats + 1):  # the first one warms up
                if cuda:
                    torch.cuda.synchronize()
                start = clock()
                run()
                if cuda:
                    torch.cuda.synchronize()
                times.append(1000 * (clock() - start))
        call = float(np.median(times[1:]))
        size = sum(p.numel() for p in nets[name].parameters()) / 1e6
        each = f"{call / pictures:12.1f}" if pictures else f"{'':12s}"
        total += call / pictures if pictures else 0
        print(f"{name:14s}{size:9.1f}{call:10.1f}{each}  {when}")
    print(f"networks together: {total:.0f} ms a picture, {1000 / total:.2f} pictures a second")
    if cuda:
        print(f"memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB on the device")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB in the process, at most")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--weights", type=Path, help="folder with the published files; else random weights, full size")
    parser.add_argument("--kind", choices=("joygen", "musetalk"), default="joygen")
    parser.add_argument("--batch", type=int, default=0, help="pictures at once (default: 1 on the CPU, 8 on a GPU)")
    parser.add_argument("--dtype", choices=tuple(DTYPES), help="default: fp32 on the CPU, fp16 on a GPU")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.weights
        if folder is None:
            from tests.fakes import joygen_weights

            folder = joygen_weights.write(Path(scratch), args.kind, size="full")
        for device in ["cpu"] + (["cuda"] if torch.cuda.is_available() else []):
            cpu = device == "cpu"
            dtype = DTYPES[args.dtype or ("fp32" if cpu else "fp16")]
            start = time.perf_counter()
            bundle = load_bundle(folder, device, dtype, kind=args.kind)
            name = f"CPU, {args.threads} threads" if cpu else torch.cuda.get_device_name()
            batch = args.batch or (1 if cpu else 8)
            print(f"\n{args.kind} on {name}, {dtype}, batch {batch}; loaded in {time.perf_counter() - start:.1f} s")
            measure(bundle, batch, args.repeats)


if __name__ == "__main__":
    main()
