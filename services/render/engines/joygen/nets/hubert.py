"""HuBERT (Hsu et al. 2021) in its large form: layer-normalised convolutions, then pre-norm transformer layers.

Names as in the transformers library's ``HubertModel``, but the positional convolution is plain: its weight norm is
folded into the weight when it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

KERNEL, STRIDE = 400, 320
"""Samples at 16 kHz that one row sees before the transformer, and samples from row to row."""


@dataclass(frozen=True)
class HubertConfig:
    """What varies between checkpoints of this form."""

    size: int = 1024
    inner: int = 4096
    layers: int = 24
    heads: int = 16
    conv_size: int = 512
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    pos_kernel: int = 128
    pos_groups: int = 16


class _Conv(nn.Module):
    def __init__(self, cin: int, cout: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, kernel, stride)
        self.layer_norm = nn.LayerNorm(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.layer_norm(self.conv(x).transpose(1, 2)).transpose(1, 2))


class _Extractor(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(
            [
                _Conv(c.conv_size if i else 1, c.conv_size, k, s)
                for i, (k, s) in enumerate(zip(c.kernels, c.strides, strict=True))
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)


class _Projection(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(c.conv_size)
        self.projection = nn.Linear(c.conv_size, c.size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.projection(self.layer_norm(x))
        return out


class _Positions(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.conv = nn.Conv1d(c.size, c.size, c.pos_kernel, padding=c.pos_kernel // 2, groups=c.pos_groups)
        self.cut = 1 - c.pos_kernel % 2

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x.transpose(1, 2))
        return F.gelu(h[..., : h.shape[2] - self.cut]).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.heads = c.heads
        self.k_proj = nn.Linear(c.size, c.size)
        self.v_proj = nn.Linear(c.size, c.size)
        self.q_proj = nn.Linear(c.size, c.size)
        self.out_proj = nn.Linear(c.size, c.size)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        )
        out: Tensor = self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class _FeedForward(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(c.size, c.inner)
        self.output_dense = nn.Linear(c.inner, c.size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output_dense(F.gelu(self.intermediate_dense(x)))
        return out


class _Layer(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.attention = _Attention(c)
        self.layer_norm = nn.LayerNorm(c.size)
        self.feed_forward = _FeedForward(c)
        self.final_layer_norm = nn.LayerNorm(c.size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.layer_norm(x))
        out: Tensor = x + self.feed_forward(self.final_layer_norm(x))
        return out


class _Encoder(nn.Module):
    def __init__(self, c: HubertConfig) -> None:
        super().__init__()
        self.pos_conv_embed = _Positions(c)
        self.layer_norm = nn.LayerNorm(c.size)
        self.layers = nn.ModuleList([_Layer(c) for _ in range(c.layers)])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pos_conv_embed(x)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.layer_norm(x)
        return out


class Hubert(nn.Module):
    """Speech -> rows at 50 Hz that represent speech sounds independently of the speaker."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_extractor = _Extractor(config)
        self.feature_projection = _Projection(config)
        self.encoder = _Encoder(config)

    def forward(self, samples: Tensor) -> Tensor:
        """[B, N] at 16 kHz, zero mean and unit variance, N >= KERNEL -> [B, (N - KERNEL) // STRIDE + 1, size].

        Every row attends to the whole input.
        """
        out: Tensor = self.encoder(self.feature_projection(self.feature_extractor(samples[:, None])))
        return out
