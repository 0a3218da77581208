"""A trainer without torch: counts steps in a file, so that tests can stop it and look where it goes on."""

from __future__ import annotations

import json
import time

from services.common.errors import HuashengError
from services.render.train.comparison import AFTER, BEFORE
from services.render.train.job import MODEL, PREVIEW, RESULT, MouthCurve, TrainingJob, TrainingResult

STEP_S = 0.02
SAVE_EVERY = 10


def train(job: TrainingJob) -> None:
    if b"silent" in job.source.read_bytes()[-64:]:
        raise HuashengError("silent-audio", name=job.name)
    if b"crash" in job.source.read_bytes()[-64:]:
        raise MemoryError
    kept = job.work / "steps.json"
    done = json.loads(kept.read_text()) if kept.is_file() else 0
    job.report("fit", 0.1, step=done)
    for step in range(done + 1, job.steps + 1):
        try:
            job.report("fit", 0.1 + 0.8 * step / job.steps, step=step, loss=1 / step, validation_loss=2 / step)
        except HuashengError:
            kept.write_text(str(step - 1))
            raise
        time.sleep(STEP_S)
        if step % SAVE_EVERY == 0:
            part = kept.with_suffix(".part")
            part.write_text(str(step))
            part.replace(kept)
    curve = MouthCurve(25, 1.0, [0.1, 0.2], [0.1, 0.1], [0.1, 0.19])
    (job.work / PREVIEW).write_bytes(b"\xff\xd8 preview")
    (job.out / PREVIEW).write_bytes(b"\xff\xd8 preview")
    job.warn("short-clip")
    job.report("score", 0.95, step=job.steps, preview=PREVIEW, curve=curve, offset_ms=120.0)
    (job.out / MODEL).write_bytes(b"model")
    for name in (BEFORE, AFTER):
        (job.out / name).write_bytes(f"film {name}".encode())
    made = TrainingResult({"opening_corr": 0.4}, {"opening_corr": 0.7}, job.progress.warnings, 120.0, curve, True)
    made.save(job.out / RESULT)
