"""The image autoencoder (sd-vae-ft-mse): 256x256 pictures <-> 32x32 latents of 4 channels (Rombach et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.render.engines.joygen.nets.layers import Attention, Downsample, ResnetBlock, Upsample

EPS = 1e-6


@dataclass(frozen=True)
class VaeConfig:
    """What varies between checkpoints of this family."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    layers: int = 2
    latent: int = 4
    groups: int = 32
    scale: float = 0.18215
    """What latents are multiplied with, so that their variance is near 1."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> VaeConfig:
        """From a checkpoint's ``config.json``. Raises ``ValueError`` on an architecture that this network is not."""
        if raw.get("act_fn", "silu") != "silu" or raw["in_channels"] != 3 or raw["out_channels"] != 3:
            raise ValueError("not the architecture of sd-vae-ft-mse")
        return cls(
            channels=tuple(raw["block_out_channels"]),
            layers=raw["layers_per_block"],
            latent=raw["latent_channels"],
            groups=raw.get("norm_num_groups", 32),
            scale=raw.get("scaling_factor", 0.18215),
        )

    def to_json(self) -> dict[str, Any]:
        """The ``config.json`` that diffusers and upstream read."""
        stages = len(self.channels)
        return {
            "_class_name": "AutoencoderKL",
            "act_fn": "silu",
            "block_out_channels": list(self.channels),
            "down_block_types": ["DownEncoderBlock2D"] * stages,
            "in_channels": 3,
            "latent_channels": self.latent,
            "layers_per_block": self.layers,
            "norm_num_groups": self.groups,
            "out_channels": 3,
            "sample_size": 256,
            "up_block_types": ["UpDecoderBlock2D"] * stages,
        }


class _Attention(Attention):
    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, heads=1, qkv_bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPS)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        h = super().forward(self.group_norm(x).flatten(2).transpose(1, 2), context)
        return x + h.transpose(1, 2).reshape(x.shape)


class _Middle(nn.Module):
    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([_Attention(channels, groups)])
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, groups, EPS) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.resnets[1](self.attentions[0](self.resnets[0](x)))
        return out


class _Stage(nn.Module):
    def __init__(self, cin: int, cout: int, layers: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(cin if j == 0 else cout, cout, groups, EPS) for j in range(layers)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.resnets:
            x = block(x)
        for name in ("downsamplers", "upsamplers"):
            for scale in getattr(self, name, ()):
                x = scale(x)
        return x


class _Encoder(nn.Module):
    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        channels, last = config.channels, len(config.channels) - 1
        self.conv_in = nn.Conv2d(3, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for i, cout in enumerate(channels):
            stage = _Stage(channels[max(0, i - 1)], cout, config.layers, config.groups)
            if i < last:
                stage.downsamplers = nn.ModuleList([Downsample(cout, padding=0)])
            self.down_blocks.append(stage)
        self.mid_block = _Middle(channels[-1], config.groups)
        self.conv_norm_out = nn.GroupNorm(config.groups, channels[-1], eps=EPS)
        self.conv_out = nn.Conv2d(channels[-1], 2 * config.latent, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for stage in self.down_blocks:
            x = stage(x)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))
        return out


class _Decoder(nn.Module):
    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        channels, last = config.channels[::-1], len(config.channels) - 1
        self.conv_in = nn.Conv2d(config.latent, channels[0], 3, padding=1)
        self.mid_block = _Middle(channels[0], config.groups)
        self.up_blocks = nn.ModuleList()
        for i, cout in enumerate(channels):
            stage = _Stage(channels[max(0, i - 1)], cout, config.layers + 1, config.groups)
            if i < last:
                stage.upsamplers = nn.ModuleList([Upsample(cout)])
            self.up_blocks.append(stage)
        self.conv_norm_out = nn.GroupNorm(config.groups, channels[-1], eps=EPS)
        self.conv_out = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for stage in self.up_blocks:
            x = stage(x)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return out


class Vae(nn.Module):
    """Pictures to latents and back."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.quant_conv = nn.Conv2d(2 * config.latent, 2 * config.latent, 1)
        self.post_quant_conv = nn.Conv2d(config.latent, config.latent, 1)

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latents, unscaled: [B, 3, H, W] in -1..1 -> 2 x [B, 4, H / 8, W / 8]."""
        mean, logvar = self.quant_conv(self.encoder(images)).chunk(2, dim=1)
        return mean, logvar.clamp(-30, 20)

    def forward(self, latents: Tensor) -> Tensor:
        """Unscaled latents [B, 4, h, w] -> pictures [B, 3, 8 h, 8 w], nominally -1..1."""
        out: Tensor = self.decoder(self.post_quant_conv(latents))
        return out


def encode(vae: Vae, images: Tensor, sample: torch.Generator | None = None) -> Tensor:
    """Scaled latents [B, 4, H / 8, W / 8] of RGB ``images`` [B, 3, H, W] in -1..1, on the network's dtype.

    The most likely latents by default, so that the same picture always gives the same latents; with a generator (on the
    pictures' device) they are drawn, as upstream does.
    """
    mean, logvar = vae.moments(images)
    if sample is not None:
        noise = torch.randn(mean.shape, generator=sample, device=mean.device, dtype=mean.dtype)
        mean = mean + torch.exp(0.5 * logvar) * noise
    return mean * vae.config.scale


def decode(vae: Vae, latents: Tensor) -> Tensor:
    """RGB pictures [B, 3, 8 h, 8 w], nominally -1..1 (not clipped), of scaled ``latents`` [B, 4, h, w]."""
    out: Tensor = vae(latents / vae.config.scale)
    return out
