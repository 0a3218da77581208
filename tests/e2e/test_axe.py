"""axe-core finds nothing on any page: both languages, both themes, desktop and phone, and the states between."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from services.gateway.live import messages as m
from tests.e2e.axe_core import violations
from tests.e2e.conftest import Web
from tests.e2e.test_making import choose
from tests.e2e.test_pages import PAGES
from tests.fakes import web_facts, web_media

STILL = "!document.getAnimations().some((a) => a instanceof CSSTransition && a.playState === 'running')"
"""No colour is on its way from one theme to the other."""


def test_axe_finds_what_is_wrong(web: Web, axe: str) -> None:
    page = web.go("/system")
    page.evaluate("document.querySelector('main').append(Object.assign(new Image(), {src: '/static/favicon.svg'}))")
    assert any(v.startswith("image-alt") for v in violations(web, axe))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_page_violates_a_rule(open_page: Callable[..., Web], axe: str, lang: str, width: int) -> None:
    web = open_page(lang, width, 844)
    web.refusals_expected = True  # the last address is unknown
    web.world.can_train = True
    web.world.models.append(web_facts.model("anna_steps5000", "Anna, trained", "v_anna", True))
    wrong = {}
    for path in (*PAGES, "/no/such/page"):
        page = web.go(path)
        for theme in ("light", "dark"):  # one page serves both: only the style sheets ask for the theme
            page.emulate_media(color_scheme=theme)
            web.until(f"matchMedia('(prefers-color-scheme: {theme})').matches && {STILL}")
            if found := violations(web, axe):
                wrong[path, theme] = found
    assert wrong == {}


def test_no_state_of_a_page_violates_a_rule(open_page: Callable[..., Web], axe: str) -> None:
    """A running job and its result, a failure, open dialogs, the steps of a training."""
    web = open_page("zh", color_scheme="dark")
    web.world.can_train = True
    wrong: dict[str, list[str]] = {}

    def look(state: str) -> None:
        if found := violations(web, axe):
            wrong[state] = found

    def make(words: str) -> Any:
        page = web.go("/video_generation")
        page.get_by_label("要说的话").fill(words)
        page.get_by_role("button", name="生成视频").click()
        return page

    web.world.held = {"queued"}
    page = make("Hello")
    expect(page.locator("#making [role=progressbar]")).to_be_visible()
    look("video: running")
    page.get_by_role("button", name="1 个任务进行中").click()
    look("video: list of running jobs")
    web.world.held.clear()
    page.keyboard.press("Escape")
    expect(page.locator("video.player")).to_be_visible()
    page.get_by_text("详情").first.click()
    look("video: result")
    page.locator("button.tile").first.click()
    look("video: an earlier one")
    make("fail")
    expect(page.locator("#making .problem")).to_be_visible()
    look("video: failed")
    web.go("/jobs")
    look("jobs")
    web.go("/avatars")
    page.get_by_role("button", name=re.compile("的详情")).first.click()
    look("avatars: details")
    page.keyboard.press("Escape")
    choose(page, "me.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    expect(page.get_by_label("名字")).to_be_visible()
    look("avatars: naming")
    web.go("/model_training")
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    expect(page.get_by_role("button", name="开始训练")).to_be_visible()
    look("training: check")
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator("[data-result]")).to_be_visible()
    look("training: result")
    web.go("/chat_system")
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    look("chat: answered")
    assert wrong == {}


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "dark", 390), ("en", "light", 1280)])
def test_no_state_of_a_live_conversation_violates_a_rule(
    open_page: Callable[..., Web], axe: str, lang: str, theme: str, width: int
) -> None:
    web = open_page(lang, width, 844, color_scheme=theme)
    facts = {"id": "c_live", "title": "Hello", "created_at": web_facts.MADE, "updated_at": web_facts.MADE}
    web.world.conversations["c_live"] = {**facts, "messages": []}
    page = web.go("/chat_system")
    wrong = {}

    def look(state: str) -> None:
        if found := violations(web, axe):
            wrong[state] = found

    page.locator(".live-start").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    look("listening")
    page.locator("textarea").fill("Who are you?")
    page.keyboard.press("Enter")
    expect(page.locator(".live-picture.on")).to_be_visible()
    web.world.live.tell(m.Hold(gen=1), m.StateMessage(state="held"))  # else it may end before axe has looked
    look("held")
    page.keyboard.press("Escape")
    expect(page.locator(".broken button").first).to_be_visible()
    look("stopped")
    controls = page.locator(".live-controls .icon-button")
    controls.nth(3).click()
    expect(page.locator(".stage.immersive")).to_be_visible()
    look("immersive")
    controls.nth(4).click()
    expect(page.locator("dialog[open] select").first).to_be_visible()
    look("settings")
    page.keyboard.press("Escape")
    controls.nth(3).click()
    page.locator(".talk-head .icon-button").first.click()
    expect(page.locator("dialog[open] textarea")).to_be_visible()
    look("transcript")
    assert wrong == {}


def test_the_chat_has_names_before_its_avatar_is_known(open_page: Callable[..., Web], axe: str) -> None:
    web = open_page("en", 390, 844)
    web.page.route("**/api/v1/avatars*", lambda route: None)  # never answered
    web.go("/chat_system")
    assert violations(web, axe) == []
