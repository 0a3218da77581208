"""Makes coarse masks of a person steady from picture to picture, and exact at the edges of full-size pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.render.media.picture import Bgr
from services.render.media.planes import Bytes

Floats = npt.NDArray[np.float32]
GRID = 384
"""Longest side of the grid that masks are computed on."""
REACH = 2
"""Pictures before and after one whose masks it is smoothed with."""
UNLIKE = 0.2
"""Difference of colours (sum of the channels, each 0 to 1) from which a place in another picture does not count: what
moves is not smoothed."""
SOFT = 1.5
"""Deviation, on the grid, by which masks are smoothed: the network's own grid is coarser."""
RADIUS, EPSILON = 8, 1e-4
"""Of the guided filter (He et al. 2010): half of its window on the grid, and the variance of colours that counts as
flat."""
LOW, HIGH = 0.4, 0.85
"""What the filter gives for the ground and for the person where their colours vary. The network's edge lies outside of
the person rather than inside, so the first is the farther from its end."""
BAND = 11
"""Width of the edge, on the grid, in which the filter decides; beyond it the coarse mask is right."""
STILL, KEPT = 0.06, 0.8
"""Difference of colours, as in ``UNLIKE``, from which a place has changed; how much of its mask a place that has not
keeps."""
_SUM = np.ones((1, 3), np.float32)


def grid_size(width: int, height: int) -> tuple[int, int]:
    """Size of the grid for a picture of that size."""
    scale = min(1.0, GRID / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))


def to_grid(picture: Bgr) -> Floats:
    """A picture (H, W, 3) on the grid, 0 to 1."""
    size = grid_size(picture.shape[1], picture.shape[0])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def steady(found: Iterable[tuple[Bgr, Floats]]) -> Iterator[tuple[Bgr, Floats]]:
    """Pictures with their masks on the grid, each mask averaged with those of the pictures around it where they look
    the same."""
    window: deque[tuple[Bgr, Floats, Floats]] = deque()
    shown = 0  # of those in the window
    for picture, mask in found:
        window.append((picture, to_grid(picture), mask))
        if len(window) - shown > REACH:
            yield _averaged(window, shown)
            shown += 1
        if shown > REACH:
            window.popleft()
            shown -= 1
    while shown < len(window):
        yield _averaged(window, shown)
        shown += 1


def _averaged(window: deque[tuple[Bgr, Floats, Floats]], at: int) -> tuple[Bgr, Floats]:
    picture, guide, mask = window[at]
    total, weights = mask.copy(), np.ones_like(mask)
    for n, (_, other, found) in enumerate(window):
        if n == at or abs(n - at) > REACH:
            continue
        apart = cv2.blur(cv2.transform(cv2.absdiff(other, guide), _SUM), (3, 3))
        weight = cv2.max(1 - apart / np.float32(UNLIKE), 0.0) * np.float32(1 - abs(n - at) / (REACH + 1))
        total += cv2.multiply(weight, found)
        weights += weight
    return picture, np.asarray(cv2.GaussianBlur(total / weights, (0, 0), SOFT), np.float32)


def refined(picture: Bgr, mask: Floats) -> Bytes:
    """The mask on the grid as one of the picture's own size, its edges where the picture's colours change."""
    height, width = picture.shape[:2]
    *weights, offset = (
        cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
        for part in _coefficients(to_grid(picture), mask)
    )
    for weight, channel in zip(weights, cv2.split(picture), strict=True):
        offset = cv2.add(offset, cv2.multiply(weight, channel, scale=1 / 255, dtype=cv2.CV_32F))
    gain = 255 / (HIGH - LOW)
    found = cv2.add(cv2.multiply(offset, gain, dtype=cv2.CV_32F), -LOW * gain)
    out = np.asarray(np.clip(found, 0, 255), np.uint8)
    kernel = np.ones((BAND, BAND), np.uint8)
    grid = np.asarray(np.clip((mask - 0.05) * np.float32(255 / 0.9), 0, 255), np.uint8)
    sure, most = (
        cv2.resize(cv2.blur(part, (3, 3)), (width, height))
        for part in (cv2.erode(grid, kernel), cv2.dilate(grid, kernel))
    )
    return np.asarray(cv2.min(cv2.max(out, sure), most), np.uint8)


class Settled:
    """Keeps full-size masks of pictures that follow each other from changing where the pictures do not."""

    def __init__(self) -> None:
        self._before: tuple[Floats, Bytes] | None = None

    def next(self, picture: Bgr, mask: Bytes) -> Bytes:
        """The mask of the next picture."""
        guide = to_grid(picture)
        if self._before is not None:
            old_guide, old = self._before
            apart = cv2.blur(cv2.transform(cv2.absdiff(guide, old_guide), _SUM), (5, 5))
            kept = cv2.max(1 - apart / np.float32(STILL), 0.0) * np.float32(255 * KEPT)
            weight = cv2.resize(np.asarray(kept, np.uint8), (mask.shape[1], mask.shape[0]))
            stays = cv2.multiply(old, weight, scale=1 / 255)
            mask = np.asarray(cv2.add(cv2.multiply(mask, cv2.bitwise_not(weight), scale=1 / 255), stays), np.uint8)
        self._before = guide, mask
        return mask


def _coefficients(guide: Floats, mask: Floats) -> tuple[Floats, ...]:
    """Of the guided filter with a colour guide: the weights of the three colours and an offset, each (h, w)."""
    side = (2 * RADIUS + 1, 2 * RADIUS + 1)

    def mean(x: Any) -> Any:
        return cv2.blur(x, side)

    channels = [np.ascontiguousarray(guide[..., k]) for k in range(3)]
    means, level = [mean(c) for c in channels], mean(mask)
    shared = [mean(c * mask) - m * level for c, m in zip(channels, means, strict=True)]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    rr, rg, rb, gg, gb, bb = (
        mean(channels[i] * channels[j]) - means[i] * means[j] + np.float32(EPSILON if i == j else 0) for i, j in pairs
    )
    # the inverse of a symmetric 3 by 3 matrix
    first, second, third = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    det = rr * first + rg * second + rb * third
    fourth, fifth, sixth = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    weights = [
        sum(m * s for m, s in zip(row, shared, strict=True)) / det
        for row in ((first, second, third), (second, fourth, fifth), (third, fifth, sixth))
    ]
    offset = level - sum(w * m for w, m in zip(weights, means, strict=True))
    return tuple(np.asarray(mean(x), np.float32) for x in (*weights, offset))
