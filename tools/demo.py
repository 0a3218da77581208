"""The main job, shown: one recorded question through the public API, an answer as a video in ``out/demo.mp4``.

python -m tools.demo [--question FILE] [--out FILE]
python -m tools.demo --live             a live conversation with an interruption instead; nothing is saved
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from huasheng import HuashengError

from tools.live_demo import converse
from tools.system import ROOT, System, SystemError_, free_ports, interruptible

QUESTION = ROOT / "tools" / "question.flac"
STAGES = (
    ("asr", "speech recognised"),
    ("llm_first_token", "first words of the answer"),
    ("llm", "answer complete"),
    ("tts_first_audio", "first speech"),
    ("tts", "speech complete"),
    ("render_first_frame", "first picture"),
    ("render", "video complete"),
    ("total", "whole turn"),
)


def check(response: httpx.Response) -> Any:
    """The answer's JSON. Raises ``SystemError_`` with the problem's own words."""
    body = response.json()
    if response.is_error:
        raise SystemError_(f"{body.get('title')}: {body.get('detail')} {body.get('hint')}")
    return body


def follow(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Follow a job's events until it ends and return it. Raises ``SystemError_`` when it fails."""
    stage = ""
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as events:
        for line in events.iter_lines():
            if not line.startswith("data:"):
                continue
            job = json.loads(line[5:])
            if "state" in job and job.get("stage") and job["stage"] != stage:
                stage = job["stage"]
                print(f"  … {stage}", flush=True)
            if job.get("state") in ("succeeded", "failed", "cancelled"):
                break
    job = check(client.get(f"/api/v1/jobs/{job_id}"))
    if job["state"] != "succeeded":
        raise SystemError_(f"the job {job['state']}: {job.get('error')}")
    return dict(job)


def dialogue(url: str, question: Path, out: Path) -> dict[str, Any]:
    """Ask the question through the public API and write the answer's video to ``out``. Returns the job's result."""
    with httpx.Client(base_url=url, timeout=120) as client, question.open("rb") as recording:
        asset = check(client.post("/api/v1/assets", files={"file": (question.name, recording)}))
        began = time.monotonic()
        job = check(client.post("/api/v1/dialogues", json={"audio_asset_id": asset["id"]}))
        result: dict[str, Any] = follow(client, job["id"])["result"]
        result["wall_s"] = time.monotonic() - began
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_suffix(".part")
        with client.stream("GET", result["video_url"]) as response, partial.open("wb") as f:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                f.write(chunk)
        partial.replace(out)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--question", type=Path, default=QUESTION)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "demo.mp4")
    parser.add_argument("--live", action="store_true", help="talk live and interrupt the answer")
    parser.add_argument("--data", type=Path, default=ROOT / ".data" / "demo")
    args = parser.parse_args()
    interruptible()
    ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
    try:
        with System(args.data.resolve(), ports=ports, metrics=False) as system:
            print("starting five services …", flush=True)
            system.start()
            system.wait_ready(report=True)
            if args.live:
                converse(system.url, args.question)
                return
            print(f"asking {args.question.name} …", flush=True)
            result = dialogue(system.url, args.question, args.out)
    except SystemError_ as e:
        sys.exit(f"demo: {e}")
    except (httpx.HTTPError, HuashengError) as e:
        sys.exit(f"demo: the gateway did not answer: {e}")
    except KeyboardInterrupt:
        sys.exit("stopped")
    print(f"\n  heard    {result['transcript']}\n  answered {result['reply']}\n")
    for key, label in STAGES:
        with contextlib.suppress(KeyError):
            print(f"  {label:28} {result['timings_ms'][key]:7.0f} ms")
    print(f"\n  {args.out}  ({args.out.stat().st_size / 1e6:.1f} MB, in {result['wall_s']:.1f} s)")


if __name__ == "__main__":
    main()
