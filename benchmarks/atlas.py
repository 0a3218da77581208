"""What the atlas engine costs on one core, encoding with sound included, and how much memory it takes.

    python -m benchmarks.atlas CLIP [--sizes 512 0] [--seconds 30] [--minutes 5] [--length 0]

CLIP is a talking video with sound. It is scaled to each size (longest side; 0 leaves it as it is), prepared, and made
to speak its own sound over and over: heard as a recording, with phonemes (a fixed row of them, one each 80 ms) as our
own speech is, and live. ``--minutes`` is the length of the render over which memory is watched, 0 leaves it out;
``--length`` repeats the clip until it is that many seconds long. Times are CPU time of the process. Memory is what the
whole process holds, models included, and its peak.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads only wait for each other

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from services.common.audio import Samples, decode
from services.common.settings import SharedSettings
from services.render.engines.atlas.engine import AtlasEngine
from services.render.media.read import probe, read_frames
from services.render.media.write import EncoderOptions, FragmentedMp4
from services.render.settings import RenderSettings
from services.render.types import Frame, PhonemeSpan, SessionConfig, Working

RATE = 16_000
ROW = ("m", "ɑ", "t", "i", "s", "u", "p", "ɛ", "n", "O", "f", "æ")


def resident_mb() -> float:
    """Memory in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_mb(reset: bool = False) -> float:
    """Most memory in use since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024 / 1e6


def scaled(clip: Path, side: int, out: Path, length_s: float = 0) -> None:
    """Write the clip with its longest side ``side`` (0: as it is), repeated until it is ``length_s`` long."""
    info = probe(clip)
    k = side / max(info.width, info.height) if side else 1
    width, height = (round(n * k / 2) * 2 for n in (info.width, info.height))
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=info.fps, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = 0
        while not count or count < length_s * float(info.fps):
            for _, bgr in read_frames(clip):
                frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
                container.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
                count += 1
        container.mux(stream.encode(None))


class Output:
    """What the service does with frames: H.264, AAC, fragments of MP4; thrown away."""

    def __init__(self, width: int, height: int, fps: float, sound: Samples, live: bool) -> None:
        self._mp4 = FragmentedMp4(width, height, fps, RATE, EncoderOptions(live=live))
        self._sound, self._per_frame = sound, RATE / fps
        self.bytes, self.frames, self.cpu_s = len(self._mp4.head()), 0, 0.0
        self.first, self.first_frames = 0.0, 0
        """CPU time at which the first pictures came out, and how many had been added."""

    def add(self, frames: Iterator[Frame | Working]) -> None:
        """Encode."""
        for frame in frames:
            if isinstance(frame, Working):
                continue
            start = time.process_time()
            a, b = (round(k * self._per_frame) for k in (self.frames, self.frames + 1))
            self._mp4.add_audio(self._sound[np.arange(a, b) % len(self._sound)])
            data = self._mp4.add_frame(frame.image)
            self._count(data, start)
            self.frames += 1
            if data and not self.first:
                self.first, self.first_frames = time.process_time(), self.frames

    def finish(self) -> None:
        """The rest."""
        start = time.process_time()
        self._count(self._mp4.finish(), start)

    def close(self) -> None:
        """Free the encoders."""
        self._mp4.close()

    def _count(self, data: bytes, start: float) -> None:
        self.bytes += len(data)
        self.cpu_s += time.process_time() - start


def spans(piece: int) -> list[PhonemeSpan]:
    """Phonemes of the given fifth of a second and a little beyond it: they come before their sound."""
    step_us = 80_000
    first, last = -(-piece * 200_000 // step_us), -(-(piece + 1) * 200_000 // step_us)
    return [PhonemeSpan(ROW[i % len(ROW)], i * step_us, (i + 1) * step_us) for i in range(first, last)]


def render(engine: AtlasEngine, avatar: Path, sound: Samples, seconds: float, phonemes: bool) -> None:
    """Draw and encode; prints speed and memory."""
    peak_mb(reset=True)
    start = time.process_time()
    session = engine.open_session(avatar, SessionConfig(RATE, has_phonemes=phonemes))
    output = Output(session.width, session.height, session.fps, sound, live=False)
    piece = RATE // 5
    marks = []
    for k in range(int(seconds * 5)):
        output.add(
            session.push(sound[np.arange(k * piece, (k + 1) * piece) % len(sound)], spans(k) if phonemes else ())
        )
        if k % 300 == 299:
            marks.append(round(resident_mb()))
    output.add(session.finish())
    output.finish()
    session.close()
    cpu, frames = time.process_time() - start, output.frames
    print(
        f"  {frames} frames, {frames / cpu:.0f} per CPU-second ({frames / cpu / session.fps:.1f} x real time): "
        f"{1000 * (cpu - output.cpu_s) / frames:.1f} ms hearing and drawing, {1000 * output.cpu_s / frames:.1f} ms "
        f"encoding, {output.bytes * 8 / frames * session.fps / 1000:.0f} kbit/s; memory {peak_mb():.0f} MB at most"
        + (f", after each minute {marks}" if marks else "")
    )


def first_frames(engine: AtlasEngine, avatar: Path, sound: Samples, phonemes: bool) -> None:
    """Live: CPU time from the sound that the first picture waits for, look-ahead included, to its bytes."""
    costs, piece = [], RATE // 50
    for turn in range(10):
        start = time.process_time()
        session = engine.open_session(avatar, SessionConfig(RATE, has_phonemes=phonemes, live=True, start_frame=turn))
        output = Output(session.width, session.height, session.fps, sound, live=True)
        opened = time.process_time() - start
        drawn = k = 0
        work = 0.0
        while not output.first:
            before = time.process_time()
            output.add(
                session.push(sound[k * piece : (k + 1) * piece], spans(k // 10) if phonemes and k % 10 == 0 else ())
            )
            if output.frames:
                work += (output.first or time.process_time()) - before
            drawn, k = drawn or (k if output.frames else 0), k + 1
        session.close()
        output.close()
        costs.append((1000 * work, 1000 * opened, 20 * (drawn + 1), output.first_frames))
    work_ms, opened_ms, sound_ms, frames = np.median(costs, 0)
    print(
        f"  first bytes after {work_ms:.0f} ms of CPU time ({frames:.0f} pictures), first picture drawn after "
        f"{sound_ms:.0f} ms of sound; {opened_ms:.0f} ms to open"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--length", type=float, default=0)
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sound = np.asarray(decode(args.clip, RATE), np.float32)
    for side in args.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            source, avatar = Path(scratch) / "source.mp4", Path(scratch) / "avatar"
            avatar.mkdir()
            if side or args.length:
                scaled(args.clip, side, source, args.length)
            else:
                source = args.clip
            engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings(max_side=max(side, 1920)))
            engine.load()
            peak_mb(reset=True)
            start = time.process_time()
            report = engine.prepare(source, "video", avatar, lambda *_: None, lambda: False)
            cpu = time.process_time() - start
            size = sum(f.stat().st_size for f in avatar.iterdir()) / 1e6
            print(
                f"{report.width} x {report.height} at {report.fps:.0f}, face {report.face_width_px:.0f} px wide: "
                f"{report.frames / report.fps:.0f} s prepared in {cpu:.1f} CPU-s, {size:.0f} MB on disk; "
                f"memory {peak_mb():.0f} MB at most"
            )
            for phonemes in (False, True):
                print(f"  {'with phonemes' if phonemes else 'a recording'}:")
                render(engine, avatar, sound, args.seconds, phonemes)
                print(f"  live, {'with phonemes' if phonemes else 'sound alone'}:")
                first_frames(engine, avatar, sound, phonemes)
            if args.minutes and side == args.sizes[0]:
                print(f"  a recording of {args.minutes:g} minutes:")
                render(engine, avatar, sound, args.minutes * 60, phonemes=False)


if __name__ == "__main__":
    main()
