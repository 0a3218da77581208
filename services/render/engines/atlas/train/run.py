"""Trains the atlas engine on one person: what of the clip is learned from, what it is judged by, and in which order.

The last part of the clip is held out: the atlas and the networks that are judged never see it. The figures are of the
drawn pictures, before (general model) and after. Then the networks are fitted once more, on the whole clip: that model
is the result, so its own figures cannot be measured any more and should be at least as good.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.weights import folder
from services.render.audio.log_mel import RATE, Array
from services.render.audio.whisper import PER_S, SIZE
from services.render.clip.frames import Reader
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.mouth.clip import ClipModel
from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.encoded import encode_recording
from services.render.engines.atlas.mouth.person import (
    CORRECTED_SOURCES,
    NO_OFFSETS,
    InputTransform,
    PersonModel,
    neighbours,
    person_encoder,
)
from services.render.engines.atlas.train.checks import offset_warnings, voice_in
from services.render.engines.atlas.train.correction import (
    drawn_mouths,
    evaluate_corrections,
    select_correction,
    training_pairs,
)
from services.render.engines.atlas.train.fit import SAVE_EVERY, EnsembleFit, FitProgress
from services.render.engines.atlas.train.material import TrainingData, training_data
from services.render.engines.atlas.train.score import PREVIEW_MOMENTS, head_shapes, preview, render_frames, scores
from services.render.face.landmarks import Tracker
from services.render.media.write import EncoderOptions, to_bgr
from services.render.train.checks import clip_sound
from services.render.train.comparison import AFTER, BEFORE, write_movie
from services.render.train.job import MODEL, PREVIEW, RESULT, MouthCurve, TrainingJob, TrainingResult
from services.render.train.torch_setup import use_device
from services.render.types import Image, SessionConfig

HELD_OUT = 0.3
PRIOR, PRIOR_S = 0.5, 10.0
"""Correlation that the general estimate commonly has with a mouth, and the seconds of a clip that outweigh that."""
PRE_ROLL_S = 4.0
"""Drawn before the held-out part, so that it begins in the middle of speech."""
GAIN = (1.0, 1.8)
WANTED_SPREAD = 0.92
"""Of the real mouth: a prediction that is not sure moves a little less."""
BETTER = 0.02
"""Rise in correlation under which a training gets the warning ``not-better``."""
CURVE = 500


@dataclass(frozen=True)
class Fitting:
    """One fit on one stretch, and how its members become a model."""

    fit: EnsembleFit
    general: ClipModel
    inputs: InputTransform
    slope: Array
    centre: Array
    spread: Array
    base: Array
    wanted: Array

    @classmethod
    def of(cls, stretch: TrainingData, general: ClipModel, steps: int, device: str, identity: str) -> Fitting:
        """The untrained start: the general estimate, as strong as fits best."""
        inputs = InputTransform.fit(np.mean(stretch.features, axis=0), general)
        real = stretch.measured[stretch.usable]
        centre, spread = real.mean(0), real.std(0) + 1e-3
        wanted = np.tile((real - centre) / spread, (len(stretch.features), 1))
        rows, away = [], []
        for features in stretch.features:
            rows.append(inputs.apply(features, general, stretch.lag)[stretch.usable])
            guess = neighbours(general.estimate(features[:, :SIZE]), NO_OFFSETS, stretch.lag)
            away.append(guess[stretch.usable] - general.centre)
        far = np.concatenate(away)
        strength = far.std(0) + 1e-6
        agreed = np.maximum(0, (far * wanted).mean(0) / strength)
        trust = PRIOR_S / (PRIOR_S + stretch.usable.sum() / PER_S)
        slope = ((trust * PRIOR + (1 - trust) * agreed) / strength).astype(np.float32)
        base = far * slope
        when = np.tile(np.flatnonzero(stretch.usable), len(stretch.features))
        fit = EnsembleFit(np.concatenate(rows), (wanted - base).astype(np.float32), when, steps, device, identity)
        return cls(fit, general, inputs, slope, centre, spread, base, wanted)

    def model(self, text: Correction | None = None, live: Correction | None = None, helps: bool = True) -> PersonModel:
        """Of the members as they are best so far; strong enough to move as much as the real mouth."""
        seen = self.fit.out_of_fold() + self.base
        gain = np.clip(WANTED_SPREAD / (seen.std(0) + 1e-6), *GAIN).astype(np.float32)
        parts = (self.inputs, self.fit.ensemble(), self.slope, self.centre, self.spread, gain)
        return PersonModel(self.general, *parts, text, live, helps)


def train(job: TrainingJob) -> None:
    """Check, prepare, fit, judge, fit again; ``TrainingJob`` says what is written where.

    Raises ``no-audio``, ``too-short``, ``silent-audio``, ``clip-without-speech``, ``cancelled`` and what
    ``RenderEngine.prepare`` raises.
    """
    job.report("check", 0.0)
    use_device(job.device, job.shared.threads)
    engine = AtlasEngine(None, job.shared, job.service)
    engine.load()
    sound, warnings = clip_sound(job.source, job.name)
    voice_in(sound, job.name, engine.encoder)
    for code in warnings:
        job.warn(code)
    length = min(len(sound) / RATE, job.service.max_avatar_s)
    sound = sound[: round(length * RATE)]
    cut = length * (1 - HELD_OUT)
    whole = prepared(job, engine, "whole", job.service.max_avatar_s, 0.02, 0.12, job.avatar)
    part = prepared(job, engine, "held-in", cut, 0.12, 0.22)
    job.report("features", 0.22)
    general = ClipModel.builtin()
    held_in, everything = (training_data(sound, a.face, a.plan.fps, engine.encoder) for a in (part, whole))
    features = encode_recording(sound, RATE, person_encoder(engine.encoder))
    if held_in.usable.sum() < 2 * PER_S:
        raise HuashengError("few-faces", name=job.name, percent=round(100 * held_in.usable.mean()), limit=50)
    for code in offset_warnings(held_in.lag, held_in.sync):
        job.warn(code)
    job.report("features", 0.24, offset_ms=held_in.lag * 1000 / PER_S)
    # a checkpoint belongs to these frames and these weights
    seen = f"{sha256_of_file(job.source)}/{hashlib.sha256(general.matrix.tobytes()).hexdigest()[:16]}/{engine.version}"
    first = Fitting.of(held_in, general, job.steps, job.device, f"held-in/{seen}/{length:.2f}")
    curve = _curve_of(whole, part, features, held_in)
    _run(job, first, "fit", job.work / "fit.pt", 0.24, 0.56, curve)
    ways = evaluate_corrections(held_in, everything, whole, part)
    trial = first.model(ways["text"].correction, ways["live"].correction)
    result = _score(job, engine, whole, part, sound, trial, held_in, curve)
    for way, found in ways.items():
        result.before.update(found.before)
        result.after.update(found.after)
        if found.correction is None:
            job.warn(f"{way}-not-better")
    last = Fitting.of(everything, general, job.steps, job.device, f"whole/{seen}/{length:.2f}")
    _run(job, last, "final", job.work / "final.pt", 0.68, 0.98, None)
    job.report("publish", 0.98)
    reach = whole.face.reach
    text, live = (
        select_correction(*training_pairs(everything, w), reach) if ways[w].correction else None
        for w in CORRECTED_SOURCES
    )
    last.model(text, live, "not-better" not in job.progress.warnings).save(job.out / MODEL)
    replace(result, warnings=job.progress.warnings).save(job.out / RESULT)


def prepared(
    job: TrainingJob, engine: AtlasEngine, name: str, seconds: float, start: float, end: float, made: Path | None = None
) -> Avatar:
    """The avatar of the clip's first seconds; one of an earlier attempt is taken again."""
    target = made or job.work / f"{name}-{sha256_of_file(job.source)[:16]}-{engine.version}-{seconds:.2f}"
    if not target.is_dir():
        service = job.service.model_copy(update={"max_avatar_s": seconds})
        for old in (*job.work.glob(f"{name}-*"), *job.work.glob(".part-*")):
            shutil.rmtree(old)
        fresh = job.work / f".part-{name}"
        fresh.mkdir()
        maker = AtlasEngine(None, job.shared, service)
        maker.load()

        def progress(stage: str, part: float) -> None:
            job.report(stage, start + (end - start) * part)

        maker.prepare(job.source, "video", fresh, progress, job.cancelled)
        fresh.rename(target)
    job.report("atlas", end)
    return Avatar.load(target)


