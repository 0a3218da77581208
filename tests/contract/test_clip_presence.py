"""Tracked with the real face mesh, a film of two people, or of one who leaves, plays one person's longest stretch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.tracking import track_clip
from services.render.types import ClipLimits, PrepareJob
from tests.fakes import media


def stranger() -> np.ndarray:
    """The portrait as somebody else: mirrored, with other hair, skin and clothes, in front of another wall."""
    other = cv2.cvtColor(media.portrait(320)[:, ::-1], cv2.COLOR_BGR2LAB).astype(int)
    return cv2.cvtColor(np.clip(other * (0.7, 1, 1) + (60, 12, -25), 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)


def test_films_of_two_people_and_of_an_empty_chair(tmp_path: Path) -> None:
    try:
        weights = folder("face-mesh", SharedSettings().weights_dir)
        first = list(media.rocking(1.2, 320))
    except WeightsError as e:
        pytest.skip(str(e))
    second = [np.roll(stranger(), round(2 * np.sin(i / 9)), 1) for i in range(40)]
    away = list(media.rocking(3.2, 320, absent=(0.8, 1.6)))
    for name, pictures, wanted in (
        ("two", first + second, ("other-person", 30, 70)),
        ("away", away, ("person-leaves", 40, 80)),
    ):
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(media.video(pictures))
        job = PrepareJob(
            source=path,
            kind="video",
            mesh_weights=weights,
            limits=ClipLimits(320, 10),
            progress=lambda *_: None,
            cancelled=lambda: False,
        )
        clip = track_clip(job, tmp_path / f"{name}-frames.mp4")
        assert wanted[0] in clip.warnings
        # a few frames after a cut the mesh still lags behind the new face
        assert -1 <= clip.first - wanted[1] <= 5 and -1 <= wanted[2] - clip.end <= 5
        assert clip.good[clip.first : clip.end].mean() > 0.9
