"""What composing costs a picture, and how steady the mask of a person is.

    python -m benchmarks.composition [--clip FILE ...] [--json FILE] [--pictures FOLDER]

Times are those of one core, for what is done to a drawn picture before it is encoded: cut, scale, mask, background,
blend. The mask is made once for an avatar; its cost is that of a source picture. Flicker is how much the mask changes
from picture to picture along its edge, in values of 255: where the untouched film changes by less than ``STILL``, and
all along the edge, with the film's own change there beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from huasheng.render.v1 import render_pb2 as pb

from services.common import weights
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render.avatars import builtin
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.composition.composing import Composing, composing_of
from services.render.engines.atlas.engine import AtlasEngine
from services.render.media.planes import Bytes, planes, resized
from services.render.media.write import EncoderOptions, to_bgr, write_loop
from services.render.settings import RenderSettings
from services.render.types import Frame

SIZES = ((512, 512), (1080, 1920), (1920, 1080))
FRAMES = 40
"""Pictures that are timed."""
SHOWN = 20
"""The picture that is written for people to look at."""
SHADE = 6
"""Pixels around an edge that count as the edge."""
STILL = 2.0
"""Grey values by which a place of the film may change and still counts as standing still."""


@dataclass(frozen=True)
class Cost:
    """One row of the table."""

    clip: str
    background: str
    width: int
    height: int
    drawn_px: int
    """Longest side that the source is drawn at."""
    ms: float
    """Milliseconds a picture, composing alone."""


@dataclass(frozen=True)
class Steadiness:
    """How one clip's mask was made and how it moves."""

    clip: str
    mask_ms: float
    """Milliseconds a source picture, once for an avatar."""
    still: float
    """Change of the mask along its edge where the film stands still."""
    moving: float
    """The same all along the edge."""
    film: float
    """What the film itself changes there, in grey values."""


def backgrounds(storage: Storage) -> dict[str, pb.Composition]:
    """One composition of each kind, without its size."""
    storage.put("bench/ground.jpg", cv2.imencode(".jpg", _scenery(1920, 1080, 0))[1].tobytes())
    with storage.writing("bench/ground.mp4") as path:
        frames = (_scenery(1280, 720, n) for n in range(50))
        write_loop(path, frames, (1280, 720), 25, EncoderOptions())
    return {
        "keep": pb.Composition(),
        "blur": pb.Composition(background=pb.Background(blur=0.5)),
        "colour": pb.Composition(background=pb.Background(colour=0xE8E4DA)),
        "picture": pb.Composition(background=pb.Background(picture_uri=storage.uri("bench/ground.jpg"))),
        "film": pb.Composition(background=pb.Background(film_uri=storage.uri("bench/ground.mp4"))),
        "alpha": pb.Composition(alpha=True),
    }


