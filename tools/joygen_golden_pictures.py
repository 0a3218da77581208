"""Compares our geometry and pasting with upstream's own, on the same made-up face, picture, boxes and parse labels.

    python tests/fakes/joygen_scene.py SCENE                               # a folder with all that
    python -m tools.joygen_golden_pictures make SCENE --upstream CHECKOUT   # upstream's numbers, into tests/data/joygen
    python -m tools.joygen_golden_pictures check SCENE                      # ours against them

``make`` runs upstream's second and third programs (``inference_edit_expression.py``, ``inference_joygen.py``) with
stand-ins for detectors, networks and nvdiffrast, which needs a GPU: the stand-in is a plain loop over triangles and
pixels with unrounded corners. JPEG files are written without loss. It needs torch, numpy < 2, scipy, Pillow, OpenCV,
scikit-image and a checkout of JoyGen. Only numbers are kept. ``check`` runs in ours, and is what the tests do.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from services.render.engines.joygen.align import FACE_68, MEAN_POINTS, align_crop, face_box, five_points
from services.render.engines.joygen.bfm import EXPRESSION, INDEX, SIDE, Bfm, landmarks, project
from services.render.engines.joygen.depth import Placement, grey_depth, lip_depth
from services.render.engines.joygen.rasteriser import rasterise

GOLDEN = Path(__file__).resolve().parents[1] / "tests/data/joygen/golden_pictures.npz"
ALLOWED: dict[str, tuple[float, float, float]] = {
    "vertices": (1e-6, 0, 1e-6),
    "landmarks": (1e-4, 0, 1e-4),
    "crop": (1e-5, 0, 1e-5),
    "box": (0, 0, 0),
    "aligned": (1, 0.0002, 0.01),
    "depth": (1, 0.0005, 0.1),
    "lip_depth": (2, 0.002, 0.05),
    "mask": (3, 0.002, 0.1),
    "pasted": (4, 0.004, 0.6),
}
"""Of each quantity: a difference that counts, the share of values that may differ by more, and the mean allowed.

Pictures are in levels of 255, landmarks in pixels of the 224 by 224 crop. Pictures differ at outlines: corners are
rounded to sixteenths of a pixel here; the mask is kept at 128 by 128; pasting happens in YUV, where colour has half the
resolution."""

Numbers = dict[str, npt.NDArray[Any]]


@dataclass
class Scene:
    """What both are shown, in ``n`` frames."""

    bfm: Path
    """Folder of the 3D face."""
    meshes: npt.NDArray[np.float64]
    """Shape (n, 468, 3), pixels."""
    fitted: npt.NDArray[np.float32]
    """Coefficients (n, 257)."""
    spoken: npt.NDArray[np.float32]
    """Expressions (n, 64)."""
    pictures: npt.NDArray[np.uint8]
    """Shape (n, height, width, 3), BGR."""
    faces: npt.NDArray[np.uint8]
    """Drawn ones, (n, 256, 256, 3), BGR."""
    labels: npt.NDArray[np.uint8]
    """The face parser's, (512, 512)."""

    @classmethod
    def load(cls, folder: Path) -> Scene:
        """Read a folder."""
        with np.load(folder / "scene.npz", allow_pickle=False) as file:
            return cls(folder / "BFM", **file)

    def spoken_coefficients(self) -> npt.NDArray[np.float32]:
        """The fit with the expression of the sound."""
        out = self.fitted.copy()
        out[:, EXPRESSION] = self.spoken
        return out


