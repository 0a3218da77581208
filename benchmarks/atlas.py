"""How fast the atlas engine prepares and draws on one core, encoding included, and how much memory it takes.

    python benchmarks/atlas.py CLIP [--sizes 512 1080] [--seconds 20] [--minutes 10]

CLIP is a talking video with sound. It is scaled to each size (longest side, larger ones by enlarging), prepared, and
made to speak its own sound over and over: heard as a recording, and with phonemes (a fixed row of them, one each
80 ms) as our own speech is. ``--minutes`` is the length of the render over which memory is watched; 0 leaves it out.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads only wait for each other

import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from services.common.audio import Samples, decode
from services.common.settings import SharedSettings
from services.render.engines.atlas import AtlasEngine
from services.render.engines.base import EngineOptions, Frame, PhonemeSpan, SessionConfig
from services.render.media_read import probe, read_frames

RATE = 16_000
ROW = ("m", "ɑ", "t", "i", "s", "u", "p", "ɛ", "n", "O", "f", "æ")


def resident_mb() -> float:
    """Memory in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def scaled(clip: Path, side: int, out: Path) -> None:
    """Write the clip with its longest side ``side``."""
    info = probe(clip)
    k = side / max(info.width, info.height)
    width, height = (round(n * k / 2) * 2 for n in (info.width, info.height))
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=info.fps, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _, bgr in read_frames(clip):
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            container.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        container.mux(stream.encode(None))


class Encoder:
    """What the service does with frames: x264 veryfast, one thread, thrown away."""

    def __init__(self, out: Path, width: int, height: int, fps: float) -> None:
        self._container = av.open(str(out), "w", format="null")
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._stream.options = {"crf": "20", "preset": "veryfast"}
        self.cpu_s = 0.0

    def add(self, frames: Iterator[Frame]) -> int:
        """Encode; how many there were."""
        count = 0
        for frame in frames:
            start = time.process_time()
            picture = av.VideoFrame.from_ndarray(frame.image, format="yuv420p")
            self._container.mux(self._stream.encode(picture))
            self.cpu_s += time.process_time() - start
            count += 1
        return count


def spans(piece: int) -> list[PhonemeSpan]:
    """Phonemes of the given fifth of a second and a little beyond it: they come before their sound."""
    step_us = 80_000
    first, last = -(-piece * 200_000 // step_us), -(-(piece + 1) * 200_000 // step_us)
    return [PhonemeSpan(ROW[i % len(ROW)], i * step_us, (i + 1) * step_us) for i in range(first, last)]


def render(engine: AtlasEngine, avatar: Path, sound: Samples, seconds: float, phonemes: bool = False) -> None:
    session = engine.open_session(avatar, SessionConfig(RATE, has_phonemes=phonemes))
    encoder = Encoder(avatar / "out", session.width, session.height, session.fps)
    start, frames, first = time.process_time(), 0, 0.0
    piece = RATE // 5
    marks = []
    for k in range(int(seconds * 5)):
        at = k * piece % max(1, len(sound) - piece)
        frames += encoder.add(session.push(sound[at : at + piece], spans(k) if phonemes else ()))
        if frames and not first:
            first = resident_mb()
        if k % 300 == 299:
            marks.append(round(resident_mb()))
    frames += encoder.add(session.finish())
    session.close()
    cpu = time.process_time() - start
    print(
        f"  {frames} frames, {frames / cpu:.0f} per CPU-second ({frames / cpu / session.fps:.1f} x real time): "
        f"{1000 * (cpu - encoder.cpu_s) / frames:.1f} ms drawing, {1000 * encoder.cpu_s / frames:.1f} ms encoding"
    )
    print(f"  memory {first:.0f} MB at the first frame, {resident_mb():.0f} MB at the end; every minute: {marks}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1080])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sound = np.asarray(decode(args.clip, RATE), np.float32)
    for side in args.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            source, avatar = Path(scratch) / "source.mp4", Path(scratch) / "avatar"
            avatar.mkdir()
            scaled(args.clip, side, source)
            engine = AtlasEngine(EngineOptions(SharedSettings().weights_dir, max_side_px=max(side, 1920)))
            engine.load()
            start = time.process_time()
            report = engine.prepare(source, "video", avatar, lambda *_: None, lambda: False)
            cpu = time.process_time() - start
            size = sum(f.stat().st_size for f in avatar.iterdir()) / 1e6
            print(
                f"{report.width} x {report.height} at {report.fps:.0f}, face {report.face_width_px:.0f} px wide: "
                f"{report.frames / report.fps:.0f} s prepared in {cpu:.1f} CPU-s, {size:.0f} MB on disk"
            )
            for phonemes in (False, True):
                print(f"  {'with phonemes' if phonemes else 'a recording'}:")
                render(engine, avatar, sound, args.seconds, phonemes)
            if args.minutes and side == args.sizes[0]:
                print(f"  again for {args.minutes:g} minutes:")
                render(engine, avatar, sound, args.minutes * 60)


if __name__ == "__main__":
    main()
