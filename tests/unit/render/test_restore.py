"""The face restorer: which networks are taken, how a face is taken out of a picture and brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import load
from services.render.media.planes import planes
from services.render.media.write import to_bgr, to_yuv
from services.render.restore.align import TEMPLATE, Place, add_change, face_of, mask_of, place, steady
from services.render.restore.network import Network
from services.render.restore.places import Places
from services.render.restore.restorer import Restorer
from services.render.settings import RenderSettings
from tests.fakes import restorers
from tests.fakes.media import portrait
from tests.fakes.restorers import FLOAT16, INT64, model, node

WIDTH, HEIGHT = 480, 360


def opened(path: Path) -> Network:
    return Network(path, "test", 1)


def where(side: int = 256, size: float = 120.0, angle: float = 0.2, at: tuple[float, float] = (230, 170)) -> Place:
    """A face of about that width at a place in a picture, leaning."""
    turn = np.exp(1j * angle) * size / 300
    points = (TEMPLATE - TEMPLATE.mean(0)) @ (1, 1j) * turn + complex(*at)
    rim = np.exp(1j * np.linspace(0, 2 * np.pi, 36, endpoint=False)) * size / 2 * 1.2 + complex(*at)
    five, outline = (np.stack([p.real, p.imag], 1).astype(np.float32) for p in (points, rim))
    return place(five, outline, side)


def picture() -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 12, (HEIGHT, WIDTH, 3))
    across, down = np.meshgrid(np.linspace(60, 190, WIDTH), np.linspace(-30, 30, HEIGHT))
    return np.clip((across + down)[..., None] + (0, 10, 25) + noise, 0, 255).astype(np.uint8)


def no_model(path: Path) -> Path:
    path.write_bytes(b"not a model")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "rank": (lambda p: model(p, [node("Identity", ["x"], "y")], takes=(3, 256, 256)), "input is tensor(float)"),
    "channels": (lambda p: model(p, [node("Identity", ["x"], "y")], takes=(1, 1, 256, 256)), "(1, 1, 256, 256)"),
    "oblong": (lambda p: model(p, [node("Identity", ["x"], "y")], takes=(1, 3, 256, 512)), "(1, 3, 256, 512)"),
    "small": (lambda p: restorers.identity(p, 128), "S from 256 to 1024"),
    "large": (lambda p: restorers.identity(p, 2048), "S from 256 to 1024"),
    "half": (lambda p: model(p, [node("Identity", ["x"], "y")], kind=FLOAT16), "tensor(float16)"),
    "output": (
        lambda p: model(p, [node("ReduceMax", ["x"], "y", keepdims=0)], gives=()),
        "output is float32 ()",
    ),
    "nan": (restorers.without_numbers, "output is not a number"),
    "other input": (lambda p: restorers.weighted(p, shape=(1, 3, 1, 1)), "input w is tensor(double) (1, 3, 1, 1)"),
    "whole number": (lambda p: restorers.weighted(p, kind=INT64), "tensor(int64)"),
    "no model": (no_model, "does not load"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_is_no_restorer_is_refused_when_it_is_loaded(case: str, tmp_path: Path) -> None:
    make, why = REFUSED[case]
    with pytest.raises(HuashengError) as e:
        opened(make(tmp_path / "m.onnx"))
    assert e.value.slug == "restorer-unavailable" and why in e.value.why("en")
    assert str(tmp_path) not in e.value.why("en"), "folders of the machine are not told"
    assert e.value.why("zh") != e.value.why("en")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e:
        opened(tmp_path / "gone.onnx")
    assert "gone.onnx" in e.value.why("en") and str(tmp_path) not in e.value.why("zh")


@pytest.mark.parametrize(
    ("location", "is_read"),
    [("w.bin", True), ("../w.bin", False), ("{root}/w.bin", False), ("link.bin", False), ("x/../../w.bin", False)],
)
def test_weights_are_read_from_the_models_own_folder_only(location: str, is_read: bool, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for place_of in (tmp_path, folder):
        (place_of / "w.bin").write_bytes(np.full(1, 2, np.float32).tobytes())
    (folder / "link.bin").symlink_to("../w.bin")
    weights = restorers.elsewhere("w", 1, location.format(root=tmp_path))
    path = model(folder / "m.onnx", [node("Mul", ["x", "w"], "y")], constants=[weights])
    if is_read:
        assert opened(path).restored(np.full((3, 256, 256), 0.25, np.float32)).max() == 0.5
        return
    with pytest.raises(HuashengError) as e:
        opened(path)
    assert e.value.slug == "restorer-unavailable" and "xternal data" in e.value.why("en")


def test_an_open_size_is_the_usual_one_and_a_weight_is_in_the_middle(tmp_path: Path) -> None:
    assert opened(restorers.identity(tmp_path / "open.onnx", "side")).side == 512
    face = np.random.default_rng(0).uniform(-1, 1, (3, 256, 256)).astype(np.float32)
    for kind, shape in ((restorers.DOUBLE, (1,)), (restorers.DOUBLE, ()), (restorers.FLOAT, (1,))):
        path = restorers.weighted(tmp_path / "w.onnx", kind, shape)
        assert np.allclose(opened(path).restored(face), face)


def test_what_only_a_face_shows_is_an_error_then(tmp_path: Path) -> None:
    network = opened(restorers.failing_on_faces(tmp_path / "m.onnx"))
    with pytest.raises(HuashengError) as e:
        network.restored(np.full((3, 256, 256), 0.1, np.float32))
    assert e.value.slug == "engine-failed" and "not a number" in e.value.why("en")


@pytest.mark.parametrize("size", [60.0, 120.0, 400.0])
def test_a_face_stands_where_restorers_want_it(size: float) -> None:
    found = where(512, size, angle=-0.4)
    points = np.array([(x, y) for x, y in TEMPLATE]) @ (1, 1j)
    turned = (TEMPLATE - TEMPLATE.mean(0)) @ (1, 1j) * np.exp(-0.4j) * size / 300 + complex(230, 170)
    at = np.stack([turned.real, turned.imag], 1) @ found.turn[:, :2].T + found.turn[:, 2]
    at = (at + 0.5) * 512 / found.native - 0.5
    assert np.abs(at @ (1, 1j) - points).max() < 0.01


@pytest.mark.parametrize("side", [256, 512, 1024])
@pytest.mark.parametrize("at", [(230, 170), (10, 350), (-300, 20)])
def test_what_is_not_changed_stays_to_the_bit(side: int, at: tuple[float, float]) -> None:
    before = to_yuv(picture())
    after, found = before.copy(), where(side, at=at)
    face = face_of(to_bgr(before), found)
    assert face.shape == (3, side, side) and face.dtype == np.float32 and np.abs(face).max() <= 1
    mask = mask_of(found)
    add_change(after, (steady(face, face.copy(), mask) - face) * mask, found)
    assert np.abs(after.astype(int) - before).max() <= 1
    add_change(after := before.copy(), np.zeros_like(face), found)
    assert np.array_equal(after, before)


@pytest.mark.parametrize("side", [256, 1024])
def test_a_change_comes_back_where_it_was_and_nowhere_else(side: int) -> None:
    """A face that becomes lighter by a tenth: the middle does, in its own colour, and nothing outside its outline."""
    before, found = to_yuv(picture()), where(side)
    after, mask = before.copy(), mask_of(found)
    add_change(after, np.repeat(mask[None] * np.float32(0.2), 3, axis=0), found)
    (luma, u, v), (old, old_u, old_v) = (tuple(p.astype(int) for p in planes(x)) for x in (after, before))
    assert np.array_equal(u, old_u) and np.array_equal(v, old_v), "grey light has no colour"
    changed = luma - old
    assert changed[170, 230] == pytest.approx(0.1 * 219, abs=1)
    distance = np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([170, 230])[:, None, None]))
    assert not changed[distance > 74].any() and changed[distance < 60].all()
    steps = np.abs(np.diff(changed, axis=1))
    assert steps.max() <= 6, "the rim is soft"


def test_colours_of_the_rim_are_kept(tmp_path: Path) -> None:
    found = where()
    face, mask = face_of(picture(), found), mask_of(found)
    tinted = opened(restorers.tinted(tmp_path / "m.onnx")).restored(face)
    assert np.abs(tinted - face).max() > 0.2
    assert np.abs(steady(face, tinted, mask) - face).mean() < 0.02


def test_a_drawn_picture_may_be_smaller_than_the_avatars_own() -> None:
    five = (TEMPLATE * 0.5 + 100).astype(np.float32)[None]
    places = Places(five, np.zeros((1, 4, 2), np.float32), np.ones(1, np.float32))
    whole, half = (places.place(0, scale, 512) for scale in (1.0, 0.5))
    assert whole.native == 256 and half.native == 128


def test_its_licence_is_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RENDER_RESTORER_MODEL", str(tmp_path / "gfpgan.onnx"))
    for licence in (None, " "):
        if licence:
            monkeypatch.setenv("RENDER_RESTORER_LICENCE", licence)
        with pytest.raises(SystemExit):
            load(RenderSettings)
        assert "RENDER_RESTORER_LICENCE" in capsys.readouterr().err
    monkeypatch.setenv("RENDER_RESTORER_LICENCE", "Apache-2.0")
    restorer = Restorer(load(RenderSettings), 1)
    message = restorer.message()
    assert message and (message.name, message.licence) == ("gfpgan", "Apache-2.0") and "loading" in message.problem
    restorer.load()
    message = restorer.message()
    assert message and "gfpgan.onnx" in message.problem
    with pytest.raises(HuashengError) as e:
        restorer.check()
    assert e.value.slug == "restorer-unavailable"


def test_without_one_there_is_nothing_to_say() -> None:
    restorer = Restorer(RenderSettings(), 1)
    restorer.load()
    assert restorer.message() is None
    with pytest.raises(HuashengError) as e:
        restorer.check()
    assert "no face restorer is set up" in e.value.why("en")


def test_the_portrait_is_sharper_and_otherwise_itself(tmp_path: Path) -> None:
    before = to_yuv(portrait(512))
    found = where(512, 200, 0, (228, 190))
    face, mask = face_of(to_bgr(before), found), mask_of(found)
    sharp = opened(restorers.sharpening(tmp_path / "m.onnx")).restored(face)
    add_change(after := before.copy(), (steady(face, sharp, mask) - face) * mask, found)
    detail = [np.abs(np.diff(planes(x)[0][150:230, 190:270].astype(int))).mean() for x in (before, after)]
    means = [planes(x)[0][110:270, 150:310].mean() for x in (before, after)]
    assert detail[1] > 1.2 * detail[0] and abs(means[1] - means[0]) < 1.5