def ours(scene: Scene) -> Numbers:
    """The quantities by our own code."""
    from services.render.engines.joygen.paste import face_mask, paste_face
    from services.render.media.write import to_bgr, to_yuv

    bfm, count, (height, width) = Bfm.load(scene.bfm), len(scene.faces), scene.pictures.shape[1:3]
    coefficients = torch.from_numpy(scene.spoken_coefficients())
    vertices = bfm.vertices(coefficients)
    crops = [align_crop(five_points(m), width, height) for m in scene.meshes]
    boxes = [face_box(m, height) for m in scene.meshes]
    depth = grey_depth(rasterise(project(vertices), vertices[..., 2], bfm.triangles, SIDE, SIDE))
    placements = [Placement(c, b) for c, b in zip(crops, boxes, strict=True)]
    masks = [
        face_mask(p, b, m, lambda _: scene.labels) for p, b, m in zip(scene.pictures, boxes, scene.meshes, strict=True)
    ]

    def put(i: int, picture: npt.NDArray[np.uint8], face: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return to_bgr(paste_face(to_yuv(picture), face, boxes[i], masks[i]))

    black, white = np.zeros_like(scene.pictures[0]), np.full_like(scene.faces[0], 255)
    return kept(
        {
            "vertices": vertices.numpy(),
            "landmarks": landmarks(vertices[:, bfm.points[bfm.points >= 0]]).numpy(),
            "crop": np.array([(c.scale, c.left, c.top) for c in crops]),
            "box": np.array(boxes),
            "aligned": np.stack([c.cut(p) for c, p in zip(crops, scene.pictures, strict=True)]),
            "depth": depth.numpy().astype(np.uint8),
            "lip_depth": lip_depth(bfm, coefficients, placements).numpy().astype(np.uint8),
            "mask": np.stack([put(i, black, white)[..., 1] for i in range(count)]),
            "pasted": np.stack([put(i, scene.pictures[i], scene.faces[i]) for i in range(count)]),
        }
    )


def kept(found: Numbers) -> Numbers:
    """What goes into the file: of the large quantities every few values."""
    step: dict[str, Any] = {
        "vertices": np.s_[:, ::7],
        "aligned": np.s_[:, ::4, ::4],
        "pasted": np.s_[:, ::3, ::3],
        "mask": np.s_[:, ::2, ::2],
        "depth": np.s_[:, ::2, ::2],
    }
    return {name: np.ascontiguousarray(values[step.get(name, np.s_[:])]) for name, values in found.items()}


def differences(scene: Scene, golden: Path = GOLDEN) -> dict[str, tuple[float, float, float]]:
    """Of each quantity the largest difference, the share that counts, and the mean."""
    with np.load(golden) as file:
        wanted = dict(file)
    found = ours(scene)
    assert found.keys() == wanted.keys() == ALLOWED.keys()
    out = {}
    for name, theirs in wanted.items():
        far = np.abs(found[name].astype(float) - theirs.astype(float))
        out[name] = (float(far.max()), float((far > ALLOWED[name][0]).mean()), float(far.mean()))
    return out


def too_far(found: dict[str, tuple[float, float, float]]) -> list[str]:
    """Names of the quantities outside of what is allowed."""
    return [k for k, (_, share, mean) in found.items() if share > ALLOWED[k][1] or mean > ALLOWED[k][2]]


def originals(scene: Scene, upstream: Path) -> Numbers:
    """The same by upstream's programs."""
    from tools.joygen_upstream import run

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(scene.bfm, folder / "BFM")
        found = run(scene, upstream, folder, MEAN_POINTS, FACE_68)
    points = np.load(scene.bfm / INDEX)
    found["landmarks"] = found["landmarks"][:, points >= 0]  # upstream has no guard for points without a vertex
    return kept(found)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("action", choices=("make", "check"))
    parser.add_argument("scene", type=Path)
    parser.add_argument("--upstream", type=Path, help="checkout of JoyGen, for make")
    parser.add_argument("--golden", type=Path, default=GOLDEN)
    args = parser.parse_args()
    if args.action == "make":
        np.savez_compressed(args.golden, **originals(Scene.load(args.scene), args.upstream))  # type: ignore[arg-type]
        return
    found = differences(Scene.load(args.scene), args.golden)
    print(json.dumps({k: {"largest": v[0], "share": v[1], "mean": v[2]} for k, v in found.items()}, indent=1))
    if bad := too_far(found):
        sys.exit(f"too far from the originals: {', '.join(bad)}")


if __name__ == "__main__":
    main()
