"""What a composition is refused for, and what comes out of the service when it is not."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb

from tests.fakes.media import blank, png, tone, wav
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, Rig, config, media, refused, sound, whole

BOX = pb.FaceBox(left=0.5, top=0.5, right=1, bottom=1)


def composition(**how: object) -> pb.Composition:
    return pb.Composition(**{"width": 128, "height": 128, **how})


def overlay(**how: object) -> pb.Overlay:
    return pb.Overlay(**{"picture_uri": "file:///no", "box": BOX, **how})


WRONG: dict[str, tuple[pb.Composition, str]] = {
    "odd": (composition(width=127), "width must be an even number"),
    "small": (composition(height=62), "height must be an even number"),
    "large": (composition(height=3842), "height must be an even number"),
    "none": (pb.Composition(), "width must be"),
    "slow": (composition(fps=9), "fps must be"),
    "fast": (composition(fps=61), "fps must be"),
    "crop": (composition(crop=pb.FaceBox(left=0.6, top=0, right=0.5, bottom=1)), "crop must be shares"),
    "outside": (composition(crop=pb.FaceBox(left=0, top=0, right=1.2, bottom=1)), "crop must be shares"),
    "sliver": (composition(crop=pb.FaceBox(left=0.5, top=0, right=0.51, bottom=1)), "crop must have at least"),
    "nan": (composition(crop=pb.FaceBox(left=float("nan"), top=0, right=1, bottom=1)), "crop must be shares"),
    "both": (composition(alpha=True, background=pb.Background(colour=1)), "alpha is only without"),
    "blur": (composition(background=pb.Background(blur=1.5)), "blur must be"),
    "colour": (composition(background=pb.Background(colour=0x1000000)), "colour must be"),
    "key": (composition(background=pb.Background(key=pb.Key())), "key needs a background"),
    "box": (composition(overlays=[overlay(box=pb.FaceBox())]), "overlays[0].box must have"),
    "opacity": (composition(overlays=[overlay(opacity=2)]), "overlays[0].opacity"),
    "times": (composition(overlays=[overlay(start_us=5, end_us=4)]), "overlays[0] must end"),
    "many": (composition(overlays=[overlay()] * 17), "at most 16 overlays"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
async def test_what_cannot_be_composed_is_refused_by_name(rig: Rig, case: str) -> None:
    asked, why = WRONG[case]
    error = await refused(rig.stub.StreamRender(iter([config(composition=asked), END])))
    assert error.slug == "bad-request" and why in error.params["what"]


@pytest.mark.parametrize("how", [{"live": True}, {"access_units": True}])
async def test_a_conversation_is_not_composed(rig: Rig, how: dict[str, bool]) -> None:
    error = await refused(rig.stub.StreamRender(iter([config(composition=composition(), **how), END])))
    assert error.slug == "bad-request" and "not with live" in error.params["what"]


async def test_files_are_opened_by_their_content(rig: Rig) -> None:
    sounds, picture = rig.put("assets/x.png", wav(tone(1))), rig.put("assets/x.mp4", png(blank(64)))
    wrong = [
        composition(background=pb.Background(picture_uri=sounds)),
        composition(background=pb.Background(film_uri=sounds)),
        composition(background=pb.Background(film_uri=picture)),
        composition(overlays=[overlay(picture_uri=sounds)]),
    ]
    for asked in wrong:
        error = await refused(rig.stub.StreamRender(iter([config(composition=asked), END])))
        assert error.slug in ("unsupported-media", "wrong-kind", "corrupt-media"), error.slug
    missing = composition(overlays=[overlay(picture_uri=rig.storage.uri("assets/none.png"))])
    error = await refused(rig.stub.StreamRender(iter([config(composition=missing), END])))
    assert error.slug == "unknown-id" and error.params["id"] == "none.png"
    assert FakeEngine.open_sessions == 0


async def test_the_header_says_the_new_size_and_rate(rig: Rig, tmp_path: Path) -> None:
    asked = composition(width=96, height=160, fps=10)
    answers = await whole(rig, [config(composition=asked), *sound(np.zeros(16000, np.float32)), END])
    header = answers[0].header
    assert (header.width, header.height, header.fps) == (96, 160, 10)
    with av.open(io.BytesIO(media(answers))) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 10 and {(f.width, f.height) for f in frames} == {(96, 160)}
    assert answers[-1].summary.frames == 25 and answers[-1].summary.duration_us == 1_000_000
