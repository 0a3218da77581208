"""Frames taken for "something is before the mouth": on films in which nothing is, and with things painted there.

    python -m benchmarks.covered [--data ../shared/data] [--side 480] [--side 300] [--seconds 8]

Prints a table: false alarms of each clean film, then for each painted thing the part of its frames that was found.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.common.settings import SharedSettings
from services.render.clip.presence import mouth_inside
from services.render.face import points as pt
from services.render.face.landmarks import Points, Tracker
from services.render.face.occlusion import POINTS, lip_colours, occluded_frames
from services.render.media.read import kind_of, probe, read_frames

Picture = npt.NDArray[np.uint8]
NOT_CLEAN = ("v14b_masked", "v10_leaves", "v13_two_people_cut", "v28_still")
"""Films of the folder in which something is before the mouth, or which show nobody, or two, for a while."""
HELD = (0.35, 0.65)
"""Part of a film in which a thing is before the mouth."""


def ball(colour: tuple[int, int, int]) -> Callable[[Picture, Points, float], None]:
    """A microphone's ball before the lower lip and the chin."""

    def paint(picture: Picture, mesh: Points, up: float) -> None:
        wide = float(np.ptp(mesh[:, 0]))
        x, y = mesh[14, :2] + (0, wide * (0.12 + 0.8 * (1 - up)))
        cv2.circle(picture, (int(x), int(y)), int(0.2 * wide), colour, -1, cv2.LINE_AA)

    return paint


def hand(picture: Picture, mesh: Points, up: float) -> None:
    """Four fingers in the colour of the cheek over the whole mouth."""
    wide = float(np.ptp(mesh[:, 0]))
    x, y = mesh[205, :2].astype(int)
    colour = picture[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].reshape(-1, 3).mean(0)
    mouth = mesh[list(pt.OUTER_RING), :2].mean(0) + np.array([0, wide * 0.9 * (1 - up)])
    for k, shade in enumerate((0.97, 1.0, 0.94, 0.9)):
        at = mouth + np.array([0, wide * (k - 1.5) * 0.11])
        size = (int(0.34 * wide), int(0.07 * wide))
        cv2.ellipse(picture, (int(at[0]), int(at[1])), size, 8, 0, 360, (colour * shade).tolist(), -1, cv2.LINE_AA)


THINGS: dict[str, Callable[[Picture, Points, float], None]] = {
    "grey microphone": ball((150, 150, 152)),
    "black microphone": ball((25, 25, 28)),
    "white cup": ball((240, 240, 238)),
    "hand": hand,
}


def alarms(pictures: Iterator[Picture]) -> npt.NDArray[np.bool_]:
    """Which of the pictures are taken for covered, shape (n,)."""
    tracker = Tracker(SharedSettings().weights_dir / "face-mesh")
    looks, good = [], []
    for picture in pictures:
        mesh = tracker.next(picture)
        seen = mesh is not None and mouth_inside(mesh, picture.shape[1], picture.shape[0])
        good.append(seen)
        looks.append(lip_colours(picture, mesh) if mesh is not None else np.zeros((len(POINTS), 3), np.float32))
    return occluded_frames(np.stack(looks), np.array(good))


def painted(
    pictures: list[Picture], paint: Callable[[Picture, Points, float], None]
) -> tuple[list[Picture], npt.NDArray[np.bool_]]:
    """The pictures with a thing that comes, stays and goes, and the frames in which it is all the way up."""
    tracker, out, held = Tracker(SharedSettings().weights_dir / "face-mesh"), [], []
    mesh: Points | None = None
    for i, picture in enumerate(pictures):
        seen, part = tracker.next(picture), i / len(pictures)
        up = min(1.0, min(part - HELD[0], HELD[1] - part) * len(pictures) / 5)
        mesh = seen if mesh is None or up <= 0 else mesh  # a thing does not follow the head
        copy = picture.copy()
        if up > 0 and mesh is not None:
            paint(copy, mesh, up)
        out.append(copy)
        held.append(up >= 1)
    return out, np.array(held)


def films(data: Path) -> list[Path]:
    """The films of the folders."""
    found = [p for folder in ("clips", "field") for p in sorted((data / folder).glob("*"))]
    return [p for p in found if p.suffix in (".mp4", ".mov", ".ts", ".webm") and kind_of(p) == "video"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--side", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--things", action="store_true", help="also paint things before the mouths of the folder clips")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for side in options.side or [480, 300]:
        raised = clean = 0
        for film in films(options.data):
            if film.stem in NOT_CLEAN:
                continue
            found = alarms(p for _, p in read_frames(film, probe(film).fps, side, options.seconds))
            clean, raised = clean + 1, raised + bool(found.any())
            print(f"{side:5} {film.stem[:36]:36} frames {len(found):4}  false alarms {int(found.sum()):3}", flush=True)
        print(f"{side:5} films with a false alarm: {raised} of {clean}")
        for film in films(options.data) if options.things else []:
            if film.parent.name == "clips":
                pictures = [p for _, p in read_frames(film, probe(film).fps, side, 3.0)]
                report(film, side, pictures)


def report(film: Path, side: int, pictures: list[Picture]) -> None:
    """Print what is found of each thing before this film's mouth."""
    for name, paint in THINGS.items():
        shown, held = painted(pictures, paint)
        found = alarms(iter(shown))
        early = np.convolve(held, np.ones(13), "same") > 0  # coming and going covers as well
        beyond = int((found & ~early).sum())
        part = float(found[held].mean())
        print(f"{side:5} {film.stem[:28]:28} {name:17} found {part:4.0%}  beyond it {beyond}", flush=True)


if __name__ == "__main__":
    main()
