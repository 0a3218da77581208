"""Geometry and pasting against upstream's own programs, on a made-up face and picture."""

from pathlib import Path

import numpy as np
import pytest

from services.render.joygen import align, depth, paste
from tests.fakes.joygen_scene import write_scene
from tools import joygen_golden_pictures as golden


def test_vertices_landmarks_depth_and_pasted_frames_are_upstreams(tmp_path: Path) -> None:
    found = golden.differences(golden.Scene.load(write_scene(tmp_path)))
    assert found.keys() == golden.ALLOWED.keys()
    assert golden.too_far(found) == []
    with np.load(golden.GOLDEN) as file:  # black pictures would agree too
        assert (file["lip_depth"] > 100).sum() > 2000
        assert (file["mask"] > 200).sum() > 2000
        assert 0.2 < (file["depth"] > 0).mean() < 0.8


def test_small_mistakes_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paste, "EXPAND", 1.25)
    monkeypatch.setattr(depth, "LIPS", align.LIPS[::2])
    scene = golden.Scene.load(write_scene(tmp_path))
    scene.fitted[:, 0] += 0.05
    assert set(golden.too_far(golden.differences(scene))) >= {"vertices", "landmarks", "lip_depth", "mask", "pasted"}
