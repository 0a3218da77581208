"""What holds for every page: landmarks, names, widths, languages, themes, bad days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web

PAGES = {
    "/": ("看着一张脸，跟它说话", "Look at a face and talk to it"),
    "/chat_system": ("实时对话", "Chat"),
    "/video_generation": ("视频生成", "Video"),
    "/model_training": ("模型训练", "Training"),
    "/avatars": ("形象", "Avatars"),
    "/voices": ("音色", "Voices"),
    "/dubbing": ("视频译制", "Dubbing"),
    "/jobs": ("任务", "Jobs"),
    "/verify": ("验证", "Verify"),
    "/system": ("系统", "System"),
}
SETTLED = "!document.querySelector('[aria-busy]')"

NAMELESS = """() => {
  const name = (e) => e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.[0]?.textContent.trim();
  const kinds = "button, a[href], input, select, textarea, dialog, nav, [role=progressbar]";
  const bad = [...document.querySelectorAll(kinds)]
    .filter((e) => e.checkVisibility() && !name(e) && !e.getAttribute("aria-labelledby"));
  const alt = [...document.querySelectorAll("img:not([alt])")];
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  return [...bad, ...alt].map((e) => e.outerHTML.slice(0, 120)).concat(twice);
}"""


def test_pages_have_titles_landmarks_and_names(web: Web) -> None:
    for path, titles in PAGES.items():  # in one browser window: a new one takes three times as long as a page
        page = web.go(path)
        web.until(SETTLED)
        expect(page.get_by_role("heading", level=1)).to_have_text(titles[0])
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.get_by_role("banner")).to_have_count(1)
        expect(page.get_by_role("navigation", name="主导航")).to_have_count(1)
        assert page.evaluate(NAMELESS) == [], path
        assert page.evaluate("document.documentElement.lang") == "zh-CN", path
        assert "画声" in page.title(), path


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_is_wider_than_the_screen_or_fetched_from_elsewhere(open_page: Callable[..., Web], lang: str) -> None:
    web = open_page(lang, 360, 800)
    asked: list[str] = []
    web.page.on("request", lambda r: asked.append(r.url))
    for path, titles in PAGES.items():
        page = web.go(path)
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            web.until(f"innerWidth === {width}")
            web.until(SETTLED)
            expect(page.get_by_role("heading", level=1)).to_have_text(titles[lang == "en"])
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
        page.set_viewport_size({"width": 360, "height": 800})
    assert [u for u in asked if "127.0.0.1" not in u and not u.startswith(("blob:", "data:"))] == []


def test_language_and_theme_switch_and_stay(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Video")
    dark = "getComputedStyle(document.documentElement).colorScheme"
    page.locator("[data-switch=theme]").click()
    assert page.evaluate(dark) == "light"
    page.locator("[data-switch=theme]").click()
    assert page.evaluate(dark) == "dark"
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Video")
    assert page.evaluate(dark) == "dark"
    assert page.evaluate("document.documentElement.lang") == "en"


def test_deep_links_back_and_unknown_addresses(web: Web) -> None:
    page = web.go("/jobs?state=failed")
    expect(page.get_by_role("button", name="失败")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("navigation", name="主导航").get_by_role("link", name="音色").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("音色")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("任务")
    page.get_by_role("link", name="首页").first.click()
    expect(page).to_have_url(page.url.split("/jobs")[0])
    web.go("/chat")
    expect(page).to_have_url(page.url.split("/chat")[0] + "/chat_system")


def test_an_unknown_address_has_a_page_that_leads_on(web: Web) -> None:
    web.refusals_expected = True  # its status is 404
    page = web.go("/no/such/page")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有这个页面")
    page.get_by_role("main").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES["/"][0])


def test_phone_has_tabs_and_more(open_page: Callable[..., Web]) -> None:
    web = open_page("zh", 360, 740)
    page = web.go("/")
    page.get_by_role("button", name="更多").click()
    page.get_by_role("dialog").get_by_role("link", name="系统").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("系统")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_place_in_the_navigation_is_marked(open_page: Callable[..., Web], width: int) -> None:
    web = open_page(width=width, height=800)
    for path in list(PAGES)[1:]:
        page = web.go(path)
        marked = page.locator(".nav-link[aria-current]").filter(visible=True)
        expect(marked).to_have_count(1)
        in_more = width < 768 and path in ("/avatars", "/voices", "/jobs", "/verify", "/system")
        assert (marked.inner_text().strip() == "更多") == (in_more and path != "/avatars"), path


SMALL = """() => [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility())
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 13)
  .map((e) => `${e.className}: ${e.textContent.trim().slice(0, 30)}`)"""
CARDS = ".card, .job, .problem, .note, .tile, .voice, .person"
OUTSIDE = """(cards) => [...document.querySelectorAll(cards)].flatMap((card) => {
  const box = card.getBoundingClientRect();
  return [...card.querySelectorAll("svg, button, a, .pill")].filter((e) => e.checkVisibility()).filter((e) => {
    const own = e.getBoundingClientRect();
    return own.left < box.left - 0.5 || own.right > box.right + 0.5;
  }).map((e) => `${card.className} > ${e.getAttribute("class")}`);
})"""


@pytest.mark.parametrize("width", [1280, 390])
def test_text_can_be_read_and_icons_stay_in_their_cards(open_page: Callable[..., Web], width: int) -> None:
    web = open_page(width=width, height=800)
    page = web.go("/video_generation")
    for words in ("一段很长很长很长很长很长很长很长很长很长很长很长很长很长的话", "fail"):
        page.get_by_label("要说的话").fill(words)
        page.get_by_role("button", name="生成视频").click()
        expect(page.locator("#making .problem, #making video")).to_be_visible()
    for path in PAGES:
        page = web.go(path)
        web.until(SETTLED)
        assert page.evaluate(SMALL) == [], path
        assert page.evaluate(OUTSIDE, CARDS) == [], path


def test_a_service_that_is_down_is_named_with_what_still_works(web: Web) -> None:
    web.world.down.add("asr")
    page = web.go("/")
    expect(page.locator(".banner")).to_contain_text("语音识别暂时不可用。可以改用打字提问。")
    page.goto(page.url + "system")
    expect(page.locator(".service").first).to_contain_text("不可用")


def test_a_list_that_cannot_load_says_why_and_loads_again(web: Web) -> None:
    web.refusals_expected = True
    web.world.down.add("render")
    page = web.go("/avatars")
    expect(page.locator(".problem")).to_contain_text("服务不可用")
    web.world.down.clear()
    page.get_by_role("button", name="重试").click()
    expect(page.locator(".person")).to_have_count(3)


def test_lost_connection_is_told_and_found_again(web: Web) -> None:
    web.refusals_expected = True
    page = web.page
    page.route("**/api/v1/events*", lambda route: route.abort())
    web.go("/chat_system")
    expect(page.locator(".banner")).to_contain_text("正在重新连接")
    expect(page.locator(".stage")).to_have_attribute("data-state", "offline")
    page.unroute("**/api/v1/events*")
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator(".stage")).to_have_attribute("data-state", "idle")


def test_jobs_list_shows_state_error_and_removal(web: Web) -> None:
    page = web.go("/video_generation")
    for words in ("好", "fail"):
        page.get_by_label("要说的话").fill(words)
        page.get_by_role("button", name="生成视频").click()
        expect(page.locator("#making .problem, #making video")).to_be_visible()
    page.get_by_role("link", name="任务").first.click()
    expect(page.locator("li.job")).to_have_count(2)
    expect(page.locator("li.job").first).to_contain_text("无法连接语言模型")
    page.get_by_role("button", name="已完成").click()
    expect(page.locator("li.job")).to_have_count(1)
    page.get_by_role("button", name="删除任务").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(page.locator("li.job")).to_have_count(0)
    assert len(web.world.jobs) == 1


@pytest.mark.parametrize("path", ["/", "/video_generation", "/chat_system"])
def test_the_first_start_waits_for_the_built_in_face(web: Web, path: str) -> None:
    made = web.world.avatars[:]
    web.world.avatars.clear()
    with web.page.expect_response("**/api/v1/avatars?*"):
        page = web.go(path)
    assert page.get_by_role("alert").filter(visible=True, has_text="TypeError").count() == 0
    web.world.avatars.extend(made)
    web.until("[...document.querySelectorAll('main :is(img, video)')].some((e) => /media/.test(e.poster || e.src))")
    assert page.get_by_text("TypeError").count() == 0


def test_an_answer_that_the_end_of_the_job_has_overtaken_changes_nothing(web: Web) -> None:
    """The page hears of a job by its events before the answer to its own request arrives, and by then it is over."""
    web.world.pace = 0.05
    page = web.page

    def late(route: Any) -> None:
        if route.request.method != "POST":
            return route.fallback()
        answer = route.fetch()
        page.wait_for_timeout(1500)
        return route.fulfill(response=answer)

    page.route("**/api/v1/videos", late)
    web.go("/video_generation")
    page.get_by_label("要说的话").fill("你好")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("#making video.player")).to_be_visible()
    page.wait_for_timeout(2000)
    expect(page.locator("#making video.player")).to_be_visible()
    expect(page.locator("#making").get_by_role("progressbar")).to_have_count(0)
