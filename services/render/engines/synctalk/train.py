"""Trains SyncTalk on one person: two runs of its ``main.py``; ``train.job.TrainingJob`` says what is written where.

The first run learns the head in three fifths of the steps, the second continues with the lips. Both count in whole
epochs (one step a frame). Checkpoints stay in the work folder; the same training resumes from the last whole one.
"""

from __future__ import annotations

import math
import re
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.settings import load
from services.common.weights import folder
from services.render.engines.synctalk.child import NAME
from services.render.engines.synctalk.data import LISTS, PERSON, TRUTH, Person
from services.render.engines.synctalk.prepare import SynctalkPrepareJob, prepare
from services.render.engines.synctalk.settings import Settings
from services.render.engines.synctalk.setup import NO_CHECKOUT, SyncTalk
from services.render.engines.synctalk.watch import Fit
from services.render.train.job import PREVIEW, RESULT, TrainingJob, TrainingResult
from services.render.types import ClipLimits

CHECKPOINT = "model.pth"
"""A trained model: a checkpoint of SyncTalk's own, which only its own programs open."""
LEARNED = 10 / 11
"""Part of the frames that is learned from; the rest is held out."""
FIRST = 0.6
"""Part of the steps in which the head is learned: 60 000 of upstream's 100 000."""
RUNS: tuple[tuple[float, tuple[str, ...]], ...] = ((FIRST, ()), (1.0, ("--finetune_lips", "--patch_size", "64")))
SHOWN = 5
PICTURE_SIDE = 160
REPORT_EVERY_S = 1.0
_NAME = re.compile(r"ngp_ep(\d{4,})\.pth")


@dataclass(frozen=True)
class Place:
    """Where one person is trained."""

    person: Person
    workspace: Path
    epochs: tuple[int, int]
    """Last epoch of each run."""

    def checkpoints(self) -> list[tuple[int, Path]]:
        """Whole checkpoints with their epochs, oldest first; broken ones (torch writes zip files) are deleted."""
        found = []
        for path in (self.workspace / "checkpoints").glob("ngp_ep*.pth"):
            if named := _NAME.fullmatch(path.name):
                if zipfile.is_zipfile(path):
                    found.append((int(named[1]), path))
                else:
                    path.unlink()
        return sorted(found)


def train(job: TrainingJob) -> None:
    """Prepare where that was not done, fit, keep the last checkpoint as ``model.pth``.

    Raises ``training-unavailable``, ``too-few-steps``, ``cancelled``, the errors of ``child``, those of preparing.
    """
    setup = SyncTalk.of(job.settings if isinstance(job.settings, Settings) else load(Settings))
    if setup is None:
        raise HuashengError("training-unavailable", **NO_CHECKOUT)
    job.report("check", 0.0)
    gpu = _gpu(job.device)
    folder_ = (job.avatar or _prepared(job, setup)) / PERSON
    try:
        person = Person.load(folder_)
    except (OSError, ValueError, KeyError) as e:
        raise HuashengError("engine-failed", engine=NAME, why=f"the avatar is damaged: {e}") from e
    place = Place(person, job.work / f"workspace-{_digest(person)}", epochs(job.steps, person.train_frames))
    for old in job.work.glob("workspace-*"):
        if old != place.workspace:  # of the clip as it was before
            shutil.rmtree(old, ignore_errors=True)
    fit = Fit()
    for number in range(len(RUNS)):
        _run(job, setup, place, number, gpu, fit)
    made = place.checkpoints()
    if not made or made[-1][0] < place.epochs[1]:
        why = f"of {place.epochs[1]} epochs there are checkpoints of {made[-1][0] if made else 0}"
        raise HuashengError("program-no-result", engine=NAME, what="training", why=why)
    job.warn("not-compared")
    job.report("publish", 0.99, step=job.steps)
    shutil.copyfile(made[-1][1], job.out / CHECKPOINT)
    if _preview(place, job.work / PREVIEW):
        shutil.copyfile(job.work / PREVIEW, job.out / PREVIEW)
    TrainingResult({}, fit.figures, job.progress.warnings, 0.0, None).save(job.out / RESULT)


def epochs(steps: int, frames: int) -> tuple[int, int]:
    """As ``main.py`` counts them. Raises ``too-few-steps`` where the second run would have nothing left to do."""
    first, last = (math.ceil(round(part * steps) / frames) for part, _ in RUNS)
    if last <= first:
        raise HuashengError("too-few-steps", engine=NAME, steps=steps, frames=frames, least=_least(frames))
    return first, last


