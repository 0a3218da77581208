"""Which frames of a film show the one person whose avatar is made, and the stretch of them that is shown.

A film may cut to somebody else, and a person may leave the picture. The avatar is the person with the longest stretch
without a break. Mouths are learned from all frames of that person; only the longest stretch is played.

The face mesh says little about whose face it is (as much differs between two clips of one person as between two
people), so heads are compared by their looks: skin, hair and collar. One person in another place counts as another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.types import Image

ABSENCE_S = 0.28
"""Time without a face after which the person counts as gone; tracking loses a face that turns fast for less."""
GRID = 24
"""Cells along a side in which two frames are compared."""
CUT = 18.0
"""Mean difference of cells (levels of 255) from one frame to the next, beyond that of the frames around, at a cut."""
SMALL = 160
"""Longest side of the pictures that looks are taken from."""
HEAD = 24
"""Cells along a side of a head."""
HEAD_EYES = 5.0
"""Side of the square around a head, hair and collar included, in eye distances."""
SAME = 14.0
"""Largest mean difference (levels of CIELAB in bytes) of two heads that are one person's in one place; other people
differ by 17 and more."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Presence:
    """What ``present`` finds."""

    person: Bools
    """Shape (n,), frames of the person shown longest, as far as they have a mesh."""
    first: int
    """First frame of the stretch to play."""
    end: int
    """One past its last frame."""
    warnings: list[str]
    """``other-person``, ``person-leaves``."""


def mouth_inside(mesh: Array, width: int, height: int) -> bool:
    """Whether the mouth and the eyes of a mesh (468, 3) lie within the picture, and the jaw between its sides."""
    seen = mesh[[*pt.OUTER_RING, *pt.RIGHT_EYE_CORNERS, *pt.LEFT_EYE_CORNERS], :2]
    jaw = mesh[list(pt.JAW[2:-2]), 0]
    return bool((seen >= 0).all() and (seen < (width, height)).all() and (jaw >= 0).all() and (jaw < width).all())


def small_and_cells(picture: Image) -> tuple[Image, Image]:
    """The picture with ``SMALL`` pixels on its longest side, and in ``GRID`` × ``GRID`` cells."""
    scale = SMALL / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cells = cv2.resize(small, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(cells, np.uint8)


def head_in(small: Image, scale: float, mesh: Array) -> Image:
    """The head of a mesh (468, 3) in ``HEAD`` × ``HEAD`` cells (CIELAB in bytes), upright. ``small`` is the picture
    scaled by ``scale``; a mesh of what is not a number has an empty head."""
    if np.isnan(mesh[0, 0]):
        return np.zeros((HEAD, HEAD, 3), np.uint8)
    right, left = (mesh[list(c), :2].mean(0) * scale for c in (pt.RIGHT_EYE_CORNERS, pt.LEFT_EYE_CORNERS))
    across = (left - right) * HEAD_EYES / HEAD
    down = np.array([-across[1], across[0]])
    middle = (right + left) / 2 + down * HEAD / HEAD_EYES * 0.6
    from_cells = np.stack([across, down, middle - (across + down) * HEAD / 2], 1)
    cell = max(1, round(float(np.linalg.norm(across))))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    head = cv2.warpAffine(
        cv2.blur(small, (cell, cell)), from_cells, (HEAD, HEAD), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.cvtColor(head, cv2.COLOR_BGR2LAB), np.uint8)


def differs(cells: Image, from_cells: Image) -> bool:
    """Whether a picture's cells are so far from those of the one before that it may begin a new scene."""
    return float(cv2.absdiff(cells, from_cells).mean()) > CUT


def cuts(cells: npt.NDArray[Any]) -> list[int]:
    """Numbers of the frames (n, GRID, GRID, 3) that begin a new scene."""
    change = np.array([np.abs(b.astype(np.float32) - a).mean() for a, b in pairwise(cells)])
    padded = np.pad(change, 3, mode="reflect") if len(change) > 3 else np.pad(change, 3)
    around = np.stack([np.roll(padded, k)[3:-3] for k in (-3, -2, -1, 1, 2, 3)])
    return [int(i) + 1 for i in np.flatnonzero(change > np.median(around, axis=0) + CUT)]


def present(good: Bools, heads: npt.NDArray[Any], scenes: list[int], fps: float) -> Presence:
    """Of the frames whose mesh is ``good`` (n,), at least one, those of the person who is shown longest.

    ``heads`` (n, ...) are theirs, see ``head_in``; ``scenes`` are the frames that begin a new one.
    """
    absence = max(1, round(ABSENCE_S * fps))
    stretches = _stretches(good, scenes, absence)
    people = _people([np.median(heads[a:b][good[a:b]], axis=0) for a, b in stretches])
    runs: list[tuple[int, int, int]] = []  # first frame, end, person
    for (a, b), who in zip(stretches, people, strict=True):
        if runs and runs[-1][2] == who and runs[-1][1] == a:
            runs[-1] = (runs[-1][0], b, who)
        else:
            runs.append((a, b, who))
    first, end, who = max(runs, key=lambda run: run[1] - run[0])
    person = np.zeros(len(good), bool)
    for (a, b), found in zip(stretches, people, strict=True):
        person[a:b] |= good[a:b] & (found == who)
    warnings = ["other-person"] if len(set(people)) > 1 else []
    others = sum(b - a for a, b, found in runs if found != who)
    if len(good) - (end - first) - others > absence:
        warnings.append("person-leaves")
    return Presence(person, first, end, warnings)


def _stretches(good: Bools, scenes: list[int], absence: int) -> list[tuple[int, int]]:
    """First frame and end of each stretch without an absence and without a cut; short gaps belong to a stretch."""
    stretches: list[tuple[int, int]] = []
    for i in np.flatnonzero(good).tolist():
        if stretches and i - stretches[-1][1] < absence and not any(stretches[-1][1] <= s <= i for s in scenes):
            stretches[-1] = (stretches[-1][0], i + 1)
        else:
            start = i
            if i - (stretches[-1][1] if stretches else 0) < absence:  # what little lies before belongs to it
                start = max([stretches[-1][1] if stretches else 0, *(s for s in scenes if s <= i)])
            stretches.append((start, i + 1))
    if len(good) - stretches[-1][1] < absence:
        stretches[-1] = (stretches[-1][0], len(good))
    return stretches


def _people(heads: list[Array]) -> list[int]:
    """A number for each head, the same for the same person."""
    people: list[int] = []
    for i, head in enumerate(heads):
        known = [float(np.abs(head - heads[j]).mean()) for j in range(i)]
        near = [j for j in range(i) if known[j] <= SAME]
        people.append(people[min(near, key=lambda j: known[j])] if near else max(people, default=-1) + 1)
    return people
