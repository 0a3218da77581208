"""Live conversation with a browser whose players fail: another player goes on, or the ordinary chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_live import ask, played, talk, wait
from tests.fakes.web_live import CLAUSES

BREAKABLE = """(() => {
  window.broken = "";
  window.VideoDecoder = class extends VideoDecoder {
    constructor({ output, error }) {
      super({ error, output: (picture) => (window.broken === "stall" ? picture.close() : output(picture)) });
      this.fail = () => error(new DOMException("broken", "EncodingError"));
    }
    configure(config) {
      if (window.broken === "refuse") throw new DOMException("no such decoder", "NotSupportedError");
      super.configure(config);
    }
    decode(chunk) {
      if (window.broken !== "error") return super.decode(chunk);
      if (this.state === "configured") {
        this.close();
        setTimeout(this.fail);
      }
    }
  };
})()"""
NO_SOURCE = "delete window.MediaSource; delete window.ManagedMediaSource"
BAD_SOURCE = "SourceBuffer.prototype.appendBuffer = () => { throw new DOMException('', 'InvalidStateError'); }"
NO_H264 = "VideoDecoder.isConfigSupported = async () => ({supported: false})"
NO_MP4 = "MediaSource.isTypeSupported = () => false"
LONG = (*CLAUSES, ("今天想聊些什么呢？", 3.0, 7.0))
WHOLE = "".join(text for text, *_ in CLAUSES)


def breakable(web: Web, script: str = "") -> Any:
    web.page.add_init_script(BREAKABLE)
    web.page.add_init_script(script)
    return talk(web)


def is_over(web: Web) -> bool:
    reports = web.world.live.of("played")
    return bool(reports) and reports[-1]["is_end"]


@pytest.mark.parametrize(("how", "reason"), [("error", "failed"), ("stall", "stalled")])
def test_a_decoder_that_fails_in_an_answer_gives_way_and_nothing_is_said_twice(web: Web, how: str, reason: str) -> None:
    page = breakable(web)
    live = web.world.live
    live.clauses = LONG  # a decoder that gives nothing is noticed after two seconds
    ask(page, "你是谁？")
    wait(web, lambda: max(played(web, 1), default=0) > 100_000, "nothing is heard")
    page.evaluate(f"window.broken = '{how}'")
    expect(page.locator("video.live-picture.on")).to_have_count(1)
    (told,) = live.of("transport")
    assert told["can"] == ["mse"] and told["gen"] == 1 and told["reason"] == reason
    assert 100_000 < told["heard_us"] < 7_000_000
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("换了一种播放方式")
    expect(notice).to_contain_text("出错" if how == "error" else "没有反应")
    wait(web, lambda: is_over(web), "the rest is not heard to its end")
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    expect(page.locator("li.turn")).to_have_count(2)
    first, rest = page.locator("li.turn").first, page.locator("li.turn").last
    assert (
        first.locator(".answer .words").inner_text() + rest.locator(".answer .words").inner_text()
        == WHOLE + LONG[-1][0]
    )
    expect(first.locator(".broken")).to_have_text("播放出错，没听到的部分在下面")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="关闭").click()
    expect(notice).to_have_count(0)
    ask(page, "再说一次")
    expect(page.locator("video.live-picture.on")).to_have_count(1)
    page.get_by_role("button", name="结束通话").click()
    page.get_by_role("button", name="实时通话").click()
    wait(web, lambda: len(live.of("hello")) == 2, "no other conversation")
    assert live.of("hello")[1]["can"] == ["mse"], "what failed is not tried again"


@pytest.mark.parametrize(("how", "reason"), [("error", "failed"), ("refuse", "failed"), ("stall", "stalled")])
def test_a_decoder_that_gives_no_picture_at_all_leaves_one_whole_answer(web: Web, how: str, reason: str) -> None:
    page = breakable(web)
    page.evaluate(f"window.broken = '{how}'")
    turn = ask(page, "你是谁？")
    expect(page.locator("video.live-picture.on")).to_have_count(1)
    (told,) = web.world.live.of("transport")
    assert (told["heard_us"], told["reason"]) == (0, reason)
    wait(web, lambda: is_over(web), "not heard to its end")
    expect(page.locator("li.turn")).to_have_count(1)
    expect(turn.locator(".asked .words")).to_have_text("你是谁？")
    expect(turn.locator(".answer .words")).to_have_text(WHOLE)
    expect(turn.locator(".broken")).to_be_empty()


def test_a_change_during_a_lost_connection_is_told_when_it_is_back(web: Web) -> None:
    page = breakable(web)
    live = web.world.live
    ask(page, "你是谁？")
    wait(web, lambda: max(played(web, 1), default=0) > 100_000, "nothing is heard")
    web.page.evaluate("window.broken = 'error'")
    live.lose()
    wait(web, lambda: live.of("transport") and is_over(web), "not heard to its end")
    words = page.locator("li.turn .answer .words").all_inner_texts()
    assert "".join(words) == WHOLE
    assert len(live.sessions) == 1


def in_chat(web: Web, page: Any) -> None:
    """The conversation is over, and goes on in the chat when the question is asked again."""
    expect(page.locator(".stage")).to_have_attribute("data-state", "idle")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("放不出实时画面，已回到普通对话")
    assert web.world.live.of("transport")[-1]["can"] == []
    wait(web, lambda: web.world.live.of("bye"), "no good-bye")
    turn = page.locator("li.turn").last
    turn.get_by_role("button", name="再问一次").click()
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    assert web.world.requests[0][2]["text"] == "你是谁？"
    assert web.world.requests[0][2]["conversation_id"] == "c_live"
    expect(notice).to_be_visible()
    page.evaluate("window.broken = ''")
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")


def test_without_another_player_it_goes_on_in_the_chat(web: Web) -> None:
    page = breakable(web, NO_SOURCE)
    page.evaluate("window.broken = 'error'")
    turn = ask(page, "你是谁？")
    expect(turn.locator(".broken")).to_contain_text("还没听到回答就停止了")
    in_chat(web, page)


def test_when_the_other_player_fails_too_it_goes_on_in_the_chat(web: Web) -> None:
    page = breakable(web, BAD_SOURCE)
    page.evaluate("window.broken = 'error'")
    ask(page, "你是谁？")
    wait(web, lambda: len(web.world.live.of("transport")) == 2, "the second failure is not told")
    in_chat(web, page)


def test_it_is_told_in_english(open_page: Callable[..., Web]) -> None:
    web = open_page(lang="en")
    web.page.add_init_script(BREAKABLE)
    page = web.go("/chat_system")
    page.get_by_role("button", name="Talk live").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    page.evaluate("window.broken = 'error'")
    page.get_by_label("Write a question").fill("Who are you?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The browser's video decoder failed. Another one goes on")


@pytest.mark.parametrize("script", [f"delete window.VideoDecoder; {NO_SOURCE}", f"{NO_H264}; {NO_MP4}"])
def test_a_browser_without_any_player_says_so_and_the_chat_works(web: Web, script: str) -> None:
    web.page.add_init_script(script)
    page = web.go("/chat_system")
    page.get_by_role("button", name="实时通话").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("不能实时通话")
    expect(notice).to_contain_text("请换用新版的 Chrome")
    ask(page, "你好")
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    assert not web.world.live.received


def click_the_face(page: Any) -> None:
    page.locator(".stage").click(position={"x": 200, "y": 300})


@pytest.mark.parametrize("words_known", [True, False])
def test_stopped_before_the_first_sound_the_turn_says_so_and_nothing_is_heard(web: Web, words_known: bool) -> None:
    live = web.world.live
    # the answer would come long after the stop, on a busy machine too
    live.words_s, live.thinks_s = (0.0, 600.0) if words_known else (600.0, 0.3)
    page = talk(web)
    turn = ask(page, "说长一点")
    expect(page.locator(".stage")).to_have_attribute("data-state", "thinking")
    page.wait_for_timeout(500)
    click_the_face(page)
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    expect(turn.locator(".broken")).to_contain_text("还没听到回答就停止了")
    page.wait_for_timeout(1000)
    assert live.of("interrupt")[0]["gen"] == 0 and not played(web, 1)
    expect(page.locator(".live-picture.on")).to_have_count(0)
    live.words_s, live.thinks_s = 0.0, 0.3
    turn.get_by_role("button", name="再问一次").click()
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)
    expect(page.locator("li.turn").last.locator(".asked .words")).to_have_text("说长一点")


def test_stopped_after_the_first_sound_the_turn_says_so(web: Web) -> None:
    page = talk(web)
    turn = ask(page, "说长一点")
    wait(web, lambda: max(played(web, 1), default=0) > 1_200_000, "nothing is heard")
    click_the_face(page)
    expect(turn.locator(".broken")).to_contain_text("回答被打断", timeout=2000)
    expect(turn.get_by_role("button", name="接着说")).to_be_visible()
    expect(turn.get_by_role("button", name="再问一次")).to_be_visible()
    expect(turn.locator(".answer .words")).to_contain_text(CLAUSES[0][0])
