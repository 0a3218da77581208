"""Turns that did not come to their end say so and offer to ask again: cancelled, interrupted, and those of the past."""

from __future__ import annotations

from playwright.sync_api import expect

from services.gateway.live import messages as m
from tests.e2e.conftest import Web
from tests.e2e.test_chat import ask as ask_chat
from tests.e2e.test_live import ask, talk, wait
from tests.e2e.test_turn_tools import message
from tests.fakes.web_facts import MADE


def test_a_cancelled_turn_says_so_and_asks_again(web: Web) -> None:
    page = web.go("/chat_system")
    turn = ask_chat(page, "很长的回答")
    turn.locator("[data-act=cancel]").click()
    expect(turn.locator(".broken")).to_contain_text("已取消")
    turn.get_by_role("button", name="再问一次").click()
    expect(page.locator("li.turn")).to_have_count(2)
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    assert [body["text"] for *_, body in web.world.requests] == ["很长的回答", "很长的回答"]
    expect(page.locator("li.turn").last.locator(".broken")).to_be_empty()


def test_earlier_turns_that_were_interrupted_say_so_and_ask_again(web: Web) -> None:
    said = [
        message(1, "user", "你是谁？"),
        message(2, "assistant", "我是画声。"),
        message(3, "user", "你会什么？", job_id="j_2"),
        message(4, "assistant", "我会", job_id="j_2", interrupted=True),
        message(5, "user", "说来听听", job_id="j_3"),
    ]
    facts = {"id": "c_1", "title": "你是谁？", "created_at": MADE, "updated_at": MADE, "messages": said}
    web.world.conversations["c_1"] = facts
    page = web.go("/chat_system?c=c_1")
    broken = page.locator("li.turn .broken")
    expect(broken).to_have_count(3)
    expect(broken.nth(0)).to_be_empty()
    expect(broken.nth(1)).to_contain_text("回答被打断")
    expect(broken.nth(2)).to_contain_text("还没听到回答就停止了")
    broken.nth(1).get_by_role("button", name="再问一次").click()
    expect(page.locator("li.turn").last.locator(".asked .words")).to_have_text("你会什么？")
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")


def test_an_interrupted_answer_keeps_its_mark_when_the_talk_goes_on(web: Web) -> None:
    page = talk(web)
    ask(page, "说长一点")
    first, second = page.locator("li.turn").nth(0), page.locator("li.turn").nth(1)
    expect(first.locator(".answer .words")).to_contain_text("你好")
    page.get_by_label("输入问题").fill("换一个")
    page.keyboard.press("Enter")
    expect(first.locator(".broken")).to_have_text("回答被打断")
    expect(second.locator(".asked .words")).to_have_text("换一个")
    expect(second.locator(".answer .words")).to_contain_text("你好")
    live = web.world.live
    (session,) = live.sessions.values()
    live.tell(m.Interrupted(gen=session.gen, heard_us=1_000_000, heard="你好！", reason="hand"))
    second.get_by_role("button", name="再问一次").click()
    wait(web, lambda: [a["what"] for a in live.of("again")] == ["ask"], "not asked again")
    expect(page.locator("li.turn").nth(2).locator(".asked .words")).to_have_text("换一个")
    expect(second.locator(".broken")).to_have_text("回答被打断")


NOT_SAID = "以下内容所选声音不会读，已略过：Привет（西里尔字母）"


def test_words_that_were_not_said_stand_at_the_answer_of_a_live_talk(web: Web) -> None:
    page = talk(web)
    turn = ask(page, "Привет 是什么意思？")
    expect(turn.get_by_role("note")).to_have_text(NOT_SAID, timeout=15_000)


def test_words_that_were_not_said_stay_at_the_answer_of_a_job(web: Web) -> None:
    web.world.unsaid = [{"reason": "left-out", "text": "Привет", "script": "Cyrillic"}]
    page = web.go("/chat_system")
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    turn = page.locator("li.turn").last
    expect(turn.get_by_role("note")).to_have_text(NOT_SAID)
    expect(turn).to_have_attribute("data-state", "succeeded")
    page.reload()
    expect(page.locator("li.turn").last.get_by_role("note")).to_have_text(NOT_SAID)


def test_a_stop_before_the_first_word_says_so_and_asks_again(web: Web) -> None:
    page = talk(web)
    live = web.world.live
    live.tell(m.Final(text="你是谁？", language="zh"), m.StateMessage(state="thinking"))
    turn = page.locator("li.turn").last
    expect(turn.locator(".asked .words")).to_have_text("你是谁？")
    live.tell(m.Interrupted(gen=1, heard_us=0, heard="", reason="hand"), m.StateMessage(state="listening"))
    expect(turn.locator(".broken")).to_contain_text("还没听到回答就停止了")
    expect(turn.get_by_role("button", name="接着说")).to_have_count(0)
    turn.get_by_role("button", name="再问一次").click()
    wait(web, lambda: [a["what"] for a in live.of("again")] == ["ask"], "not asked again")
