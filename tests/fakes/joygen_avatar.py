"""A made-up prepared avatar of joygen, written by hand: no face is looked for and no network asked."""

from pathlib import Path

import numpy as np

from services.render.clip.frames import Writer
from services.render.clip.plan import PLAN, Plan
from services.render.engines.joygen.align import Crop
from services.render.engines.joygen.paste import MASK_SIDE
from services.render.engines.joygen.store import FACE, FRAMES, LATENTS, MASKS, Avatar, Face
from services.render.media.write import to_yuv

SIDE, COUNT = 256, 40
BOX = (70, 52, 190, 220)
ABSENT = 30
"""The one frame without a face."""


def write_avatar(folder: Path) -> Avatar:
    """Grey frames that brighten, one of them without a face, the mean face looking straight on in all."""
    rng = np.random.default_rng(0)
    with Writer(folder / FRAMES, SIDE, SIDE, 25) as writer:
        for i in range(COUNT):
            picture = np.full((SIDE, SIDE, 3), 60 + 3 * i, np.uint8)
            picture[:, : SIDE // 2] //= 2
            writer.add(to_yuv(picture))
    strength = np.ones(COUNT, np.float32)
    strength[ABSENT] = 0
    crop = Crop(SIDE, SIDE, 0.9, 5, 3)
    coefficients = np.zeros((COUNT, 257), np.float32)
    Face(
        strength,
        np.array([BOX] * COUNT, np.int32),
        np.array([(crop.scale, crop.left, crop.top)] * COUNT),
        coefficients,
        np.zeros(64, np.float32),
    ).save(folder / FACE)
    np.save(folder / LATENTS, rng.uniform(-0.5, 0.5, (COUNT, 8, 32, 32)).astype(np.float16))
    mask = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
    mask[64:110, 30:100] = 255
    np.save(folder / MASKS, np.array([mask] * COUNT))
    loop = [*range(20), *range(20, 0, -1)]
    plan = Plan(SIDE, SIDE, 25.0, COUNT, False, loop, [min(i, 20) for i in range(COUNT)])
    plan.save(folder / PLAN)
    return Avatar.load(folder)
