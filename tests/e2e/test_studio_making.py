"""Videos of several scenes: their progress, what fails, the result and one scene made again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.axe_core import violations
from tests.e2e.conftest import Web
from tests.e2e.test_axe import STILL
from tests.e2e.test_studio import generate, made, scene, write
from tests.fakes import web_facts


def test_each_scene_shows_how_far_it_is(web: Web) -> None:
    web.world.held = {"render-1"}
    page = write(web, "甲", "乙", "丙")
    generate(page)
    rows = page.locator(".scene-state-row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_have_attribute("data-state", "drawing")
    expect(rows.nth(0)).to_contain_text("完成")
    expect(rows.nth(2)).to_contain_text("已配音")
    page.reload()  # the job's state has all of it as well
    expect(rows.nth(0)).to_contain_text("完成")
    web.world.held.clear()
    expect(page.locator("video.player")).to_be_visible()
    for kind in ("字幕 SRT", "字幕 VTT", "字幕 ASS", "声音 WAV"):
        assert str(page.get_by_role("link", name=kind).get_attribute("href")).endswith("download=1")
    page.get_by_role("button", name="从场景 2 开始播放").click()
    web.until("document.querySelector('video.player').currentTime >= 2")


def test_a_failure_is_shown_at_its_scene(web: Web) -> None:
    web.refusals_expected = True
    page = write(web, "甲", "fail", "丙")
    generate(page)
    expect(scene(page, 2).locator(".problem")).to_be_visible()
    expect(page.locator("#making .problem")).to_be_visible()
    page.get_by_label("场景 2 要说的话").fill("unsayable")
    expect(page.locator(".problem")).to_have_count(0)
    generate(page)
    expect(scene(page, 2).locator(".problem")).to_be_visible()
    expect(page.locator(".problem")).to_have_count(1)


def test_nothing_to_say_in_a_scene_is_told_and_the_focus_goes_there(web: Web) -> None:
    page = write(web, "甲", "", "丙")
    generate(page)
    expect(page.get_by_text("场景 2：请先写下要说的话")).to_be_visible()
    expect(page.get_by_label("场景 2 要说的话")).to_be_focused()
    assert not web.world.requests


def test_only_the_changed_scene_is_made_again(web: Web) -> None:
    page = write(web, "甲", "乙")
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    first = page.url.split("job=")[1]
    page.get_by_role("button", name="重做场景 2").click()
    expect(page.get_by_text("场景 2 重做后不会有变化")).to_be_visible()
    page.get_by_label("场景 1 要说的话").fill("甲，但是现在不用")
    page.get_by_label("场景 2 要说的话").fill("乙，新的")
    page.get_by_role("button", name="重做场景 2").click()
    web.until(f"!location.search.includes('{first}')")
    expect(page.locator("video.player")).to_be_visible()
    again = made(web)
    assert [s["text"] for s in again["scenes"]] == ["甲", "乙，新的"]
    assert again["from_job_id"] == first


def test_a_scene_in_a_voice_that_varies_is_spoken_anew(web: Web) -> None:
    fields = {"name": "Mine", "language": "zh-CN", "consent": "own", "consent_by": "me"}
    web.world.voices.append(web_facts.cloned("voice_mine", fields, []))
    page = write(web, "甲")
    page.get_by_role("button", name="音色：").click()
    page.get_by_role("dialog").get_by_text("Mine").click()
    page.get_by_role("button", name="完成").click()
    page.get_by_role("button", name="添加场景").click()
    page.keyboard.type("乙")
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    page.get_by_role("button", name="重做场景 2").click()
    web.until("document.querySelectorAll('.scene-state-row, video.player').length > 0")
    expect(page.locator("video.player")).to_be_visible()
    one, two = made(web)["scenes"]
    assert "synthesis" not in one and two["synthesis"]["seed"] >= 0
    assert two["voice_id"] == one["voice_id"] == "voice_mine"


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "dark", 1440), ("en", "light", 390)])
def test_no_state_of_the_studio_violates_a_rule_or_is_too_wide(
    open_page: Callable[..., Web], axe: str, lang: str, theme: str, width: int
) -> None:
    web = open_page(lang, width, 844, color_scheme=theme)
    web.world.held = {"render-0"}
    page = web.go("/video_generation")
    wrong: dict[str, object] = {}

    def look(state: str) -> None:
        web.until(STILL)
        if found := violations(web, axe):
            wrong[state] = found
        if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            wrong[f"{state}, width"] = over

    add = page.get_by_role("button", name="添加场景" if lang == "zh" else "Add a scene")
    page.locator(".scene textarea").first.fill("大家好。" * 30)
    add.click()
    page.keyboard.type("Hello.")
    add.click()
    page.locator(".scene").nth(2).get_by_role("tab").nth(1).click()
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    page.locator(".scene-tools .button", has_text="试听" if lang == "zh" else "Listen").first.click()
    expect(page.locator(".cues")).to_be_visible()
    page.locator(".whole-picture select").last.select_option("transparent")
    look("everything open")
    page.locator(".scene-head .icon-button:not(.handle)").last.click()
    look("a scene deleted")
    page.locator(".button.primary.large").click()
    expect(page.locator(".scene-state-row[data-state=drawing]")).to_be_visible()
    look("making")
    web.world.held.clear()
    expect(page.locator(".result-scenes")).to_be_visible()
    look("result")
    page.locator(".draft-bar .button").first.click()
    expect(page.locator(".draft-row")).to_be_visible()
    look("drafts")
    assert wrong == {}, wrong
