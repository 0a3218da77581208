"""Restored faces of a real engine's pictures, before they are encoded: what changes, what stays, and that parts fit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from benchmarks.live_pictures import Given
from services.common.audio import to_pcm16
from services.common.errors import HuashengError
from services.common.weights import WeightsError
from services.render import stream
from services.render.avatars.store import AvatarRecord
from services.render.composition.composing import composing_of
from services.render.media.planes import planes
from services.render.media.write import EncoderOptions, to_bgr
from services.render.outputs import Mp4Form
from services.render.restore import places
from services.render.restore.restorer import Restorer, Restoring
from services.render.session import AudioIn, EndIn
from services.render.settings import RenderSettings
from services.render.types import Frame, Image
from tests.fakes import restorers
from tests.fakes.composing import RATE, Studio, person, swaying

SIDE, FPS = 320, 25


@dataclass
class World:
    studio: Studio
    ann: AvatarRecord
    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def restorer(self, make: Callable[[Path], Path]) -> Restorer:
        settings = RenderSettings(restorer_model=str(make(self.folder / "m.onnx")), restorer_licence="none")
        made = Restorer(settings, 1)
        made.load()
        made.check()
        return made

    def about(self, config: pb.RenderConfig) -> tuple[Any, ...]:
        with self.studio.store.engine_files(self.ann) as files:
            pictures = functools.partial(self.studio.engine.source_pictures, files)
        return config, self.studio.store, self.ann, pictures, self.studio.shared.weights_dir

    def restoring(self, restorer: Restorer) -> Restoring:
        found = restorer.restoring(*self.about(pb.RenderConfig(restore=True)))
        assert found is not None
        return found

    def pictures(self, restorer: Restorer | None = None, seconds: float = 0.6, **how: object) -> list[Image]:
        """What would be encoded of a talk."""
        kept: list[Image] = []

        class Kept(Mp4Form):
            def add(self, frames, sound, key):
                kept.extend(f.image for f in frames)
                return super().add(frames, sound, key)

        self.monkeypatch.setattr(stream, "Mp4Form", Kept)
        form = common_pb2.AudioFormat(sample_rate_hertz=RATE)
        config = pb.RenderConfig(format=form, has_phonemes=True, restore=restorer is not None, **how)
        items = [AudioIn(to_pcm16(np.zeros(round(seconds * RATE), np.float32)), 0), EndIn()]
        about = self.about(config)
        composing = composing_of(*about)
        restoring = restorer.restoring(*about) if restorer else None
        with self.studio.store.engine_files(self.ann) as files:
            for _ in stream.drawn(
                self.studio.engine, files, config, None, EncoderOptions(), Given(items), composing, restoring
            ):
                pass
        return kept


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, AvatarRecord]:
    try:
        studio = Studio(tmp_path_factory.mktemp("storage"))
        return studio, studio.prepare("ann", swaying(person(SIDE)[0]))
    except WeightsError as e:
        pytest.skip(str(e))
    except HuashengError as e:
        if e.slug != "engine-unavailable":
            raise
        pytest.skip(str(e))


@pytest.fixture
def world(prepared: tuple[Studio, AvatarRecord], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(*prepared, monkeypatch, tmp_path)


def around(world: World, height: int, width: int, wider: float = 0.04) -> tuple[slice, slice]:
    """Rows and columns of the face."""
    box = world.ann.report.face_box
    assert box
    left, top, right, bottom = (round(v * n) for v, n in zip(box, (width, height) * 2, strict=True))
    more = round(wider * width)
    return slice(max(0, top - more), bottom + more), slice(max(0, left - more), right + more)


def test_the_face_changes_and_the_rest_stays_to_the_bit(world: World) -> None:
    plain, inverted = world.pictures(), world.pictures(world.restorer(restorers.inverting))
    assert len(plain) == len(inverted) == 15
    for before, after in zip(plain, inverted, strict=True):
        changed = np.zeros(planes(before)[0].shape, bool)
        for old, new in zip(planes(before), planes(after), strict=True):
            step = changed.shape[0] // old.shape[0]
            changed |= np.repeat(np.repeat(old != new, step, 0), step, 1)
        rows, columns = around(world, *changed.shape)
        assert changed[rows, columns].mean() > 0.4
        changed[rows, columns] = False
        assert not changed.any()
        middle = planes(before)[0][rows, columns].astype(int) - planes(after)[0][rows, columns]
        assert np.abs(middle).max() > 40


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_a_network_that_changes_nothing_leaves_the_picture(world: World, side: int) -> None:
    plain = world.pictures(seconds=0.2)
    same = world.pictures(world.restorer(lambda p: restorers.identity(p, side)), seconds=0.2)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(plain, same, strict=True)) <= 1


def test_parts_are_as_in_the_whole(world: World) -> None:
    sharp = world.restorer(lambda p: restorers.sharpening(p, 256))
    whole = world.pictures(sharp, 2.0)
    part = pb.VideoPart(at=20, skip=5, count=10)
    found = world.pictures(sharp, 30 / FPS, part=part)
    assert len(found) == 10
    assert all(np.array_equal(a, b) for a, b in zip(found, whole[25:35], strict=True))


def test_a_composed_picture_shows_the_restored_face(world: World) -> None:
    composition = pb.Composition(width=160, height=160, background=pb.Background(blur=0.5))
    plain = world.pictures(seconds=0.2, composition=composition)
    inverted = world.pictures(world.restorer(restorers.inverting), 0.2, composition=composition)
    assert all(np.abs(a.astype(int) - b).max() > 40 for a, b in zip(plain, inverted, strict=True))


def test_a_smaller_video_is_restored_at_its_own_size(world: World) -> None:
    plain = world.pictures(seconds=0.2, max_side_px=160)
    inverted = world.pictures(world.restorer(restorers.inverting), 0.2, max_side_px=160)
    luma = [np.stack([planes(p)[0] for p in some]).astype(int) for some in (plain, inverted)]
    changed = (luma[0] != luma[1]).any(0)
    rows, columns = around(world, *changed.shape)
    assert changed[rows, columns].mean() > 0.4
    changed[rows, columns] = False
    assert not changed.any()


def test_pictures_that_are_not_drawn_are_left_alone(world: World) -> None:
    restoring = world.restoring(world.restorer(restorers.inverting))
    list(restoring.prepare())
    image = world.pictures(seconds=0.04)[0]
    frame = Frame(0, image, 0, 0, redrawn=0.0)
    assert restoring.restored(frame) is frame
    luma = [planes(restoring.restored(replace(frame, redrawn=r)).image)[0].astype(int) for r in (0.5, 1)]
    change = [np.abs(x - planes(image)[0]).sum() for x in luma]
    assert change[0] == pytest.approx(change[1] / 2, rel=0.05), "it fades where drawing does"
    colours = replace(frame, image=to_bgr(image), redrawn=1.0)
    assert restoring.restored(colours).image.shape == image.shape, "an engine may draw either form"


def test_colours_do_not_flicker(world: World) -> None:
    """A network with colours of its own: each picture keeps those it had."""
    plain, tinted = world.pictures(), world.pictures(world.restorer(restorers.tinted))
    rows, columns = around(world, SIDE, SIDE, 0)
    means = [
        np.array([to_bgr(p)[rows, columns].reshape(-1, 3).mean(0) for p in some], float) for some in (plain, tinted)
    ]
    apart = means[1] - means[0]
    assert np.abs(apart).max() < 2 and apart.std(0).max() < 0.3


def test_faces_are_found_once_and_kept_with_the_avatar(world: World) -> None:
    restoring = world.restoring(world.restorer(restorers.identity))
    list(restoring.prepare())

    def never(_: object) -> None:
        raise AssertionError("it was found before")

    world.monkeypatch.setattr(places, "Tracker", never)
    assert list(world.restoring(world.restorer(restorers.identity)).prepare()) == []
    keys = world.studio.storage.list("avatars/local/ann")
    assert sum("faces-" in key for key in keys) == 1, "it goes with the avatar"


def test_what_is_no_number_ends_the_video(world: World) -> None:
    with pytest.raises(HuashengError) as e:
        world.pictures(world.restorer(restorers.failing_on_faces), 0.2)
    assert e.value.slug == "engine-failed" and e.value.params["engine"] == "m"
