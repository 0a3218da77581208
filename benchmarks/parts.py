"""How much sooner a long video is made when several renderers share it.

    python -m benchmarks.parts [--minutes 5] [--renderers 1 2] [--side 512]

A recorded question, repeated, becomes a video of the built-in avatar, drawn by so many render services as processes on
this machine (one thread each), cut and joined as the gateway does. Efficiency: the time of one renderer, divided by the
time of ``n`` and by ``n``. Memory is that of this process, which cuts and joins.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np

from services.common.media.sound import mono_pieces
from services.common.storage import Storage
from services.gateway.clients import Clients
from services.gateway.jobs.part_files import PartFiles
from services.gateway.settings import GatewaySettings
from services.gateway.turn.choices import AvatarChoice
from services.gateway.turn.events import Media, VideoSummary
from services.gateway.turn.pipeline import InParts, video_of_recording
from services.gateway.turn.timings import Timings
from tools.system import free_ports

RATE, FPS = 24000, 25
QUESTION = Path(__file__).resolve().parents[1] / "tools" / "question.flac"


@contextlib.contextmanager
def renderers(count: int, folder: Path) -> Iterator[str]:
    """So many render services; yields their addresses."""
    ports = list(free_ports([str(n) for n in range(count)]).values())
    running = []
    for port in ports:
        own = {"RENDER_PORT": str(port), "RENDER_METRICS_PORT": "0", "RENDER_SLOTS": "1", "HUASHENG_THREADS": "1"}
        environment = {**os.environ, **own, "HUASHENG_STORAGE_URL": f"file://{folder}", "OMP_NUM_THREADS": "1"}
        running.append(subprocess.Popen([sys.executable, "-m", "services.render"], env=environment))
    try:
        yield ",".join(f"127.0.0.1:{p}" for p in ports)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


async def made(address: str, folder: Path, minutes: float, side: int) -> tuple[float, float, int]:
    """Seconds until the video was whole, seconds until its first picture, and its bytes."""
    said = np.concatenate(list(mono_pieces(QUESTION, RATE, "question")))
    sound = np.tile(np.concatenate([said, np.zeros(RATE // 2, np.float32)]), 1000)[: int(minutes * 60 * RATE)]
    clients = Clients(GatewaySettings(render_address=address, data_dir=folder))
    clients.watch()
    while any(r.status != "serving" for r in clients.pools["render"].replicas.values()):
        await asyncio.sleep(0.1)

    async def pcm() -> AsyncIterator[bytes]:
        for k in range(0, len(sound), RATE):
            yield np.round(sound[k : k + RATE] * 32000).astype(np.int16).tobytes()

    store = PartFiles(Storage(f"file://{folder}"), "benchmark", folder / "work")
    began, first, size = time.monotonic(), 0.0, 0
    avatar = AvatarChoice("local", max_side_px=side)
    async for event in video_of_recording(clients, Timings(), avatar, pcm(), RATE, InParts(store, FPS)):
        if isinstance(event, Media):
            size += len(event.data)
            first = first or (time.monotonic() - began if event.end_us else 0.0)
        elif isinstance(event, VideoSummary):
            assert event.frames == round(minutes * 60 * FPS)
    took = time.monotonic() - began
    store.remove()
    await clients.close()
    return took, first, size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--renderers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}; {options.minutes} min at {options.side} px\n")
    print("| renderers | seconds | efficiency | first picture | memory of the joining process |\n|---|---|---|---|---|")
    alone = 0.0
    for count in options.renderers:
        with tempfile.TemporaryDirectory() as name, renderers(count, Path(name)) as address:
            took, first, _ = asyncio.run(made(address, Path(name), options.minutes, options.side))
        alone = alone or took * count
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {count} | {took:.1f} | {alone / took / count:.2f} | {first:.1f} s | {memory:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
