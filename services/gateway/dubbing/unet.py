"""The networks of Spleeter (Deezer; Hennequin et al. 2020; two stems) in numpy: what of a sound is voice, what is not.

Each of the two networks looks at 512 magnitude spectra of 1024 bins of stereo sound and estimates those of its stem. A
core of the development machine needs 0.1 s for a second of sound, so that no runtime of networks is loaded for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.gateway.dubbing.checkpoint import Variables, variables

Array = npt.NDArray[np.float32]
FRAMES, BINS = 512, 1024
_LAYERS = 6
_SLOPE, _EPSILON = np.float32(0.2), 1e-3
_SMALL = np.float32(1e-10)


class Stems:
    """The two networks. Weights are mapped from their file, not read into memory."""

    def __init__(self, index: Path, data: Path) -> None:
        self._variables: Variables = variables(index, data)

    def voice_share(self, magnitudes: Array) -> Array:
        """How much of each bin is voice, 0 to 1, shape (512, 1024, 2) as ``magnitudes``."""
        voice, rest = (np.square(self._net(magnitudes, stem)) for stem in (0, 1))
        return np.asarray((voice + _SMALL / 2) / (voice + rest + _SMALL), np.float32)

    def _net(self, magnitudes: Array, stem: int) -> Array:
        convolution, widening, norm = (_LAYERS + 1) * stem, _LAYERS * stem, 2 * _LAYERS * stem
        levels, x = [], magnitudes
        for k in range(_LAYERS):
            levels.append(_narrowed(x, *self._of("conv2d", convolution + k)))
            x = self._normed(levels[-1], norm + k)
            x = np.where(x > 0, x, _SLOPE * x)
        x = levels[-1]
        for k in range(_LAYERS):
            x = np.maximum(_widened(x, *self._of("conv2d_transpose", widening + k)), 0)
            x = self._normed(x, norm + _LAYERS + k)
            if k < _LAYERS - 1:
                x = np.concatenate([levels[_LAYERS - 2 - k], x], 2)
        mask = _dilated(x[:, :, 0], *self._of("conv2d", convolution + _LAYERS))
        return np.asarray(magnitudes * (np.tanh(mask / 2) + 1) / 2, np.float32)

    def _named(self, base: str, number: int, what: str) -> Array:
        return self._variables[f"{base}_{number}/{what}" if number else f"{base}/{what}"]

    def _of(self, base: str, number: int) -> tuple[Array, Array]:
        return self._named(base, number, "kernel"), self._named(base, number, "bias")

    def _normed(self, x: Array, number: int) -> Array:
        gamma, beta, mean, variance = (
            self._named("batch_normalization", number, what)
            for what in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        return np.asarray(x * scale + (beta - mean * scale), np.float32)


def _narrowed(x: Array, kernel: Array, bias: Array) -> Array:
    """A convolution of 5 by 5 at every second place; the sides are even."""
    height, width, depth = x.shape
    padded = np.pad(x, ((1, 2), (1, 2), (0, 0)))
    out = np.zeros((height // 2 * (width // 2), kernel.shape[3]), np.float32)
    for i in range(5):
        row = np.concatenate([padded[i : i + height : 2, j : j + width : 2] for j in range(5)], 2)
        out += row.reshape(-1, 5 * depth) @ kernel[i].reshape(5 * depth, -1)
    return np.asarray((out + bias).reshape(height // 2, width // 2, -1), np.float32)


def _widened(x: Array, kernel: Array, bias: Array) -> Array:
    """The same the other way: twice as high and wide."""
    height, width, depth = x.shape
    count = kernel.shape[2]
    out = np.zeros((2 * height + 3, 2 * width + 3, count), np.float32)
    for i in range(5):
        made = (x.reshape(-1, depth) @ kernel[i].reshape(5 * count, depth).T).reshape(height, width, 5, count)
        for j in range(5):
            out[i : i + 2 * height : 2, j : j + 2 * width : 2] += made[:, :, j]
    return np.asarray(out[1:-2, 1:-2] + bias, np.float32)


def _dilated(x: Array, kernel: Array, bias: Array) -> Array:
    """One layer to two, by 4 by 4 places that are two apart."""
    height, width = x.shape
    padded = np.pad(x, 3)
    out = np.zeros((height, width, 2), np.float32)
    for i in range(4):
        for j in range(4):
            out += padded[2 * i : 2 * i + height, 2 * j : 2 * j + width, None] * kernel[i, j, 0]
    return np.asarray(out + bias, np.float32)
