"""Sound to facial expression: the pitch-conditioned variational autoencoder of Real3D-Portrait (Ye et al. 2024).

Only what is needed to draw from it: a prior flow (Kim et al. 2021) turns noise into latents at 6.25 Hz, a decoder of
gated convolutions (van den Oord et al. 2016) turns them into 64 expression coefficients at 25 Hz, both conditioned on
HuBERT rows, pitch, a wished mouth amplitude and no blinking. Names as in the published checkpoint, weight norm folded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PITCH_MIN_HZ, PITCH_MAX_HZ, PITCH_BINS = 50.0, 1100.0, 256


@dataclass(frozen=True)
class A2mConfig:
    """All of it is derived from the tensors' shapes."""

    audio: int = 1024
    feat: int = 128
    mouth_amp: bool = True
    eye_amp: bool = False
    out: int = 64
    hidden: int = 256
    latent: int = 16
    kernel: int = 5
    layers: int = 4
    stride: int = 4
    """Pictures per latent."""
    flow_hidden: int = 64
    flow_kernel: int = 3
    flow_layers: int = 4
    flows: int = 4

    @classmethod
    def from_tensors(cls, t: Mapping[str, Tensor]) -> A2mConfig:
        """From a checkpoint with folded weight norm. Raises ``KeyError`` if it is another network."""

        def count(prefix: str) -> int:
            return len({k[len(prefix) :].split(".")[0] for k in t if k.startswith(prefix)})

        dec, flow = "vae.decoder.wn.in_layers.", "vae.prior_flow.flows."
        return cls(
            audio=t["mel_encoder.0.weight"].shape[1],
            feat=t["pitch_embed.weight"].shape[1],
            mouth_amp="mouth_amp_embed" in t,
            eye_amp="eye_amp_embed" in t,
            out=t["vae.decoder.out_proj.weight"].shape[0],
            hidden=t[dec + "0.weight"].shape[1],
            latent=t["vae.decoder.pre_net.0.weight"].shape[0],
            kernel=t[dec + "0.weight"].shape[2],
            layers=count(dec),
            stride=t["vae.decoder.pre_net.0.weight"].shape[2],
            flow_hidden=t[flow + "0.enc.in_layers.0.weight"].shape[1],
            flow_kernel=t[flow + "0.enc.in_layers.0.weight"].shape[2],
            flow_layers=count(flow + "0.enc.in_layers."),
            flows=count(flow),
        )


