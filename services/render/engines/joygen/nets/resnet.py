"""Residual networks (He et al. 2016), named as torchvision does: the 3D-face regressor and face parsing's backbone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = (80, 64, 80, 3, 27, 2, 1)
"""Identity, expression, texture, angles, light, shift across, shift in depth."""


def _shortcut(cin: int, cout: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))


class _Basic(nn.Module):
    expansion = 1

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(cin, width, stride) if stride != 1 or cin != width else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        cout = width * self.expansion
        self.conv1 = nn.Conv2d(cin, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, cout, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(cout)
        self.downsample = _shortcut(cin, cout, stride) if stride != 1 or cin != cout else None

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(h)))))
        return F.relu(h + (x if self.downsample is None else self.downsample(x)))


class Trunk(nn.Module):
    """A residual network without its classifier."""

    def __init__(self, block: type[_Basic] | type[_Bottleneck], counts: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        cin = width
        for i, count in enumerate(counts):
            wide = width * 2**i
            blocks = []
            for j in range(count):
                blocks.append(block(cin, wide, 2 if i and not j else 1))
                cin = wide * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.channels = cin

    def stages(self, x: Tensor) -> list[Tensor]:
        """[B, 3, H, W] -> the outputs of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the sides."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        out = []
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
            out.append(x)
        return out


def resnet18(width: int = 64) -> Trunk:
    """The trunk of ResNet-18."""
    return Trunk(_Basic, (2, 2, 2, 2), width)


def resnet50(width: int = 64) -> Trunk:
    """The trunk of ResNet-50."""
    return Trunk(_Bottleneck, (3, 4, 6, 3), width)


class ReconNet(nn.Module):
    """Picture of an aligned face -> coefficients of the 3D face model (Deng et al. 2019)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.backbone = resnet50(width)
        self.final_layers = nn.ModuleList([nn.Conv2d(self.backbone.channels, n, 1) for n in HEADS])

    def forward(self, images: Tensor) -> Tensor:
        """RGB [B, 3, 224, 224] in 0..1 -> [B, 257]."""
        x = self.backbone.stages(images)[-1].mean((2, 3), keepdim=True)
        return torch.cat([layer(x).flatten(1) for layer in self.final_layers], dim=1)
