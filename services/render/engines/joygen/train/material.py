"""Training data: the faces of a prepared avatar, the depth of their lips, and the audio features of each.

It is made in parts that are written atomically, so that an interrupted training can resume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from services.common.errors import HuashengError
from services.render.clip.frames import Reader
from services.render.engines.joygen.audio import FRAME_SAMPLES, WhisperFeatures
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import Bundle
from services.render.engines.joygen.depth import FACE_SIDE, lip_depth
from services.render.engines.joygen.prepare import face_in
from services.render.engines.joygen.store import FRAMES, Avatar
from services.render.media.write import to_bgr

PART_FRAMES = 64
HELD_OUT = 0.15
"""Share of the clip, at its end, that is held out for validation."""
GUARD = 10
"""Frames left out between the two parts, because neighbouring frames are similar."""
MIN_FRAMES = 50
"""Smallest number of frames with a face."""
HALF = FACE_SIDE // 2


@dataclass(frozen=True)
class TrainingData:
    """Arrays over the clip's frames."""

    faces: npt.NDArray[np.uint8]
    """Shape (n, 256, 256, 3), BGR."""
    depth: npt.NDArray[np.uint8] | None
    """Shape (n, 128, 256): depth of the lips in the lower half; None without the 3D face."""
    sound: npt.NDArray[np.float32]
    """Shape (n, 50, 384), positions added."""
    train: npt.NDArray[np.int64]
    """Training frames; all show a usable face."""
    validation: npt.NDArray[np.int64]
    """Validation frames."""


def gather_training_data(
    avatar: Avatar,
    name: str,
    samples: npt.NDArray[np.float32],
    bundle: Bundle,
    bfm: Bfm | None,
    work: Path,
    progress: Callable[[float], None],
) -> TrainingData:
    """Training data of an avatar and its clip's sound at 16 kHz. ``progress`` gets the share done and may raise to
    stop.

    Raises ``few-faces`` when fewer than ``MIN_FRAMES`` frames have both a usable face and sound.
    """
    count = min(len(avatar.face.boxes), len(samples) // FRAME_SAMPLES)
    with_depth = bfm is not None and len(avatar.face.coefficients) > 0
    work.mkdir(parents=True, exist_ok=True)
    parts = []
    reader = Reader(avatar.folder / FRAMES)
    try:
        for start in range(0, count, PART_FRAMES):
            path = work / f"faces-{start:06d}.npz"
            if not path.is_file():
                frames = list(range(start, min(count, start + PART_FRAMES)))
                faces = np.stack([face_in(to_bgr(reader.frame(i)), _box(avatar, i)) for i in frames])
                depth = np.zeros((0, HALF, FACE_SIDE), np.uint8)
                if with_depth and bfm is not None:
                    depth = np.concatenate([_depth(avatar, bfm, i) for i in frames])
                partial = path.with_suffix(".tmp.npz")
                np.savez(partial, faces=faces, depth=depth)
                partial.replace(path)
            with np.load(path, allow_pickle=False) as data:
                parts.append((data["faces"], data["depth"]))
            progress(0.8 * min(count, start + PART_FRAMES) / count)
    finally:
        reader.close()
    sound = _audio_features(samples[: count * FRAME_SAMPLES], count, bundle, work / "sound.npy")
    progress(1.0)
    usable = np.flatnonzero(avatar.face.strength[:count] >= 1)
    if len(usable) < MIN_FRAMES:
        percent = round(100 * len(usable) / max(1, count))
        raise HuashengError("few-faces", name=name, percent=percent, limit=50)
    split = usable[int(len(usable) * (1 - HELD_OUT))]
    depths = np.concatenate([d for _, d in parts]) if with_depth else None
    return TrainingData(
        np.concatenate([f for f, _ in parts]), depths, sound, usable[usable < split - GUARD], usable[usable >= split]
    )


def _box(avatar: Avatar, frame: int) -> tuple[int, int, int, int]:
    return avatar.placement(frame).box


def _depth(avatar: Avatar, bfm: Bfm, frame: int) -> npt.NDArray[np.uint8]:
    with torch.inference_mode():
        coefficients = torch.from_numpy(avatar.face.coefficients[frame : frame + 1]).to(bfm.triangles.device)
        levels = lip_depth(bfm, coefficients, [avatar.placement(frame)])
    return np.asarray(levels[:, HALF:].cpu().numpy(), np.uint8)


def _audio_features(
    samples: npt.NDArray[np.float32], count: int, bundle: Bundle, path: Path
) -> npt.NDArray[np.float32]:
    if not path.is_file():
        features = WhisperFeatures(bundle.whisper, bundle.kind, live=False)
        features.push(samples)
        features.finish()
        partial = path.with_suffix(".tmp.npy")
        np.save(partial, np.stack([features.rows(i) for i in range(count)]))
        partial.replace(path)
    return np.asarray(np.load(path, allow_pickle=False))