def _run(
    job: TrainingJob,
    fitting: Fitting,
    stage: str,
    checkpoint: Path,
    start: float,
    end: float,
    curve: Callable[[PersonModel], MouthCurve] | None,
) -> None:
    began, first = time.monotonic(), -1

    def report(now: FitProgress) -> None:
        nonlocal first
        if first < 0:
            first = now.step
        pace = (time.monotonic() - began) / max(1, now.step - first) if now.step > first else 0.0
        more: dict[str, Any] = {"validation_loss": now.validation_loss}
        if curve and (now.step % SAVE_EVERY == 0 or now.step == job.steps):
            more["curve"] = curve(fitting.model())
        left = (job.steps - now.step) * pace + (job.steps * pace if stage == "fit" else 0)
        part = now.step / job.steps
        job.report(stage, start + (end - start) * part, step=now.step, loss=now.loss, eta_s=left, **more)

    job.report(stage, start, step=0)
    fitting.fit.run(checkpoint, report, job.cancelled, job.warn)


def _curve_of(
    whole: Avatar, part: Avatar, features: Array, held_in: TrainingData
) -> Callable[[PersonModel], MouthCurve]:
    """Makes the curves of the held-out part: real, general, and of a model; offset taken out, in eye distances."""
    fps = whole.plan.fps
    first, last = len(part.face.mouths), len(whole.face.mouths)
    step = max(1, int(np.ceil((last - first) / CURVE)))
    frames = np.arange(first, last, step)
    times = frames / fps * PER_S + held_in.lag

    def opening(track: Array, corrected: bool) -> list[float]:
        at = np.stack([np.interp(times, np.arange(len(track)), c) for c in track.T], 1)
        return [round(float(v), 4) for v in drawn_mouths(part, at, corrected)[:, 0]]

    real = [round(float(v), 4) for v in whole.face.mouths[frames, 0]]
    before = opening(ClipModel.builtin().estimate(features[:, :SIZE]), corrected=False)

    def made(model: PersonModel) -> MouthCurve:
        return MouthCurve(fps / step, first / fps, real, before, opening(model.estimate(features), corrected=True))

    return made


