"""How a text will be said, before it is: words, warnings, and a word corrected."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web


def test_the_video_page_shows_how_a_text_is_said_and_takes_a_correction(web: Web) -> None:
    web.refusals_expected = True
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("重庆")
    page.get_by_text("看看会怎么读").click()
    clauses = page.locator(".preview-clauses")
    expect(clauses).to_contain_text("ni3 hao3")
    page.get_by_label("词", exact=True).fill("重庆")
    page.get_by_label("读法").fill("chong qing")
    page.get_by_role("button", name="加入词典").click()
    expect(page.get_by_text("不是带声调数字的拼音")).to_be_visible()
    page.get_by_label("读法").fill("chong2 qing4")
    page.get_by_role("button", name="加入词典").click()
    expect(clauses).to_contain_text("chong2 qing4")
    page.get_by_role("button", name="删除“重庆”").click()
    expect(clauses).to_contain_text("ni3 hao3")


def test_an_entry_that_the_voice_cannot_follow_is_named(web: Web) -> None:
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("GIF 和 Привет")
    page.get_by_text("看看会怎么读").click()
    page.get_by_label("词", exact=True).fill("GIF")
    page.get_by_label("语言").last.select_option("en")
    page.get_by_label("读法").fill("/dʒɪf/")
    page.get_by_role("button", name="加入词典").click()
    lines = page.locator(".preview .note.warn p")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("已略过：Привет（西里尔字母）")
    expect(lines.last).to_contain_text("按它自己的读法读：GIF。请改用内置声音")


@pytest.mark.parametrize("path", ["/video_generation", "/voices"])
def test_what_a_voice_cannot_say_is_named(web: Web, path: str) -> None:
    page = web.go(path)
    page.get_by_label("要说的话").last.fill("你好 Привет")
    page.locator("details.preview summary").click()
    expect(page.locator(".preview .note.warn")).to_contain_text("Привет")
