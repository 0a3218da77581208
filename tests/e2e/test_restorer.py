"""The face restorer on the page: a switch with its licence where there is one, and what a finished video says of it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.axe_core import violations
from tests.e2e.conftest import Web
from tests.e2e.test_axe import STILL
from tests.e2e.test_studio import generate, made, write

GFPGAN = {"name": "GFPGAN 1.4", "licence": "Apache-2.0", "problem": ""}
USE = "修复人脸：更清晰，绘制更慢"


def picture(page: Page) -> None:
    page.locator(".whole-picture > summary").click()
    expect(page.locator(".whole-picture").get_by_label("背景", exact=True)).to_be_visible()


def test_without_one_there_is_no_switch(web: Web) -> None:
    for restorer in (None, GFPGAN | {"problem": "its output is not a number"}):
        web.world.restorer = restorer
        page = write(web, "大家好")
        picture(page)
        expect(page.get_by_label(USE)).to_have_count(0)
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    assert "restore" not in made(web)


def test_it_is_off_until_it_is_switched_on_and_its_licence_is_beside_it(web: Web, axe: str) -> None:
    web.world.restorer = GFPGAN
    page = write(web, "大家好")
    picture(page)
    expect(page.get_by_label(USE)).not_to_be_checked()
    expect(page.get_by_text("使用 GFPGAN 1.4，许可：Apache-2.0")).to_be_visible()
    page.get_by_label(USE).check()
    expect(page.locator(".whole-picture > summary")).to_contain_text("人脸修复")
    web.until(STILL)
    assert violations(web, axe) == []
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    assert made(web)["restore"] is True and "scenes" not in made(web), "one text stays a plain request"
    page.get_by_text("详情").click()
    expect(page.get_by_text("GFPGAN 1.4 · Apache-2.0")).to_be_visible()


def test_scenes_take_it_and_a_draft_that_has_it_can_give_it_up(web: Web) -> None:
    web.world.restorer = GFPGAN
    page = write(web, "甲", "乙")
    picture(page)
    page.get_by_label(USE).check()
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    assert made(web)["restore"] is True and len(made(web)["scenes"]) == 2
    web.world.restorer = None
    page.reload()
    picture(page)
    expect(page.get_by_text("此处已没有人脸修复模型")).to_be_visible()
    page.get_by_label(USE).uncheck()
    with page.expect_response("**/api/v1/videos"):  # the video of before is still shown
        generate(page)
    assert "restore" not in made(web)


def test_the_system_page_lists_it(web: Web) -> None:
    web.world.restorer = GFPGAN | {"problem": "its output is not a number"}
    page = web.go("/system")
    card = page.locator(".card", has_text="GFPGAN 1.4")
    expect(card).to_contain_text("Apache-2.0")
    expect(card).to_contain_text("its output is not a number")
