"""What the fake render service says of a training."""

from __future__ import annotations

from typing import Any

from huasheng.render.v1 import render_pb2


def train_progress(request: Any, step: int, stage: str, fraction: float, **more: Any) -> render_pb2.TrainResponse:
    progress = render_pb2.TrainProgress(step=step, steps=request.steps, stage=stage, fraction=fraction, **more)
    return render_pb2.TrainResponse(progress=progress)


def curve() -> render_pb2.MouthCurve:
    return render_pb2.MouthCurve(rate_hz=25, start_s=10, real=[0.1, 0.2, 0.3], before=[0, 0, 0], after=[0.1, 0.2, 0.2])
