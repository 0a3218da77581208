"""Prepares a person: tracks the face, cuts the video to what SyncTalk wants, and has ``process.py`` take it apart.

``process.py`` looks at none of the programs that it starts in turn: its steps are run one by one, and what each should
have made is counted after it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from services.common.audio import decode
from services.common.errors import HuashengError
from services.render.clip.frames import Reader, size_of
from services.render.clip.look import looked_at
from services.render.clip.loop import idle_loop, positions
from services.render.clip.plan import PLAN, Plan
from services.render.clip.tracking import MIN_S, MIN_SHARE, check_length, face_box, face_width, few_faces, track_clip
from services.render.engines.synctalk.child import NAME
from services.render.engines.synctalk.data import KEPT, PERSON, PICTURES, TRUTH, VIDEO, Person
from services.render.engines.synctalk.setup import SyncTalk
from services.render.engines.synctalk.watch import bar
from services.render.face.pose import load_canonical_face, separate_pose, smooth
from services.render.face.shape import eye_opening
from services.render.media.read import probe
from services.render.media.write import to_bgr
from services.render.types import AvatarReport, Image, PrepareJob

FPS = 25
SIDE = 512
SAMPLE_RATE_HZ = 16000
FACE_PART = 2.2
"""Side of the square cut out, in heights of the face: head and shoulders."""
SHORT_S = 120.0
"""Upstream asks for 4 to 5 minutes; under this the person is warned."""
TRACKING_PART = 0.1
"""Of the whole time, for our own part."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """One task of ``process.py``."""

    task: int
    what: str
    share: float
    """Of the time of all; guessed from what they compute, only the bar's evenness hangs on it."""
    made: Callable[[Path, int], str]
    """What is wrong with what it made, given the folder and the number of frames; "" when all is there."""


def _files(*names: str) -> Callable[[Path, int], str]:
    def made(folder: Path, _count: int) -> str:
        lacking = [n for n in names if not (folder / n).is_file() or not (folder / n).stat().st_size]
        return f"it made no {lacking[0]}" if lacking else ""

    return made


def _pictures(*patterns: str) -> Callable[[Path, int], str]:
    def made(folder: Path, count: int) -> str:
        for pattern in patterns:
            found = sum(1 for _ in folder.glob(pattern))
            if found < count:
                return f"of {count} files {pattern} it made {found}"
        return ""

    return made


STEPS = (
    Step(1, "sound", 0.01, _files("aud.wav")),
    Step(2, "pictures", 0.03, _pictures("ori_imgs/*.jpg")),
    Step(3, "parsing", 0.12, _pictures("parsing/*_face.png")),
    Step(4, "background", 0.05, _files("bc.jpg")),
    Step(5, "torso", 0.08, _pictures("gt_imgs/*.jpg", "torso_imgs/*.png")),
    Step(6, "landmarks68", 0.16, _pictures("ori_imgs/*.lms")),
    Step(7, "tracking", 0.30, _files("track_params.pt")),
    Step(8, "flow", 0.20, _files("bundle_adjustment.pt")),
    Step(9, "blendshapes", 0.04, _files("bs.npy")),
    Step(10, "transforms", 0.01, _files("transforms_train.json", "transforms_val.json")),
)


@dataclass(frozen=True, kw_only=True)
class SynctalkPrepareJob(PrepareJob):
    """One preparation, and the checkout that does it."""

    setup: SyncTalk


