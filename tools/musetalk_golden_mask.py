"""Compares our jaw mask with MuseTalk 1.5's own, on made-up parse labels.

    python -m tools.musetalk_golden_mask make --upstream CHECKOUT    # upstream's numbers, into tests/data/joygen
    python -m tools.musetalk_golden_mask check                       # ours against them

``make`` runs upstream's ``FaceParsing`` and ``get_image`` with a stand-in for the network; it needs Pillow, OpenCV and
a checkout of MuseTalk. Only numbers are kept. ``check`` runs in ours, and is what a test does.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from services.render.engines.joygen.paste import MUSETALK, face_mask, jaw_region, paste_face
from services.render.media.write import to_bgr, to_yuv

GOLDEN = Path(__file__).resolve().parents[1] / "tests/data/joygen/golden_jaw.npz"
SIDE, BOX = 480, (110, 96, 330, 352)
"""Of the made-up picture; the box is higher than wide, as a face's is."""
Bytes = npt.NDArray[np.uint8]


def labels() -> Bytes:
    """A face with neck, hair, nose and mouth, (512, 512)."""
    v, u = np.mgrid[0:512, 0:512]

    def oval(x: int, y: int, wide: int, high: int) -> npt.NDArray[np.bool_]:
        return np.asarray(((u - x) / wide) ** 2 + ((v - y) / high) ** 2 < 1)

    out = np.where(v > 420, 14, 17)  # neck, hair
    out[oval(262, 250, 150, 190)] = 1
    out[oval(258, 235, 40, 60)] = 10
    out[oval(258, 340, 60, 24)] = 12
    out[oval(258, 340, 50, 10)] = 11
    out[oval(190, 190, 30, 12) | oval(330, 190, 30, 12)] = 4
    return out.astype(np.uint8)


def ours() -> dict[str, Bytes]:
    """Region of the labels, and the mask as it shows when white is pasted on black."""
    black, white = np.zeros((SIDE, SIDE, 3), np.uint8), np.full((256, 256, 3), 255, np.uint8)
    mask = face_mask(black, BOX, np.zeros((468, 2), np.float32), lambda _: labels(), MUSETALK)
    return {"region": jaw_region(labels()), "mask": to_bgr(paste_face(to_yuv(black), white, BOX, mask))[..., 1]}


def originals(upstream: Path) -> dict[str, Bytes]:
    """The same by upstream's program."""
    image = importlib.import_module("PIL.Image")
    for name in ("torchvision", "torchvision.transforms", "musetalk.utils.face_parsing.model"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]  # type: ignore[attr-defined]
    sys.modules["musetalk.utils.face_parsing.model"].BiSeNet = None  # type: ignore[attr-defined]
    sys.path.insert(0, str(upstream))
    parsing: Any = importlib.import_module("musetalk.utils.face_parsing").FaceParsing
    scores = torch.nn.functional.one_hot(torch.from_numpy(labels()).long(), 19).permute(2, 0, 1)[None]
    parsing.model_init = lambda _self: lambda _x: (scores,)
    parsing.image_preprocess = lambda _self: lambda _x: torch.zeros(3, 1, 1)
    judge = parsing(left_cheek_width=90, right_cheek_width=90)
    black, white = np.zeros((SIDE, SIDE, 3), np.uint8), np.full((BOX[3] - BOX[1], BOX[2] - BOX[0], 3), 255, np.uint8)
    get_image = importlib.import_module("musetalk.utils.blending").get_image
    return {
        "region": np.asarray(judge(image.fromarray(np.zeros((512, 512, 3), np.uint8)), mode="jaw"), np.uint8),
        "mask": np.ascontiguousarray(get_image(black, white, list(BOX), mode="jaw", fp=judge)[..., 1]),
    }


def differences(golden: Path = GOLDEN) -> dict[str, tuple[float, float]]:
    """Of each quantity the largest difference and the mean, in levels of 255."""
    found = ours()
    with np.load(golden) as file:
        far = {name: np.abs(found[name].astype(float) - file[name]) for name in file.files}
    return {name: (float(x.max()), float(x.mean())) for name, x in far.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("action", choices=("make", "check"))
    parser.add_argument("--upstream", type=Path, help="checkout of MuseTalk, for make")
    args = parser.parse_args()
    if args.action == "make":
        np.savez_compressed(GOLDEN, **originals(args.upstream))  # type: ignore[arg-type]
        return
    for name, (largest, mean) in differences().items():
        print(f"{name}: largest {largest:.0f}, mean {mean:.3f}")


if __name__ == "__main__":
    main()
