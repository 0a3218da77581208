"""Live pictures of the render service: how they join the idle loop, and what the first one waits for.

    python -m benchmarks.live_pictures [CLIP...] [--cache FOLDER] [--json]

Of the built-in avatar and of each clip's: the mean step between the luma of two pictures (0 to 255) where the loop
goes over into speech and back, over the usual step from one picture of the loop to the next. All are decoded pictures,
as a viewer sees them: the loop's file and the stream's access units, with the lead-in and without. Several start frames
are tried, none of them a key place of the loop. Then, of the built-in avatar: CPU time from the first sound to the
first picture, with sound in pieces of 40 and of 200 ms, with phonemes and without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.common.aio import Inbox
from services.common.audio import to_pcm16
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.common.weights import folder
from services.render.avatars import builtin
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.base import RenderEngine
from services.render.media.write import EncoderOptions
from services.render.outputs import HeaderOut, Output, PictureOut, SummaryOut
from services.render.session import AudioIn, EndIn, Input, PhonemesIn
from services.render.settings import RenderSettings
from services.render.stream import drawn
from services.render.types import PhonemeSpan
from tests.fakes.access_units import decoded_units

RATE = 24_000
ROW = "nihɑʊsmətɛɪfʊkɔ"
PHONEME_S = 0.09
STARTS = 6
TALK_S = 2.4
Luma = npt.NDArray[np.uint8]


class Given:
    """Input that is all there."""

    interrupts = 0

    def __init__(self, items: Iterable[Input]) -> None:
        self.inbox: Inbox[Input] = Inbox(1 << 30)
        for item in items:
            assert self.inbox.try_put(item)


def talk(seconds: float, piece_s: float, phonemes: bool) -> Iterator[Input]:
    """A voice-like buzz in pieces, with the phonemes before it if wanted, then the end."""
    t = np.arange(round(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 140 * t)) * 0.2 * (np.sin(2 * np.pi * 3 * t) > 0)
    if phonemes:
        edges = np.arange(0, seconds, PHONEME_S) * 1e6
        pairs = enumerate(pairwise(edges.tolist()))
        yield PhonemesIn([PhonemeSpan(ROW[i % len(ROW)], round(a), round(b)) for i, (a, b) in pairs])
    step = round(piece_s * RATE)
    for at in range(0, len(t), step):
        yield AudioIn(to_pcm16(buzz[at : at + step].astype(np.float32)), round(at / RATE * 1e6))
    yield EndIn()


def stream(
    engine: RenderEngine, avatar: Path, start: int, source: Given, phonemes: bool, lead_in: bool
) -> Iterator[Output]:
    """What the service gives for ``access_units``."""
    form = common_pb2.AudioFormat(sample_rate_hertz=RATE)
    config = pb.RenderConfig(
        format=form, has_phonemes=phonemes, start_frame=start, live=True, access_units=True, lead_in=lead_in
    )
    return drawn(engine, avatar, config, None, EncoderOptions(live=True), source)


def step(a: Luma, b: Luma) -> float:
    """Mean difference of two pictures."""
    return float(np.abs(a.astype(np.int16) - b).mean())


@dataclass(frozen=True)
class Seam:
    """Steps over the loop's usual one, of each start frame, into speech and out of it."""

    usual: float
    into: list[float]
    out: list[float]
    kbit_s: float


def loop_pictures(path: Path) -> list[Luma]:
    """Luma of a loop's pictures."""
    with av.open(str(path)) as container:
        return [np.asarray(f.to_ndarray()[: f.height, : f.width], np.uint8) for f in container.decode(video=0)]


def seam(engine: RenderEngine, avatar: Path, starts: Iterable[int], lead_in: bool, talk_s: float = TALK_S) -> Seam:
    """Of an avatar in the store: its folder."""
    loop = loop_pictures(avatar / "idle.mp4")
    count = len(loop)
    usual = statistics.fmean(step(loop[i - 1], loop[i]) for i in range(count))
    into, out, rates = [], [], []
    for start in starts:
        given = list(stream(engine, avatar / "engine", start, Given(talk(talk_s, 0.2, True)), True, lead_in))
        (header,) = (o for o in given if isinstance(o, HeaderOut))
        (summary,) = (o for o in given if isinstance(o, SummaryOut))
        pictures = [o for o in given if isinstance(o, PictureOut)]
        shown = decoded_units(header.description, [p.data for p in pictures])
        first = next(i for i, p in enumerate(pictures) if p.pts_us == 0)
        into.append(step(loop[start - 1], shown[first]) / usual)
        out.append(step(shown[-1], loop[summary.end_frame]) / usual)
        rates.append(sum(len(p.data) for p in pictures[first:]) / 125 / talk_s)
    return Seam(usual, into, out, statistics.fmean(rates))