def _least(frames: int) -> int:
    """Steps from which on the second run has an epoch of its own, in round hundreds."""
    steps = frames
    while math.ceil(steps / frames) <= math.ceil(round(FIRST * steps) / frames):
        steps += 100 - steps % 100
    return steps


def _gpu(device: str) -> str:
    """The number in ``cuda:1``, "" for the operator's choice. Raises ``training-unavailable`` for a processor."""
    if device == "cpu":
        raise HuashengError("training-unavailable", cause="needs-gpu", engine="SyncTalk")
    return device.partition(":")[2]


def _digest(person: Person) -> str:
    return sha256_of_file(person.folder / LISTS[0])[:16]


def _run(job: TrainingJob, setup: SyncTalk, place: Place, number: int, gpu: str, fit: Fit) -> None:
    """One run of ``main.py``; nothing where its last epoch is there already."""
    done = max((epoch for epoch, _ in place.checkpoints()), default=0)
    if done >= place.epochs[number]:
        return
    steps, more = round(RUNS[number][0] * job.steps), RUNS[number][1]
    arguments = [
        "main.py",
        str(place.person.folder),
        "--workspace",
        str(place.workspace),
        "-O",
        "--iters",
        str(steps),
        "--asr_model",
        "ave",
        "--preload",
        str(setup.settings.preload),
        *more,
    ]
    what = ("training the head", "training the lips")[number]
    began, reported, evaluated = time.monotonic(), 0.0, 0
    per, whole = place.person.train_frames, place.epochs[1]
    with setup.start(arguments, what, setup.settings.train_s, gpu) as child:
        for line in child.lines():
            if job.cancelled():
                raise HuashengError("cancelled")
            if not line or not fit.read(line) or (not fit.epoch):
                continue
            news = fit.evaluated > evaluated and "psnr_db" in fit.figures
            if time.monotonic() - reported < REPORT_EVERY_S and not news:
                continue
            reported = time.monotonic()
            share = min(1.0, (fit.epoch - 1 + fit.part) / whole)
            since = share - done / whole  # of the whole, in this run
            found: dict[str, Any] = {}
            if news:
                evaluated, found = fit.evaluated, {"validation_loss": fit.held_loss}
                found |= {"preview": PREVIEW} if _preview(place, job.work / PREVIEW) else {}
            job.report(
                "fit",
                0.02 + 0.96 * share,
                step=min(job.steps, round((fit.epoch - 1 + fit.part) * per)),
                loss=fit.loss,
                eta_s=(reported - began) / since * (1 - share) if since > 0.001 else 0.0,
                **found,
            )
        child.check()
        if math.isnan(fit.loss):
            raise child.useless("its loss is not a number any more")
        reached = max((epoch for epoch, _ in place.checkpoints()), default=0)
        if reached < place.epochs[number]:
            raise child.useless(f"it ended after {reached} of {place.epochs[number]} epochs")


def _prepared(job: TrainingJob, setup: SyncTalk) -> Path:
    """The avatar of the clip, when the training is run without the service."""
    target = job.work / f"avatar-{sha256_of_file(job.source)[:16]}"
    if not target.is_dir():
        fresh = job.work / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        preparing = SynctalkPrepareJob(
            source=job.source,
            kind="video",
            mesh_weights=folder("face-mesh", job.shared.weights_dir),
            limits=ClipLimits(job.service.max_side, setup.settings.max_video_s),
            progress=lambda stage, part: job.report(stage, 0.02 * part),
            cancelled=job.cancelled,
            setup=setup,
        )
        prepare(preparing, fresh)
        fresh.rename(target)
    return target


def _preview(place: Place, path: Path) -> bool:
    """A JPEG of held-out moments in rows, real above drawn; False when there is none to see yet."""
    drawn = sorted((place.workspace / "validation").glob("ngp_ep*_rgb.png"))
    if not drawn:
        return False
    newest = [p for p in drawn if p.name[:10] == drawn[-1].name[:10]]
    held = place.person.train_frames
    chosen = [newest[int(i)] for i in np.linspace(0, len(newest) - 1, min(SHOWN, len(newest)))]
    columns = []
    for picture in chosen:
        number = held + int(picture.name.split("_")[2]) - 1  # the held-out list follows the learned one
        pair = [cv2.imread(str(place.person.folder / TRUTH / f"{number}.jpg")), cv2.imread(str(picture))]
        if any(p is None for p in pair):
            return False
        columns.append(np.concatenate([cv2.resize(p, (PICTURE_SIDE, PICTURE_SIDE)) for p in pair if p is not None]))
    beside = path.with_suffix(".part.jpg")
    cv2.imwrite(str(beside), np.concatenate(columns, 1), [cv2.IMWRITE_JPEG_QUALITY, 90])
    beside.replace(path)
    return True
