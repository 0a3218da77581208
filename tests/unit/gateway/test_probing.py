"""What an upload is, found by its content; and the limits under which it is found."""

import asyncio
import os
from fractions import Fraction
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.gateway.media.prober import Prober
from services.gateway.media.probing import MediaFacts, ProbeLimits, probe
from services.gateway.settings import GatewaySettings
from tests.fakes import odd_media
from tests.fakes.odd_media import film, sound, speech

LIMITS = ProbeLimits(max_audio_s=60, max_video_s=60, max_side_px=4096)


def facts(tmp_path: Path, data: bytes, name: str = "x.bin") -> MediaFacts:
    path = tmp_path / "upload.part"
    path.write_bytes(data)
    return probe(path, name, LIMITS)


@pytest.mark.parametrize(
    ("form", "codec", "sound_codec", "kind"),
    [
        ("mp4", "libx264", "aac", "video/mp4"),
        ("mov", "mjpeg", "pcm_s16le", "video/quicktime"),
        ("mpegts", "libx264", "aac", "video/mp2t"),
        ("mpegts", "mpeg2video", "mp2", "video/mp2t"),
        ("flv", "flv", "libmp3lame", "video/x-flv"),
        ("flv", "libx264", "aac", "video/x-flv"),
        ("asf", "wmv2", "wmav2", "video/x-ms-wmv"),
        ("vob", "mpeg2video", "mp2", "video/mpeg"),
        ("mpeg", "mpeg1video", "mp2", "video/mpeg"),
        ("avi", "mpeg4", "libmp3lame", "video/x-msvideo"),
        ("matroska", "libx264", "aac", "video/x-matroska"),
    ],
)
def test_films_in_every_container(tmp_path: Path, form: str, codec: str, sound_codec: str, kind: str) -> None:
    found = facts(tmp_path, film(2.0, speech(2.0), form, codec, sound_codec))
    assert (found.kind, found.content_type, found.has_audio) == ("video", kind, True)
    assert (found.width, found.height, found.sample_rate_hz) == (96, 64, 44100)
    assert found.duration_s is not None and abs(found.duration_s - 2.0) < 0.3


@pytest.mark.parametrize("form", ["mp4", "matroska", "mpegts", "flv"])
@pytest.mark.parametrize(("picture_s", "sound_s", "late_s", "whole_s"), [(2, 6, 0, 6), (6, 2, 0, 6), (2, 3, 2.5, 4.5)])
def test_sound_longer_or_earlier_than_the_picture_is_no_damage(
    tmp_path: Path, form: str, picture_s: float, sound_s: float, late_s: float, whole_s: float
) -> None:
    found = facts(tmp_path, film(picture_s, speech(sound_s), form, late_s=late_s))
    assert found.duration_s is not None and abs(found.duration_s - whole_s) < 0.3


def test_the_size_is_that_of_the_picture_as_shown(tmp_path: Path) -> None:
    wide = facts(tmp_path, film(size=(360, 288), aspect=Fraction(16, 15)))
    assert (wide.width, wide.height) == (384, 288)
    turned = facts(tmp_path, film(size=(360, 288), aspect=Fraction(16, 15), rotation=90))
    assert (turned.width, turned.height) == (288, 384)


@pytest.mark.parametrize("part", [0.4, 0.7])
@pytest.mark.parametrize("form", ["matroska", "avi", "flv", "wav", "aiff"])
def test_half_an_upload_is_damaged(tmp_path: Path, form: str, part: float) -> None:
    if form in ("wav", "aiff"):
        data = sound(speech(8), form, "pcm_s16be" if form == "aiff" else "pcm_s16le")
    else:
        data = film(8.0, speech(8.0), form, "mpeg4" if form == "avi" else "libx264", "libmp3lame")
    assert facts(tmp_path, data).kind in ("audio", "video")
    with pytest.raises(HuashengError, match="corrupt-media"):
        facts(tmp_path, data[: int(len(data) * part)])


def test_speech_in_opposite_phase_is_not_silent(tmp_path: Path) -> None:
    talk = speech(2.0)
    assert facts(tmp_path, sound([talk, -talk], layout="stereo")).silent is False
    assert facts(tmp_path, sound([0 * talk, 0 * talk], layout="stereo")).silent is True


def test_a_late_start_counts(tmp_path: Path) -> None:
    found = facts(tmp_path, sound(speech(2.0), "ipod", "aac", start_s=2.0))
    assert found.duration_s is not None and abs(found.duration_s - 4.0) < 0.1


async def _ask(folder: Path, prober: Prober, data: bytes, name: str) -> MediaFacts:
    path = folder / f"{name}.part"
    path.write_bytes(data)
    return await prober.probe(path, name)


async def test_many_at_once_each_with_its_own_answer(tmp_path: Path) -> None:
    prober = Prober(GatewaySettings())
    try:
        files = {f"{i}": sound(speech(1.0 + i / 10)) for i in range(8)} | {"bad": b"words"}
        found = await asyncio.gather(
            *(_ask(tmp_path, prober, data, name) for name, data in files.items()), return_exceptions=True
        )
        lengths = [f.duration_s for f in found if isinstance(f, MediaFacts)]
        assert lengths == pytest.approx([1.0 + i / 10 for i in range(8)], abs=0.01)
        assert isinstance(found[-1], HuashengError) and found[-1].slug == "unsupported-media"
    finally:
        await prober.close()


async def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_served(tmp_path: Path) -> None:
    prober = Prober(GatewaySettings(probe_memory_mb=64))
    try:
        large = film(0.2, size=(4096, 4096))
        with pytest.raises(HuashengError, match="media-too-heavy"):
            await _ask(tmp_path, prober, large, "large")
        assert (await _ask(tmp_path, prober, sound(speech(1.0)), "small")).kind == "audio"
    finally:
        await prober.close()
    prober = Prober(GatewaySettings())
    try:
        assert (await _ask(tmp_path, prober, large, "large")).width == 4096
    finally:
        await prober.close()


async def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    prober = Prober(GatewaySettings(probe_s=1, max_audio_s=100_000))
    try:
        minute = sound(speech(60.0, rate=8000), "wav", "pcm_mulaw", 8000)
        header, samples = minute[:-480_000], minute[-480_000:]
        hours = header[:-4] + (100 * len(samples)).to_bytes(4, "little") + 100 * samples  # encoding them takes long
        with pytest.raises(HuashengError, match="media-too-heavy"):
            await _ask(tmp_path, prober, hours, "hours")
    finally:
        await prober.close()


async def test_a_prober_that_died_is_started_again(tmp_path: Path) -> None:
    prober = Prober(GatewaySettings())
    try:
        await _ask(tmp_path, prober, sound(speech(1.0)), "one")
        assert prober._process
        os.kill(prober._process.pid, 9)
        await prober._process.wait()
        assert (await _ask(tmp_path, prober, odd_media.wide_png(64), "two")).kind == "image"
    finally:
        await prober.close()
