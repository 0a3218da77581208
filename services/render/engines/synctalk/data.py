"""The files that SyncTalk makes from a person's video (``data/<ID>``), reduced to what is needed.

SyncTalk's loader reads frames in the order of ``transforms_train.json`` and finds their files by ``img_id``. So a
folder of links with our own list renders any frames in any order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PERSON = "person"
"""Folder in the avatar's own."""
VIDEO = "person.mp4"
PICTURES = "ori_imgs"
TRUTH = "gt_imgs"
LISTS = ("transforms_train.json", "transforms_val.json")
KEPT = (PICTURES, TRUTH, "torso_imgs", "parsing", "bs.npy", "bc.jpg", "aud.wav", *LISTS)
"""What its training and drawing read; everything else of its preparation is deleted (flow alone is 2 MB a frame)."""


@dataclass(frozen=True)
class Person:
    """A prepared folder: its frames by number."""

    folder: Path
    heads: dict[int, dict[str, Any]]
    """Entries of the lists by ``img_id``; numbers run from 0 without gaps."""
    lens: dict[str, Any]
    """The rest of a list: focal length and centre."""

    @classmethod
    def load(cls, folder: Path) -> Person:
        """Read the lists. Raises ``OSError`` and ``ValueError`` where they are not there or not whole."""
        lists = [json.loads((folder / name).read_text(encoding="utf-8")) for name in LISTS]
        heads = {int(f["img_id"]): f for one in lists for f in one["frames"]}
        if sorted(heads) != list(range(len(heads))) or not lists[0]["frames"]:
            raise ValueError("frames are missing in its lists")
        return cls(folder, heads, {k: v for k, v in lists[0].items() if k != "frames"})

    @property
    def train_frames(self) -> int:
        """Frames in an epoch of training."""
        return len(json.loads((self.folder / LISTS[0]).read_text(encoding="utf-8"))["frames"])

    def arrange(self, order: Sequence[int], into: Path) -> None:
        """Create ``into``, a folder of the same person with the frames in this order."""
        into.mkdir()
        for name in KEPT:
            if name not in LISTS:
                (into / name).symlink_to((self.folder / name).absolute())
        transforms = {**self.lens, "frames": [self.heads[n] for n in order]}
        for name in LISTS:
            (into / name).write_text(json.dumps(transforms), encoding="utf-8")
