"""A made-up face, pictures and parse labels, as ``tools.joygen_golden_pictures`` reads them: joygen_scene.py FOLDER"""

import sys
from pathlib import Path

import numpy as np

from services.render.engines.joygen.align import BRIDGE
from tests.fakes import faces
from tests.fakes.joygen_face import write_bfm

WIDTH, HEIGHT, FRAMES = 320, 300, 2


def write_scene(folder: Path) -> Path:
    """Write ``scene.npz`` and the 3D face ``BFM`` into ``folder``."""
    write_bfm(folder / "BFM")
    rng = np.random.RandomState(5)
    meshes = np.stack([faces.face(opening=0.12) * 62 + (158 + 3.4 * i, 138 - 2.7 * i, 0) for i in range(FRAMES)])
    meshes[:, BRIDGE, :2] = [(158 + 3.4 * i, 146 - 2.7 * i) for i in range(FRAMES)]
    fitted = (rng.standard_normal((FRAMES, 257)) * 0.3).astype(np.float32)
    fitted[:, 224:227] *= 0.5
    fitted[:, 254:] *= 0.1
    spoken = (rng.standard_normal((FRAMES, 64)) * 0.5).astype(np.float32)
    spoken[:, 0] = (0.2, 1.5)  # the mouth opens
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    plain = np.stack([127 + 90 * np.sin(x / (31 + 7 * c)) * np.cos(y / (43 - 6 * c)) for c in range(3)], -1)
    v, u = np.mgrid[0:256, 0:256]
    drawn = np.stack([120 + 60 * np.sin(u / 29), 90 + 50 * np.cos(v / 37), 140 + 40 * np.sin((u + v) / 53)], -1)
    v, u = np.mgrid[0:512, 0:512]
    inside = ((u - 256) / 205) ** 2 + ((v - 250) / 228) ** 2 < 1
    mouth = ((u - 256) / 70) ** 2 + ((v - 350) / 32) ** 2 < 1
    np.savez(
        folder / "scene.npz",
        meshes=meshes,
        fitted=fitted,
        spoken=spoken,
        pictures=np.stack([np.clip(plain + 9 * i, 0, 255).astype(np.uint8) for i in range(FRAMES)]),
        faces=np.stack([np.clip(drawn + 15 * i, 0, 255).astype(np.uint8) for i in range(FRAMES)]),
        labels=np.where(mouth, 12, np.where(inside, 1, 17)).astype(np.uint8),  # the last is hair
    )
    return folder


if __name__ == "__main__":
    write_scene(Path(sys.argv[1]))
