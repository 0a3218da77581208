"""Drafts are saved as one types: reloads, lost connections, several of them, and two windows on one."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_studio import ORDER, generate, made, write


def saved(web: Web) -> None:
    expect(web.page.locator(".draft-state")).to_have_text("已保存")


def test_a_draft_is_saved_while_one_types_and_survives_a_reload(web: Web) -> None:
    page = write(web, "大家好", "再见")
    page.locator(".scene-options summary").nth(1).click()
    page.locator(".scene").nth(1).get_by_label("取景").select_option("bust")
    saved(web)
    (draft,) = web.world.drafts.values()
    assert draft["name"] == "大家好" and [s["text"] for s in draft["script"]["scenes"]] == ["大家好", "再见"]
    page.get_by_label("场景 2 要说的话").fill("回头见")
    page.reload()  # before it was saved: the browser has a copy
    expect(page.get_by_label("场景 2 要说的话")).to_have_value("回头见")
    saved(web)
    assert draft["script"]["scenes"][1]["text"] == "回头见" and draft["script"]["scenes"][1]["framing"] == "bust"
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.get_by_label("要说的话")).to_have_value("")
    page.get_by_role("button", name="草稿").click()
    page.get_by_role("dialog").get_by_role("button", name="大家好").first.click()
    expect(page.get_by_label("场景 2 要说的话")).to_have_value("回头见")


def test_what_cannot_be_saved_is_kept_and_saved_later(web: Web) -> None:
    web.refusals_expected = True
    web.world.down.add("drafts")
    page = write(web, "大家好")
    expect(page.locator(".draft-state")).to_contain_text("只保存在这个浏览器中")
    page.reload()
    expect(page.get_by_label("要说的话")).to_have_value("大家好")
    expect(page.locator(".draft-state")).to_contain_text("只保存在这个浏览器中")
    web.world.down.clear()
    page.locator(".draft-state").get_by_role("button", name="重试").click()
    saved(web)
    assert len(web.world.drafts) == 1


def test_a_draft_that_was_changed_elsewhere_offers_both(web: Web) -> None:
    web.refusals_expected = True
    page = write(web, "这里的")
    saved(web)
    (draft,) = web.world.drafts.values()

    def elsewhere(words: str) -> None:
        draft.update(version=draft["version"] + 1, script={"scenes": [{"text": words}, {"text": "更多"}]})

    elsewhere("那里的")
    page.get_by_label("要说的话").fill("这里的，又改了")
    alert = page.locator(".draft-bar").get_by_role("alert")
    expect(alert).to_contain_text("要保留哪一份")
    alert.get_by_role("button", name="显示另一份").click()
    expect(page.get_by_label("场景 1 要说的话")).to_have_value("那里的")
    saved(web)
    elsewhere("又是那里的")
    page.get_by_label("场景 1 要说的话").fill("这里的才对")
    alert.get_by_role("button", name="保留这里的").click()
    saved(web)
    assert draft["script"]["scenes"][0]["text"] == "这里的才对"
    assert page.evaluate(ORDER) == ["这里的才对", "更多"]


def test_several_drafts_are_opened_named_and_deleted(web: Web) -> None:
    page = write(web, "第一份")
    saved(web)
    page.get_by_role("button", name="新建").click()
    expect(page.get_by_label("要说的话")).to_have_value("")
    page.get_by_label("要说的话").fill("第二份")
    saved(web)
    page.get_by_role("button", name="草稿").click()
    dialog = page.get_by_role("dialog", name="草稿")
    expect(dialog.locator(".draft-row")).to_have_count(2)
    dialog.get_by_role("button", name="给“第一份”改名").click()
    dialog.get_by_label("草稿名称").fill("新年视频")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="新年视频").first.click()
    expect(page.get_by_label("要说的话")).to_have_value("第一份")
    expect(page.locator(".draft-name")).to_have_text("新年视频")
    page.get_by_role("button", name="草稿").click()
    dialog.get_by_role("button", name="删除“第二份”").click()
    page.get_by_role("dialog", name="删除“第二份”").get_by_role("button", name="删除").click()
    expect(dialog.locator(".draft-row")).to_have_count(1)
    assert [d["name"] for d in web.world.drafts.values()] == ["新年视频"]


def test_the_next_video_of_a_draft_takes_what_stayed_the_same(open_page: Callable[..., Web]) -> None:
    web = open_page()
    web.refusals_expected = True
    page = write(web, "甲", "乙")
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    first = page.url.split("job=")[1]
    page.reload()
    expect(page.locator(".face-card").first).to_be_visible()
    page.get_by_label("场景 2 要说的话").fill("乙二")
    generate(page)
    web.until(f"!location.search.includes('{first}')")
    assert made(web)["from_job_id"] == first
    expect(page.locator("video.player")).to_be_visible()
    second = page.url.split("job=")[1]
    del web.world.jobs[second]
    page.reload()
    expect(page.locator(".face-card").first).to_be_visible()
    generate(page)
    web.until(f"!location.search.includes('{second}')")
    assert "from_job_id" not in made(web), "that video is gone"