def start_frames(count: int, fps: float) -> list[int]:
    """Places spread over the loop, of which none is a key place."""
    places = np.linspace(3, count - 3, STARTS).astype(int).tolist()
    return [p + 1 if p % round(fps) == 0 else p for p in places]


def first_picture(engine: RenderEngine, avatar: Path, piece_s: float, phonemes: bool) -> tuple[float, float]:
    """Milliseconds of CPU from the first sound to the first picture, and of sound that it took; medians."""
    costs, heard = [], []
    for start in range(5, 15):
        items = list(talk(1, piece_s, phonemes))
        source = Given([])
        outputs = stream(engine, avatar / "engine", start, source, phonemes, lead_in=False)
        next(outputs)  # the header: the session is open
        before = time.process_time()
        for item in items:
            assert source.inbox.try_put(item)
        next(o for o in outputs if isinstance(o, PictureOut))
        costs.append((time.process_time() - before) * 1000)
        left = sum(len(i.pcm) for i in source.inbox._items if isinstance(i, AudioIn))
        heard.append(1000 - left / 2 / RATE * 1000)
        outputs.close()  # type: ignore[attr-defined]  # a generator
    return statistics.median(costs), statistics.median(heard)


def avatars(engine: RenderEngine, clips: list[Path], cache: Path) -> Iterator[tuple[AvatarRecord, Path]]:
    """The built-in avatar and the clips', prepared into ``cache`` if they are not there."""
    store = AvatarStore(Storage(f"file://{cache}"))
    preparer = Preparer(store, EncoderOptions(live=True))
    sources = [(f"clip-{n}", clip) for n, clip in enumerate(clips)]
    with builtin.framed(folder("portrait", SharedSettings().weights_dir) / "portrait.png") as portrait:
        for name, source in [("portrait", portrait), *sources]:
            record = preparer.prepare(engine, source, "bench", name, source.stem, lambda *_: None, lambda: False)
            with store.engine_files(record) as files:
                yield record, files.parent


def tables(seams: list[dict[str, Any]], firsts: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| avatar | lead-in | usual step | into speech | worst | out of it | worst | kbit/s |", "|" + "---|" * 8]
    for row in seams:
        into, out = row["into"], row["out"]
        figures = (statistics.fmean(into), max(into), statistics.fmean(out), max(out))
        shown = " | ".join(f"{x:.2f}" for x in figures)
        how = "yes" if row["lead_in"] else "no"
        lines.append(f"| {row['avatar']} | {how} | {row['usual']:.2f} | {shown} | {row['kbit_s']:.0f} |")
    lines += ["", "| first picture: sound | pieces | CPU ms | after sound of |", "|" + "---|" * 4]
    for row in firsts:
        heard = "with phonemes" if row["phonemes"] else "alone"
        lines.append(f"| {heard} | {row['piece_s'] * 1000:.0f} ms | {row['cpu_ms']:.0f} | {row['sound_ms']:.0f} ms |")
    return "\n".join(lines)


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*")
    parser.add_argument("--cache", type=Path, help="where prepared avatars stay, for another run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    engine.load()
    rows: list[dict[str, Any]] = []
    firsts: list[dict[str, Any]] = []
    for record, avatar in avatars(engine, args.clips, args.cache or Path(mkdtemp())):
        starts = start_frames(record.report.idle_frames, record.report.fps)
        for lead_in in (True, False):
            rows.append({"avatar": record.name, "lead_in": lead_in, **vars(seam(engine, avatar, starts, lead_in))})
        if not firsts:
            for phonemes in (True, False):
                for piece_s in (0.04, 0.2):
                    cpu_ms, sound_ms = first_picture(engine, avatar, piece_s, phonemes)
                    firsts.append({"phonemes": phonemes, "piece_s": piece_s, "cpu_ms": cpu_ms, "sound_ms": sound_ms})
    print(json.dumps({"seam": rows, "first_picture": firsts}) if args.json else tables(rows, firsts))


if __name__ == "__main__":
    main()
