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

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.settings import load
from services.common.weights import WeightsError
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import REQUIRED, UNET, Bundle, find_file, load_bundle
from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.settings import Settings
from services.render.engines.joygen.store import FACE, Avatar
from services.render.engines.joygen.train.augment import face_tensors
from services.render.engines.joygen.train.fit import FineTuneRecipe, UNetFineTuning
from services.render.engines.joygen.train.material import gather_training_data
from services.render.train.checks import clip_sound
from services.render.train.job import PREVIEW, RESULT, TrainingJob, TrainingResult
from services.render.train.torch_setup import use_device

log = logging.getLogger("huasheng.render.train")

CHECKPOINT = "joygen.pt"
PREVIEW_FACES = 5
PREVIEW_SIDE = 160
MIN_GAIN_DB = 0.1
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
        raise HuashengError("training-unavailable", **e.cause) from e
    except (torch.OutOfMemoryError, MemoryError) as e:
        raise HuashengError("training-memory", device=job.device) from e
    except RuntimeError as e:
        if "not enough memory" in str(e):  # how the CPU's allocator says it
            raise HuashengError("training-memory", device=job.device) from e
        if "CUDA" in str(e) or "NVIDIA" in str(e):
            raise HuashengError("training-unavailable", cause="gpu-broken", text=str(e).splitlines()[0]) from e
        raise


def _train(job: TrainingJob) -> None:
    job.report("check", 0.0)
    recipe = FineTuneRecipe.from_values(job.recipe)
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
    identity = " ".join([*(sha256_of_file(p) for p in files), str(bfm is not None)])
    work = job.work / f"joygen-{_short(identity)}"
    for old in job.work.glob("joygen-*"):
        if old != work:
            shutil.rmtree(old, ignore_errors=True)

    def progress(part: float) -> None:
        job.report("features", 0.1 + 0.1 * part)

    material = gather_training_data(
        avatar=avatar, name=job.name, samples=samples, bundle=bundle, bfm=bfm, work=work, progress=progress
    )
    if material.depth is None:
        job.warn("no-depth")
    fine_tuning = UNetFineTuning(
        unet=bundle.unet,
        vae=bundle.vae,
        material=material,
        recipe=recipe,
        steps=job.steps,
        device=job.device,
        identity=identity,
    )
    before_file = work / "before.json"
    if not before_file.is_file():  # the published network, which a resumed one no longer is
        before_file.write_text(json.dumps(fine_tuning.scores()), encoding="utf-8")
        np.save(work / "before.npy", fine_tuning.predict(_preview_frames(fine_tuning)).numpy())
    before: dict[str, float] = json.loads(before_file.read_text(encoding="utf-8"))
    after = _run(job, fine_tuning, work)
    if after["mouth_psnr_db"] - before["mouth_psnr_db"] < MIN_GAIN_DB:
        job.warn("not-better")
    job.report("publish", 0.98)
    save_unet(fine_tuning, job.out / "unet")
    shutil.copyfile(job.work / PREVIEW, job.out / PREVIEW)
    TrainingResult(before, after, job.progress.warnings, 0.0, None).save(job.out / RESULT)


def _settings(job: TrainingJob) -> Settings:
    return job.settings if isinstance(job.settings, Settings) else load(Settings)


def _prepared(job: TrainingJob) -> Path:
    """The avatar of the clip when the training is run without the service."""
    target = job.work / f"avatar-{sha256_of_file(job.source)[:16]}-{job.service.max_avatar_s}"
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


def _run(job: TrainingJob, fine_tuning: UNetFineTuning, work: Path) -> dict[str, float]:
    """Train to the last step. Figures go to the caller and, where TensorBoard is installed, to ``tensorboard/``."""
    fine_tuning.resume(work / CHECKPOINT)
    writer = _tensorboard_writer(job.work / "tensorboard", fine_tuning.step)
    started, first_step, reported = time.monotonic(), fine_tuning.step, 0.0
    scores: dict[str, float] = {}
    job.report("fit", 0.2, step=fine_tuning.step)
    try:
        while fine_tuning.step < job.steps or not scores:
            if job.cancelled():
                fine_tuning.save(work / CHECKPOINT)
                raise HuashengError("cancelled")
            if fine_tuning.step < job.steps:
                fine_tuning.train_step()
            if writer is not None:
                writer.add_scalar("loss", fine_tuning.loss, fine_tuning.step)
                writer.add_scalar("rate", fine_tuning.optimiser.param_groups[0]["lr"], fine_tuning.step)
            validate = fine_tuning.step % fine_tuning.recipe.save_every == 0 or fine_tuning.step == job.steps
            if not validate and time.monotonic() - reported < REPORT_EVERY_S:
                continue
            reported = time.monotonic()
            extra: dict[str, Any] = {}
            if validate:
                fine_tuning.save(work / CHECKPOINT)
                scores = fine_tuning.scores()
                _preview(fine_tuning, work, job.work / PREVIEW)
                extra = {"validation_loss": scores["lower_l1"], "preview": PREVIEW}
                if writer is not None:
                    for name, value in scores.items():
                        writer.add_scalar(f"held out/{name}", value, fine_tuning.step)
            pace = (reported - started) / max(1, fine_tuning.step - first_step)
            job.report(
                "fit",
                0.2 + 0.78 * fine_tuning.step / job.steps,
                step=fine_tuning.step,
                loss=fine_tuning.loss,
                eta_s=(job.steps - fine_tuning.step) * pace,
                **extra,
            )
    finally:
        if writer is not None:
            writer.close()
    return scores


def _tensorboard_writer(folder: Path, step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        log.warning("tensorboard is not installed: no curves are written (pip install tensorboard)")
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)  # steps after the checkpoint are written again


def _preview_frames(fine_tuning: UNetFineTuning) -> list[int]:
    frames = fine_tuning.validation_frames()
    return [frames[int(k)] for k in np.linspace(0, len(frames) - 1, min(PREVIEW_FACES, len(frames)))]


def _preview(fine_tuning: UNetFineTuning, work: Path, path: Path) -> None:
    """A JPEG of held-out faces in rows: real, before, now."""
    frames = _preview_frames(fine_tuning)
    rows = [
        face_tensors(fine_tuning.material, frames),
        torch.from_numpy(np.load(work / "before.npy")),
        fine_tuning.predict(frames),
    ]
    strips = [np.concatenate([_thumbnail(x) for x in row], 1) for row in rows]
    partial = path.with_suffix(".part.jpg")
    cv2.imwrite(str(partial), np.concatenate(strips), [cv2.IMWRITE_JPEG_QUALITY, 90])
    partial.replace(path)


def _thumbnail(face: Tensor) -> npt.NDArray[np.uint8]:
    levels = ((face.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()[..., ::-1]
    return np.asarray(
        cv2.resize(np.ascontiguousarray(levels), (PREVIEW_SIDE, PREVIEW_SIDE), interpolation=cv2.INTER_AREA), np.uint8
    )


def save_unet(fine_tuning: UNetFineTuning, folder: Path) -> None:
    """The network that is kept, as diffusers and upstream read it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fine_tuning.unet.config.to_json(), indent=1), encoding="utf-8")
    tensors = {k: v.detach().float().cpu().contiguous() for k, v in fine_tuning.averaged.state_dict().items()}
    save_file(tensors, folder / UNET, {"format": "pt"})


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
