"""A past conversation goes on live: its messages are shown, new ones follow, nobody greets anew."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_live import ask, talk, wait
from tests.e2e.test_turn_tools import message
from tests.fakes.web_facts import MADE


def remember(web: Web, key: str, question: str, answer: str) -> None:
    said = [message(1, "user", question), message(2, "assistant", answer)]
    facts = {"id": key, "title": question, "created_at": MADE, "updated_at": MADE, "messages": said}
    web.world.conversations[key] = facts


def words(page: Any) -> list[str]:
    texts: list[str] = page.locator("li.turn .asked .words").all_text_contents()
    return texts


def test_a_past_conversation_goes_on_live(web: Web) -> None:
    remember(web, "c_1", "昨天说到哪里了？", "说到了图书馆。")
    page = web.go("/chat_system")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    page.get_by_role("button", name="以往的对话").click()
    page.get_by_role("button", name="在对话“昨天说到哪里了？”里接着通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    (hello,) = web.world.live.of("hello")
    assert (hello["conversation_id"], hello["greet"]) == ("c_1", False)
    expect(page.locator(".greeting")).to_have_count(0)
    turn = ask(page, "那接着说吧")
    expect(turn.locator(".answer .words")).to_contain_text("我是画声")
    assert words(page) == ["昨天说到哪里了？", "那接着说吧"]
    assert "c=c_1" in page.url


def test_who_opens_another_conversation_in_a_talk_goes_on_in_it(web: Web) -> None:
    remember(web, "c_1", "昨天说到哪里了？", "说到了图书馆。")
    page = talk(web)
    ask(page, "你好")
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    page.get_by_role("button", name="以往的对话").click()
    page.get_by_role("dialog").get_by_text("昨天说到哪里了？").click()
    wait(web, lambda: len(web.world.live.of("hello")) == 2, "it does not go on")
    assert web.world.live.of("hello")[1]["conversation_id"] == "c_1"
    assert len(web.world.live.of("bye")) == 1
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    assert words(page) == ["昨天说到哪里了？"]


def test_past_turns_that_come_late_stand_before_the_new_ones(web: Web) -> None:
    remember(web, "c_1", "昨天说到哪里了？", "说到了图书馆。")
    late: list[Any] = []
    web.page.route("**/api/v1/conversations/c_1", lambda route: late.append(route))
    page = web.go("/chat_system?c=c_1")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "connecting")
    wait(web, lambda: late, "not asked for")
    assert web.world.live.of("hello") == []
    late[0].continue_()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    ask(page, "那接着说吧")
    assert words(page) == ["昨天说到哪里了？", "那接着说吧"]


def test_a_session_that_is_gone_does_not_greet_again(web: Web) -> None:
    talk(web)
    assert web.world.live.of("hello")[0]["greet"] is True
    web.world.live.forgets = True
    web.world.live.lose()
    wait(web, lambda: len(web.world.live.of("hello")) == 2, "it did not come back")
    assert web.world.live.of("hello")[1]["greet"] is False
