"""Whatever goes wrong in SyncTalk's programs: the reason is told, nothing is given by half, nothing stays behind."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.synctalk.prepare import SynctalkPrepareJob, run_steps
from services.render.engines.synctalk.session import SyncSession
from services.render.engines.synctalk.setup import SyncTalk
from services.render.engines.synctalk.train import train
from services.render.settings import RenderSettings
from services.render.train.job import TrainingJob, TrainingProgress
from services.render.types import ClipLimits, Frame, SessionConfig, Working
from tests.fakes.media import blank, tone, video
from tests.fakes.synctalk_checkout import avatar, calls, checkout, fault, model


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SyncTalk:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return checkout(tmp_path, quiet_s=20)


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> object:
    """After each test: no process, no temporary file."""
    yield
    assert not psutil.Process().children(recursive=True)
    pids = tmp_path / "SyncTalk/pids.txt"
    assert not [p for p in (pids.read_text().split() if pids.is_file() else []) if psutil.pid_exists(int(p))]
    assert list((tmp_path / "tmp").iterdir()) == []


def session(setup: SyncTalk, folder: Path, **how: object) -> SyncSession:
    config = SessionConfig(**{"audio_rate_hz": 16000, "model": model(folder), **how})  # type: ignore[arg-type]
    return SyncSession(avatar(folder), config, setup, threading.Semaphore(1))


def spoken(one: SyncSession, seconds: float = 0.6) -> list[Frame]:
    try:
        given = [*one.push(tone(seconds)), *one.finish()]
    finally:
        one.close()
    return [f for f in given if isinstance(f, Frame)]


@pytest.mark.parametrize(
    ("kind", "slug", "words"),
    [
        ("crash", "program-failed", "exit status 1: RuntimeError: CUDA error: no kernel image"),
        ("memory", "program-memory", ""),
        ("half-killed", "program-failed", "killed by signal 9"),
        ("nothing", "program-no-result", "without a video"),
        ("short", "program-no-result", "pictures instead of 15"),
        ("garbage", "program-no-result", "0 pictures instead of 15"),
        ("small", "program-no-result", "32 × 32 pixels"),
        ("random", "bad-model", ""),
        ("unfit", "bad-model", ""),
    ],
)
def test_a_drawing_that_fails_gives_no_picture_and_the_reason(
    kind: str, slug: str, words: str, setup: SyncTalk, tmp_path: Path
) -> None:
    fault(setup, draw=kind)
    one = session(setup, tmp_path)
    given: list[object] = list(one.push(tone(0.6)))
    with pytest.raises(HuashengError) as e:
        given.extend(one.finish())
    one.close()
    assert e.value.slug == slug
    assert words in e.value.params.get("why", "")
    assert not [g for g in given if isinstance(g, Frame)]


def test_a_drawing_that_hangs_is_ended_by_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    setup = checkout(tmp_path, render_s=1.5)
    fault(setup, draw="hang")
    with pytest.raises(HuashengError) as e:
        spoken(session(setup, tmp_path))
    assert e.value.slug == "program-hung"


@pytest.mark.parametrize("how", ["close", "clear"])
def test_leaving_a_drawing_ends_it_with_all_that_it_started(how: str, setup: SyncTalk, tmp_path: Path) -> None:
    fault(setup, draw="hang")
    one = session(setup, tmp_path)
    assert list(one.push(tone(0.6))) == []
    pids = setup.checkout / "pids.txt"
    for sign in one.finish():
        assert sign == Working(0)
        if pids.is_file() and len(pids.read_text().split()) == 2:
            break
    getattr(one, how)()
    assert not [p for p in pids.read_text().split() if psutil.pid_exists(int(p))]
    if how == "clear":  # the session stays usable, on the same clock
        fault(setup)
        frames = spoken(one, 0.2)
        assert [f.pts_us for f in frames] == [0, 40_000, 80_000, 120_000, 160_000]


def test_after_a_failure_the_next_one_gets_its_turn(setup: SyncTalk, tmp_path: Path) -> None:
    fault(setup, draw="once:crash")
    one = session(setup, tmp_path)
    with pytest.raises(HuashengError):
        list(one.push(tone(5.5)))
    one.close()
    turns = one._turns
    assert turns.acquire(blocking=False), "a failed drawing gives its turn back"


def test_long_speech_is_drawn_in_stretches_that_join(setup: SyncTalk, tmp_path: Path) -> None:
    frames = spoken(session(setup, tmp_path), 11.02)  # stretches of 5 s
    assert len(calls(setup)) == 3
    assert [f.pts_us for f in frames] == [40_000 * n for n in range(276)]
    grey = np.array([f.image[2, 2, 0] for f in frames], int)
    assert np.abs(np.diff(grey)).max() <= 4, "frames follow each other, across stretches and turns"
    assert np.ptp(grey) > 60, "the whole clip is walked over"


def test_without_a_model_silence_is_the_persons_own_pictures_and_speech_is_refused(
    setup: SyncTalk, tmp_path: Path
) -> None:
    one = session(setup, tmp_path, model=None)
    frames = [f for f in (*one.push(np.zeros(16000, np.float32)), *one.finish()) if isinstance(f, Frame)]
    one.close()
    assert len(frames) == 25
    assert frames[3].image[2, 2, 0] == pytest.approx(46, abs=2)
    with pytest.raises(HuashengError) as e:
        spoken(SyncSession(tmp_path / "avatar", SessionConfig(16000), setup, threading.Semaphore(1)))
    assert e.value.slug == "model-needed"
    assert calls(setup) == []


def preparing(setup: SyncTalk, folder: Path, cancelled: Callable[[], bool] = lambda: False) -> Path:
    """Its ten steps on a tiny clip; other parts of preparing are in the contract."""
    person = folder / "a b" / "person"  # a storage folder with a blank in its name
    person.mkdir(parents=True)
    (person / "person.mp4").write_bytes(video([blank(64)] * 22, sound=tone(0.88)))
    parts: list[float] = []
    job = SynctalkPrepareJob(
        source=folder,
        kind="video",
        mesh_weights=folder,
        limits=ClipLimits(),
        progress=lambda _stage, part: parts.append(part),
        cancelled=cancelled,
        setup=setup,
    )
    try:
        run_steps(job, person, 22)
    finally:
        assert parts == sorted(parts)
    return person


def test_the_steps_of_preparing_run_one_by_one_with_the_right_arguments(setup: SyncTalk, tmp_path: Path) -> None:
    person = preparing(setup, tmp_path)
    assert (person / "transforms_train.json").is_file()
    told = calls(setup)
    assert [c[c.index("--task") + 1] for c in told] == [str(n) for n in range(1, 11)]
    assert all(c[c.index("--asr") + 1] == "ave" and " " not in c[1] for c in told)


@pytest.mark.parametrize(
    ("faults", "slug", "words"),
    [
        ({"task1": "nothing"}, "program-no-result", "it made no aud.wav: sh: 1: something"),
        ({"task1": "crash"}, "program-failed", "RuntimeError"),
        ({"task2": "memory"}, "program-memory", ""),
        ({"task2": "killed"}, "program-failed", "signal 9"),
        ({"task3": "some"}, "program-no-result", "of 22 files parsing/*_face.png it made 11"),
    ],
    ids=str,
)
def test_a_step_that_fails_is_named(
    faults: dict[str, str], slug: str, words: str, setup: SyncTalk, tmp_path: Path
) -> None:
    fault(setup, **faults)
    with pytest.raises(HuashengError) as e:
        preparing(setup, tmp_path)
    assert e.value.slug == slug
    assert words in e.value.params.get("why", "")
    assert f"step {next(iter(faults))[4:]} of 10" in e.value.params["what"]
    assert len(calls(setup)) == int(next(iter(faults))[4:]), "nothing runs after it"


def test_preparing_can_be_cancelled_while_a_step_hangs(setup: SyncTalk, tmp_path: Path) -> None:
    fault(setup, task2="hang")
    pids = setup.checkout / "pids.txt"
    with pytest.raises(HuashengError) as e:
        preparing(setup, tmp_path, pids.is_file)
    assert e.value.slug == "cancelled"


def training(
    setup: SyncTalk, folder: Path, cancelled: Callable[[], bool] = lambda: False, device: str = "", steps: int = 160
) -> list[TrainingProgress]:
    """A training of an avatar that is there; its progress."""
    told: list[TrainingProgress] = []
    home = folder / "avatar" if (folder / "avatar").is_dir() else avatar(folder)
    for name in ("work", "made"):
        (folder / name).mkdir(exist_ok=True)
    job = TrainingJob(
        source=folder,
        name="me",
        work=folder / "work",
        out=folder / "made",
        steps=steps,
        device=device,
        service=RenderSettings(),
        shared=SharedSettings(weights_dir=folder),
        settings=setup.settings,
        avatar=home,
        on_progress=told.append,
        cancelled=cancelled,
    )
    train(job)
    return told


def test_a_training_runs_twice_and_tells_how_it_stands(setup: SyncTalk, tmp_path: Path) -> None:
    told = training(setup, tmp_path, device="cuda:1")
    head, lips = calls(setup)
    assert head[head.index("--iters") + 1] == "96"
    assert lips[lips.index("--iters") + 1] == "160"
    assert "--finetune_lips" not in head and "--finetune_lips" in lips
    assert head[-1] == lips[-1] == "CUDA_VISIBLE_DEVICES=1"
    assert told[-1].step == 160
    assert [t.fraction for t in told] == sorted(t.fraction for t in told)
    result = json.loads((tmp_path / "made/result.json").read_text())
    assert result["after"] == {"psnr_db": 30.4, "lpips": 0.0394, "lmd_px": 2.822}
    assert result["warnings"] == ["not-compared"]
    assert (tmp_path / "made/preview.jpg").read_bytes().startswith(b"\xff\xd8")
    assert b"lips" in (tmp_path / "made/model.pth").read_bytes()


@pytest.mark.parametrize(
    ("kind", "slug", "words"),
    [
        ("crash", "program-failed", "RuntimeError"),
        ("memory", "program-memory", ""),
        ("nothing", "program-no-result", "0 of 3 epochs"),
        ("nan", "program-no-result", "not a number"),
    ],
)
def test_a_training_that_fails_makes_no_model(
    kind: str, slug: str, words: str, setup: SyncTalk, tmp_path: Path
) -> None:
    fault(setup, train=kind)
    with pytest.raises(HuashengError) as e:
        training(setup, tmp_path)
    assert e.value.slug == slug
    assert words in e.value.params.get("why", "")
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize("kind", ["once:crash", "once:torn"])
def test_a_training_goes_on_from_its_last_whole_checkpoint(kind: str, setup: SyncTalk, tmp_path: Path) -> None:
    fault(setup, train=kind)
    with pytest.raises(HuashengError):
        training(setup, tmp_path)
    told = training(setup, tmp_path)
    assert next(t.step for t in told if t.step) >= 40, "the first epoch is not learned again"
    assert (tmp_path / "made/model.pth").is_file()
    assert training(setup, tmp_path)[-1].step == 160  # all is done already
    assert len(calls(setup)) == 3


def test_a_training_ends_at_once_when_it_is_cancelled(setup: SyncTalk, tmp_path: Path) -> None:
    fault(setup, train="hang")
    pids = setup.checkout / "pids.txt"
    with pytest.raises(HuashengError) as e:
        training(setup, tmp_path, lambda: pids.is_file() and len(pids.read_text().split()) == 2)
    assert e.value.slug == "cancelled"


def test_the_processor_and_too_few_steps_are_refused_before_anything_runs(setup: SyncTalk, tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e:
        training(setup, tmp_path, device="cpu")
    assert e.value.slug == "training-unavailable"
    with pytest.raises(HuashengError) as e:
        training(setup, tmp_path, steps=20)
    assert e.value.slug == "too-few-steps"
    assert calls(setup) == []


def test_drawings_take_turns(setup: SyncTalk, tmp_path: Path) -> None:
    turns = threading.Semaphore(0)
    one = SyncSession(avatar(tmp_path), SessionConfig(16000, model=model(tmp_path)), setup, turns)
    list(one.push(tone(0.2)))
    signs = one.finish()
    assert [next(signs) for _ in range(3)] == [Working(0)] * 3
    assert calls(setup) == []
    turns.release()
    limit = time.monotonic() + 30
    frames = [s for s in signs if isinstance(s, Frame) or time.monotonic() > limit]
    one.close()
    assert len(frames) == 5
