"""Making a video: who, what, how, and the result in place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.fakes import web_media


def test_text_becomes_a_video_that_plays(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_text("Anna").click()
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_text("怎么做").click()
    page.get_by_label("分辨率").select_option("512")
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_role("progressbar", name="大家好")).to_be_visible()
    expect(page.locator(".job-progress .stage-name")).to_contain_text("合成画面")
    expect(page.locator(".job-progress")).to_contain_text("约剩")
    video = page.locator("video.player")
    expect(video).to_be_visible()
    web.until("document.querySelector('video.player').readyState >= 2")
    video.evaluate("(v) => { v.muted = true; return v.play(); }")
    web.until("document.querySelector('video.player').currentTime > 0.2")
    assert page.get_by_role("link", name="下载").get_attribute("href").endswith("download=1")
    (_, key, body) = web.world.requests[0]
    assert body == {"avatar_id": "v_anna", "text": "大家好", "max_side_px": 512, "subtitles": True}
    assert len(key) == 32
    expect(page.locator(".gallery .tile")).to_have_count(1)
    page.reload()
    expect(page.locator("video.player")).to_be_visible()  # the address names the job


def test_a_recording_becomes_a_video(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_role("tab", name="录音").click()
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_text("请先录音或选择一个声音文件")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="选择文件").click()
    chooser.value.set_files({"name": "talk.wav", "mimeType": "audio/wav", "buffer": web_media.speech()})
    expect(page.get_by_role("button", name="播放 talk.wav")).to_be_visible()
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("video.player")).to_be_visible()
    assert "audio_asset_id" in web.world.requests[0][2]


def test_waiting_place_is_shown_and_cancel_works(web: Web) -> None:
    web.world.pace = 4
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("很长的话")
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_text("排队中，第 1 位")).to_be_visible()
    expect(page.get_by_role("button", name="1 个任务进行中")).to_be_visible()
    page.get_by_role("button", name="1 个任务进行中").click()
    drawer = page.get_by_role("dialog", name="进行中的任务")
    expect(drawer).to_contain_text("很长的话")
    drawer.get_by_role("button", name="取消").click()
    page.keyboard.press("Escape")
    expect(page.locator("#making")).to_contain_text("已取消")
    assert [j["state"] for j in web.world.jobs.values()] == ["cancelled"]
    expect(page.get_by_role("button", name="没有进行中的任务")).to_be_visible()


@pytest.mark.parametrize(
    ("lang", "generate", "label", "title", "hint"),
    [
        ("zh", "生成视频", "要说的话", "无法连接语言模型", "请检查地址和网络"),
        ("en", "Generate", "What to say", "Language model not reachable", "Check the address"),
    ],
)
def test_a_failure_is_told_in_the_readers_language(
    open_page: Callable[..., Web], lang: str, generate: str, label: str, title: str, hint: str
) -> None:
    web = open_page(lang)
    page = web.go("/video_generation")
    page.get_by_label(label).fill("fail")
    page.get_by_role("button", name=generate).click()
    problem = page.locator("#making .problem")
    expect(problem).to_contain_text(title)
    expect(problem).to_contain_text(hint)
    expect(problem.locator("code")).to_have_text("req-77ab02")


def test_a_refusal_at_once_is_shown_and_can_be_repeated(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("你好")
    expect(page.locator(".face-card").first).to_be_visible()
    web.world.down.add("render")
    web.refusals_expected = True
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_text("服务不可用")).to_be_visible()
    web.world.down.clear()
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("video.player")).to_be_visible()
    assert web.world.requests[0][1] == web.world.requests[1][1], "the same act keeps its key"


def test_what_was_written_survives_a_reload(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("还没写完")
    page.reload()
    expect(page.get_by_label("要说的话")).to_have_value("还没写完")


def test_nothing_to_say_is_told_before_asking_the_server(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_text("请先写下要说的话")).to_be_visible()
    assert web.world.requests == []
