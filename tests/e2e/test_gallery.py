"""The gallery: found by words, tag and avatar; named and tagged; several downloaded and deleted."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import Any

from tests.e2e.web import Web, sync_api
from tests.fakes.web_script import EXPIRES, LENGTH_S

expect = sync_api.expect


def fill(web: Web, *texts: str) -> None:
    """Finished videos, the last is the newest."""
    for text in texts:
        key = f"j_{next(web.world.numbers):04d}"
        result = {"video_url": f"/media/{key}.mp4?exp={EXPIRES}&sig=1", "duration_s": LENGTH_S, "avatar_id": "builtin"}
        result |= {"bytes": 2_000_000, "audio_url": None, "subtitles_url": None, "width": 512, "height": 512, "fps": 25}
        job: dict[str, Any] = {"id": key, "kind": "video", "state": "succeeded", "stage": "", "progress": 1.0}
        job |= {"eta_s": None, "queue_position": None, "partial": {}, "error": None, "video_url": None}
        times = dict.fromkeys(("created_at", "started_at", "finished_at"), "2026-11-30T08:00:00.000Z")
        params = {"text": text, "avatar_id": "builtin"}
        web.world.jobs[key] = job | times | {"params": params, "result": result, "name": "", "tags": []}


def test_videos_are_searched_and_shown_a_page_at_a_time(web: Web) -> None:
    fill(web, *(f"第{n}段 Video" for n in range(30)))
    page = web.go("/video_generation")
    expect(page.locator(".tile")).to_have_count(24)
    expect(page.get_by_text("已用存储 57 MB")).to_be_visible()
    page.get_by_role("button", name="显示更多").click()
    expect(page.locator(".tile")).to_have_count(30)
    expect(page.locator(".tile").nth(24)).to_be_focused()
    page.get_by_label("搜索名称或台词").fill("第7段 VIDEO")
    expect(page.locator(".tile")).to_have_count(1)
    page.get_by_label("搜索名称或台词").fill("没有这样的")
    expect(page.get_by_text("没有符合条件的视频")).to_be_visible()
    page.get_by_label("搜索名称或台词").fill("")
    expect(page.locator(".tile")).to_have_count(24)


def test_a_video_gets_a_name_and_tags_that_it_is_found_by(web: Web) -> None:
    fill(web, "大家好", "再见")
    page = web.go("/video_generation")
    page.get_by_role("button", name="大家好").click()
    page.get_by_text("名称与标签").click()
    page.get_by_label("名称", exact=True).fill("新年祝福")
    page.get_by_role("textbox", name="标签").fill("春节， 2027")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".tile", has_text="新年祝福")).to_be_visible()
    expect(page.locator(".tag")).to_have_text(["春节", "2027"])
    page.get_by_role("combobox", name="标签").select_option("春节")
    expect(page.locator(".tile")).to_have_count(1)
    page.get_by_role("button", name="新年祝福").click()
    expect(page.get_by_role("dialog", name="新年祝福")).to_be_visible()


def test_several_are_downloaded_and_deleted(web: Web, tmp_path: Any) -> None:
    fill(web, "一", "二", "三")
    page = web.go("/video_generation")
    page.get_by_role("button", name="选择多个").click()
    expect(page.get_by_role("button", name="下载 ZIP")).to_be_disabled()
    page.get_by_role("button", name=re.compile("选择：.*一")).click()
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile("选择：.*二")).press("Enter")
    expect(page.get_by_text("已选 2 个")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("选择：.*一"))).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as started:
        page.get_by_role("button", name="下载 ZIP").click()
    started.value.save_as(tmp_path / "videos.zip")
    with zipfile.ZipFile(tmp_path / "videos.zip") as archive:
        assert len(archive.namelist()) == 2
    page.locator(".gallery-bar").get_by_role("button", name="删除").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("button", name="选择多个")).to_be_visible()
    assert web.world.requests[-1][2]["action"] == "delete"


def test_an_empty_gallery_and_one_that_cannot_be_read(open_page: Callable[..., Web]) -> None:
    web = open_page("en", width=360, height=740)
    page = web.go("/video_generation")
    expect(page.get_by_text("No videos yet")).to_be_visible()
    expect(page.get_by_label("Search names and words")).to_be_hidden()
    web.refusals_expected = True
    web.world.down.add("gallery")
    web.go("/video_generation")
    expect(page.locator(".problem[data-reason=database-down]")).to_be_visible()
    fill(web, "Hello")
    web.world.down.clear()
    page.locator(".problem").get_by_role("button", name="Try again").click()
    expect(page.locator(".tile")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
