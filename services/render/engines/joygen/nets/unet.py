"""The one-step latent UNet: 12 channels in for JoyGen (masked face, reference face, lip depth), 8 for MuseTalk.

It is the UNet of Stable Diffusion 1 with 384-channel sound features for context, evaluated once, at step 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.render.engines.joygen.nets.layers import (
    Downsample,
    ResnetBlock,
    SpatialTransformer,
    Upsample,
    time_angles,
)

CROSS_DOWN, PLAIN_DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlock2D", "UpBlock2D"


@dataclass(frozen=True)
class UNetConfig:
    """What varies between checkpoints of this family."""

    in_channels: int = 12
    out_channels: int = 4
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = (True, True, True, False)
    """Which stages, from fine to coarse, attend to the sound; the way up mirrors the way down."""
    layers: int = 2
    context: int = 384
    heads: int = 8
    groups: int = 32

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> UNetConfig:
        """From a checkpoint's ``config.json``. Raises ``ValueError`` on an architecture that this network is not."""
        down = raw.get("down_block_types", [CROSS_DOWN] * 3 + [PLAIN_DOWN])
        up = raw.get("up_block_types", [PLAIN_UP] + [CROSS_UP] * 3)
        attends = tuple(kind == CROSS_DOWN for kind in down)
        supported = {CROSS_DOWN, PLAIN_DOWN}
        fixed = {
            "act_fn": "silu",
            "flip_sin_to_cos": True,
            "freq_shift": 0,
            "downsample_padding": 1,
            "mid_block_scale_factor": 1,
            "norm_eps": 1e-5,
            "center_input_sample": False,
            "use_linear_projection": False,
        }
        wrong = [f"{k}={raw[k]!r}" for k, v in fixed.items() if k in raw and raw[k] != v]
        if set(down) - supported or [k == CROSS_UP for k in up] != list(reversed(attends)) or wrong:
            raise ValueError(f"not the architecture of JoyGen and MuseTalk: {', '.join(wrong) or [*down, *up]}")
        return cls(
            in_channels=raw["in_channels"],
            out_channels=raw["out_channels"],
            channels=tuple(raw["block_out_channels"]),
            attends=attends,
            layers=raw["layers_per_block"],
            context=raw["cross_attention_dim"],
            heads=raw["attention_head_dim"],  # the name is historic: it is the number of heads
            groups=raw["norm_num_groups"],
        )

    def to_json(self) -> dict[str, Any]:
        """The ``config.json`` that diffusers and upstream read."""
        return {
            "_class_name": "UNet2DConditionModel",
            "act_fn": "silu",
            "attention_head_dim": self.heads,
            "block_out_channels": list(self.channels),
            "center_input_sample": False,
            "cross_attention_dim": self.context,
            "down_block_types": [CROSS_DOWN if a else PLAIN_DOWN for a in self.attends],
            "downsample_padding": 1,
            "flip_sin_to_cos": True,
            "freq_shift": 0,
            "in_channels": self.in_channels,
            "layers_per_block": self.layers,
            "mid_block_scale_factor": 1,
            "norm_eps": 1e-5,
            "norm_num_groups": self.groups,
            "out_channels": self.out_channels,
            "sample_size": 64,
            "up_block_types": [CROSS_UP if a else PLAIN_UP for a in reversed(self.attends)],
        }


