"""A folder that looks like a SyncTalk checkout with an environment of its own; its programs are the fake ones."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

from services.common.audio import wav_bytes
from services.render.clip.plan import PLAN, Plan
from services.render.engines.synctalk.data import PERSON
from services.render.engines.synctalk.settings import Settings
from services.render.engines.synctalk.setup import FILES, PACKAGES, SyncTalk

ROOT = Path(__file__).resolve().parents[2]
TORCH = """
__version__ = "1.12.1+cu113"

class cuda:
    @staticmethod
    def is_available():
        return {gpu}

    @staticmethod
    def get_device_properties(number):
        class Properties:
            name, total_memory = "Fake GPU", 24 * 2**30
        return Properties
"""
SCRIPT = "import sys\nfrom tests.fakes.synctalk_programs import {name}\nsys.exit({name}())\n"


def checkout(folder: Path, gpu: bool = True, **settings: float) -> SyncTalk:
    """Make it; it works until ``fault`` is told otherwise."""
    root, env = folder / "SyncTalk", folder / "env"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"weights")
    (root / "main.py").write_text(SCRIPT.format(name="main"))
    (root / "data_utils" / "process.py").write_text(SCRIPT.format(name="process"))
    (env / "bin").mkdir(parents=True)
    (env / "site").mkdir()
    (env / "site" / "torch.py").write_text(TORCH.format(gpu=gpu))
    for name in PACKAGES:
        if name != "torch" and importlib.util.find_spec(name) is None:
            (env / "site" / f"{name}.py").write_text("")
    path = shlex.quote(f"{env / 'site'}:{ROOT}")
    program(env / "bin" / "python", f'PYTHONPATH={path} exec {shlex.quote(sys.executable)} "$@"')
    program(env / "bin" / "ffmpeg", "exit 0")
    chosen = {"dir": root, "python": str(env / "bin" / "python"), "segment_s": 5.0, "quiet_s": 60.0, **settings}
    return SyncTalk(Settings(**chosen))


def variables(setup: SyncTalk) -> dict[str, str]:
    """The environment variables that say the same as its settings."""
    return {f"RENDER_SYNCTALK_{k.upper()}": str(v) for k, v in setup.settings.model_dump().items()}


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fault(setup: SyncTalk, **kinds: str) -> None:
    """What goes wrong from now on, by work: ``draw``, ``train``, or ``task6`` of the preparation.

    ``crash``, ``memory``, ``hang``, ``nothing`` (no result, exit 0), ``killed``, ``random`` (no model found, goes on),
    ``unfit`` (missing keys), ``short``, ``garbage``, ``small`` (of the video), ``nan``, ``some`` (of the files).
    With ``once:`` before it, the fault happens a single time.
    """
    (setup.checkout / "faults.json").write_text(json.dumps(kinds))


def model(folder: Path) -> Path:
    """A checkpoint, as far as the fake looks into one."""
    path = folder / "model.pth"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("epoch", "7")
    return path


def calls(setup: SyncTalk) -> list[list[str]]:
    """Command lines of its programs so far."""
    log = setup.checkout / "calls.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []


def avatar(folder: Path, frames: int = 44, side: int = 64) -> Path:
    """A small prepared avatar, as ``prepare`` leaves one, without preparing: grey pictures, numbered by brightness."""
    person = folder / "avatar" / PERSON
    for name in ("ori_imgs", "gt_imgs", "torso_imgs", "parsing"):
        (person / name).mkdir(parents=True)
    for n in range(frames):
        picture = cv2.imencode(".jpg", np.full((side, side, 3), 40 + 2 * n, np.uint8))[1].tobytes()
        (person / "ori_imgs" / f"{n}.jpg").write_bytes(picture)
        (person / "gt_imgs" / f"{n}.jpg").write_bytes(picture)
        (person / "ori_imgs" / f"{n}.lms").write_text("0 0\n" * 68)
        (person / "torso_imgs" / f"{n}.png").write_bytes(b"png")
        (person / "parsing" / f"{n}_face.png").write_bytes(b"png")
    np.save(person / "bs.npy", np.zeros((frames, 52), np.float32))
    (person / "bc.jpg").write_bytes(b"jpg")
    (person / "aud.wav").write_bytes(wav_bytes(np.zeros(frames * 640, np.float32), 16000))
    split = frames * 10 // 11
    for name, part in (("train", range(split)), ("val", range(split, frames))):
        listed = [{"img_id": n, "aud_id": n, "transform_matrix": np.eye(4).tolist()} for n in part]
        (person / f"transforms_{name}.json").write_text(
            json.dumps({"focal_len": 1.0, "cx": side / 2, "frames": listed})
        )
    loop = [*range(20), *range(20, 0, -1)]
    plan = Plan(side, side, 25.0, frames, False, loop, [min(n, 20) for n in range(frames)])
    plan.save(folder / "avatar" / PLAN)
    return folder / "avatar"
