"""Parts that the latent UNet and the image autoencoder share (Rombach et al. 2022; names as diffusers saves them)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResnetBlock(nn.Module):
    """Two normalised convolutions and a shortcut; ``temb`` > 0 adds a projection of the time embedding between them."""

    def __init__(self, cin: int, cout: int, groups: int, eps: float, temb: int = 0) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=eps)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        if temb:
            self.time_emb_proj = nn.Linear(temb, cout)
        self.norm2 = nn.GroupNorm(groups, cout, eps=eps)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        if cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)
        self.has_shortcut = cin != cout

    def forward(self, x: Tensor, temb: Tensor | None = None) -> Tensor:
        """``x`` [B, cin, H, W], ``temb`` [B, T] -> [B, cout, H, W]."""
        h = self.conv1(F.silu(self.norm1(x)))
        if temb is not None:
            h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        if self.has_shortcut:
            x = self.conv_shortcut(x)
        out: Tensor = x + h
        return out


class Downsample(nn.Module):
    """Halves both sides by a strided convolution. ``padding`` 0 pads right and bottom only, as the autoencoder does."""

    def __init__(self, channels: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=padding)
        self.one_sided = padding == 0

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H / 2, W / 2]."""
        out: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)) if self.one_sided else x)
        return out


class Upsample(nn.Module):
    """Doubles both sides: nearest neighbour, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, 2 H, 2 W]."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


class Attention(nn.Module):
    """Multi-head attention on tokens; to itself, or to a context of ``context`` channels."""

    def __init__(self, channels: int, heads: int, context: int = 0, qkv_bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=qkv_bias)
        self.to_k = nn.Linear(context or channels, channels, bias=qkv_bias)
        self.to_v = nn.Linear(context or channels, channels, bias=qkv_bias)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """``x`` [B, N, C], ``context`` [B, M, D] (``x`` itself if None) -> [B, N, C]."""
        context = x if context is None else context
        q, k, v = (
            t.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for t in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        out: Tensor = self.to_out[0](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class _Gate(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: Tensor = value * F.gelu(gate)
        return out


class _FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 4 * channels
        self.net = nn.ModuleList([_Gate(channels, inner), nn.Identity(), nn.Linear(inner, channels)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net[2](self.net[0](x))
        return out


class _Block(nn.Module):
    def __init__(self, channels: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = Attention(channels, heads, context)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = _FeedForward(channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        out: Tensor = x + self.ff(self.norm3(x))
        return out


class SpatialTransformer(nn.Module):
    """Pixels attend to each other and to the sound, around a shortcut."""

    def __init__(self, channels: int, heads: int, context: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([_Block(channels, heads, context)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """``x`` [B, C, H, W], ``context`` [B, M, D] -> [B, C, H, W]."""
        height, width = x.shape[2:]
        h = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        h = self.transformer_blocks[0](h, context)
        h = h.transpose(1, 2).unflatten(2, (height, width))
        out: Tensor = x + self.proj_out(h)
        return out


def time_angles(steps: Tensor, size: int) -> Tensor:
    """Cosines, then sines of the diffusion step at ``size`` / 2 frequencies (Ho et al. 2020): [B] -> [B, size]."""
    half = size // 2
    rates = torch.exp(torch.arange(half, device=steps.device) * (-torch.log(torch.tensor(10000.0)) / half))
    angles = steps[:, None].float() * rates[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)