def prepare(job: SynctalkPrepareJob, out: Path) -> AvatarReport:
    """See ``RenderEngine.prepare``. Also raises ``video-needed``, ``no-audio`` and the errors of ``child``."""
    if job.kind == "video":
        job = looked_at(job)  # a film of one picture is a portrait too
    if job.kind == "portrait":
        raise HuashengError("video-needed", engine=NAME, name=job.source.name)
    info = probe(job.source)
    check_length(job.source.name, info.duration_s)
    sound = decode(job.source, SAMPLE_RATE_HZ, job.source.name, zero_s=info.start_s)
    person, store = out / PERSON, out / "frames.mp4"
    person.mkdir()
    clip = track_clip(job, store, FPS, lambda stage, part: job.progress(stage, TRACKING_PART * part))
    meshes, good, warnings = clip.meshes, clip.good, list(clip.warnings)
    box = square(meshes[good], *size_of(store))
    shown = good & inside(meshes, box)
    shown[clip.hidden] = True  # the face is there, something is before its mouth
    shown[: clip.first] = shown[clip.end :] = False
    first, last = longest(shown)
    if (last - first) / FPS < MIN_S or (last - first) < MIN_SHARE * len(shown):
        raise few_faces(job.source.name, (last - first) / len(shown))
    if last - first < len(shown):
        warnings.append("face-missing-in-part")
    if (last - first) / FPS < SHORT_S:
        warnings.append("short-for-synctalk")
    if box[2] < max(size_of(store)):
        warnings.append("cut-to-head")
    _write(person / VIDEO, store, range(first, last), box, _part_of(sound, first, last))
    store.unlink()
    run_steps(job, person, last - first)
    kept = slice(first, last)
    smoothed = smooth(_filled(meshes[kept], good[kept]), good[kept])
    plan = _finish(job, out, smoothed)
    job.progress("finish", 1.0)
    return AvatarReport(
        width=plan.width,
        height=plan.height,
        fps=plan.fps,
        frames=plan.frames,
        idle_frames=len(plan.loop),
        face_fraction=float(good.mean()),
        face_width_px=face_width(meshes[good]) * plan.width / box[2],
        face_box=face_box(meshes[good] - np.array([box[0], box[1], 0], np.float32), box[2], box[2]),
        mouth_coverage=0.0,
        warnings=tuple(warnings),
        covered_frames=len(clip.hidden),
    )