def _scenery(width: int, height: int, number: int) -> np.ndarray:
    """A gradient with soft spots of light, which move with the number."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    out = np.dstack([90 + 110 * down, 80 + 60 * across, 60 + 40 * (1 - down)])
    for k in range(9):
        x, y = (0.11 * k + 0.004 * number) % 1, 0.2 + 0.5 * ((k * 7) % 10) / 10
        out += 70 * np.exp(-(((across - x) * width / height) ** 2 + (down - y) ** 2) / 0.004)[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def drawn(engine: AtlasEngine, folder: Path, record: AvatarRecord, side: int) -> list[Frame]:
    """The avatar's own pictures as an engine would draw them at that longest side."""
    report = record.report
    scale = min(1.0, side / max(report.width, report.height)) if side else 1.0
    size = [max(2, int(n * scale) // 2 * 2) for n in (report.width, report.height)]
    pictures = itertools.islice(engine.source_pictures(folder), FRAMES)
    return [Frame(0, resized(p, *size), n, n) for n, p in enumerate(pictures)]


def measured(
    composing: Composing, engine: AtlasEngine, folder: Path, name: str, kind: str, pictures: Path | None
) -> Cost:
    """Compose ``FRAMES`` pictures."""
    record, asked = composing.masks.record, composing.asked
    where = composing.geometry(0)
    frames = drawn(engine, folder, record, where.max_side_px)
    with composing.open(where, record.report.fps, None, 0) as composer:
        for _ in composer.prepare():
            pass
        start = time.process_time()
        for n, frame in enumerate(frames):
            for image in composer.pictures(frame, n):
                shown = image
            if pictures and n == min(SHOWN, len(frames) - 1):
                made = to_bgr(shown) if kind != "alpha" else _on_checks(shown)
                cv2.imwrite(str(pictures / f"{name}-{kind}-{asked.width}x{asked.height}.png"), made)
        spent = time.process_time() - start
    longest = where.max_side_px or max(where.source)
    return Cost(name, kind, asked.width, asked.height, longest, round(spent / len(frames) * 1000, 2))


def _on_checks(image: Bytes) -> np.ndarray:
    """A transparent picture (mask below) on a chequered ground."""
    bgr = to_bgr(image)
    height = bgr.shape[0] // 2
    alpha = bgr[height:, :, 1:2].astype(np.float32) / 255
    y, x = np.mgrid[:height, : bgr.shape[1]] // 16
    ground = np.where((x + y) % 2, 255, 200)[..., None]
    return np.clip(bgr[:height] + ground * (1 - alpha), 0, 255).astype(np.uint8)


def steadiness(composing: Composing, engine: AtlasEngine, folder: Path, name: str) -> Steadiness:
    """Make the mask, if it is not kept yet, and see how it moves."""
    maker = composing.masks
    start, count = time.process_time(), 0
    for _ in maker.make(None):
        count += 1
    spent = time.process_time() - start
    rows: list[tuple[float, float, float]] = []
    with maker.opened(None) as masks:
        before: tuple[np.ndarray, np.ndarray] | None = None
        for n, picture in enumerate(itertools.islice(engine.source_pictures(folder), FRAMES)):
            mask, luma = masks.mask(n).astype(np.int16), planes(picture)[0].astype(np.int16)
            edge = cv2.dilate(((mask > 20) & (mask < 235)).astype(np.uint8), np.ones((SHADE, SHADE), np.uint8)) > 0
            if before is not None and edge.any():
                change, film = np.abs(mask - before[0]), np.abs(luma - before[1]).astype(np.float32)
                still = edge & (cv2.blur(film, (5, 5)) < STILL)
                rows.append((float(change[still].mean()), float(change[edge].mean()), float(film[edge].mean())))
            before = mask, luma
    means = np.nanmean(rows, axis=0)
    return Steadiness(name, round(spent / max(1, count) * 1000, 1), *(round(float(v), 2) for v in means))


def avatars(
    preparer: Preparer, engine: AtlasEngine, clips: list[Path], shared: SharedSettings
) -> Iterator[AvatarRecord]:
    """The built-in avatar and one of each clip."""

    def prepare(source: Path, name: str) -> AvatarRecord:
        return preparer.prepare(engine, source, "bench", name, name, lambda *_: None, lambda: False)

    with builtin.framed(weights.folder("portrait", shared.weights_dir) / "portrait.png") as portrait:
        yield prepare(portrait, "builtin-portrait")
    for clip in clips:
        yield prepare(clip, "".join(c if c.isalnum() else "-" for c in clip.stem.lower()))


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--clip", type=Path, action="append", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder for one picture of each kind, to look at")
    parser.add_argument("--work", type=Path, help="storage that keeps the avatars from run to run")
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        shared = SharedSettings(storage_url=f"file://{args.work or folder}", threads=1)
        engine = AtlasEngine(None, shared, RenderSettings())
        engine.load()
        storage = Storage(shared.storage_url, shared)
        store = AvatarStore(storage)
        kinds, costs, masks = backgrounds(storage), [], []
        for record in avatars(Preparer(store, EncoderOptions(live=True)), engine, args.clip, shared):
            with store.engine_files(record) as files:

                def composing(asked: pb.Composition, files: Path = files, record: AvatarRecord = record) -> Composing:
                    config = pb.RenderConfig(composition=asked)
                    pictures = partial(engine.source_pictures, files)
                    made = composing_of(config, store, record, pictures, shared.weights_dir)
                    assert made is not None
                    return made

                masks.append(steadiness(composing(pb.Composition()), engine, files, record.name))
                print(masks[-1], flush=True)
                for (width, height), (kind, asked) in itertools.product(SIZES, kinds.items()):
                    asked.width, asked.height = width, height
                    costs.append(measured(composing(asked), engine, files, record.name, kind, args.pictures))
                    print(costs[-1], flush=True)
    _report(costs, masks, args.json)


def _report(costs: list[Cost], masks: list[Steadiness], to: Path | None) -> None:
    load = round(os.getloadavg()[0], 1)
    print(f"load of the machine: {load}")
    for size in SIZES:
        for kind in dict.fromkeys(c.background for c in costs):
            found = [c.ms for c in costs if (c.width, c.height) == size and c.background == kind]
            print(f"{size[0]}x{size[1]} {kind:8} {min(found):6.2f} to {max(found):6.2f} ms a picture")
    for mask in masks:
        edge = f"edge {mask.still:5.2f} still, {mask.moving:5.2f} all, film {mask.film:5.2f}"
        print(f"{mask.clip:40} mask {mask.mask_ms:6.1f} ms, {edge}")
    if to:
        figures = {"load": load, "costs": [asdict(c) for c in costs], "masks": [asdict(m) for m in masks]}
        to.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
