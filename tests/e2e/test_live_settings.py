"""Settings of a live conversation, kept for each avatar; and the face that fills the screen."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_live import ask, talk, wait

PLACE = """(() => {
  const {width, height} = document.querySelector(".stage").getBoundingClientRect();
  return [width, height];
})()"""


def hello(web: Web) -> dict[str, Any]:
    said: dict[str, Any] = web.world.live.of("hello")[-1]
    return said


def start_again(page: Any) -> None:
    page.get_by_role("button", name="结束通话").click()
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")


def test_how_it_converses_is_kept_for_the_avatar(web: Web) -> None:
    page = talk(web)
    first = hello(web)
    assert (first["patience"], first["language"], first["greet"]) == (1, "", True)
    page.get_by_role("button", name="通话设置").click()
    page.get_by_label("等你说完的耐心").select_option("patient")
    page.get_by_label("你说的语言").select_option("en")
    expect(page.get_by_role("dialog")).to_contain_text("从你下一句话起生效")
    wait(web, lambda: len(web.world.live.of("settings")) == 2, "not told")
    told = web.world.live.of("settings")[-1]
    assert (told["patience"], told["language"], told["voice_id"]) == (1.8, "en", None)
    page.get_by_label("新对话开始时先打招呼").uncheck()
    page.keyboard.press("Escape")
    start_again(page)
    after = hello(web)
    assert (after["patience"], after["language"], after["greet"]) == (1.8, "en", False)
    page.get_by_role("button", name="结束通话").click()
    page.get_by_role("button", name="形象：Eileen").click()
    page.get_by_role("dialog").get_by_text("Anna").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="形象：Anna")).to_be_visible()
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    assert hello(web)["patience"] == 1


def test_another_voice_is_told_at_once(web: Web) -> None:
    page = talk(web)
    page.get_by_role("button", name="通话设置").click()
    expect(page.get_by_role("dialog")).to_contain_text("音色从下一个回答起换")
    page.get_by_role("dialog").get_by_role("button", name="选择音色").click()
    page.locator(".voice-row input").nth(2).check(force=True)
    wait(web, lambda: web.world.live.of("settings"), "not told")
    (told,) = web.world.live.of("settings")
    assert told["voice_id"] == web.world.voices[1]["voice_id"] and told["patience"] is None
    assert len(web.world.live.of("hello")) == 1


def test_what_is_changed_while_the_connection_is_lost_is_told_when_it_is_back(web: Web) -> None:
    page = talk(web)
    page.get_by_role("button", name="通话设置").click()
    web.page.route_web_socket("**/api/v1/live", lambda route: route.close())
    web.world.live.lose()
    expect(page.locator(".stage")).to_have_attribute("data-state", "reconnecting")
    page.get_by_label("等你说完的耐心").select_option("quick")
    assert web.world.live.of("settings") == []
    web.page.unroute_all()
    web.page.route_web_socket("**/api/v1/live", lambda route: route.connect_to_server())
    wait(web, lambda: web.world.live.of("settings"), "not told")
    assert web.world.live.of("settings")[0]["patience"] == 0.7


def test_another_avatar_comes_with_another_connection_in_the_same_conversation(web: Web) -> None:
    page = talk(web)
    before = hello(web)["avatar_id"]
    shown = page.locator(".stage > img").get_attribute("src")
    page.get_by_role("button", name="通话设置").click()
    expect(page.get_by_role("dialog")).to_contain_text("形象要重新接通才能换")
    page.get_by_role("dialog").get_by_role("button", name="选择形象").click()
    page.get_by_role("dialog").last.get_by_text("Anna").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("新形象还没有换上")
    assert page.locator(".stage > img").get_attribute("src") == shown
    ask(page, "你好")
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="重新接通").click()
    wait(web, lambda: len(web.world.live.of("hello")) == 2, "it does not connect again")
    after = hello(web)
    assert after["avatar_id"] != before and after["conversation_id"] == "c_live" and after["greet"] is False
    expect(notice).to_have_count(0)
    expect(page.locator("li.turn")).to_have_count(1)


def test_the_face_fills_the_screen_and_escape_gives_it_back_before_it_stops_anything(web: Web) -> None:
    page = talk(web)
    before = page.evaluate(PLACE)
    page.locator("h1").click()
    page.keyboard.press("f")
    expect(page.locator(".stage.immersive")).to_have_count(1)
    wait(web, lambda: page.evaluate(PLACE) == page.evaluate("[innerWidth, innerHeight]"), "it does not fill the screen")
    expect(page.get_by_role("button", name="退出全屏（F）")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".stage.immersive")).to_have_count(0)
    wait(web, lambda: page.evaluate(PLACE) == before, "it does not come back")
    ask(page, "说长一点")
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    page.get_by_role("button", name="全屏看（F）").click()
    expect(page.locator(".stage.immersive")).to_have_count(1)
    page.get_by_role("button", name="退出全屏（F）").click()
    assert web.world.live.of("interrupt") == []
    page.get_by_label("输入问题").fill("f")
    page.get_by_label("输入问题").press("f")
    expect(page.locator(".stage.immersive")).to_have_count(0)
