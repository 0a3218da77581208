"""Whether videos are known again after others have worked on them, and whether other videos are left alone.

    python -m benchmarks.verify [--made 20] [--others 1000]

Makes videos through the public API with embedded engines, in one installation; alters copies of them with PyAV (all
lose their label and signature) and asks `POST /verify` of each. The others are cut from videos that a second
installation made: of the same avatar, in the same voices, of other texts. They must not be found. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from tools.demo import check
from tools.system import ROOT, System, free_ports

SENTENCES = ROOT / "benchmarks" / "speech_text.tsv"
RATE = 24000
Frame = npt.NDArray[np.uint8]


@dataclass
class Clip:
    """A film in memory: pictures (H, W, 3) RGB and sound (n,) at ``RATE``."""

    pictures: list[Frame]
    fps: float
    sound: npt.NDArray[np.float32]


def read(data: bytes, start_s: float = 0.0, seconds: float = 1e9) -> Clip:
    """A part of a film."""
    pictures, sound = [], []
    with av.open(io.BytesIO(data), "r") as c:
        fps = float(c.streams.video[0].average_rate or 25)
        convert = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        for frame in c.decode(c.streams.video[0], c.streams.audio[0]):
            if isinstance(frame, av.VideoFrame):
                if start_s <= (frame.time or 0) < start_s + seconds:
                    pictures.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            elif isinstance(frame, av.AudioFrame):
                sound += [f.to_ndarray()[0] for f in convert.resample(frame)]
    whole = np.concatenate(sound)
    return Clip(pictures, fps, whole[round(start_s * RATE) :][: round(min(seconds, 1e5) * RATE)])


def write(clip: Clip, *, crf: int = 23, sound_bits: int = 96_000) -> bytes:
    """As MP4."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as c:
        height, width = clip.pictures[0].shape[:2]
        film: VideoStream = c.add_stream(
            "libx264", rate=round(clip.fps), options={"preset": "veryfast", "crf": str(crf)}
        )
        film.width, film.height, film.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
        voice: AudioStream = c.add_stream("aac", rate=RATE, layout="mono")
        voice.bit_rate = sound_bits
        for picture in clip.pictures:
            c.mux(film.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[: film.height, : film.width]))))
        c.mux(film.encode(None))
        for at in range(0, clip.sound.size, RATE):
            frame = av.AudioFrame.from_ndarray(clip.sound[None, at : at + RATE], format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            c.mux(voice.encode(frame))
        c.mux(voice.encode(None))
    return out.getvalue()


def sized(clip: Clip, width: int, height: int) -> Clip:
    """In another size."""
    pictures = [
        np.asarray(av.VideoFrame.from_ndarray(p, format="rgb24").reformat(width, height).to_ndarray(), np.uint8)
        for p in clip.pictures
    ]
    return Clip(pictures, clip.fps, clip.sound)


def cropped(clip: Clip, share: float) -> Clip:
    """Without a share of the width and height at each edge."""
    h, w = clip.pictures[0].shape[:2]
    y, x = round(h * share), round(w * share)
    return Clip([p[y : h - y, x : w - x] for p in clip.pictures], clip.fps, clip.sound)


def faster(clip: Clip, speed: float) -> Clip:
    """Played faster, pitch and all, at 30 pictures a second, as a screen recorder that lags would show it."""
    count = int(clip.sound.size / speed)
    sound = np.interp(np.arange(count) * speed, np.arange(clip.sound.size), clip.sound).astype(np.float32)
    shown = [min(len(clip.pictures) - 1, int(n / 30 * speed * clip.fps)) for n in range(int(count / RATE * 30))]
    return Clip([clip.pictures[k] for k in shown], 30.0, sound)


def screen(clip: Clip) -> Clip:
    """A recording of a screen: on a grey page, 30 pictures a second, quieter, with a little noise, 1 % too slow."""
    slow = faster(clip, 0.99)
    h, w = slow.pictures[0].shape[:2]
    y, x = round(0.02 * h) // 2 * 2, round(0.02 * w) // 2 * 2
    pages = []
    for picture in slow.pictures:
        page = np.full((h + 2 * y, w + 2 * x, 3), 230, np.uint8)
        page[y : y + h, x : x + w] = picture
        pages.append(page)
    noise = np.random.default_rng(0).standard_normal(slow.sound.size) * 0.002
    return Clip(pages, slow.fps, (0.4 * slow.sound + noise).astype(np.float32))


def wav(clip: Clip) -> bytes:
    """The sound alone, as MP3 of 32 kbit/s."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as c:
        voice = c.add_stream("mp3", rate=RATE, layout="mono")
        voice.bit_rate = 32_000
        frame = av.AudioFrame.from_ndarray(
            np.round(clip.sound.clip(-1, 1)[None] * 32767).astype(np.int16), format="s16p", layout="mono"
        )
        frame.sample_rate = RATE
        c.mux(voice.encode(frame))
        c.mux(voice.encode(None))
    return out.getvalue()


VARIANTS: dict[str, Callable[[Clip], bytes]] = {
    "encoded again, CRF 34, AAC 48 kbit/s": lambda c: write(c, crf=34, sound_bits=48_000),
    "half the size": lambda c: write(
        sized(c, c.pictures[0].shape[1] // 4 * 2, c.pictures[0].shape[0] // 4 * 2), crf=28
    ),
    "5 % cut off at each edge": lambda c: write(cropped(c, 0.05)),
    "30 pictures a second, 2 % faster": lambda c: write(faster(c, 1.02)),
    "4 % slower": lambda c: write(faster(c, 0.96)),
    "screen recording": lambda c: write(screen(c), crf=28),
    "5 s from the middle": lambda c: write(
        Clip(c.pictures[75:200], c.fps, c.sound[3 * RATE : 8 * RATE]), crf=28, sound_bits=64_000
    ),
    "the sound alone, MP3 32 kbit/s": wav,
}


def texts(parity: int, count: int, sentences: int) -> Iterator[str]:
    """Texts of so many sentences, of every second sentence of the list: two parities have none in common."""
    rows = [line.split("\t") for line in SENTENCES.read_text(encoding="utf-8").splitlines()[1:]]
    for n in range(count):
        pool = [r[2] for r in rows if r[1] == ("zh", "en")[n % 3 == 2]][parity::2]
        yield " ".join(pool[(n * sentences + k) % len(pool)] for k in range(sentences))


def make(client: httpx.Client, text: str, voice: str) -> bytes:
    """A video of the built-in avatar."""
    job = check(client.post("/api/v1/videos", json={"text": text, "voice_id": voice, "max_side_px": 256}))
    while (job := check(client.get(f"/api/v1/jobs/{job['id']}")))["state"] in ("queued", "running"):
        time.sleep(0.1)
    if job["state"] != "succeeded":
        raise SystemExit(f"a video failed: {job['error']}")
    return client.get(job["result"]["video_url"]).content


def voices(client: httpx.Client, text: str, n: int) -> str:
    """One of three voices that speak a text."""
    language = "zh" if any(ord(c) > 0x3000 for c in text) else "en"
    found = [v["id"] for v in check(client.get("/api/v1/voices"))["items"] if v["language"].startswith(language)]
    return str(found[n % min(3, len(found))])


def videos(
    folder: Path, parity: int, count: int, sentences: int, then: Callable[[httpx.Client, list[bytes]], None]
) -> None:
    """Make videos in an installation of their own, then do something while it runs."""
    with System(folder, ports=free_ports(["asr", "llm", "tts", "render", "gateway", "http"]), metrics=False) as system:
        system.start()
        system.wait_ready()
        with httpx.Client(base_url=system.url, timeout=300) as client:
            made = []
            for n, text in enumerate(texts(parity, count, sentences)):
                made.append(make(client, text, voices(client, text, n)))
                print(f"  {n + 1} of {count} videos", end="\r", flush=True)
            print()
            then(client, made)


def verify(client: httpx.Client, data: bytes, name: str) -> dict[str, Any]:
    """The answer, with the time it took as ``s``."""
    began = time.monotonic()
    answer: dict[str, Any] = check(client.post("/api/v1/verify", files={"file": (name, data)}))
    return answer | {"s": time.monotonic() - began}


def cuts(films: list[bytes], count: int) -> Iterator[bytes]:
    """Short clips of films, 3 to 7 s long."""
    rng = np.random.default_rng(5)
    each = -(-count // len(films))
    for film in films:
        whole = read(film)
        length = whole.sound.size / RATE
        for _ in range(each):
            seconds = float(rng.uniform(3, 7))
            start = float(rng.uniform(0, max(0.1, length - seconds)))
            first, last = round(start * whole.fps), round((start + seconds) * whole.fps)
            sound = whole.sound[round(start * RATE) : round((start + seconds) * RATE)]
            if whole.pictures[first:last]:
                yield write(Clip(whole.pictures[first:last], whole.fps, sound), crf=26, sound_bits=64_000)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--made", type=int, default=20)
    parser.add_argument("--others", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="huasheng-verify-") as folder:
        others: list[bytes] = []
        print("videos of another installation")
        videos(Path(folder) / "b", 1, max(1, round(args.others / 80)), 4, lambda _, films: others.extend(films))
        print("videos of this installation")
        videos(Path(folder) / "a", 0, args.made, 3, lambda client, made: report(client, made, others, args.others))


def report(client: httpx.Client, made: list[bytes], others: list[bytes], count: int) -> None:
    """Verify copies and others, and print the table."""
    clips = [read(data) for data in made]
    found_ids = [verify(client, data, "a.mp4")["made"]["job_id"] for data in made]
    print("| copy | found | the right video | time, median |\n|---|---|---|---|")
    for name, change in VARIANTS.items():
        answers = [verify(client, change(clip), "a.mp3" if "MP3" in name else "a.mp4") for clip in clips]
        hits = [a["made_here"] for a in answers]
        right = [
            bool(a["made"]) and a["made"]["job_id"] == wanted for a, wanted in zip(answers, found_ids, strict=True)
        ]
        median = sorted(a["s"] for a in answers)[len(answers) // 2]
        print(f"| {name} | {sum(hits)} of {len(hits)} | {sum(right)} | {median:.2f} s |", flush=True)
    wrong, times = 0, []
    for n, data in enumerate(cuts(others, count)):
        if n >= count:
            break
        answer = verify(client, data, "a.mp4")
        wrong += answer["made_here"]
        times.append(answer["s"])
    median, what = sorted(times)[len(times) // 2], f"clips of {len(others)} other videos, same avatar and voices"
    print(f"| {what} | {wrong} of {len(times)} | | {median:.2f} s |")


if __name__ == "__main__":
    main()
