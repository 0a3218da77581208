"""Avatars and voices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.fakes import web_media


def choose(page: Any, name: str, kind: str, data: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="选择文件").first.click()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})


def test_avatar_is_made_with_progress_and_a_report(web: Web) -> None:
    web.world.held = {"landmarks-2"}
    page = web.go("/avatars")
    expect(page.locator(".person")).to_have_count(3)
    choose(page, "我的视频.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    expect(page.get_by_label("名字")).to_have_value("我的视频")
    page.get_by_label("名字").fill("小明")
    page.keyboard.press("Enter")
    expect(page.get_by_role("progressbar", name="小明")).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    expect(page.get_by_text("正在跟踪面部")).to_be_visible()
    web.world.held.clear()
    made = page.locator(".job")
    expect(made).to_contain_text("可以使用了")
    expect(made).to_contain_text("部分画面没有人脸")
    expect(made).to_contain_text("覆盖说话口型的 71%；缺少：张大的元音")
    expect(made.locator("blockquote")).to_contain_text("大喇叭")
    expect(page.locator(".person")).to_have_count(4)
    made.get_by_role("link", name="与它对话").click()
    expect(page.get_by_role("button", name="形象：小明")).to_be_visible()


def test_upload_shows_how_far_it_is_and_can_be_stopped(web: Web) -> None:
    page = web.go("/avatars")
    page.route("**/api/v1/assets", lambda route: None)  # an upload that does not arrive
    choose(page, "big.mp4", "video/mp4", b"\0" * 3_000_000)
    expect(page.get_by_role("progressbar", name="正在上传 big.mp4")).to_be_visible()
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_text("把视频或照片拖到这里")).to_be_visible()


def test_a_file_over_the_limit_is_refused_before_it_is_sent(web: Web) -> None:
    page = web.page
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.url.endswith("/assets") else None)

    def narrower(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        told["limits"]["upload_bytes"] = 2**20
        route.fulfill(response=answer, json=told)

    page.route("**/api/v1/system", narrower)
    web.go("/avatars")
    expect(page.locator(".drop")).to_contain_text("1 MB")
    choose(page, "big.mp4", "video/mp4", b"\0" * (2**20 + 1))
    expect(page.locator(".problem")).to_contain_text("文件过大")
    expect(page.locator(".problem")).to_contain_text("1 MB")
    page.get_by_role("button", name="换一个文件").click()
    expect(page.locator(".drop")).to_be_visible()
    assert not sent


def test_a_file_can_be_dropped(web: Web) -> None:
    page = web.go("/avatars")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["x"], "me.png", { type: "image/png" }));
          const drop = document.querySelector(".drop");
          for (const name of ["dragenter", "dragover", "drop"])
            drop.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.get_by_label("名字")).to_have_value("me")


def test_refused_files_say_why(web: Web) -> None:
    web.refusals_expected = True
    page = web.go("/avatars")
    choose(page, "notes.mp4", "text/plain", b"hello")
    expect(page.locator(".problem")).to_contain_text("无法识别的媒体文件")
    page.get_by_role("button", name="换一个文件").click()
    choose(page, "noface.mp4", "video/mp4", b"x")
    page.get_by_role("button", name="创建形象").click()
    expect(page.locator(".problem")).to_contain_text("没有找到人脸")
    expect(page.locator(".problem")).to_contain_text("请使用光线充足")


def test_deleting_an_avatar_asks_first(web: Web) -> None:
    page = web.go("/avatars")
    page.get_by_role("button", name="删除形象“Anna”").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保留").click()
    expect(page.locator(".person")).to_have_count(3)
    page.get_by_role("button", name="删除形象“Anna”").click()
    dialog.get_by_role("button", name="删除").click()
    expect(page.locator(".person")).to_have_count(2)
    assert [a["id"] for a in web.world.avatars] == ["builtin", "v_wang"]


def test_a_face_moves_when_looked_at(web: Web) -> None:
    page = web.go("/avatars")
    person = page.locator(".person").first
    person.hover()
    web.until("document.querySelector('.person video')?.currentTime > 0")
    page.mouse.move(0, 0)
    expect(person.locator("video")).to_have_count(0)
    person.get_by_role("link", name="与它对话").focus()
    expect(person.locator("video")).to_have_count(1)


def test_voices_are_filtered_and_played(web: Web) -> None:
    page = web.go("/voices")
    expect(page.locator(".voice")).to_have_count(6)
    page.get_by_label("语言").locator("visible=true").first.select_option("zh")
    page.get_by_label("性别").select_option("male")
    expect(page.locator(".voice")).to_have_count(1)
    play = page.get_by_role("button", name="试听 云希")
    play.click()
    expect(play).to_have_attribute("aria-pressed", "true")
    expect(play).to_have_attribute("aria-pressed", "false")  # the sample is over


def test_a_report_says_what_to_read_aloud_in_the_language_of_the_page(open_page: Callable[..., Web]) -> None:
    page = open_page("en").go("/avatars")
    person = page.locator(".person", has_text="Teacher Wang")
    expect(person).to_contain_text("Covers 71% of the mouth shapes of speech; missing: open vowels, closed lips")
    person.get_by_role("button", name="Details of").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("meter")).to_have_attribute("aria-valuenow", "71")
    expect(dialog.locator(".missing-shape")).to_have_count(2)
    expect(dialog.locator("blockquote").first).to_contain_text("Martha parked the large black car")
    expect(page.locator(".person", has_text="Eileen")).not_to_contain_text("Covers")


def test_engines_are_described_in_the_language_of_the_page(web: Web) -> None:
    page = web.go("/system")
    atlas = page.locator(".engines .card", has_text="atlas")
    expect(atlas).to_contain_text("用本人的画面重绘嘴部")
    expect(atlas).to_contain_text("在这里不能训练")


def test_a_reload_comes_back_to_the_naming_of_an_avatar(web: Web) -> None:
    page = web.go("/avatars")
    choose(page, "me.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    page.get_by_label("名字").fill("小红")
    page.reload()
    expect(page.get_by_label("名字")).to_have_value("小红")
    page.get_by_role("button", name="取消").click()
    page.reload()
    expect(page.locator(".drop")).to_be_visible()
    expect(page.get_by_label("名字")).to_have_count(0)


def test_another_file_takes_away_the_refusal_of_the_one_before(web: Web) -> None:
    page = web.go("/avatars")
    choose(page, "noface.mp4", "video/mp4", b"x")
    page.get_by_role("button", name="创建形象").click()
    expect(page.locator(".problem")).to_contain_text("没有找到人脸")
    choose(page, "me.mp4", "video/mp4", b"x")
    expect(page.get_by_label("名字")).to_have_value("me")
    expect(page.locator(".problem")).to_have_count(0)
