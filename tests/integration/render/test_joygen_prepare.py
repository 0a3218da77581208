"""Preparing an avatar for joygen: what is left by a crash, a cancel, a refusal, and on the person's frames."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.frames import Reader
from services.render.engines.joygen import prepare as making
from services.render.engines.joygen.batching import Batcher, DeviceOutOfMemory
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.draw import FacePainter
from services.render.engines.joygen.hearing import StreamAudioFeatures, silence_features
from services.render.engines.joygen.paste import JOYGEN
from services.render.engines.joygen.prepare import JoygenPrepareJob, prepare
from services.render.engines.joygen.session import JoySession
from services.render.engines.joygen.store import FRAMES, Avatar
from services.render.media.read import read_frames
from services.render.media.write import to_bgr
from services.render.types import AvatarReport, ClipLimits, SessionConfig
from tests.fakes.joygen_face import PlainFeatures, plain_bundle, write_bfm
from tests.fakes.media import rocking, video

ABSENT = (1.0, 1.4)
"""Seconds of the clip in which nobody is there."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        folder("face-mesh", SharedSettings().weights_dir)
        data = video(rocking(2, 320, absent=ABSENT))
    except WeightsError as e:
        pytest.skip(str(e))
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    path.write_bytes(data)
    return path


def never() -> bool:
    return False


class Bench:
    """Prepares with networks that give back what they are shown, and counts what they are asked."""

    def __init__(self, root: Path, source: Path) -> None:
        self.source, self.root = source, root
        self.artist = FacePainter(plain_bundle(), Bfm.load(write_bfm(root / "bfm")))
        self.batcher: Batcher[Any, Any] = Batcher(self.artist.draw, 8, 2, 0.01)
        self.encoded = 0
        self.largest = 100
        latents = self.artist.latents

        def counted(faces: np.ndarray) -> np.ndarray:
            if len(faces) > self.largest:
                raise DeviceOutOfMemory("no room")
            self.encoded += len(faces)
            return latents(faces)

        self.artist.latents = counted  # type: ignore[method-assign]
        self.told: list[tuple[str, float]] = []

    def run(self, cancelled: Callable[[], bool] = never, version: str = "1") -> tuple[AvatarReport, Path]:
        out = self.root / "avatars" / f".part-{time.monotonic_ns()}" / "engine"
        out.mkdir(parents=True)
        job = JoygenPrepareJob(
            source=self.source,
            kind="video",
            mesh_weights=folder("face-mesh", SharedSettings().weights_dir),
            limits=ClipLimits(),
            progress=lambda stage, part: self.told.append((stage, part)),
            cancelled=cancelled,
            artist=self.artist,
            batcher=self.batcher,
            version=version,
            margin=0,
            style=JOYGEN,
        )
        return prepare(job, out), out

    def left(self) -> list[str]:
        return [p.name for p in (self.root / "avatars").glob(".work-*")]


@pytest.fixture
def bench(tmp_path: Path, source: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, source)
    yield made
    made.batcher.stop()


def test_an_avatar_keeps_every_frame_and_counts_those_without_a_face(bench: Bench) -> None:
    report, out = bench.run()
    assert (report.frames, report.fps, report.width) == (50, 25, 320)
    assert report.face_fraction == pytest.approx(0.8, abs=0.05)
    assert "person-leaves" in report.warnings
    assert not bench.left()
    parts = [part for _, part in bench.told]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    avatar = Avatar.load(out)
    assert avatar.latents.shape == (50, 8, 32, 32)
    assert avatar.face.coefficients.shape == (50, 257)
    assert (avatar.face.strength[26:34] == 0).all()
    # the first four latent channels have the lower half grey, the others are the whole face
    assert np.allclose(avatar.latents[0, :4, 16:], -1)
    assert np.allclose(avatar.latents[0, :4, :16], avatar.latents[0, 4:, :16], atol=0.02)

    config = SessionConfig(16000, start_frame=0)
    session = JoySession(
        avatar,
        config,
        lambda: StreamAudioFeatures(16000, PlainFeatures(), silence_features(PlainFeatures())),
        bench.batcher.open_slot(False),
        8,
        False,
    )
    t = np.arange(4 * 16000) / 16000
    frames = [*session.push((0.3 * np.sin(900 * t)).astype(np.float32)), *session.finish()]
    assert len(frames) == 100
    assert session.passthrough_frames == 0, "the part in which nobody is there is not played"
    session.close()


def test_frames_are_those_of_the_clip(bench: Bench) -> None:
    _, out = bench.run()
    reader = Reader(out / FRAMES)
    for i, (_, picture) in enumerate(read_frames(bench.source, 25)):
        if i % 12 == 0:
            error = ((to_bgr(reader.frame(i)).astype(float) - picture) ** 2).mean()
            assert 10 * np.log10(255**2 / error) > 36
    reader.close()


def test_short_memory_makes_smaller_batches(bench: Bench) -> None:
    bench.largest = 3
    _, out = bench.run()
    assert bench.encoded == 50
    bench.largest = 0
    with pytest.raises(HuashengError, match="device-memory"):
        bench.run(version="2")
    assert Avatar.load(out).latents.shape[0] == 50


def test_a_cancel_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(HuashengError, match="cancelled"):
        bench.run(cancelled=lambda: any(stage == "encode" for stage, _ in bench.told))
    assert not bench.left()


def test_after_a_failure_only_what_is_missing_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PART", 16)
    encoded = bench.artist.latents

    def breaks(faces: np.ndarray) -> np.ndarray:
        if bench.encoded >= 32:
            raise RuntimeError("the machine fell over")
        return encoded(faces)

    bench.artist.latents = breaks  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="fell over"):
        bench.run()
    assert len(bench.left()) == 1
    assert bench.encoded == 32
    bench.artist.latents = encoded  # type: ignore[method-assign]
    bench.told.clear()
    _, out = bench.run()
    assert bench.encoded == 50
    assert "landmarks" not in {stage for stage, _ in bench.told}
    assert not bench.left()
    resumed = np.array(Avatar.load(out).latents)
    bench.encoded = 0
    _, again = bench.run()
    assert bench.encoded == 50
    assert (np.array(Avatar.load(again).latents) == resumed).all()


def test_a_killed_process_is_gone_on_from(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from services.render.engines.joygen import prepare as making\n"
        "from tests.integration.render.test_joygen_prepare import Bench\n"
        "making.PART = 16\n"
        "bench = Bench(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "save = making._save\n"
        "def slow(path, **arrays):\n"
        "    save(path, **arrays)\n"
        "    if path.name.startswith('part'): print('part', flush=True); time.sleep(60)\n"
        "making._save = slow\n"
        "bench.run()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), str(bench.source)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "part\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert len(bench.left()) == 1
    monkeypatch.setattr(making, "PART", 16)
    bench.run()
    assert bench.encoded == 34
    assert "landmarks" not in {stage for stage, _ in bench.told}
