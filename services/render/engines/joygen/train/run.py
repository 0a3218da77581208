"""Trains ``joygen`` on one person; ``train.job.TrainingJob`` says what is written where."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor

from services.common.errors import HuashengError
from services.common.settings import load
from services.common.weights import WeightsError, sha256_of
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import REQUIRED, UNET, Bundle, find_file, load_bundle
from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.settings import Settings
from services.render.engines.joygen.store import FACE, Avatar
from services.render.engines.joygen.train.augment import face_tensors
from services.render.engines.joygen.train.fit import UNetFineTuning, FineTuneRecipe
from services.render.engines.joygen.train.material import gather_training_data
from services.render.train.checks import clip_sound
from services.render.train.job import PREVIEW, RESULT, TrainingJob, TrainingResult
from services.render.train.torch_setup import use_device

log = logging.getLogger("huasheng.render.train")

CHECKPOINT = "joygen.pt"
SHOWN = 5
SIDE = 160
BETTER_DB = 0.1
"""Rise of the mouth's PSNR under which a training gets the warning ``not-better``."""
REPORT_EVERY_S = 1.0


def train(job: TrainingJob) -> None:
    """Check, prepare, gather, fit, evaluate. The model is ``unet/`` in upstream's own format.

    Raises ``no-audio``, ``too-short``, ``silent-audio``, ``few-faces``, ``training-unavailable``, ``training-memory``,
    ``training-stopped``, ``cancelled`` and what preparing an avatar raises.
    """
    try:
        _train(job)
    except WeightsError as e:
        raise HuashengError("training-unavailable", why=str(e)) from e
    except (torch.OutOfMemoryError, MemoryError) as e:
        raise HuashengError("training-memory", device=job.device) from e
    except RuntimeError as e:
        if "not enough memory" in str(e):  # how the CPU's allocator says it
            raise HuashengError("training-memory", device=job.device) from e
        if "CUDA" in str(e) or "NVIDIA" in str(e):
            raise HuashengError("training-unavailable", why=str(e).splitlines()[0]) from e
        raise


def _train(job: TrainingJob) -> None:
    job.report("check", 0.0)
    recipe = FineTuneRecipe.of(job.recipe)
    use_device(job.device, job.shared.threads)
    root = _settings(job).models_dir / "joygen"
    samples, warnings = clip_sound(job.source, job.name)
    for code in warnings:
        job.warn(code)
    avatar = Avatar.load(job.avatar or _prepared(job))
    job.report("load", 0.1)
    bundle = load_bundle(root, job.device, kind="joygen")
    bfm = _face_model(bundle, root)
    bundle.a2m = bundle.hubert = None  # the frames have their own expressions
    used = [find_file(root, names) for names in REQUIRED["joygen"].values()]
    files = [job.source, avatar.folder / FACE, *(p for p in used if p)]
    seen = " ".join([*(sha256_of(p) for p in files), str(bfm is not None)])
    work = job.work / f"joygen-{_short(seen)}"
    for old in job.work.glob("joygen-*"):
        if old != work:
            shutil.rmtree(old, ignore_errors=True)

    def progress(part: float) -> None:
        job.report("features", 0.1 + 0.1 * part)

    material = gather_training_data(avatar, job.name, samples, bundle, bfm, work, progress)
    if material.depth is None:
        job.warn("no-depth")
    fit = UNetFineTuning(bundle.unet, bundle.vae, material, recipe, job.steps, job.device, seen)
    before_file = work / "before.json"
    if not before_file.is_file():  # the published network, which a resumed one no longer is
        before_file.write_text(json.dumps(fit.figures()), encoding="utf-8")
        np.save(work / "before.npy", fit.drawn(_shown(fit)).numpy())
    before: dict[str, float] = json.loads(before_file.read_text(encoding="utf-8"))
    after = _run(job, fit, work)
    if after["mouth_psnr_db"] - before["mouth_psnr_db"] < BETTER_DB:
        job.warn("not-better")
    job.report("publish", 0.98)
    save_unet(fit, job.out / "unet")
    shutil.copyfile(job.work / PREVIEW, job.out / PREVIEW)
    TrainingResult(before, after, job.progress.warnings, 0.0, None).save(job.out / RESULT)


