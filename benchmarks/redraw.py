"""Redraws the mouth of a clip on its own frames, by its sound or by something that must do better or worse."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from services.render.engines.atlas.analysis import build_library, relearn, sharpness
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.session import AtlasSession
from services.render.face.shape import Array
from services.render.media.write import EncoderOptions, FragmentedMp4
from services.render.types import Samples, SessionConfig

RATE = 24_000
LEAVE_OUT_S = 0.2
"""Mouth pictures from nearer than this to the frame that is drawn are not used."""
REACH_S = 0.4
"""Largest lag looked for."""
DRIVES = ("sound", "streaming", "true shapes", "wrong time", "loudness", "frozen")
"""What moves the mouth: the clip's sound heard as a recording, the same heard live; the others are to compare with."""
PIECE_S = 0.02
"""Live sound comes in pieces of this length."""


@dataclass(frozen=True)
class Take:
    """A redrawn clip."""

    video: Path
    start_s: float
    """Time of the clip at which it begins."""
    own_lag_ms: float
    """How late the drawn opening is against the real one, both as the engine measures them."""


def prepare(engine: AtlasEngine, clip: Path, folder: Path, part: float = 1.0) -> None:
    """The clip's avatar, learned from its first ``part`` (0 to 1) only; later frames are there to be drawn on."""
    engine.prepare(clip, "video", folder, lambda *_: None, lambda: False)
    if part >= 1:
        return
    plan, face = (avatar := Avatar.load(folder)).plan, avatar.face
    taught = np.arange(plan.frames) < part * plan.frames
    face = relearn(face, taught)
    sharp = sharpness(face, folder / FRAMES, plan.width, plan.height, lambda: False) * taught
    library = build_library(face, folder / FRAMES, plan.width, plan.height, sharp)
    face.save(folder / "face.npz")
    library.save(folder / "atlas.npz")
    plan.save(folder / "plan.json")  # a new stamp: what was loaded is out of date


def shapes(drive: str, avatar: Avatar, sound: Samples) -> Array | None:
    """Mouths (n, 2) of all frames of the clip; None where the engine is to hear the sound."""
    face, fps = avatar.face, avatar.plan.fps
    if drive in DRIVES[:2]:
        return None
    if drive == "true shapes":
        return face.mouths
    if drive == "wrong time":
        return np.roll(face.mouths, len(face.mouths) // 2, axis=0)
    out = np.tile(face.closed, (len(face.mouths), 1))
    if drive == "loudness":
        ends = np.round(np.arange(len(out) + 1) * RATE / fps).astype(int)
        padded = np.pad(sound, (0, max(0, ends[-1] - len(sound))))
        power = [np.log10(np.mean(padded[a:b] ** 2) + 1e-7) for a, b in pairwise(ends.tolist())]
        low, high = np.percentile(power, (10, 95))
        out[:, 0] += face.reach[0] * np.clip((np.array(power) - low) / max(1e-3, high - low), 0, 1)
    return out


def redraw(
    engine: AtlasEngine,
    folder: Path,
    sound: Samples,
    out: Path,
    drive: str = "sound",
    start_s: float = 0.0,
    model: Path | None = None,
    moved_s: float = 0.0,
) -> Take:
    """Draw the clip whose avatar lies in ``folder`` from ``start_s`` on, encoded as the product does.

    ``sound`` is the whole clip's, at ``RATE``. Frame k of the result is drawn on frame k (from ``start_s``). Sound is
    heard (and written) ``moved_s`` earlier than it is in the clip; frames whose sound the clip then lacks are left out.
    """
    avatar = Avatar.load(folder)
    fps, frames = avatar.plan.fps, avatar.plan.frames
    if moved_s > 0:
        frames = min(frames, int((len(sound) / RATE - moved_s) * fps))
    first = min(frames - 1, max(round(start_s * fps), int(np.ceil(-moved_s * fps))))
    given = shapes(drive, avatar, sound)
    live = drive == "streaming"
    session = engine.open_session(folder, SessionConfig(RATE, has_phonemes=given is not None, live=live, model=model))
    assert isinstance(session, AtlasSession)
    session.retrace(first, round(LEAVE_OUT_S * fps) + 1, None if given is None else given[first:])
    begin, end = (round((n / fps + moved_s) * RATE) for n in (first, frames))
    heard = np.pad(sound, (0, max(0, end - len(sound))))[begin:end]
    pieces = np.split(heard, range(0, len(heard), round(PIECE_S * RATE))[1:]) if live else [heard]
    mp4 = FragmentedMp4(session.width, session.height, fps, RATE, EncoderOptions(live=live))
    drawn: list[Array] = []
    with out.open("wb") as file:
        file.write(mp4.head())
        for stretch in (*map(session.push, pieces), session.finish()):
            for frame in stretch:
                a, b = (round(n * RATE / fps) for n in (len(drawn), len(drawn) + 1))
                mp4.add_audio(heard[a:b])
                file.write(mp4.add_frame(frame.image))
                drawn.append(session.shape)
        file.write(mp4.finish())
    session.close()
    real = avatar.face.mouths[first : first + len(drawn), 0]
    return Take(out, first / fps, 1000 * lag(np.array(drawn)[:, 0], real, fps))


def lag(drawn: Array, real: Array, fps: float) -> float:
    """Seconds by which ``drawn`` is late against ``real``, where they correlate best."""
    reach = min(round(REACH_S * fps), len(real) // 2)
    if drawn.std() < 1e-6:
        return 0.0
    found = []
    for k in range(-reach, reach + 1):
        a, b = drawn[max(0, k) : len(drawn) + min(0, k)], real[max(0, -k) : len(real) - max(0, k)]
        found.append(float(np.corrcoef(a, b)[0, 1]))
    best = int(np.argmax(found))
    if 0 < best < len(found) - 1:  # the peak of the parabola through three points
        left, top, right = found[best - 1 : best + 2]
        return (best + 0.5 * (left - right) / (left - 2 * top + right) - reach) / fps
    return (best - reach) / fps
