"""One training of a UNet: its recipe, its steps, and its state on disk, from which it goes on exactly."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.common.errors import HuashengError
from services.render.engines.joygen.depth import FACE_SIDE
from services.render.engines.joygen.nets.unet import UNet
from services.render.engines.joygen.nets.vae import Vae, decode, encode
from services.render.engines.joygen.train.augment import Batch, depth_tensors, sample_batch, face_tensors
from services.render.engines.joygen.train.losses import PatchDiscriminator, discriminator_loss, perceptual, reconstruction
from services.render.engines.joygen.train.material import HALF, TrainingData

MOUTH = slice(FACE_SIDE // 4, 3 * FACE_SIDE // 4)
"""Columns of the lower half that are judged."""
JUDGED = 16
"""Held-out frames that are looked at."""


@dataclass(frozen=True)
class Recipe:
    """What can be chosen; the defaults are the published recipe, but for the batch (16 there) and the average."""

    batch: int = 4
    accumulate: int = 1
    """Batches for each step of the optimiser."""
    rate: float = 1e-5
    last_rate: float = 5e-6
    """The rate falls to this along a cosine."""
    warm_up: int = 0
    """Steps over which the rate rises from nought."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves."""
    depth_part: float = 0.5
    """How often the network sees the depth of the lips."""
    perceptual: float = 0.0
    """Weight of the perceptual loss, e.g. 0.1: against a blurry mouth."""
    adversarial: float = 0.0
    """Weight of a judge trained along, e.g. 0.01: against a blurry mouth."""
    precision: str = "auto"
    """``fp32`` or ``bf16`` (mixed); ``auto`` is bf16 on a GPU."""
    recompute: bool = False
    """Saves memory for time: inner states are computed again on the way back."""
    save_every: int = 250
    seed: int = 0

    @classmethod
    def of(cls, given: dict[str, Any]) -> Recipe:
        """Of values by name. Raises ``bad-request`` for one that there is not, or of another type."""
        known = {f.name: type(f.default) for f in fields(cls)}
        for name, value in given.items():
            kind = known.get(name)
            if kind is None or not isinstance(value, (int, float) if kind is float else kind):
                raise HuashengError("bad-request", what=f"the training's option {name}; there are: {', '.join(known)}")
        return cls(**given)


