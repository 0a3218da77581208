"""``python -m services.render.train VIDEO --out DIR --steps N``: train on one person, without the services.

DIR gets ``model.npz``, ``result.json`` (held-out figures before and after) and ``preview.jpg``; its folder ``work``
keeps checkpoints, so that the same command goes on where it was stopped. Progress goes to the standard output.

The render service starts this program with ``--lines``: then progress is one JSON object a line, and the work stops,
its checkpoint kept, when the standard input ends, be it that the service cancels or that it has died.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.base import EngineOptions
from services.render.engines.synctalk.setup import SyncTalk
from services.render.settings import RenderSettings
from services.render.train.job import RESULT, Job, Result, Told

TRAINERS = {
    "atlas": "services.render.engines.atlas.train.run:train",
    "joygen": "services.render.engines.joygen.train.run:train",
    "synctalk": "services.render.engines.synctalk.train:train",
}
GRACE_S = 0.7
"""After the standard input ends, time to stop and keep a checkpoint; then the process just ends."""


def main() -> int:
    """Command line; 0 when trained, 1 when refused or cancelled."""
    parser = argparse.ArgumentParser(prog="python -m services.render.train", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--name", default="", help="the video's name for people")
    parser.add_argument("--engine", choices=sorted(TRAINERS), default="atlas")
    parser.add_argument("--recipe", default="{}", help="JSON of the trainer's own options, see docs/joygen.md")
    for hidden in ("--trainer", "--work", "--avatar", "--options"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    parser.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    stop = threading.Event()
    if args.lines:
        os.nice(10)
        threading.Thread(target=_until_input_ends, args=(stop,), daemon=True).start()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    args.out.mkdir(parents=True, exist_ok=True)
    work = Path(args.work) if args.work else args.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    job = Job(
        args.video,
        args.name or args.video.name,
        work,
        args.out,
        args.steps,
        args.device,
        _options(args.options),
        Path(args.avatar) if args.avatar else None,
        tell=_say if args.lines else _show,
        cancelled=stop.is_set,
        recipe=json.loads(args.recipe),
    )
    try:
        module, _, name = (args.trainer or TRAINERS[args.engine]).partition(":")
        getattr(importlib.import_module(module), name)(job)
    except HuashengError as e:
        if args.lines:
            print(json.dumps({"error": e.slug, "params": e.params}), flush=True)  # noqa: T201
        else:
            print(f"{e.text('title', 'en')}: {e.text('detail', 'en')} {e.text('hint', 'en')}", file=sys.stderr)  # noqa: T201
        return 1
    if not args.lines:
        result = Result.load(args.out / RESULT)
        print(json.dumps({"before": result.before, "after": result.after, "warnings": result.warnings}, indent=1))  # noqa: T201
    return 0


def _options(text: str) -> EngineOptions:
    if not text:
        shared = SharedSettings()
        settings = RenderSettings()
        return EngineOptions(
            shared.weights_dir, shared.threads, models_dir=settings.models_dir, synctalk=settings.synctalk()
        )
    raw: dict[str, Any] = json.loads(text)
    known = EngineOptions(Path())
    read: dict[str, Any] = {k: Path(v) if isinstance(getattr(known, k), Path) else v for k, v in raw.items()}
    if checkout := read["synctalk"]:
        read["synctalk"] = SyncTalk(**{**checkout, "checkout": Path(checkout["checkout"])})
    return EngineOptions(**read)


def _until_input_ends(stop: threading.Event) -> None:
    while os.read(0, 1):  # not through sys.stdin: its lock would be held when the program ends
        pass
    stop.set()
    threading.Event().wait(GRACE_S)
    os._exit(3)


def _say(told: Told) -> None:
    print(told.to_json(), flush=True)  # noqa: T201


def _show(told: Told) -> None:
    if told.validation_loss is not None or told.stage not in ("score", "atlas", "landmarks"):
        more = "" if told.validation_loss is None else f" loss {told.loss:.3f} validation {told.validation_loss:.3f}"
        print(f"{100 * told.fraction:3.0f}% {told.stage} {told.step}/{told.steps}{more}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
