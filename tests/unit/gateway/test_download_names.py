"""Names of downloads tell who speaks, what, and when, and are safe as names of files."""

from __future__ import annotations

import time

import pytest

from services.gateway.api.download_names import download_name, job_of_key
from services.gateway.api.files import disposition

DAY = time.mktime((2026, 11, 28, 12, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("params", "partial", "file", "name"),
    [  # the name without the product and the day
        ({"text": "大家好，欢迎！", "avatar_name": "王老师"}, {}, "video.mp4", "王老师-大家好-欢迎|.mp4"),
        ({"text": "Hello, and welcome to our shop in Berlin"}, {}, "video.wav", "Hello-and-welcome-to-our|.wav"),
        ({"text": None}, {"transcript": "你是谁"}, "reply.mp4", "你是谁|.mp4"),
        ({"text": "字" * 500}, {}, "video.vtt", f"{'字' * 24}|.vtt"),
        ({"text": '../../etc/pass\r\nwd\x00 "x"', "avatar_name": "a/b"}, {}, "video.mp4", "a-b-etc-pass-wd-x|.mp4"),
        ({"audio_asset_id": "a_1"}, {}, "video.mp4", "|.mp4"),
        ({"name": "x"}, {}, "preview.jpg", "preview|.jpg"),
    ],
)
def test_names(params: dict[str, str], partial: dict[str, str], file: str, name: str) -> None:
    row = {"name": "", "params": params, "partial": partial, "created_at": DAY}
    name = "-".join(filter(None, ("huasheng", name.replace("|", "-2026-11-28").removeprefix("-"))))
    assert download_name(row, file) == name
    header = disposition(name, True)
    assert header.isascii() and header.startswith("attachment; ") and "filename*=UTF-8''huasheng-" in header


@pytest.mark.parametrize(
    ("given", "file", "name"),
    [
        ("新年 / 祝福", "video.mp4", "新年 祝福.mp4"),
        ("../../a:b", "video.vtt", "a b.vtt"),
        ("Teil 1. ", "preview.jpg", "Teil 1-preview.jpg"),
    ],
)
def test_the_owners_own_name_comes_first(given: str, file: str, name: str) -> None:
    row = {"name": given, "params": {"text": "x"}, "partial": {}, "created_at": DAY}
    assert download_name(row, file) == name


def test_only_results_belong_to_a_job() -> None:
    assert job_of_key("results/j_01hx/video.mp4") == "j_01hx"
    assert job_of_key("avatars/local/p-1/thumbnail.jpg") is None and job_of_key("results/j_1/a/b.mp4") is None
