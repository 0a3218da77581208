"""A made-up mesh: the points that atlas looks at lie where a face has them, the others anywhere on it."""

import numpy as np

from services.render.face import points as pt


def face(opening: float = 0.1, width: float = 0.75) -> np.ndarray:
    """A frontal face (468, 3) in the head's frame; unit the eye distance."""
    rng = np.random.default_rng(0)
    mesh = np.c_[rng.uniform(-0.8, 0.8, 468), rng.uniform(-1.0, 1.0, 468), rng.uniform(-0.2, 0.4, 468)]
    for k, points in ((-1, pt.RIGHT_EYE_CORNERS), (1, pt.LEFT_EYE_CORNERS)):
        mesh[list(points)] = [[k * 0.7, -0.2, 0], [k * 0.3, -0.2, 0]]
    lip = np.linspace(-1, 1, 11)
    arch = np.sqrt(np.maximum(0, 1 - lip**2))
    for points, inner, side in (
        (pt.UPPER_OUTER, False, -1),
        (pt.LOWER_OUTER, False, 1),
        (pt.UPPER_INNER, True, -1),
        (pt.LOWER_INNER, True, 1),
    ):
        half = width / 2 - (0.05 if inner else 0)
        height = opening / 2 + (0 if inner else 0.12)
        mesh[list(points)] = np.c_[half * lip, 0.75 + side * height * arch, -0.1 + 0.1 * np.abs(lip)]
    jaw = np.linspace(-np.pi / 2, np.pi / 2, len(pt.JAW))
    mesh[list(pt.JAW)] = np.c_[0.85 * np.sin(jaw), 0.3 + (0.95 + opening / 2) * np.cos(jaw), 0.3 - 0.2 * np.cos(jaw)]
    for point, place in (
        (pt.NOSE_BASE, (0, 0.4, -0.3)),
        (4, (0, 0.25, -0.4)),
        (97, (-0.12, 0.4, -0.2)),
        (326, (0.12, 0.4, -0.2)),
    ):
        mesh[point] = place
    for point, place in (
        (205, (-0.5, 0.4)),
        (425, (0.5, 0.4)),
        (203, (-0.3, 0.42)),
        (423, (0.3, 0.42)),
        (207, (-0.6, 0.7)),
        (427, (0.6, 0.7)),
        (215, (-0.72, 0.75)),
        (435, (0.72, 0.75)),
    ):
        mesh[point] = (*place, 0)
    return mesh.astype(np.float32)


def talking(frames: int = 40) -> np.ndarray:
    """Meshes (n, 468, 3) in pixels of a 320 x 320 picture: a head that sways, nods and talks."""
    t = np.arange(frames)
    out = []
    for k in t:
        a = 0.08 * np.sin(k / 9)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        mesh = face(0.1 + 0.09 * np.sin(k / 2), 0.75 + 0.06 * np.cos(k / 3))
        out.append(80 * mesh @ turn.T + (160 + 6 * np.sin(k / 7), 130 + 4 * np.cos(k / 5), 0))
    return np.array(out, np.float32)


def picture(seed: int = 0, side: int = 320) -> np.ndarray:
    """A textured YUV 4:2:0 picture."""
    rng = np.random.default_rng(seed)
    return rng.integers(60, 180, (side * 3 // 2, side), np.uint8)
