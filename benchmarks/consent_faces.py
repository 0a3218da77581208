"""Faces in clips of real people: how far apart are those of one person and those of two, and is the limit right?

    python -m benchmarks.consent_faces [FOLDER]

Each clip is cut into two halves, which stand for two films of one person; clips of the same dataset (the name up to the
first ``_``) are one person's as well, but for those of ``retalking``. All pairs of different people are compared, the
built-in portrait among them. Leave one out: for each person the middle between the largest distance of one person
and the smallest of two, among the others, decides about all of that person's pairs.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from services.common.settings import SharedSettings, load
from services.common.weights import folder
from services.render.clip.likeness import SAME, SAME_PICTURE, Likeness, faces_of, likeness
from services.render.face.identity import WEIGHTS, FaceIdentity
from services.render.face.landmarks import FaceFinder

CLIPS = Path(__file__).resolve().parents[1] / "../shared/data/clips"
MOST_S = 60.0
Pair = tuple[str, str, Likeness]


def main() -> None:
    root = load(SharedSettings).weights_dir
    finder, identity = FaceFinder(folder("face-mesh", root)), FaceIdentity(folder(WEIGHTS, root))
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else CLIPS
    files = [*sorted(where.resolve().glob("*.mp4")), folder("portrait", root) / "portrait.png"]
    found = {f.stem: faces_of(f, f.name, finder, identity, MOST_S) for f in files}
    person = {name: name if name.startswith("retalking") else name.split("_")[0] for name in found}
    same: list[Pair] = [
        (person[name], person[name], likeness(x[: len(x) // 2], x[len(x) // 2 :]))
        for name, x in found.items()
        if len(x) > 1
    ]
    other: list[Pair] = []
    for a, b in itertools.combinations(found, 2):
        (same if person[a] == person[b] else other).append((person[a], person[b], likeness(found[a], found[b])))
    for title, pairs in (("one person", same), ("two people", other)):
        print(f"== {title}, {len(pairs)} pairs: distance, farthest picture, taken for one person")
        for a, b, x in sorted(pairs, key=lambda p: p[2].distance):
            print(f"{x.distance:.2f} {x.farthest:.2f} {x.is_same!s:5s} {a} / {b}")
    print(f"== limits {SAME} and {SAME_PICTURE}: {_wrong(same, other)} of {len(same) + len(other)} pairs judged wrong")
    print("== leave one out: limit, wrong of pairs")
    for who in sorted(set(person.values())):
        apart = [[p[2].distance for p in pairs if who not in p[:2]] for pairs in (same, other)]
        limit = (max(apart[0]) + min(apart[1])) / 2
        theirs = [
            (p[2].distance <= limit) == is_same
            for pairs, is_same in ((same, True), (other, False))
            for p in pairs
            if who in p[:2]
        ]
        print(f"{limit:.2f} {theirs.count(False)} of {len(theirs)} {who}")


def _wrong(same: list[Pair], other: list[Pair]) -> int:
    return int(np.sum([not p[2].is_same for p in same]) + np.sum([p[2].is_same for p in other]))


if __name__ == "__main__":
    main()
