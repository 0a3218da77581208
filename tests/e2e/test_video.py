"""Making a video: who, what, how, and the result in place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import Web
from tests.fakes import web_media


def test_text_becomes_a_video_that_plays(web: Web) -> None:
    page = web.go("/video_generation")
    page.locator(".faces").get_by_text("Anna").click()
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_text("怎么做").click()
    page.get_by_label("分辨率").select_option("512")
    web.world.held = {"render"}
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_role("progressbar", name="大家好")).to_be_visible()
    expect(page.locator(".job-progress .stage-name")).to_contain_text("合成画面")
    expect(page.locator(".job-progress")).to_contain_text("约剩")
    web.world.held.clear()
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
    web.world.held = {"queued"}
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


def test_a_video_asked_for_before_the_avatars_are_there_is_made(web: Web) -> None:
    held: list[Route] = []
    web.page.route("**/api/v1/avatars*", lambda route: held.append(route), times=1)
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_role("button", name="生成视频").click()
    assert not web.world.requests
    (route,) = held
    route.continue_()
    expect(page.locator("video.player")).to_be_visible()
    assert [body["text"] for _, _, body in web.world.requests] == ["大家好"]


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


def test_the_result_is_shown_whole(open_page: Callable[..., Web]) -> None:
    for width, height in ((1280, 720), (390, 844)):
        web = open_page(width=width, height=height)
        page = web.go("/video_generation")
        page.get_by_label("要说的话").fill("大家好")
        page.get_by_role("button", name="生成视频").click()
        expect(page.locator("video.player")).to_be_visible()
        web.until(WHOLE)


# of the player; the header covers the top, on a phone the tabs cover the bottom
WHOLE = """(() => {
  const box = document.querySelector("video.player").getBoundingClientRect();
  const tabs = document.querySelector(".tabs").getBoundingClientRect();
  const end = tabs.height ? tabs.top : innerHeight;
  return box.top >= document.querySelector(".header").getBoundingClientRect().bottom && box.bottom <= end;
})()"""


def test_a_second_video_does_not_hide_the_first(web: Web) -> None:
    web.world.held = {"queued"}
    page = web.go("/video_generation")
    for words in ("第一个", "第二个"):
        page.get_by_label("要说的话").fill(words)
        page.get_by_role("button", name="生成视频").click()
        expect(page.get_by_role("progressbar", name=words)).to_be_visible()
    expect(page.locator("#making").get_by_role("progressbar")).to_have_count(2)
    web.go("/video_generation")  # without the address of a job as well
    expect(page.locator("#making").get_by_role("progressbar")).to_have_count(2)
    web.world.held.clear()
    expect(page.locator("#making video.player")).to_have_count(2)


def test_an_old_error_goes_when_something_else_is_to_be_said(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("fail")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("#making .problem")).to_be_visible()
    page.get_by_label("要说的话").fill("别的")
    expect(page.locator("#making .problem")).to_have_count(0)
    page.get_by_label("要说的话").fill("")
    page.get_by_role("button", name="生成视频").click()
    expect(page.get_by_text("请先写下要说的话")).to_be_visible()
    page.get_by_role("tab", name="录音").click()
    expect(page.get_by_text("请先写下要说的话")).to_have_count(0)


def test_trying_again_is_offered_only_where_it_can_help(web: Web) -> None:
    page = web.go("/video_generation")
    for words, helps in (("fail", 1), ("silent", 0)):
        page.get_by_label("要说的话").fill(words)
        page.get_by_role("button", name="生成视频").click()
        expect(page.locator("#making .problem")).to_be_visible()
        expect(page.locator("#making .problem").get_by_role("button", name="重试")).to_have_count(helps)


def test_a_tile_keeps_a_face_when_its_avatar_is_deleted(web: Web) -> None:
    page = web.go("/video_generation")
    page.locator(".faces").get_by_text("Anna").click()
    page.get_by_label("要说的话").fill("你好")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator(".tile img")).to_have_count(1)
    web.world.avatars[:] = [a for a in web.world.avatars if a["id"] != "v_anna"]
    web.go("/video_generation")
    expect(page.locator(".tile .face video")).to_have_count(1)
    web.until("document.querySelector('.tile .face video').readyState >= 2")


def test_a_copied_link_says_how_long_it_is_valid(open_page: Callable[..., Web]) -> None:
    web = open_page("en", permissions=["clipboard-read", "clipboard-write"])
    page = web.go("/video_generation")
    page.get_by_label("What to say").fill("Hello")
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".toast")).to_contain_text("valid until Nov 30, 2030")
    assert "exp=" in page.evaluate("navigator.clipboard.readText()")
