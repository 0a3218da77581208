"""``python -m services.render.train VIDEO --out DIR --steps N``: train on one person, without the services.

DIR gets ``model.npz``, ``result.json`` (held-out figures before and after) and ``preview.jpg``; its folder ``work``
keeps checkpoints, so that the same command continues where it was stopped. Progress goes to the standard output.

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

from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.render.engines.base import RenderEngine
from services.render.engines.registry import REGISTRY
from services.render.media.mark import MarkOptions
from services.render.settings import RenderSettings
from services.render.train.job import RESULT, TrainingJob, TrainingProgress, TrainingResult

GRACE_S = 0.7
"""After the standard input ends, time to stop and keep a checkpoint; then the process just ends."""


def command_line() -> argparse.ArgumentParser:
    """The options of the program."""
    parser = argparse.ArgumentParser(prog="python -m services.render.train", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--name", default="", help="the video's name for people")
    parser.add_argument("--engine", choices=sorted(REGISTRY), default="atlas")
    parser.add_argument("--recipe", default="{}", help="JSON of the trainer's own options, see docs/joygen.md")
    for hidden in ("--trainer", "--work", "--avatar", "--mark"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    parser.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """Command line; 0 when trained, 1 when refused or cancelled."""
    parser = command_line()
    args = parser.parse_args()
    trainer = args.trainer or _trainer(args.engine)
    if not trainer:
        parser.error(f"the {args.engine} engine has no training")
    stop = threading.Event()
    if args.lines:
        os.nice(10)
        threading.Thread(target=_until_input_ends, args=(stop,), daemon=True).start()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    args.out.mkdir(parents=True, exist_ok=True)
    work = Path(args.work) if args.work else args.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    job = TrainingJob(
        source=args.video,
        name=args.name or args.video.name,
        work=work,
        out=args.out,
        steps=args.steps,
        device=args.device,
        service=load(RenderSettings),
        shared=load(SharedSettings),
        avatar=Path(args.avatar) if args.avatar else None,
        recipe=json.loads(args.recipe),
        mark=MarkOptions(**json.loads(args.mark)) if args.mark else None,
        on_progress=_print_line if args.lines else _print_for_people,
        cancelled=stop.is_set,
    )
    try:
        module, _, name = trainer.partition(":")
        getattr(importlib.import_module(module), name)(job)
    except HuashengError as e:
        if args.lines:
            print(json.dumps({"error": e.slug, "params": e.params}), flush=True)  # noqa: T201
        else:
            print(f"{e.text('title', 'en')}: {e.text('detail', 'en')} {e.text('hint', 'en')}", file=sys.stderr)  # noqa: T201
        return 1
    if not args.lines:
        result = TrainingResult.load(args.out / RESULT)
        print(json.dumps({"before": result.before, "after": result.after, "warnings": result.warnings}, indent=1))  # noqa: T201
    return 0


def _trainer(engine: str) -> str:
    """``module:function`` of the engine's trainer, "" where it has none."""
    found: type[RenderEngine] = engine_class(REGISTRY, engine, "render")
    return found.trainer


def _until_input_ends(stop: threading.Event) -> None:
    while os.read(0, 1):  # not through sys.stdin: its lock would be held when the program ends
        pass
    stop.set()
    threading.Event().wait(GRACE_S)
    os._exit(3)


def _print_line(progress: TrainingProgress) -> None:
    print(progress.to_json(), flush=True)  # noqa: T201


def _print_for_people(now: TrainingProgress) -> None:
    if now.validation_loss is not None or now.stage not in ("score", "atlas", "landmarks"):
        more = "" if now.validation_loss is None else f" loss {now.loss:.3f} validation {now.validation_loss:.3f}"
        print(f"{100 * now.fraction:3.0f}% {now.stage} {now.step}/{now.steps}{more}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
