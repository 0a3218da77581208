"""Mixes the channels of a recording to one in which nobody who speaks is lost.

A plain average loses speech in opposite phase, halves speech beside a dead channel, and drowns the centre of surround
sound in music. So all channels are compared first. In each 50 ms, how much of the channels' sound does a mix keep?
The mix that keeps most where it keeps least is chosen: one channel, the sum, or the sum with some channels turned
over. Two people on two channels are therefore both heard, and a delayed or inverted copy is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

COMPARE_HZ = 8000
"""Rate at which channels are compared: the band of the telephone is enough."""
_FRAME = COMPARE_HZ // 20
MOST_CHANNELS = 16
"""Channels after these are left out."""
_ACTIVE = 1e-3
"""Energy over that of the loud frames, for a frame that counts."""
_DEAD = 1e-4
_STEADY, _LIVELY = 4.0, 16.0
"""Energy of loud over quiet frames: noise and hum have less than the first, speech more than the second."""
_CENTRE = 10**-2.5
"""Energy over that of the loudest channel, for a centre that carries the speech."""
_BESIDE_CENTRE = 0.15
"""Weight of the channels beside it: music under the speech, or a second person who is heard all the same."""
_DEEP = 0.1
"""Energy over that of the loudest channel that a true bass channel does not reach in the band of speech."""
_MARGIN = 0.15
"""Tenth of a bel by which one channel must keep more than a sum: a sum has less noise."""


class ChannelStatistics:
    """Collects how the channels of a recording go together."""

    def __init__(self, channels: int) -> None:
        self.channels = min(channels, MOST_CHANNELS)
        self._rest: Array = np.zeros((self.channels, 0), np.float32)
        self._frames: list[Array] = []

    def add(self, samples: Array) -> None:
        """More of it: shape (channels, n), at ``COMPARE_HZ``."""
        x = np.concatenate([self._rest, samples[: self.channels]], axis=1)
        count = (x.shape[1] - 1) // _FRAME
        if count < 1:
            self._rest = x
            return
        self._rest = x[:, count * _FRAME :]
        body = x[:, : count * _FRAME + 1]
        # the difference weighs speech over hum and a constant offset
        frames = np.diff(body, axis=1).reshape(self.channels, count, _FRAME).transpose(1, 0, 2)
        self._frames.append((frames @ frames.transpose(0, 2, 1) / _FRAME).astype(np.float32))

    def weights(self, places: Sequence[str]) -> Array:
        """Weight of each channel, shape (channels,). ``places``: FFmpeg's names of the channels, such as ``FC``."""
        if not self._frames:
            return np.full(self.channels, 1 / self.channels, np.float32)
        return mixing_weights(np.concatenate(self._frames), places)


def mixing_weights(products: Array, places: Sequence[str]) -> Array:
    """Weights (n,) of ``n`` channels; ``products`` (frames, n, n) are the mean products of channels in each frame."""
    n = products.shape[1]
    energy = np.diagonal(products, axis1=1, axis2=2)
    total = energy.sum(1)
    active = total > max(1e-12, float(np.percentile(total, 95)) * _ACTIVE)
    if not active.any():
        return np.full(n, 1 / n, np.float32)
    level = np.percentile(energy, 99.5, axis=0)
    alive = (level > level.max() * _DEAD) & ~_is_noise(energy)
    centre = _around_centre(level, alive, places)
    weights = centre if centre is not None else _keeping_most(products[active], total[active], level, alive)
    mixed = np.percentile(_energy(products, weights), 99.5)
    return np.asarray(weights * np.sqrt(level.max() / max(mixed, level.max())), np.float32)


def _is_noise(energy: Array) -> Mask:
    """Which channels hold nothing but steady noise, beside one that is lively."""
    low, high = np.percentile(energy, (10, 99), axis=0)
    swing = high / np.maximum(low, 1e-12)
    lively = (swing > _LIVELY) & (high > high.max() * _DEAD)
    return np.asarray((swing < _STEADY) & bool(lively.any()))


def _around_centre(level: Array, alive: Mask, places: Sequence[str]) -> Array | None:
    """Weights of surround sound whose centre carries the speech; None when there is no such centre."""
    places = list(places[: level.size])
    if level.size < 3 or "FC" not in places:
        return None
    centre = places.index("FC")
    bass = [i for i, p in enumerate(places) if p.startswith("LFE")]
    if any(level[i] > _DEEP * level.max() for i in bass):
        return None  # microphones on all channels, only called surround sound
    if not alive[centre] or level[centre] < _CENTRE * level.max():
        return None
    weights = np.where(alive, np.float32(_BESIDE_CENTRE), np.float32(0))
    weights[bass] = 0
    weights[centre] = 1
    return weights.astype(np.float32)


def _keeping_most(products: Array, total: Array, level: Array, alive: Mask) -> Array:
    channels = [int(i) for i in np.argsort(-level) if alive[i]]
    single = [_one(i, level.size) for i in channels]
    if len(channels) == 1:
        return single[0]
    sums = [np.where(alive, 1, 0).astype(np.float32), _turned(products.mean(0), channels)]
    best_sum = max(sums, key=lambda w: _kept(products, total, w))
    best_single = max(single, key=lambda w: _kept(products, total, w))
    gain = _kept(products, total, best_single) - _kept(products, total, best_sum)
    return best_single if gain > _MARGIN else best_sum


def _one(channel: int, count: int) -> Array:
    weights = np.zeros(count, np.float32)
    weights[channel] = 1
    return weights


def _turned(products: Array, channels: Sequence[int]) -> Array:
    """The sum in which each channel, from the loudest on, is turned over when it would weaken those before it."""
    weights = np.zeros(products.shape[0], np.float32)
    for channel in channels:
        weights[channel] = -1 if float(products[channel] @ weights) < 0 else 1
    return weights


def _kept(products: Array, total: Array, weights: Array) -> float:
    """Share of the energy that an average with these signs keeps, log10, in the twentieth of frames that lose most."""
    kept = _energy(products, weights / np.abs(weights).sum())
    return float(np.percentile(np.log10(np.maximum(kept / total, 1e-9)), 5))


def _energy(products: Array, weights: Array) -> Array:
    return np.asarray(np.einsum("i,fij,j->f", weights, products, weights), np.float32)
