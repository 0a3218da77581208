"""``python -m benchmarks.joygen_train CLIP --out DIR --steps N``: train the smallest joygen on a real clip, on a CPU.

The published checkpoints being large and not ours to pass on, a folder of tiny networks is made: random weights, but an
autoencoder that was fitted to the clip's faces, so that pictures can be looked at. It shows that training learns; it
says nothing of the quality of the published network. DIR gets ``models/joygen`` and ``model`` (run again to go on).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.engines.joygen.align import face_box
from services.render.engines.joygen.checkpoints import UNET, load_vae
from services.render.engines.joygen.prepare import FPS, face_in
from services.render.engines.joygen.settings import Settings
from services.render.engines.joygen.train.run import train
from services.render.face.landmarks import Tracker
from services.render.media.read import read_frames
from services.render.settings import RenderSettings
from services.render.train.job import RESULT, TrainingJob, TrainingProgress
from tests.fakes.joygen_weights import TINY, write_parsing, write_unet, write_vae, write_whisper

RECIPE = {"rate": 1e-3, "last_rate": 1e-4, "batch": 1, "average": 0.98, "save_every": 50}


def faces_of(clip: Path, weights: Path) -> torch.Tensor:
    """Every fifth face, (n, 3, 256, 256), RGB, -1..1."""
    tracker, out = Tracker(folder("face-mesh", weights)), []
    for k, (_, picture) in enumerate(read_frames(clip, FPS, 1920, 60.0)):
        mesh = tracker.next(picture)
        if k % 5 == 0 and mesh is not None:
            out.append(face_in(picture, face_box(mesh, picture.shape[0]))[..., ::-1])
    return torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).float() / 127.5 - 1


def fit_vae(at: Path, faces: torch.Tensor, steps: int) -> None:
    """Fit the tiny autoencoder to the faces and set its scale so that latents have unit variance."""
    vae = load_vae(at / "diffusion_pytorch_model.bin").requires_grad_(True)
    optimiser = torch.optim.Adam(vae.parameters(), lr=2e-3)
    dice = torch.Generator().manual_seed(0)
    for step in range(steps):
        x = faces[torch.randint(len(faces), (2,), generator=dice)]
        mean, _ = vae.moments(x)
        out = vae(mean)
        loss = F.l1_loss(out, x) + 1e-3 * (mean**2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - step / steps) + 1e-5
        if step % 50 == 0 or step == steps - 1:
            print(f"autoencoder {step}: L1 {127.5 * float(loss.detach()):.1f} levels", flush=True)
    with torch.no_grad():
        scale = 1 / float(vae.moments(faces[:4])[0].std())
    raw = vae.config.to_json() | {"scaling_factor": scale}
    (at / "config.json").write_text(json.dumps(raw))
    (at / "diffusion_pytorch_model.bin").unlink()
    save_file({k: v.detach().contiguous() for k, v in vae.state_dict().items()}, at / UNET)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--recipe", default="{}")
    args = parser.parse_args()
    shared, models, made = SharedSettings(threads=1), args.out / "models", args.out / "model"
    root = models / "joygen"
    if not (root / "sd-vae-ft-mse" / UNET).is_file():
        write_unet(root, TINY["unet"], "joygen", 0)
        write_vae(root / "sd-vae-ft-mse", TINY["vae"], 1)
        write_whisper(root / "whisper", TINY["whisper"], "joygen", 2)
        write_parsing(root / "face-parse-bisent", TINY["width"], 3)
        fit_vae(root / "sd-vae-ft-mse", faces_of(args.clip, shared.weights_dir), 120)
    (made / "work").mkdir(parents=True, exist_ok=True)

    def show(now: TrainingProgress) -> None:
        if now.validation_loss is not None:
            print(f"step {now.step}: loss {now.loss:.3f}, held out L1 {now.validation_loss:.2f} levels", flush=True)

    job = TrainingJob(
        source=args.clip,
        name=args.clip.name,
        work=made / "work",
        out=made,
        steps=args.steps,
        device="cpu",
        service=RenderSettings(),
        shared=shared,
        settings=Settings(models_dir=models, device="cpu"),
        on_progress=show,
        recipe=RECIPE | json.loads(args.recipe),
    )
    start = time.process_time()
    train(job)
    print(json.dumps(json.loads((made / RESULT).read_text()), indent=1))
    print(f"{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
