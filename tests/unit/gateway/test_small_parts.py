"""Ranges, links, names, timings, subtitles, ids and settings."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from fastapi import Request
from pydantic import ValidationError

from services.common.errors import HuashengError
from services.gateway.api.files import disposition, parse_range
from services.gateway.api.problems import language
from services.gateway.ids import new_id
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.progressive_file import Abandoned, ProgressiveFile
from services.gateway.media.signing import Signer, load_secret
from services.gateway.media.subtitles import webvtt
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import clean_name
from services.gateway.turn.events import SpokenClause
from services.gateway.turn.timings import Timings


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 99)),
        ("bytes=90-200", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
    ],
)
def test_range(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=1000-2000"])
def test_range_outside(header: str) -> None:
    with pytest.raises(HuashengError, match="bad-range"):
        parse_range(header, 100)


def test_no_part_of_an_empty_file() -> None:
    with pytest.raises(HuashengError, match="bad-range"):
        parse_range("bytes=0-", 0)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a/b\\c.wav", "c.wav"),
        ("\x00\x1b[31mx.mp4", "[31mx.mp4"),
        ("   ", "file"),
        ("...", "file"),
        ("中文.mp4", "中文.mp4"),
        ("a\u200fb.mp4", "ab.mp4"),
    ],
)
def test_shown_names(given: str, shown: str) -> None:
    assert clean_name(given) == shown


def test_long_names_keep_their_ending() -> None:
    assert clean_name("长" * 500 + ".webm") == "长" * 115 + ".webm"


def test_a_name_cannot_leave_its_header() -> None:
    header = disposition('a"\r\nSet-Cookie: x=1;.wav', True)
    assert "\r" not in header
    assert "\n" not in header
    assert header.count('"') == 2


def test_links_hold_for_a_while_and_only_for_their_path() -> None:
    signer = Signer(b"k" * 32, hours=2)
    url = signer.sign("/api/v1/media/results/j_1/video.mp4")
    query = dict(p.split("=") for p in url.split("?")[1].split("&"))
    assert 3600 <= signer.check("/api/v1/media/results/j_1/video.mp4", query["exp"], query["sig"]) <= 7200
    assert signer.sign("/api/v1/media/results/j_1/video.mp4") == url, "caches see one address"
    for path, exp, sig in [
        ("/other", query["exp"], query["sig"]),
        ("/api/v1/media/results/j_1/video.mp4", str(int(query["exp"]) + 1), query["sig"]),
        ("/api/v1/media/results/j_1/video.mp4", query["exp"], "no"),
        ("/api/v1/media/results/j_1/video.mp4", "", ""),
        ("/api/v1/media/results/j_1/video.mp4", "²", "é"),
    ]:
        with pytest.raises(HuashengError, match="stale-link"):
            signer.check(path, exp, sig)
    old = Signer(b"k" * 32, hours=2)
    past = int(time.time()) - 10
    with pytest.raises(HuashengError, match="stale-link"):
        old.check("/x", str(past), old._mac("/x", past))


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    settings = GatewaySettings(data_dir=tmp_path / "d")
    first = load_secret(settings)
    assert len(first) == 64
    assert load_secret(settings) == first
    assert (tmp_path / "d" / "secret").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValidationError):
        GatewaySettings(secret="short")


def test_timings_tell_each_stage_once_and_start_over() -> None:
    marked: list[str] = []
    timings = Timings(age_s=2.0, on_mark=lambda stage, _ms: marked.append(stage))
    timings.set("asr", 100.0)
    timings.begin("llm")
    timings.mark("llm_first_token", "llm")
    first = timings.ms["llm_first_token"]
    timings.mark("llm_first_token", "llm")
    timings.mark("total")
    assert timings.ms["llm_first_token"] == first
    assert timings.ms["total"] >= 2000
    assert marked == ["asr", "llm_first_token", "total"]
    timings.restart()
    assert timings.ms == {"asr": 100.0}
    timings.begin("llm")
    timings.mark("llm_first_token", "llm")
    assert marked[-1] == "llm_first_token"


def test_subtitles() -> None:
    text = webvtt(
        [
            SpokenClause("**你好** <b>x</b> < 3", 0, 1.5),
            SpokenClause("第一句话说完了，第二句话也说完了，第三句话还没有说完。", 1.5, 3661.25),
        ]
    )
    blocks = text.split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[1] == "00:00:00.000 --> 00:00:01.500\n你好 x &lt; 3"
    assert len(blocks) > 3, "a long stretch is cut at its punctuation"
    assert "--> 01:01:01.250" in text


def test_ids_sort_by_age() -> None:
    ids = []
    for _ in range(3):
        ids.append(new_id("j"))
        time.sleep(0.002)
    assert sorted(ids) == ids
    assert all(re.fullmatch(r"j_[0-9a-z]{25}", i) for i in ids)


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("", "", "en"),
        ("lang=zh", "en", "zh"),
        ("lang=zh-CN", "", "zh"),
        ("lang=xx", "zh", "zh"),
        ("", "zh-TW,en;q=0.5", "zh"),
        ("", "fr,en;q=0.3,zh;q=0.4", "zh"),
        ("", "en;q=x,zh", "zh"),
        ("", ",,;;", "en"),
    ],
)
def test_language(query: str, header: str, expected: str) -> None:
    scope = {"type": "http", "query_string": query.encode(), "headers": [(b"accept-language", header.encode())]}
    assert language(Request(scope)) == expected


def test_hosts_and_database_addresses(tmp_path: Path) -> None:
    closed = GatewaySettings(data_dir=tmp_path)
    assert "localhost" in closed.hosts()
    assert closed.dbos_url() != closed.sql_url()
    opened = GatewaySettings(host="0.0.0.0", database_url="postgresql+psycopg://h/d")
    assert opened.is_open
    assert opened.hosts() == closed.hosts(), "a name of its own must not lead a web page elsewhere here"
    assert GatewaySettings(host="0.0.0.0", allowed_hosts="*").hosts() == frozenset()
    assert opened.dbos_url() == opened.sql_url()
    assert GatewaySettings(allowed_hosts="A.example, b.example").hosts() == {"a.example", "b.example"}


async def test_a_progressive_file_is_read_by_all_while_it_is_written(tmp_path: Path) -> None:
    file = ProgressiveFile(tmp_path / "v.mp4")

    async def read(parts) -> bytes:
        return b"".join([part async for part in parts])

    early = asyncio.create_task(read(file.follow(chunk=4)))
    for part in (b"init", b"first picture", b"second"):
        await asyncio.sleep(0)
        file.append(part, part != b"init")
    late = asyncio.create_task(read(file.follow()))
    (tmp_path / "v.mp4").rename(tmp_path / "final.mp4")
    await asyncio.sleep(0.01)
    file.close(complete=True)
    assert await early == await late == b"initfirst picturesecond"
    file = ProgressiveFile(tmp_path / "w.mp4")
    reader = asyncio.create_task(read(file.follow()))
    file.append(b"x", False)
    await asyncio.sleep(0.01)
    file.close(complete=False)
    with pytest.raises(Abandoned):
        await reader
    with pytest.raises(Abandoned):
        file.follow()


async def test_a_watcher_that_falls_behind_is_told_so() -> None:
    hub = Hub()
    with hub.subscribe("local", "j_1") as slow, hub.subscribe("other") as stranger:
        for i in range(300):
            hub.publish("local", "j_1", "progress", {"n": i})
        assert slow.behind
        assert stranger.queue.empty()
        last = None
        while not slow.queue.empty():
            last = await slow.get(0.1)
        assert last == ("progress", {"n": 299})
    hub.publish("local", "j_1", "progress", {})
    assert slow.queue.empty()
