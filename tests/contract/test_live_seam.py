"""Speech joins the idle loop of the built-in avatar: decoded pictures of the loop's file and of the stream."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.live_pictures import Given, avatars, loop_pictures, seam, step, stream, talk
from services.common.settings import SharedSettings
from services.common.weights import WeightsError
from services.render.engines.atlas.engine import AtlasEngine
from services.render.outputs import HeaderOut, PictureOut
from services.render.settings import RenderSettings
from tests.fakes.access_units import decoded_units

STARTS = (3, 40, 77, 96)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtlasEngine, Path]]:
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.render.clip.portrait.LOOP_S", 4.8)
        try:
            engine.load()
            (_, avatar) = next(avatars(engine, [], tmp_path_factory.mktemp("seam")))
        except WeightsError as e:
            pytest.skip(str(e))
    yield engine, avatar


def test_speech_begins_and_ends_on_the_loop(ready: tuple[AtlasEngine, Path]) -> None:
    engine, avatar = ready
    found = seam(engine, avatar, STARTS, lead_in=True, talk_s=1.2)
    assert statistics.fmean(found.into) <= 1.5
    assert statistics.fmean(found.out) <= 1.5
    # where the head moves fast, the loop's own step is up to twice the usual one
    assert max(*found.into, *found.out) <= 3


def test_without_the_lead_in_speech_still_ends_on_the_loop(ready: tuple[AtlasEngine, Path]) -> None:
    engine, avatar = ready
    assert statistics.fmean(seam(engine, avatar, STARTS, lead_in=False, talk_s=1.2).out) <= 1.6


def test_the_lead_in_is_the_loop_to_the_bit(ready: tuple[AtlasEngine, Path]) -> None:
    engine, avatar = ready
    loop = loop_pictures(avatar / "idle.mp4")
    header, *given = stream(engine, avatar / "engine", 40, Given(talk(0.4, 0.2, True)), True, lead_in=True)
    assert isinstance(header, HeaderOut)
    units = [o for o in given if isinstance(o, PictureOut)]
    shown = decoded_units(header.description, [u.data for u in units])
    before = [u.loop_frame for u in units if u.pts_us < 0]
    assert before == list(range(25, 40))
    assert all(np.array_equal(shown[i], loop[place]) for i, place in enumerate(before))
    assert step(shown[15], loop[40]) > 0  # the mouth is on its way