def _score(
    job: TrainingJob,
    engine: AtlasEngine,
    whole: Avatar,
    part: Avatar,
    sound: Array,
    model: PersonModel,
    held_in: TrainingData,
    curve: Callable[[PersonModel], MouthCurve],
) -> TrainingResult:
    """Draw the held-out part before and after, look at it, and say whether training helped."""
    weights = folder("face-mesh", job.shared.weights_dir)
    fps = whole.plan.fps
    first, last = len(part.face.mouths), len(whole.face.mouths)
    start = max(0, first - round(PRE_ROLL_S * fps))
    heard = sound[round(start / fps * RATE) : round(last / fps * RATE)]
    trial = job.work / "trial.npz"
    model.save(trial)
    pictures: list[list[Image]] = []
    shapes: list[Array] = []
    for k, used in enumerate((None, trial)):
        begin = 0.56 + 0.06 * k

        def tick(done: float, begin: float = begin) -> None:
            job.report("score", begin + 0.03 * done)

        session = engine.open_session(part.folder, SessionConfig(RATE, model=used))
        pictures.append(render_frames(session, heard, first - start, last - start, tick))
        shapes.append(head_shapes(pictures[-1], weights, lambda done, tick=tick: tick(1 + done)))  # type: ignore[misc]
    real, kept = _real(whole, first, last)
    offset_s = held_in.lag / PER_S
    before, after = (scores(s, real, fps, offset_s) for s in shapes)
    if sum(after[k] - before[k] for k in ("opening_corr", "width_corr")) < BETTER:
        job.warn("not-better")
    (job.work / PREVIEW).write_bytes(_preview(kept, pictures, round(offset_s * fps), weights))
    shutil.copyfile(job.work / PREVIEW, job.out / PREVIEW)
    spoken = heard[round((first - start) / fps * RATE) :]
    for name, drawn in zip((BEFORE, AFTER), pictures, strict=True):
        write_movie(job.out / name, drawn, fps, spoken, EncoderOptions(threads=job.shared.threads), job.mark)
    job.report("score", 0.68, preview=PREVIEW, curve=curve(model))
    return TrainingResult(before, after, job.progress.warnings, 1000 * offset_s, curve(model), has_movies=True)


def _real(whole: Avatar, first: int, last: int) -> tuple[Array, dict[int, Image]]:
    """Shapes of the real held-out frames, and the pictures of a few of them by number from ``first``."""
    face = whole.face
    shapes = np.einsum(
        "npk,nkj->npj",
        (face.meshes[first:last] - face.shift[first:last, None]) / face.scale[first:last, None, None],
        face.rotation[first:last],
    )
    wanted = np.linspace(0, last - first - 1, PREVIEW_MOMENTS + 2)[1:-1].astype(int)
    reader = Reader(whole.folder / FRAMES)
    try:
        return shapes, {int(k): to_bgr(reader.frame(first + int(k))) for k in wanted}
    finally:
        reader.close()


def _preview(real: dict[int, Image], drawn_mouths: list[list[Image]], ahead: int, weights: Path) -> bytes:
    """``ahead`` frames is the clip's offset: the drawn picture of a real one comes so much later."""
    rows = [list(real.values()), *([p[min(max(0, k + ahead), len(p) - 1)] for k in real] for p in drawn_mouths)]
    boxes = []
    for pictures in rows:
        cuts = []
        for picture in pictures:
            mesh = Tracker(weights).next(picture)
            h, w = picture.shape[:2]
            low, high = ((0, 0), (w, h)) if mesh is None else (mesh[:, :2].min(0), mesh[:, :2].max(0))
            side = int(min(h, w, max(high[0] - low[0], high[1] - low[1]) * 1.1))
            x, y = int((low[0] + high[0] - side) / 2), int((low[1] + high[1] - side) / 2)
            cuts.append((min(max(0, x), w - side), min(max(0, y), h - side), side, side))
        boxes.append(cuts)
    return preview(rows, boxes)