class _TimeEmbedding(nn.Module):
    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(cin, cout)
        self.linear_2 = nn.Linear(cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear_2(F.silu(self.linear_1(x)))
        return out


class _Stage(nn.Module):
    """ResNet blocks of one resolution, each followed by attention where the stage attends."""

    def __init__(self, sizes: list[tuple[int, int]], attend: bool, config: UNetConfig, temb: int) -> None:
        super().__init__()
        self.attend = attend
        if attend:
            self.attentions = nn.ModuleList(
                [SpatialTransformer(cout, config.heads, config.context, config.groups) for _, cout in sizes]
            )
        self.resnets = nn.ModuleList([ResnetBlock(cin, cout, config.groups, 1e-5, temb) for cin, cout in sizes])

    def step(self, index: int, x: Tensor, temb: Tensor, context: Tensor) -> Tensor:
        """Block ``index`` of this stage."""
        x = self.resnets[index](x, temb)
        if self.attend:
            x = self.attentions[index](x, context)
        return x


class _Middle(nn.Module):
    def __init__(self, channels: int, config: UNetConfig, temb: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([SpatialTransformer(channels, config.heads, config.context, config.groups)])
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, config.groups, 1e-5, temb) for _ in range(2)])

    def forward(self, x: Tensor, temb: Tensor, context: Tensor) -> Tensor:
        x = self.attentions[0](self.resnets[0](x, temb), context)
        out: Tensor = self.resnets[1](x, temb)
        return out


class UNet(nn.Module):
    """Latents of the masked and reference pictures, and sound -> latent of the new face."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, last = config.channels, len(config.channels) - 1
        temb = 4 * channels[0]
        self.checkpointing = False
        """Trade time for memory in training: the blocks' activations are computed again in the backward pass."""
        self.conv_in = nn.Conv2d(config.in_channels, channels[0], 3, padding=1)
        self.time_embedding = _TimeEmbedding(channels[0], temb)
        self.down_blocks = nn.ModuleList()
        skips = [channels[0]]
        for i, cout in enumerate(channels):
            cin = channels[max(0, i - 1)]
            sizes = [(cin if j == 0 else cout, cout) for j in range(config.layers)]
            stage = _Stage(sizes, config.attends[i], config, temb)
            if i < last:
                stage.downsamplers = nn.ModuleList([Downsample(cout, padding=1)])
            self.down_blocks.append(stage)
            skips += [cout] * (config.layers + (i < last))
        self.mid_block = _Middle(channels[-1], config, temb)
        self.up_blocks = nn.ModuleList()
        before = channels[-1]
        for i, cout in enumerate(reversed(channels)):
            sizes = []
            for _ in range(config.layers + 1):
                sizes.append((before + skips.pop(), cout))
                before = cout
            stage = _Stage(sizes, config.attends[last - i], config, temb)
            if i < last:
                stage.upsamplers = nn.ModuleList([Upsample(cout)])
            self.up_blocks.append(stage)
        self.conv_norm_out = nn.GroupNorm(config.groups, channels[0], eps=1e-5)
        self.conv_out = nn.Conv2d(channels[0], config.out_channels, 3, padding=1)

    def forward(self, latents: Tensor, audio: Tensor) -> Tensor:
        """``latents`` [B, in_channels, 32, 32], ``audio`` [B, 50, 384] -> [B, 4, 32, 32]; both on the network's dtype.

        Sides may be any multiple of 2 ** (stages - 1).
        """
        steps = torch.zeros(latents.shape[0], device=latents.device)
        temb = self.time_embedding(time_angles(steps, self.config.channels[0]).to(latents.dtype))
        x = self.conv_in(latents)
        kept = [x]
        for stage in self.down_blocks:
            for i in range(self.config.layers):
                x = self._step(stage, i, x, temb, audio)
                kept.append(x)
            for down in getattr(stage, "downsamplers", ()):
                x = down(x)
                kept.append(x)
        x = self.mid_block(x, temb, audio)
        for stage in self.up_blocks:
            for i in range(self.config.layers + 1):
                x = self._step(stage, i, torch.cat([x, kept.pop()], dim=1), temb, audio)
            for up in getattr(stage, "upsamplers", ()):
                x = up(x)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return out

    def _step(self, stage: nn.Module, index: int, x: Tensor, temb: Tensor, audio: Tensor) -> Tensor:
        assert isinstance(stage, _Stage)
        if self.checkpointing and self.training:
            from torch.utils.checkpoint import checkpoint

            out: Tensor = checkpoint(stage.step, index, x, temb, audio, use_reentrant=False)
            return out
        return stage.step(index, x, temb, audio)
