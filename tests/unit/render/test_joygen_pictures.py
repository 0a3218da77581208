"""Geometry and pasting against upstream's own programs, on a made-up face and picture."""

from pathlib import Path

import numpy as np
import pytest

from services.render.engines.joygen import align, depth, paste
from tests.fakes import faces
from tests.fakes.joygen_scene import write_scene
from tools import joygen_golden_pictures as golden
from tools import musetalk_golden_mask as jaw


def test_vertices_landmarks_depth_and_pasted_frames_are_upstreams(tmp_path: Path) -> None:
    found = golden.differences(golden.Scene.load(write_scene(tmp_path)))
    assert found.keys() == golden.ALLOWED.keys()
    assert golden.too_far(found) == []
    with np.load(golden.GOLDEN) as file:  # black pictures would agree too
        assert (file["lip_depth"] > 100).sum() > 2000
        assert (file["mask"] > 200).sum() > 2000
        assert 0.2 < (file["depth"] > 0).mean() < 0.8


def test_small_mistakes_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paste, "FACE_CLASSES", (1, 11))
    monkeypatch.setattr(depth, "LIPS", align.LIPS[::2])
    scene = golden.Scene.load(write_scene(tmp_path))
    scene.fitted[:, 0] += 0.05
    assert set(golden.too_far(golden.differences(scene))) >= {"vertices", "landmarks", "lip_depth", "mask", "pasted"}


def test_the_jaw_mask_is_musetalks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = jaw.differences()
    assert found["region"] == (0, 0)
    assert found["mask"][0] <= 16 and found["mask"][1] < 0.2  # the mask is kept at 128 by 128
    monkeypatch.setattr(paste, "CHEEK_OFFSET", 80)
    assert jaw.differences()["region"][1] > 1


def test_without_the_parser_the_mesh_tells_jaw_and_nose() -> None:
    mesh = faces.face(opening=0.2)[:, :2] * 100 + (250, 250)
    classes = paste.mesh_classes(mesh - (100, 100), 512 / 360)
    assert {1, 10, 11} <= set(np.unique(classes).tolist())
    box = align.face_box(mesh, 500, 10)
    masks = [
        paste.face_mask(np.zeros((500, 500, 3), np.uint8), box, mesh, None, s) for s in (paste.JOYGEN, paste.MUSETALK)
    ]
    x0, y0, x1, _ = paste.square_around(box)
    for name, point, inside in (("chin", 152, (True, True)), ("mouth", 13, (True, True)), ("nose", 4, (True, False))):
        x, y = ((mesh[point] - (x0, y0) - (0, 4)) * paste.MASK_SIDE / (x1 - x0)).astype(int)
        assert tuple(bool(m[y, x] > 127) for m in masks) == inside, name
    assert (masks[1] > 127).sum() < 0.9 * (masks[0] > 127).sum()  # the cheeks are drawn in
