"""What marking costs beside the making: words in the picture, label, signature and fingerprints.

    python -m benchmarks.marks [--seconds 10 600]

Makes videos of so much recorded speech through the public API with embedded engines and takes the time of each job.
Then it marks the same video again by itself, part by part. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from services.common.audio import to_pcm16
from services.common.media.sound import mono_pieces
from services.common.storage import Storage
from services.gateway.accounts.consents import ConsentStore
from services.gateway.marks.marker import Made, Marker
from services.gateway.marks.picture_print import picture_print
from services.gateway.marks.sound_print import sound_of, sound_print
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.provenance import ProvenanceStore
from services.render.media.mark import START_S, MarkOptions, VisibleMark
from tools.demo import QUESTION, check
from tools.system import System, free_ports

RATE = 16000


def recording(path: Path, seconds: float) -> None:
    """Speech of that length: the question of the demo, again and again."""
    said = np.concatenate(list(mono_pieces(QUESTION, RATE, QUESTION.name)))
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(to_pcm16(np.resize(said, round(seconds * RATE))))


def made(client: httpx.Client, speech: Path, out: Path) -> dict[str, Any]:
    """The finished job of a video of the built-in avatar; its file is written to ``out``."""
    with speech.open("rb") as f:
        asset = check(client.post("/api/v1/assets", files={"file": (speech.name, f)}))
    job = check(client.post("/api/v1/videos", json={"audio_asset_id": asset["id"]}))
    while (job := check(client.get(f"/api/v1/jobs/{job['id']}")))["state"] in ("queued", "running"):
        time.sleep(0.2)
    if job["state"] != "succeeded":
        raise SystemExit(f"the job {job['state']}: {job['error']}")
    out.write_bytes(client.get(job["result"]["video_url"]).content)
    return dict(job["result"])


def timed(work: Callable[[], Any], runs: int = 5) -> float:
    """Shortest time of a few runs, in seconds."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def burning_s(width: int, height: int, fps: float) -> float:
    """Time of the words in the pictures of one video."""
    mark = VisibleMark(MarkOptions("zh"), width, height, fps)
    picture = np.full((height * 3 // 2, width), 100, np.uint8)
    return timed(lambda: [mark.on(picture, n) for n in range(round(START_S * fps))])


def marking_s(folder: Path, video: Path) -> dict[str, float]:
    """Time of each part, and of the whole publishing step."""
    settings = GatewaySettings(data_dir=folder / "data")
    db = Database(settings)
    marker = Marker(settings, b"x" * 32, Storage(f"file://{folder / 'storage'}"), ProvenanceStore(db), ConsentStore(db))
    about = Made("j_1", "local", kind="video", engine="atlas", is_sound_made=False)
    whole = timed(lambda: marker.publish(about, {"results/j_1/video.mp4": video}, {}), runs=3)
    db.close()
    return {
        "pictures": timed(lambda: picture_print(video), runs=3),
        "sound": timed(lambda: sound_print(sound_of(video)), runs=3),
        "whole": whole,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 600])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="huasheng-marks-") as name:
        folder = Path(name)
        results = []
        ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
        with System(folder / "system", ports=ports, metrics=False) as system:
            system.start()
            system.wait_ready()
            with httpx.Client(base_url=system.url, timeout=300) as client:
                for seconds in args.seconds:
                    recording(folder / "speech.wav", seconds)
                    video = folder / f"{seconds:.0f}.mp4"
                    results.append((seconds, video, made(client, folder / "speech.wav", video)))
        print("| video | whole job | words | pictures | sound | label, signature and all | marking |")
        print("|---|---|---|---|---|---|---|")
        for seconds, video, result in results:
            burning = burning_s(result["width"], result["height"], result["fps"])
            parts = marking_s(folder, video)
            job_s = result["timings_ms"]["total"] / 1000
            share = (burning + parts["whole"]) / job_s
            columns = (burning, parts["pictures"], parts["sound"], parts["whole"])
            shown = " | ".join(f"{1000 * s:.0f} ms" for s in columns)
            print(f"| {seconds:.0f} s, {video.stat().st_size / 1e6:.1f} MB | {job_s:.1f} s | {shown} | {share:.1%} |")


if __name__ == "__main__":
    main()