class _Gated(nn.Module):
    """Gated convolutions with skip connections and a condition for every layer."""

    def __init__(self, hidden: int, kernel: int, layers: int, cond: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.in_layers = nn.ModuleList(
            [nn.Conv1d(hidden, 2 * hidden, kernel, padding=kernel // 2) for _ in range(layers)]
        )
        self.res_skip_layers = nn.ModuleList(
            [nn.Conv1d(hidden, hidden if i == layers - 1 else 2 * hidden, 1) for i in range(layers)]
        )
        self.cond_layer = nn.Conv1d(cond, 2 * hidden * layers, 1)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        conditions = self.cond_layer(cond).chunk(len(self.in_layers), dim=1)
        for inner, outer, c in zip(self.in_layers, self.res_skip_layers, conditions, strict=True):
            value, gate = (inner(x) + c).split(self.hidden, dim=1)
            h = outer(torch.tanh(value) * torch.sigmoid(gate))
            if h.shape[1] > self.hidden:
                x = x + h[:, : self.hidden]
                h = h[:, self.hidden :]
            total = total + h
        return total


class _Coupling(nn.Module):
    """One half of the channels shifts the other half."""

    def __init__(self, c: A2mConfig) -> None:
        super().__init__()
        self.pre = nn.Conv1d(c.latent // 2, c.flow_hidden, 1)
        self.enc = _Gated(c.flow_hidden, c.flow_kernel, c.flow_layers, c.feat)
        self.post = nn.Conv1d(c.flow_hidden, c.latent // 2, 1)

    def backward_pass(self, x: Tensor, cond: Tensor) -> Tensor:
        kept, moved = x.chunk(2, dim=1)
        return torch.cat([kept, moved - self.post(self.enc(self.pre(kept), cond))], dim=1)


class _Flow(nn.Module):
    def __init__(self, c: A2mConfig) -> None:
        super().__init__()
        self.flows = nn.ModuleList([m for _ in range(c.flows) for m in (_Coupling(c), nn.Identity())])

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        for flow in reversed(self.flows):
            x = flow.backward_pass(x, cond) if isinstance(flow, _Coupling) else x.flip(1)
        return x


class _Decoder(nn.Module):
    def __init__(self, c: A2mConfig) -> None:
        super().__init__()
        self.pre_net = nn.Sequential(nn.ConvTranspose1d(c.latent, c.hidden, c.stride, c.stride))
        self.wn = _Gated(c.hidden, c.kernel, c.layers, c.feat)
        self.out_proj = nn.Conv1d(c.hidden, c.out, 1)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        out: Tensor = self.out_proj(self.wn(self.pre_net(x), cond))
        return out


class _Vae(nn.Module):
    def __init__(self, c: A2mConfig) -> None:
        super().__init__()
        self.g_pre_net = nn.Sequential(nn.Conv1d(c.feat, c.feat, 2 * c.stride, c.stride, c.stride // 2))
        self.prior_flow = _Flow(c)
        self.decoder = _Decoder(c)


def _encoder(cin: int, cout: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(cin, cout, 3, padding=1, bias=False),
        nn.BatchNorm1d(cout),
        nn.GELU(),
        nn.Conv1d(cout, cout, 3, padding=1, bias=False),
    )


def pitch_bins(f0: Tensor) -> Tensor:
    """Pitch in Hz (0 where unvoiced) -> bins 1..255 of the mel scale; 1 stands for unvoiced."""

    def mel(hz: Tensor) -> Tensor:
        return 1127 * torch.log1p(hz / 700)

    low, high = (1127 * math.log1p(f / 700) for f in (PITCH_MIN_HZ, PITCH_MAX_HZ))
    scaled = (mel(f0) - low) * (PITCH_BINS - 2) / (high - low) + 1
    return (torch.where(f0 > 0, scaled, 0.0).clamp(1, PITCH_BINS - 1) + 0.5).long()


class ExpressionVae(nn.Module):
    """HuBERT rows and pitch at 50 Hz -> expression coefficients at 25 Hz."""

    def __init__(self, config: A2mConfig) -> None:
        super().__init__()
        c = self.config = config
        if c.mouth_amp:
            self.mouth_amp_embed = nn.Parameter(torch.empty(c.feat))
        if c.eye_amp:
            self.eye_amp_embed = nn.Parameter(torch.empty(c.feat))
        # without random values: on the meta device they would have torch import its compiler, for seconds
        self.blink_embed = nn.Embedding(2, c.feat, _weight=torch.empty(2, c.feat))
        self.mel_encoder = _encoder(c.audio, c.feat)
        self.pitch_embed = nn.Embedding(300, c.feat, _weight=torch.empty(300, c.feat))
        self.pitch_encoder = _encoder(c.feat, c.feat)
        self.cond_proj = nn.Linear(c.feat * (3 + c.mouth_amp + c.eye_amp), c.feat)
        self.vae = _Vae(c)

    def forward(self, hubert: Tensor, f0: Tensor, noise: Tensor, mouth_amp: float, eye_amp: float = 1.0) -> Tensor:
        """``hubert`` [B, T, audio], ``f0`` [B, T] Hz, ``noise`` [B, latent, T / 8] -> [B, T / 2, 64]; 8 divides T.

        ``noise`` is a standard normal times the temperature; zeros give the likeliest movement. Of the inputs every
        second row is used (25 Hz).
        """
        hubert, f0 = hubert[:, ::2], f0[:, ::2]
        batch, count = f0.shape
        parts = [
            self.mel_encoder(hubert.transpose(1, 2)).transpose(1, 2),
            self.pitch_encoder(self.pitch_embed(pitch_bins(f0)).transpose(1, 2)).transpose(1, 2),
            self.blink_embed.weight[0].expand(batch, count, -1),
        ]
        if self.config.mouth_amp:
            parts.append((mouth_amp * self.mouth_amp_embed).expand(batch, count, -1))
        if self.config.eye_amp:
            parts.append((eye_amp * self.eye_amp_embed).expand(batch, count, -1))
        cond = self.cond_proj(torch.cat(parts, dim=-1)).transpose(1, 2)
        latents = self.vae.prior_flow(noise, self.vae.g_pre_net(cond))
        out: Tensor = self.vae.decoder(latents, cond).transpose(1, 2)
        return out