def square(meshes: npt.NDArray[np.float32], width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side of the square around the head in all of (n, 468, 3) points; even, within the picture."""
    low, high = meshes[:, :, :2].min(1), meshes[:, :, :2].max(1)
    left, top = np.percentile(low, 2, axis=0)
    right, bottom = np.percentile(high, 98, axis=0)
    tall = float(np.median(high[:, 1] - low[:, 1]))
    side = max(FACE_PART * tall, 1.2 * (right - left), 1.2 * (bottom - top))
    side = int(min(side, width, height)) // 2 * 2
    x = int(np.clip((left + right - side) / 2, 0, width - side)) // 2 * 2
    y = int(np.clip((top + bottom - side) / 2 + 0.05 * side, 0, height - side)) // 2 * 2
    return x, y, side


def inside(meshes: npt.NDArray[np.float32], box: tuple[int, int, int]) -> Bools:
    """Which faces lie wholly in the square, (n,)."""
    x, y, side = box
    with np.errstate(invalid="ignore"):
        points = meshes[:, :, :2] - (x, y)
        return np.asarray(((points >= 0) & (points < side)).all((1, 2)))


def longest(shown: Bools) -> tuple[int, int]:
    """First, and one past the last, of the longest stretch of frames that show the face."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shown.astype(np.int8), [0]])))
    stretches = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return max(stretches, key=lambda s: s[1] - s[0], default=(0, 0))


def run_steps(job: SynctalkPrepareJob, person: Path, count: int) -> None:
    """Run ``process.py`` on ``person.mp4`` with ``count`` frames. Raises ``cancelled`` and the errors of ``child``."""
    share = 0.0
    # the programs put the path into shell commands as it is: theirs is one without blanks or signs, whatever ours is
    with tempfile.TemporaryDirectory(prefix="huasheng-synctalk-") as plain:
        (Path(plain) / PERSON).symlink_to(person.absolute())
        video = str(Path(plain) / PERSON / VIDEO)
        for step in STEPS:
            arguments = ["data_utils/process.py", video, "--task", str(step.task), "--asr", "ave"]
            what = f"preparing, step {step.task} of {len(STEPS)} ({step.what})"
            with job.setup.start(arguments, what, job.setup.settings.prepare_s) as child:
                job.progress(step.what, _part(share))
                for line in child.lines():
                    if job.cancelled():
                        raise HuashengError("cancelled")
                    if done := bar(line):
                        job.progress(step.what, _part(share + step.share * min(1.0, done[0] / done[1])))
                child.check()
                if step.what == "pictures":  # ffmpeg may round the last one away
                    count = max(count - 1, sum(1 for _ in (person / PICTURES).glob("*.jpg")))
                if why := step.made(person, count):
                    raise child.useless(why)
            share += step.share


def _part(share: float) -> float:
    return TRACKING_PART + (0.99 - TRACKING_PART) * share


def _part_of(sound: npt.NDArray[np.float32], first: int, last: int) -> npt.NDArray[np.float32]:
    part = sound[first * SAMPLE_RATE_HZ // FPS : last * SAMPLE_RATE_HZ // FPS]
    return np.pad(part, (0, (last - first) * SAMPLE_RATE_HZ // FPS - len(part)))


def _write(path: Path, store: Path, frames: range, box: tuple[int, int, int], sound: npt.NDArray[np.float32]) -> None:
    """The square of these frames as SyncTalk wants it: 512 × 512, 25 a second, with its sound."""
    reader = Reader(store)
    x, y, side = box
    try:
        with av.open(str(path), "w") as container:
            video = container.add_stream("libx264", rate=FPS, options={"crf": "10", "preset": "veryfast"})
            video.width = video.height = SIDE
            video.pix_fmt = "yuv420p"
            audio = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
            for i, number in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(_scaled(to_bgr(reader.frame(number))[y : y + side, x : x + side]))
                frame.pts, frame.time_base = i, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            piece = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
            piece.rate, piece.pts = SAMPLE_RATE_HZ, 0
            container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    finally:
        reader.close()


def _scaled(bgr: Image) -> Image:
    how = cv2.INTER_AREA if bgr.shape[0] >= SIDE else cv2.INTER_CUBIC
    rgb = cv2.cvtColor(cv2.resize(bgr, (SIDE, SIDE), interpolation=how), cv2.COLOR_BGR2RGB)
    return np.asarray(rgb, np.uint8)


def _filled(meshes: npt.NDArray[np.float32], good: Bools) -> npt.NDArray[np.float32]:
    """Frames without a mesh get the one before, those at the start the first."""
    last = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    return meshes[np.where(last < 0, int(good.argmax()), last)]


def _finish(job: SynctalkPrepareJob, out: Path, meshes: npt.NDArray[np.float32]) -> Plan:
    """Keep what is needed, read it once as drawing will, and write the plan."""
    person = out / PERSON
    try:
        heads = Person.load(person).heads
        picture = cv2.imread(str(person / TRUTH / "0.jpg"))
        if picture is None or len(heads) > len(meshes):
            raise ValueError("its pictures and its list do not belong together")
    except (OSError, ValueError, KeyError) as e:
        why = f"what it made cannot be read ({e})"
        raise HuashengError("program-no-result", engine=NAME, what="preparing", why=why) from e
    for found in person.iterdir():
        if found.name not in KEPT:
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    count, (height, width) = len(heads), picture.shape[:2]
    poses, _ = separate_pose(meshes[:count], load_canonical_face(job.mesh_weights / "canonical_face.obj"))
    seen = eye_opening(meshes[:count], poses.scale)
    loop = idle_loop(FPS, poses.motion(), np.ones(count, np.float32), seen)
    plan = Plan(width, height, float(FPS), count, False, loop, positions(loop, count, poses.angles()))
    plan.save(out / PLAN)
    return plan


def pictures_of(person: Path, order: list[int]) -> Iterator[Image]:
    """The person's own pictures, BGR."""
    for number in order:
        picture = cv2.imread(str(person / PICTURES / f"{number}.jpg"))
        if picture is None:
            raise HuashengError("engine-failed", engine=NAME, why=f"picture {number} of the avatar is gone")
        yield np.asarray(picture, np.uint8)