class Fit:
    """A network being trained. Same material, recipe and machine give the same network, stopped between or not."""

    def __init__(
        self, unet: UNet, vae: Vae, material: TrainingData, recipe: Recipe, steps: int, device: str, identity: str
    ) -> None:
        self.material, self.recipe, self.steps, self.step, self.loss = material, recipe, steps, 0, float("nan")
        told = json.dumps(asdict(recipe), sort_keys=True)
        self.identity = hashlib.sha256(f"{identity} {steps} {told}".encode()).hexdigest()
        self.device, self.vae = torch.device(device), vae
        self.unet = unet.requires_grad_(True).train()
        self.unet.checkpointing = recipe.recompute
        self.kept = copy.deepcopy(unet).eval().requires_grad_(False) if recipe.average else unet
        self.optimiser = _adam(self.unet, recipe.rate)
        self.dice = torch.Generator().manual_seed(recipe.seed)
        self.judge: PatchDiscriminator | None = None
        if recipe.adversarial:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(recipe.seed)
                self.judge = PatchDiscriminator().to(self.device)
            self.judge_optimiser = _adam(self.judge, recipe.rate * 10)
        precise = recipe.precision == "fp32" or (recipe.precision == "auto" and self.device.type == "cpu")
        self._mixed = None if precise else torch.bfloat16

    def one(self) -> None:
        """One step of the optimiser."""
        r = self.recipe
        rate = r.last_rate + (r.rate - r.last_rate) * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / r.warm_up if r.warm_up else 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(r.accumulate):
            total += self._part(sample_batch(self.material, r.batch, r.depth_part, self.dice))
        nn.utils.clip_grad_norm_(self.unet.parameters(), r.clip)
        self.optimiser.step()
        self.step += 1
        if r.average:
            decay = min(r.average, self.step / (self.step + 10))  # at first the average would be the start
            with torch.no_grad():
                for mean, value in zip(self.kept.parameters(), self.unet.parameters(), strict=True):
                    mean.lerp_(value, 1 - decay)
        self.loss = total / r.accumulate

    def _part(self, batch: Batch) -> float:
        real = batch.real.to(self.device)
        with self._autocast():
            with torch.no_grad():
                wanted = encode(self.vae, real)
            latents = self.unet(self._shown(real, batch.reference, batch.depth), batch.sound.to(self.device))
            images = decode(self.vae, latents)
            loss = reconstruction(latents.float(), wanted.float(), images.float(), real)
            told = float(loss.detach())
            if self.recipe.perceptual:
                loss = loss + self.recipe.perceptual * perceptual(self.vae, images, real)
            if self.judge is not None:
                loss = loss + self._judged(self.judge, images[:, :, HALF:].float(), real[:, :, HALF:])
        if not math.isfinite(told):
            raise HuashengError("training-stopped", why=f"the loss is not a number at step {self.step}")
        (loss / self.recipe.accumulate).backward()  # type: ignore[no-untyped-call]
        return told

    def _judged(self, judge: PatchDiscriminator, drawn: Tensor, real: Tensor) -> Tensor:
        """The judge learns from this batch; what it says of the drawn faces is returned, weighted."""
        self.judge_optimiser.zero_grad(set_to_none=True)
        discriminator_loss(judge, drawn.detach(), real).backward()  # type: ignore[no-untyped-call]
        self.judge_optimiser.step()
        judge.requires_grad_(False)
        said: Tensor = -judge(drawn).mean() * self.recipe.adversarial
        judge.requires_grad_(True)
        return said

    def _shown(self, face: Tensor, reference: Tensor, depth: Tensor) -> Tensor:
        """What the UNet sees: the face without its lower half, another of the person, and depth if it takes it."""
        upper = face.clone()
        upper[:, :, HALF:] = -1
        seen = [upper, reference.to(self.device)]
        if self.unet.config.in_channels > 8:
            seen.append(depth.to(self.device))
        with torch.no_grad():
            return torch.cat([encode(self.vae, x) for x in seen], 1)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._mixed is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self._mixed)

    @torch.no_grad()
    def drawn(self, frames: list[int]) -> Tensor:
        """Faces (n, 3, 256, 256), -1..1, of held-out frames by the network that is kept.

        The reference is a frame that was learned from, so the mouth that is wanted is not shown.
        """
        out = []
        others = self.material.learn[torch.linspace(0, len(self.material.learn) - 1, len(frames)).long().numpy()]
        for frame, other in zip(frames, others, strict=True):
            with self._autocast():
                real, reference = (face_tensors(self.material, [int(i)]).to(self.device) for i in (frame, other))
                shown = self._shown(real, reference, depth_tensors(self.material, [frame]))
                sound = torch.from_numpy(self.material.sound[[frame]]).to(self.device)
                out.append(decode(self.vae, self.kept(shown, sound)).float().clamp(-1, 1).cpu())
        return torch.cat(out)

    def judged(self) -> list[int]:
        """The held-out frames that figures are of."""
        held = self.material.held
        return [int(i) for i in held[torch.linspace(0, len(held) - 1, min(JUDGED, len(held))).long().numpy()]]

    def figures(self) -> dict[str, float]:
        """L1 (levels of 255) of the lower half and PSNR (dB) of the mouth, over the held-out frames."""
        frames = self.judged()
        drawn, real = self.drawn(frames), face_tensors(self.material, frames)
        a, b = drawn[:, :, HALF:], real[:, :, HALF:]
        error = float(F.mse_loss(a[..., MOUTH], b[..., MOUTH])) / 4
        return {
            "lower_l1": round(127.5 * float(F.l1_loss(a, b)), 3),
            "mouth_psnr_db": round(-10 * math.log10(max(error, 1e-10)), 3),
        }

    def save(self, path: Path) -> None:
        """Write all state, whole or not at all."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "loss": self.loss,
            "unet": self.unet.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "dice": self.dice.get_state(),
        }
        if self.recipe.average:
            state["kept"] = self.kept.state_dict()
        if self.judge is not None:
            state |= {"judge": self.judge.state_dict(), "judge_optimiser": self.judge_optimiser.state_dict()}
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(path)

    def resume(self, path: Path) -> bool:
        """Go on from a checkpoint; False when there is none of this training."""
        if not path.is_file():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if state["identity"] != self.identity:
            return False
        self.unet.load_state_dict(state["unet"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.recipe.average:
            self.kept.load_state_dict(state["kept"])
        if self.judge is not None:
            self.judge.load_state_dict(state["judge"])
            self.judge_optimiser.load_state_dict(state["judge_optimiser"])
        self.dice.set_state(state["dice"].clone())
        self.step, self.loss = state["step"], state["loss"]
        return True


def _adam(net: nn.Module, rate: float) -> torch.optim.AdamW:
    return torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01)
