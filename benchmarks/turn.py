"""The main job measured through the public API: time to first video, whole turn, eight at once, idle memory.

    python -m benchmarks.turn [--runs 5]

Starts the five services on free ports with embedded engines, asks typed and spoken questions, prints a Markdown table.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tools.demo import QUESTION, check
from tools.system import ROOT, SERVICES, System, free_ports

QUESTIONS = (
    "画声是什么？",
    "How do I make an avatar?",
    "需要显卡吗？",
    "What does the API look like?",
    "支持哪些语言？",
    "Can I clone my voice?",
    "怎么接入智谱？",
    "Which files can I upload?",
)


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB (proportional share, so shared pages count once)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """One dialogue; returns the finished job with ``first_byte_s`` (first video bytes at the client) and ``wall_s``."""
    with httpx.Client(base_url=url, timeout=300) as client:
        began = time.monotonic()
        job = check(client.post("/api/v1/dialogues", json=body))
        first, size = 0.0, 0
        with client.stream("GET", job["video_url"]) as video:
            video.raise_for_status()
            for chunk in video.iter_bytes():
                size += len(chunk)
                # the initialisation alone shows nothing: some pictures must be there
                if not first and size > 20_000:
                    first = time.monotonic() - began
        while (job := check(client.get(f"/api/v1/jobs/{job['id']}")))["state"] in ("queued", "running"):
            time.sleep(0.02)
        if job["state"] != "succeeded":
            raise SystemExit(f"a dialogue {job['state']}: {job['error']}")
        return {**job, "first_byte_s": first, "wall_s": time.monotonic() - began}


def row(name: str, values: list[float], unit: str, limit: str) -> None:
    """One line of the table."""
    middle, low, high = statistics.median(values), min(values), max(values)
    print(f"| {name} | {middle:.2f} {unit} | {low:.2f}–{high:.2f} | {limit} |")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
    with tempfile.TemporaryDirectory() as data, System(Path(data), ports=ports, metrics=False) as system:
        began = time.monotonic()
        system.start()
        system.wait_ready()
        up = time.monotonic() - began
        memory = {name: rss_mb(system.processes[name].pid) for name in SERVICES}
        with httpx.Client(base_url=system.url, timeout=60) as client, QUESTION.open("rb") as f:
            asset = check(client.post("/api/v1/assets", files={"file": (QUESTION.name, f)}))
        spoken = {"audio_asset_id": asset["id"]}
        ask(system.url, spoken)  # warm
        turns = [ask(system.url, spoken) for _ in range(args.runs)]
        cores = os.cpu_count()
        print(
            f"\n{platform.machine()}, {cores} cores; question {asset['duration_s']:.1f} s, "
            f"answer {turns[0]['result']['duration_s']:.1f} s, {args.runs} runs, warm\n"
        )
        print("| figure | median | range | wanted |\n|---|---|---|---|")
        row("first playable video bytes", [t["first_byte_s"] for t in turns], "s", "≤ 3 s")
        excess = [t["wall_s"] - 1.5 * t["result"]["duration_s"] for t in turns]
        row("whole job − 1.5 × answer", excess, "s", "≤ 3 s")
        for stage in turns[0]["result"]["timings_ms"]:
            values = [t["result"]["timings_ms"][stage] / 1000 for t in turns]
            row(f"stage `{stage}`", values, "s", "")
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            eight = list(pool.map(lambda q: ask(system.url, {"text": q}), QUESTIONS))
        took = time.monotonic() - began
        mixed = [j for j, q in zip(eight, QUESTIONS, strict=True) if j["result"]["transcript"] != q]
        print(f"| eight dialogues at once | {took:.1f} s | | none lost, none mixed up: {not mixed} |")
        print(f"| start to ready | {up:.1f} s | | |")
        busy = {name: rss_mb(system.processes[name].pid) for name in SERVICES}
        for when, m in (("idle", memory), ("after the work", busy)):
            parts = ", ".join(f"{k} {v:.0f}" for k, v in m.items())
            print(f"| memory {when} | {sum(m.values()):.0f} MB | {parts} | {'< 3000 MB' if when == 'idle' else ''} |")
    print(f"\nfrom `python -m benchmarks.turn` in {ROOT.name}")


if __name__ == "__main__":
    main()
