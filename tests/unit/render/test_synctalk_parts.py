"""What is around SyncTalk's programs: settings, set-up, their lines, the cut of the video, the order of frames."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from services.common.engines import EngineSet, load_engine_settings, why
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.render.engines.base import RenderEngine
from services.render.engines.registry import REGISTRY, make_engines
from services.render.engines.synctalk.data import Person
from services.render.engines.synctalk.engine import SynctalkEngine
from services.render.engines.synctalk.prepare import inside, longest, square
from services.render.engines.synctalk.settings import Settings
from services.render.engines.synctalk.setup import FILES, SyncTalk
from services.render.engines.synctalk.train import epochs
from services.render.engines.synctalk.watch import Fit, bar
from services.render.settings import RenderSettings
from tests.fakes.synctalk_checkout import avatar, checkout, program


def engines(setup: SyncTalk | None) -> EngineSet[RenderEngine]:
    """The engines of a service, loaded."""
    options = setup.settings if setup else Settings(dir=None)
    registry = {
        "fake": "tests.fakes.render_engine:FakeEngine",
        "synctalk": "services.render.engines.synctalk.engine:SynctalkEngine",
    }
    settings = RenderSettings.model_construct(**{**RenderSettings().model_dump(), "engines": "fake,synctalk"})
    found = make_engines(settings, SharedSettings(), {"synctalk": options}, registry)
    found.load()
    return found


def unusable(setup: SyncTalk | None) -> str:
    """Why the engine is listed as not available."""
    state = next(s for s in engines(setup).states() if s.name == "synctalk")
    assert state.engine is None and state.error
    return why(state.error)


def test_without_a_checkout_it_is_listed_with_what_to_do() -> None:
    assert "RENDER_SYNCTALK_DIR" in unusable(None)
    assert "docs/synctalk.md" in unusable(None)


def test_missing_weights_are_named_with_where_they_come_from(tmp_path: Path) -> None:
    setup = checkout(tmp_path)
    (setup.checkout / "data_utils/face_tracking/3DMM/3DMM_info.npy").unlink()
    assert "3DMM_info.npy (made by convert_BFM.py" in unusable(setup)


def test_a_machine_without_a_gpu_is_told_before_anything_is_tried(tmp_path: Path) -> None:
    assert "sees no NVIDIA GPU" in unusable(checkout(tmp_path, gpu=False))


def test_missing_packages_are_named(tmp_path: Path) -> None:
    setup = checkout(tmp_path)
    (tmp_path / "env/site/_gridencoder.py").unlink()
    assert "_gridencoder" in unusable(setup)


def test_a_python_that_does_not_start_is_told(tmp_path: Path) -> None:
    setup = checkout(tmp_path)
    program(tmp_path / "env/bin/python", "echo 'ImportError: libcudart.so.11.0' >&2; exit 1")
    assert "libcudart" in unusable(setup)


def test_it_is_usable_with_everything_there(tmp_path: Path) -> None:
    engine = engines(checkout(tmp_path)).get("synctalk")
    assert [d.name for d in engine.devices()] == ["Fake GPU"]
    assert "non-commercial" in engine.license


def test_programs_see_their_own_python_first_and_none_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ZHIPU_API_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "ours")
    setup = checkout(tmp_path)
    env = setup.environment()
    assert env["PATH"].startswith(str(tmp_path / "env/bin"))
    assert "secret" not in env.values()
    assert "PYTHONPATH" not in env
    assert "CUDA_VISIBLE_DEVICES" not in env or env["CUDA_VISIBLE_DEVICES"] != "1"
    assert setup.environment("1")["CUDA_VISIBLE_DEVICES"] == "1"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"RENDER_SYNCTALK_DIR": "/nowhere"}, "/nowhere is no SyncTalk checkout: it has no main.py"),
        ({"RENDER_SYNCTALK_PYTHON": ""}, "it is not set; set it to the Python of SyncTalk"),
        ({"RENDER_SYNCTALK_PYTHON": "/nowhere/python"}, "is no program"),
        ({"RENDER_ENGINES": "synctalk"}, "first engine"),
        ({"RENDER_SYNCTALK_GPU": "first"}, "RENDER_SYNCTALK_GPU"),
    ],
)
def test_a_wrong_setting_ends_the_start_in_clear_words(
    wrong: dict[str, str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup = checkout(tmp_path)
    right = {
        "RENDER_SYNCTALK_DIR": str(setup.checkout),
        "RENDER_SYNCTALK_PYTHON": setup.settings.python,
        "RENDER_ENGINES": "atlas,synctalk",
    }
    for name, value in (right | wrong).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(RenderSettings)
        load_engine_settings(REGISTRY)
    assert words in capsys.readouterr().err


def test_right_settings_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = checkout(tmp_path)
    monkeypatch.setenv("RENDER_SYNCTALK_DIR", str(setup.checkout))
    monkeypatch.setenv("RENDER_SYNCTALK_PYTHON", setup.settings.python)
    monkeypatch.setenv("RENDER_SYNCTALK_PRELOAD", "2")
    engine = SynctalkEngine(load(Settings), SharedSettings(), RenderSettings())
    assert engine.setup
    assert (engine.setup.checkout, engine.settings.preload) == (setup.checkout, 2)
    assert (engine.limits.max_s, engine.limits.max_side_px) == (300, 1920)
    monkeypatch.delenv("RENDER_SYNCTALK_DIR")
    without = SynctalkEngine(load(Settings), SharedSettings(), RenderSettings())
    assert without.setup is None and without.limits.max_s == 60


def test_the_lines_of_a_training_are_read() -> None:
    fit = Fit()
    for line in (
        "[INFO] load 6818 train frames.",
        "Loading train data: 100%|██████████| 6818/6818 [00:09<00:00, 730.1it/s]",
        "[INFO] max_epoch = 15",
        "==> Start Training Epoch 3, lr=0.008123 ...",
        "loss=0.0512 (0.0634), lr=0.009980: :  25% 1704/6818 [01:03<03:11, 26.7it/s]",
    ):
        fit.read(line)
    assert (fit.epoch, round(fit.part, 2), fit.loss) == (3, 0.25, 0.0512)
    fit.read("++> Evaluate at epoch 3 ...")
    fit.read("loss=0.0700 (0.0700): :  90% 90/100 [00:03<00:00, 26.7it/s]")
    assert (fit.part, fit.loss) == (pytest.approx(0.25, abs=0.01), 0.0512)  # judging is no learning
    for line in ("PSNR = 32.201000", "LPIPS (alex) = 0.039400", "LMD (fan) = 2.822000"):
        assert fit.read(line)
    assert fit.figures == {"psnr_db": 32.201, "lpips": 0.0394, "lmd_px": 2.822}
    assert fit.evaluated == 3
    fit.read("==> Start Training Epoch 4, lr=0.008 ...")
    fit.read("loss=nan (nan), lr=0.009980: :  50% 3409/6818 [01:03<03:11, 26.7it/s]")
    assert np.isnan(fit.loss)
    assert not fit.read("something else")


def test_bars_are_read() -> None:
    assert bar("  7% 2/30 [00:00<00:05,  4.95it/s]") == (2, 30)
    assert bar(" 33%|███▎      | 1/3 [00:00<00:00,  6.66it/s]") == (1, 3)
    assert bar("==> Start Test, save results to a/100%/b") is None


def test_the_longest_stretch_with_a_face_is_taken() -> None:
    assert longest(np.array([1, 0, 1, 1, 1, 0, 1, 1], bool)) == (2, 5)
    assert longest(np.zeros(4, bool)) == (0, 0)
    assert longest(np.ones(4, bool)) == (0, 4)


def face(x: float, y: float, size: float) -> np.ndarray:
    grid = np.linspace(-0.5, 0.5, 468)
    return np.stack([x + size * grid, y + size * np.roll(grid, 100), np.zeros(468)], axis=1).astype(np.float32)


def test_the_square_holds_the_head_and_stays_in_the_picture() -> None:
    meshes = np.stack([face(900 + 5 * i, 300, 200) for i in range(10)])
    x, y, side = square(meshes, 1920, 1080)
    assert side % 2 == 0
    assert 2 * 200 <= side <= 3 * 200
    assert x in range(1920 - side + 1)
    assert y in range(1080 - side + 1)
    assert inside(meshes, (x, y, side)).all()
    assert square(meshes, 300, 1080)[2] <= 300
    away = np.stack([face(100, 100, 50), np.full((468, 3), np.nan, np.float32)])
    assert not inside(away, (x, y, side)).any()


def test_both_runs_get_whole_epochs() -> None:
    assert epochs(100_000, 6818) == (9, 15)
    with pytest.raises(HuashengError) as e:
        epochs(5000, 6818)
    assert e.value.slug == "too-few-steps"
    least = int(e.value.params["least"])
    first, last = epochs(least, 6818)
    assert last > first
    assert least % 100 == 0


def test_any_order_of_frames_is_a_folder_of_links(tmp_path: Path) -> None:
    folder = avatar(tmp_path) / "person"
    person = Person.load(folder)
    assert (len(person.heads), person.train_frames) == (44, 40)
    person.arrange([43, 2, 2], tmp_path / "mine")
    listed = json.loads((tmp_path / "mine/transforms_train.json").read_text())
    assert [f["img_id"] for f in listed["frames"]] == [43, 2, 2]
    assert listed["focal_len"] == 1.0
    assert (tmp_path / "mine/ori_imgs/43.jpg").read_bytes() == (folder / "ori_imgs/43.jpg").read_bytes()
    (folder / "transforms_val.json").write_text('{"frames": []}')
    assert len(Person.load(folder).heads) == 40
    (folder / "transforms_train.json").write_text('{"frames": [{"img_id": 1}]}')
    with pytest.raises(ValueError, match="missing"):
        Person.load(folder)


def test_every_file_it_needs_has_an_origin() -> None:
    assert all(FILES.values())
