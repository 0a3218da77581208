"""Losses of a drawn face: the published recipe, and optional terms against a blurry mouth."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.render.engines.joygen.nets.vae import Vae

PIXEL_WEIGHT = 2.0
"""Weight of the lower half's pixels; the latents' weight is 1."""


def reconstruction(latents: Tensor, target: Tensor, images: Tensor, real: Tensor) -> Tensor:
    """JoyGen's loss: L1 of the latents and of the lower half of the pictures (B, 3, H, W)."""
    half = real.shape[2] // 2
    return F.l1_loss(latents, target) + PIXEL_WEIGHT * F.l1_loss(images[:, :, half:], real[:, :, half:])


def perceptual(vae: Vae, images: Tensor, real: Tensor) -> Tensor:
    """Mean L1 between normalised inner states of the autoencoder's first stages, of the lower halves.

    The idea is Johnson et al. 2016; the autoencoder's encoder replaces the classification network.
    """
    half = real.shape[2] // 2
    with torch.no_grad():
        target = _encoder_states(vae, real[:, :, half:])
    terms = [F.l1_loss(a, b) for a, b in zip(_encoder_states(vae, images[:, :, half:]), target, strict=True)]
    return torch.stack(terms).mean()


def _encoder_states(vae: Vae, x: Tensor) -> list[Tensor]:
    x, out = vae.encoder.conv_in(x), []
    for stage in list(vae.encoder.down_blocks)[:3]:
        x = stage(x)
        out.append(F.normalize(x, dim=1) * x.shape[1] ** 0.5)
    return out


class PatchDiscriminator(nn.Module):
    """Patch discriminator (Isola et al. 2017) with spectral norm (Miyato et al. 2018): (B, 3, H, W) -> scores."""

    def __init__(self, size: int = 64) -> None:
        super().__init__()
        sizes = [3, size, 2 * size, 4 * size]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.utils.parametrizations.spectral_norm(nn.Conv2d(a, b, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.layers(x)
        return out


def discriminator_loss(discriminator: nn.Module, drawn: Tensor, real: Tensor) -> Tensor:
    """Hinge loss of the discriminator."""
    return F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(drawn)).mean()
