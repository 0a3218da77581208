"""A small made-up 3D face in the real model's file format, and networks that give back what they are shown."""

from pathlib import Path

import numpy as np
import torch
from scipy.io import savemat
from torch import Tensor, nn

from services.render.engines.joygen.bfm import INDEX, MODEL
from services.render.engines.joygen.checkpoints import Bundle
from services.render.face import points as pt
from tests.fakes.faces import face

GRID = 40


def write_bfm(folder: Path, seed: int = 0) -> Path:
    """A dome whose first expression opens the mouth; the other numbers are random and small."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(-1, 1, GRID), np.linspace(-1, 1, GRID)))
    mean = np.stack([0.62 * u, 0.25 * -v - 0.35 * v, 0.5 * (1 - 0.5 * u**2 - 0.5 * v**2)], 1)
    count = len(mean)
    expression = 0.002 * rng.standard_normal((3 * count, 64))
    expression[1::3, 0] = -0.1 * np.exp(-(u**2) / 0.2) * np.clip((v - 0.5) / 0.05, 0, 1)
    corner = (np.arange(GRID - 1)[:, None] * GRID + np.arange(GRID - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + GRID], 1)
    upper = np.stack([corner + 1, corner + GRID + 1, corner + GRID], 1)
    savemat(
        folder / MODEL,
        {
            "meanshape": mean.reshape(1, -1),
            "idBase": 0.002 * rng.standard_normal((3 * count, 80)),
            "exBase": expression,
            "tri": np.concatenate([lower, upper]) + 1,
        },
    )
    # the fake face's unit is the eye distance, the model's eyes are 0.62 apart
    wanted = face(opening=0.15)[:, :2] * (0.62, -0.62)
    index = np.argmin(((mean[None, :, :2] - wanted[:, None]) ** 2).sum(2), axis=1).astype(np.int64)
    index[pt.FACE_OVAL[0]] = -999  # as some versions of the file mark points without a vertex
    np.save(folder / INDEX, index)
    return folder


class PlainVae(nn.Module):
    """Latents are the picture made 32×32 (and its brightness); decoding makes it large again."""

    def __init__(self) -> None:
        super().__init__()
        self.config = type("Config", (), {"scale": 1.0})()

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        small = nn.functional.interpolate(images, scale_factor=1 / 8, mode="area")
        return torch.cat([small, small.mean(1, keepdim=True)], 1), torch.zeros(1)

    def forward(self, latents: Tensor) -> Tensor:
        return nn.functional.interpolate(latents[:, :3], scale_factor=8.0, mode="bilinear")


class PlainUnet(nn.Module):
    """Gives back the reference, greener in its lower half the louder the sound is, and shows the lips' depth in red."""

    def forward(self, latents: Tensor, sound: Tensor) -> Tensor:
        out = latents[:, 4:8].clone()
        out[:, 1, 16:] += sound.mean((1, 2))[:, None, None]
        if latents.shape[1] == 12:
            out[:, 0] = torch.maximum(out[:, 0], latents[:, 8])
        return out


class FlatRecon(nn.Module):
    """Every face is the mean face, looking straight on."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 257)


def plain_bundle(kind: str = "joygen", recon: bool = True) -> Bundle:
    """Networks without weights; ``whisper`` must not be asked."""
    return Bundle(
        kind,
        PlainUnet(),
        PlainVae(),
        nn.Identity(),
        recon=FlatRecon() if recon else None,  # type: ignore[arg-type]
    )


class PlainFeatures:
    """Features that are the frame's loudness; a frame is known 120 ms later."""

    def __init__(self) -> None:
        self.samples, self.ended = np.zeros(0, np.float32), False

    def push(self, samples: np.ndarray) -> None:
        self.samples = np.concatenate([self.samples, samples])

    def finish(self) -> None:
        self.ended = True

    def ready(self, frame: int) -> bool:
        return self.ended or len(self.samples) >= (frame + 3) * 640

    def rows(self, frame: int) -> np.ndarray:
        return np.full((50, 384), np.abs(self.samples[frame * 640 : (frame + 1) * 640]).mean(), np.float32)


class PlainExpressions:
    """The first coefficient is the loudness; a row is known 400 ms later."""

    def __init__(self) -> None:
        self.samples, self.given = np.zeros(0, np.float32), 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.samples = np.concatenate([self.samples, samples])
        return self._rows(len(self.samples) // 640 - 10)

    def finish(self) -> np.ndarray:
        return self._rows(len(self.samples) // 640)

    def _rows(self, until: int) -> np.ndarray:
        rows = np.zeros((max(0, until - self.given), 64), np.float32)
        for i in range(len(rows)):
            at = (self.given + i) * 640
            rows[i, 0] = 3 * np.abs(self.samples[at : at + 640]).mean()
        self.given += len(rows)
        return rows
