"""Clips that real cameras and programs made: their sizes, rates and frames."""

from pathlib import Path

import pytest

from services.render.media.read import probe, read_frames

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "clips"


@pytest.mark.parametrize(
    ("name", "size", "fps", "frames", "vfr"),
    [
        ("latentsync_demo1_1080x1920_hevc", (1080, 1920), 25, 250, False),
        ("retalking_face1_vfr_threequarter", (700, 700), 30, 183, True),
        ("liveportrait_d13_no_audio", (720, 1280), 30, 352, False),
        ("joygen_example_5s", (900, 900), 25, 127, False),
    ],
)
def test_real_clips(name: str, size: tuple[int, int], fps: int, frames: int, vfr: bool) -> None:
    path = DATA / f"{name}.mp4"
    if not path.exists():
        pytest.skip("shared test data is not here")
    info = probe(path)
    assert ((info.width, info.height), info.fps, info.is_vfr) == (size, fps, vfr)
    assert info.has_audio == ("no_audio" not in name)
    assert sum(1 for _ in read_frames(path, max_side=320)) == frames
