"""What a file shows of its origin: label, manifest and fingerprints. Runs in the probe's child, like ``probing``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import soxr

from services.common.errors import HuashengError
from services.common.media.sound import mono_pieces
from services.gateway.marks.certificates import Signers
from services.gateway.marks.finder import MOST_S
from services.gateway.marks.label import FoundLabel, find_label
from services.gateway.marks.manifest import FoundManifest, read
from services.gateway.marks.picture_print import PicturePrint, picture_print
from services.gateway.marks.sound_print import RATE, Samples
from services.gateway.media.probing import MediaFacts

_SOURCE_RATE = 16000


@dataclass(frozen=True)
class Inspection:
    """What was found in a file."""

    label: FoundLabel | None
    manifest: FoundManifest | None
    sound: Samples
    """The first ``MOST_S`` seconds, mono at ``RATE``."""
    pictures: PicturePrint


def inspect(path: Path, name: str, facts: MediaFacts, signers: Signers, out: Path) -> None:
    """Look into a file that ``probe`` has accepted and write what is found to ``out``, for ``load``."""
    label = find_label(path, facts.kind)
    manifest = read(path, facts.content_type, signers)
    sound = _sound(path, name) if facts.has_audio else np.zeros(0, np.float32)
    pictures = _pictures(path) if facts.kind == "video" else None
    about = {"label": asdict(label) if label else None, "manifest": asdict(manifest) if manifest else None}
    np.savez(
        out,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        sound=np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16),
        hashes=pictures.hashes if pictures else np.zeros(0, np.uint64),
        times=pictures.times_s if pictures else np.zeros(0, np.float32),
    )


def _sound(path: Path, name: str) -> Samples:
    pieces: list[Samples] = []
    count = 0
    for piece in mono_pieces(path, _SOURCE_RATE, name):
        pieces.append(piece)
        count += piece.size
        if count >= MOST_S * _SOURCE_RATE:
            break
    if not pieces:
        return np.zeros(0, np.float32)
    return np.asarray(soxr.resample(np.concatenate(pieces), _SOURCE_RATE, RATE, quality="LQ"), np.float32)


def _pictures(path: Path) -> PicturePrint | None:
    try:
        return picture_print(path)
    except (av.error.FFmpegError, ValueError):  # its sound and its label may still tell
        return None


def load(out: Path) -> Inspection:
    """What ``inspect`` wrote. Raises ``corrupt-media`` when that is not whole."""
    try:
        with np.load(out, allow_pickle=False) as found:
            about = json.loads(found["about"].tobytes())
            return Inspection(
                label=FoundLabel(**about["label"]) if about["label"] else None,
                manifest=FoundManifest(**about["manifest"]) if about["manifest"] else None,
                sound=found["sound"].astype(np.float32) / 32767,
                pictures=PicturePrint(found["hashes"], found["times"]),
            )
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise HuashengError("corrupt-media", name=out.name) from e
