"""Face parsing by BiSeNet (Yu et al. 2018): which part of the face each pixel is, in CelebAMask-HQ's 19 classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.render.engines.joygen.nets.resnet import resnet18

CLASSES = 19
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures that the backbone was trained on."""


class _Conv(nn.Module):
    def __init__(self, cin: int, cout: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Refine(nn.Module):
    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = _Conv(cin, cout)
        self.conv_atten = nn.Conv2d(cout, cout, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True))))


class _Context(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resnet = resnet18(width)
        self.arm16 = _Refine(4 * width, 2 * width)
        self.arm32 = _Refine(8 * width, 2 * width)
        self.conv_head32 = _Conv(2 * width, 2 * width)
        self.conv_head16 = _Conv(2 * width, 2 * width)
        self.conv_avg = _Conv(8 * width, 2 * width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, eighth, sixteenth, last = self.resnet.stages(x)
        h = self.arm32(last) + self.conv_avg(last.mean((2, 3), keepdim=True))
        h = self.conv_head32(F.interpolate(h, sixteenth.shape[2:], mode="nearest"))
        h = self.arm16(sixteenth) + h
        return eighth, self.conv_head16(F.interpolate(h, eighth.shape[2:], mode="nearest"))


class _Fusion(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convblk = _Conv(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, fine: Tensor, context: Tensor) -> Tensor:
        x = self.convblk(torch.cat([fine, context], dim=1))
        weight = torch.sigmoid(self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))))
        out: Tensor = x * weight + x
        return out


class _Head(nn.Module):
    def __init__(self, cin: int, mid: int) -> None:
        super().__init__()
        self.conv = _Conv(cin, mid)
        self.conv_out = nn.Conv2d(mid, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_out(self.conv(x))
        return out


class BiSeNet(nn.Module):
    """Picture -> class of each pixel. The two auxiliary heads only hold their weights; training used them."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.cp = _Context(width)
        self.ffm = _Fusion(4 * width)
        self.conv_out = _Head(4 * width, 4 * width)
        self.conv_out16 = _Head(2 * width, width)
        self.conv_out32 = _Head(2 * width, width)

    def scores(self, images: Tensor) -> Tensor:
        """RGB [B, 3, H, W] in 0..1 -> class scores [B, 19, H, W]; 32 divides H and W (512 as trained)."""
        mean, std = (torch.tensor(v, dtype=images.dtype, device=images.device)[:, None, None] for v in (MEAN, STD))
        x = self.conv_out(self.ffm(*self.cp((images - mean) / std)))
        return F.interpolate(x, images.shape[2:], mode="bilinear", align_corners=True)

    def forward(self, images: Tensor) -> Tensor:
        """RGB [B, 3, H, W] in 0..1 -> classes [B, H, W], uint8 in 0..18."""
        return self.scores(images).argmax(1).to(torch.uint8)