def _settings(job: TrainingJob) -> Settings:
    return job.settings if isinstance(job.settings, Settings) else load(Settings)


def _prepared(job: TrainingJob) -> Path:
    """The avatar of the clip when the training is run without the service."""
    target = job.work / f"avatar-{sha256_of(job.source)[:16]}-{job.service.max_avatar_s}"
    if not target.is_dir():
        fresh = job.work / "fresh" / "avatar"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        engine = JoygenEngine(_settings(job), job.shared, job.service)
        engine.load()
        try:
            engine.prepare(job.source, "video", fresh, lambda s, part: job.report(s, 0.1 * part), job.cancelled)
        finally:
            engine.close()
        fresh.rename(target)
    return target


def _face_model(bundle: Bundle, root: Path) -> Bfm | None:
    try:
        return Bfm.load(root / "BFM", bundle.device) if bundle.recon else None
    except (OSError, ValueError) as e:
        log.warning("training without depth: %s", e)
        return None


def _run(job: TrainingJob, fit: UNetFineTuning, work: Path) -> dict[str, float]:
    """Train to the last step. Figures go to the caller and, where TensorBoard is installed, to ``tensorboard/``."""
    fit.resume(work / CHECKPOINT)
    board = _board(job.work / "tensorboard", fit.step)
    began, first, reported = time.monotonic(), fit.step, 0.0
    figures: dict[str, float] = {}
    job.report("fit", 0.2, step=fit.step)
    try:
        while fit.step < job.steps or not figures:
            if job.cancelled():
                fit.save(work / CHECKPOINT)
                raise HuashengError("cancelled")
            if fit.step < job.steps:
                fit.one()
            if board is not None:
                board.add_scalar("loss", fit.loss, fit.step)
                board.add_scalar("rate", fit.optimiser.param_groups[0]["lr"], fit.step)
            look = fit.step % fit.recipe.save_every == 0 or fit.step == job.steps
            if not look and time.monotonic() - reported < REPORT_EVERY_S:
                continue
            reported = time.monotonic()
            more: dict[str, Any] = {}
            if look:
                fit.save(work / CHECKPOINT)
                figures = fit.figures()
                _preview(fit, work, job.work / PREVIEW)
                more = {"validation_loss": figures["lower_l1"], "preview": PREVIEW}
                if board is not None:
                    for name, value in figures.items():
                        board.add_scalar(f"held out/{name}", value, fit.step)
            pace = (reported - began) / max(1, fit.step - first)
            job.report(
                "fit",
                0.2 + 0.78 * fit.step / job.steps,
                step=fit.step,
                loss=fit.loss,
                eta_s=(job.steps - fit.step) * pace,
                **more,
            )
    finally:
        if board is not None:
            board.close()
    return figures


def _board(folder: Path, step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        log.warning("tensorboard is not installed: no curves are written (pip install tensorboard)")
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)  # steps after the checkpoint are written again


def _shown(fit: UNetFineTuning) -> list[int]:
    frames = fit.judged()
    return [frames[int(k)] for k in np.linspace(0, len(frames) - 1, min(SHOWN, len(frames)))]


def _preview(fit: UNetFineTuning, work: Path, path: Path) -> None:
    """A JPEG of held-out faces in rows: real, before, now."""
    frames = _shown(fit)
    rows = [face_tensors(fit.material, frames), torch.from_numpy(np.load(work / "before.npy")), fit.drawn(frames)]
    lines = [np.concatenate([_small(x) for x in row], 1) for row in rows]
    beside = path.with_suffix(".part.jpg")
    cv2.imwrite(str(beside), np.concatenate(lines), [cv2.IMWRITE_JPEG_QUALITY, 90])
    beside.replace(path)


def _small(face: Tensor) -> npt.NDArray[np.uint8]:
    levels = ((face.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()[..., ::-1]
    return np.asarray(cv2.resize(np.ascontiguousarray(levels), (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def save_unet(fit: UNetFineTuning, folder: Path) -> None:
    """The network that is kept, as diffusers and upstream read it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fit.unet.config.to_json(), indent=1), encoding="utf-8")
    tensors = {k: v.detach().float().cpu().contiguous() for k, v in fit.kept.state_dict().items()}
    save_file(tensors, folder / UNET, {"format": "pt"})


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
