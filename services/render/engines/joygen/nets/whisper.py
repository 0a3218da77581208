"""The encoder of Whisper (Radford et al. 2022), with every layer's output kept; names as in OpenAI's checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Attention(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size, bias=False)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (self.query(x), self.key(x), self.value(x))
        )
        out: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class _Block(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.attn = _Attention(size, heads)
        self.attn_ln = nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.mlp_ln = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_ln(x))
        out: Tensor = x + self.mlp(self.mlp_ln(x))
        return out


class WhisperEncoder(nn.Module):
    """Log-mel -> states at 50 Hz."""

    def __init__(self, bands: int, context: int, size: int, heads: int, layers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bands, size, 3, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", torch.empty(context, size))
        self.blocks = nn.ModuleList([_Block(size, heads) for _ in range(layers)])
        self.ln_post = nn.LayerNorm(size)

    def forward(self, mel: Tensor, final_norm: bool) -> Tensor:
        """``mel`` [B, 80, 2 T] -> [B, T, layers + 1, size]: the input to the first block, then each block's output.

        With ``final_norm`` the last of them has gone through the final LayerNorm. JoyGen was trained without it,
        MuseTalk 1.5 with it. T may be at most the context (1500); positions count from its start.
        """
        x = F.gelu(self.conv1(mel))
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        assert isinstance(self.positional_embedding, Tensor)
        x = x + self.positional_embedding[: x.shape[1]]
        states = [x]
        for block in self.blocks:
            x = block(x)
            states.append(x)
        if final_norm:
            states[-1] = self.ln_post(states[-1])
        return torch.stack(states, dim=2)
