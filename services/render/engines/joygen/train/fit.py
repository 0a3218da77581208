"""Fine-tuning of a UNet: its recipe, its steps, and its checkpoint, from which it resumes exactly."""

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
from services.render.engines.joygen.train.augment import Batch, depth_tensors, face_tensors, sample_batch
from services.render.engines.joygen.train.losses import (
    PatchDiscriminator,
    discriminator_loss,
    perceptual,
    reconstruction,
)
from services.render.engines.joygen.train.material import HALF, TrainingData

MOUTH_COLUMNS = slice(FACE_SIDE // 4, 3 * FACE_SIDE // 4)
"""Columns of the lower half that are scored."""
VALIDATION_FRAMES = 16
"""Number of held-out frames that are scored."""


@dataclass(frozen=True)
class FineTuneRecipe:
    """Training options; the defaults are the published recipe except for the batch (16 there) and the average."""

    batch: int = 4
    accumulate: int = 1
    """Batches for each step of the optimiser."""
    rate: float = 1e-5
    last_rate: float = 5e-6
    """The learning rate falls to this along a cosine."""
    warm_up: int = 0
    """Steps over which the learning rate rises from 0."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is saved; 0 saves the weights themselves."""
    depth_part: float = 0.5
    """Share of the samples with the depth of the lips."""
    perceptual: float = 0.0
    """Weight of the perceptual loss, e.g. 0.1: against a blurry mouth."""
    adversarial: float = 0.0
    """Weight of the adversarial loss, e.g. 0.01: against a blurry mouth."""
    precision: str = "auto"
    """``fp32`` or ``bf16`` (mixed); ``auto`` is bf16 on a GPU."""
    recompute: bool = False
    """Trades time for memory: activations are computed again in the backward pass."""
    save_every: int = 250
    seed: int = 0

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> FineTuneRecipe:
        """From values by name. Raises ``bad-request`` for an unknown name or a wrong type."""
        types = {f.name: type(f.default) for f in fields(cls)}
        for name, value in values.items():
            expected = types.get(name)
            if expected is None or not isinstance(value, (int, float) if expected is float else expected):
                raise HuashengError("bad-request", what=f"the training's option {name}; there are: {', '.join(types)}")
        return cls(**values)


class UNetFineTuning:
    """A network in training. The same data, recipe and machine give the same network, interrupted or not."""

    def __init__(
        self,
        unet: UNet,
        vae: Vae,
        material: TrainingData,
        recipe: FineTuneRecipe,
        steps: int,
        device: str,
        identity: str,
    ) -> None:
        self.material, self.recipe, self.steps, self.step, self.loss = material, recipe, steps, 0, float("nan")
        options = json.dumps(asdict(recipe), sort_keys=True)
        self.identity = hashlib.sha256(f"{identity} {steps} {options}".encode()).hexdigest()
        self.device, self.vae = torch.device(device), vae
        self.unet = unet.requires_grad_(True).train()
        self.unet.checkpointing = recipe.recompute
        self.averaged = copy.deepcopy(unet).eval().requires_grad_(False) if recipe.average else unet
        self.optimiser = _adam(self.unet, recipe.rate)
        self.rng = torch.Generator().manual_seed(recipe.seed)
        self.discriminator: PatchDiscriminator | None = None
        if recipe.adversarial:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(recipe.seed)
                self.discriminator = PatchDiscriminator().to(self.device)
            self.discriminator_optimiser = _adam(self.discriminator, recipe.rate * 10)
        full_precision = recipe.precision == "fp32" or (recipe.precision == "auto" and self.device.type == "cpu")
        self._mixed = None if full_precision else torch.bfloat16

    def train_step(self) -> None:
        """One step of the optimiser."""
        recipe = self.recipe
        learning_rate = recipe.last_rate + (recipe.rate - recipe.last_rate) * 0.5 * (
            1 + math.cos(math.pi * self.step / self.steps)
        )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (self.step + 1) / recipe.warm_up if recipe.warm_up else 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(recipe.accumulate):
            total += self._accumulate(sample_batch(self.material, recipe.batch, recipe.depth_part, self.rng))
        nn.utils.clip_grad_norm_(self.unet.parameters(), recipe.clip)
        self.optimiser.step()
        self.step += 1
        if recipe.average:
            decay = min(
                recipe.average, self.step / (self.step + 10)
            )  # a full decay would keep the average at its start
            with torch.no_grad():
                for mean, value in zip(self.averaged.parameters(), self.unet.parameters(), strict=True):
                    mean.lerp_(value, 1 - decay)
        self.loss = total / recipe.accumulate

    def _accumulate(self, batch: Batch) -> float:
        real = batch.real.to(self.device)
        with self._autocast():
            with torch.no_grad():
                target = encode(self.vae, real)
            latents = self.unet(self._unet_input(real, batch.reference, batch.depth), batch.sound.to(self.device))
            images = decode(self.vae, latents)
            loss = reconstruction(latents.float(), target.float(), images.float(), real)
            value = float(loss.detach())
            if self.recipe.perceptual:
                loss = loss + self.recipe.perceptual * perceptual(self.vae, images, real)
            if self.discriminator is not None:
                loss = loss + self._adversarial_loss(self.discriminator, images[:, :, HALF:].float(), real[:, :, HALF:])
        if not math.isfinite(value):
            raise HuashengError("training-stopped", why=f"the loss is not a number at step {self.step}")
        (loss / self.recipe.accumulate).backward()  # type: ignore[no-untyped-call]
        return value

    def _adversarial_loss(self, discriminator: PatchDiscriminator, drawn: Tensor, real: Tensor) -> Tensor:
        """Train the discriminator on this batch, and return the weighted adversarial loss of the drawn faces."""
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        discriminator_loss(discriminator, drawn.detach(), real).backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimiser.step()
        discriminator.requires_grad_(False)
        loss: Tensor = -discriminator(drawn).mean() * self.recipe.adversarial
        discriminator.requires_grad_(True)
        return loss

    def _unet_input(self, face: Tensor, reference: Tensor, depth: Tensor) -> Tensor:
        """Input of the UNet: latents of the masked face, of the reference and, where the network takes it, of depth."""
        upper = face.clone()
        upper[:, :, HALF:] = -1
        inputs = [upper, reference.to(self.device)]
        if self.unet.config.in_channels > 8:
            inputs.append(depth.to(self.device))
        with torch.no_grad():
            return torch.cat([encode(self.vae, x) for x in inputs], 1)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._mixed is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self._mixed)

    @torch.no_grad()
    def predict(self, frames: list[int]) -> Tensor:
        """Faces (n, 3, 256, 256), -1..1, of held-out frames, drawn by the averaged network.

        References are training frames, so they do not show the target mouth.
        """
        out = []
        references = self.material.train[torch.linspace(0, len(self.material.train) - 1, len(frames)).long().numpy()]
        for frame, reference_frame in zip(frames, references, strict=True):
            with self._autocast():
                real, reference = (
                    face_tensors(self.material, [int(i)]).to(self.device) for i in (frame, reference_frame)
                )
                unet_input = self._unet_input(real, reference, depth_tensors(self.material, [frame]))
                sound = torch.from_numpy(self.material.sound[[frame]]).to(self.device)
                out.append(decode(self.vae, self.averaged(unet_input, sound)).float().clamp(-1, 1).cpu())
        return torch.cat(out)

    def validation_frames(self) -> list[int]:
        """The held-out frames that are scored."""
        candidates = self.material.validation
        return [
            int(i)
            for i in candidates[
                torch.linspace(0, len(candidates) - 1, min(VALIDATION_FRAMES, len(candidates))).long().numpy()
            ]
        ]

    def scores(self) -> dict[str, float]:
        """L1 (levels of 255) of the lower half and PSNR (dB) of the mouth, over the held-out frames."""
        frames = self.validation_frames()
        drawn, real = self.predict(frames), face_tensors(self.material, frames)
        drawn_lower, real_lower = drawn[:, :, HALF:], real[:, :, HALF:]
        error = float(F.mse_loss(drawn_lower[..., MOUTH_COLUMNS], real_lower[..., MOUTH_COLUMNS])) / 4
        return {
            "lower_l1": round(127.5 * float(F.l1_loss(drawn_lower, real_lower)), 3),
            "mouth_psnr_db": round(-10 * math.log10(max(error, 1e-10)), 3),
        }

    def save(self, path: Path) -> None:
        """Write all state atomically."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "loss": self.loss,
            "unet": self.unet.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "dice": self.rng.get_state(),
        }
        if self.recipe.average:
            state["kept"] = self.averaged.state_dict()
        if self.discriminator is not None:
            state |= {
                "judge": self.discriminator.state_dict(),
                "judge_optimiser": self.discriminator_optimiser.state_dict(),
            }
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> bool:
        """Resume from a checkpoint; False when there is none of this training."""
        if not path.is_file():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if state["identity"] != self.identity:
            return False
        self.unet.load_state_dict(state["unet"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.recipe.average:
            self.averaged.load_state_dict(state["kept"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["judge"])
            self.discriminator_optimiser.load_state_dict(state["judge_optimiser"])
        self.rng.set_state(state["dice"].clone())
        self.step, self.loss = state["step"], state["loss"]
        return True


def _adam(network: nn.Module, learning_rate: float) -> torch.optim.AdamW:
    return torch.optim.AdamW(network.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
