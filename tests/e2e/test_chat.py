"""Talking to the face: by text, by file, by microphone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.fakes import web_media
from tests.fakes.web_script import CLAUSE_STARTS_S, LENGTH_S

PLAYS = "document.querySelector('.stage .answer').currentTime > 0.3"


def ask(page: Any, text: str) -> Any:
    """Types a question; the new turn."""
    page.get_by_label("输入问题").fill(text)
    page.keyboard.press("Enter")
    return page.locator("li.turn").last


def wav_facts(data: bytes) -> tuple[int, int, int]:
    """Channels, rate, bits of a WAV."""
    return (
        int.from_bytes(data[22:24], "little"),
        int.from_bytes(data[24:28], "little"),
        int.from_bytes(data[34:36], "little"),
    )


def test_typed_question_is_answered_while_the_video_is_still_made(web: Web) -> None:
    web.world.pace = 1.5
    page = web.go("/chat_system")
    turn = ask(page, "你好，你是谁？")
    expect(turn.locator(".asked .words")).to_have_text("你好，你是谁？")
    expect(page.locator(".stage")).to_have_attribute("data-state", "thinking")
    expect(turn.locator("[data-step=llm].now, [data-step=llm].done")).to_be_visible()
    expect(turn.locator("[data-step=asr].skipped")).to_contain_text("文字")
    web.until(PLAYS)
    assert next(iter(web.world.jobs.values()))["state"] == "running", "it should play before it is finished"
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    expect(turn).to_have_attribute("data-state", "succeeded")
    expect(turn.locator(".answer .words")).to_have_text("你好！我是画声的数字人。你说的话，我听到了。")
    for step, ms in (("llm", "420 ms"), ("tts", "1.5 s"), ("render", "3.1 s")):
        expect(turn.locator(f"[data-step={step}].done .ms")).to_have_text(ms)
    expect(page.locator(".stage")).to_have_attribute("data-state", "idle")  # it has spoken to the end
    turn.get_by_role("button", name="重播").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    expect(page.get_by_label("输入问题")).to_have_value("")


CAPTIONS = """
(() => {
  window.captions = [];
  const video = document.querySelector(".stage .answer");
  new MutationObserver(() => window.captions.push([document.querySelector(".caption").textContent, video.currentTime]))
    .observe(document.querySelector(".caption"), { childList: true, characterData: true, subtree: true });
})()
"""
CLAUSES = ["你好！", "我是画声的数字人。", "你说的话，我听到了。"]


def test_captions_are_shown_while_their_sound_plays(web: Web) -> None:
    web.world.pace = 1.5
    page = web.go("/chat_system")

    def check() -> None:
        web.until("window.captions.some(([text, at]) => text === '' && at > 3)")  # cleared at the end
        shown = [(text, at) for text, at in page.evaluate("window.captions") if text]
        assert [text for text, _ in shown] == CLAUSES
        for (_, at), start, end in zip(shown, CLAUSE_STARTS_S, (*CLAUSE_STARTS_S[1:], LENGTH_S), strict=True):
            assert start <= at <= end

    page.evaluate(CAPTIONS)
    turn = ask(page, "你好，你是谁？")
    check()  # while it is made
    expect(turn).to_have_attribute("data-state", "succeeded")
    page.reload()
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    page.evaluate(CAPTIONS)
    page.locator("li.turn").last.get_by_role("button", name="重播").click()
    check()  # and out of the history


def test_uploaded_recording_lights_all_four_steps(web: Web) -> None:
    web.world.held = {"asr"}
    page = web.go("/chat_system")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="上传一段录音").click()
    chooser.value.set_files({"name": "ask.wav", "mimeType": "audio/wav", "buffer": web_media.speech()})
    turn = page.locator("li.turn").last
    expect(turn.locator("[data-step=asr].now")).to_be_visible()
    web.world.held.clear()
    expect(turn.locator(".asked .words")).to_have_text("你能听见我说话吗？")
    expect(turn.locator(".steps .done")).to_have_count(4)
    expect(turn.locator("[data-step=asr] .ms")).to_have_text("912 ms")
    expect(turn.get_by_role("button", name="听我的录音")).to_be_visible()


def test_microphone_sends_16_khz_mono(web: Web) -> None:
    page = web.go("/chat_system")
    page.get_by_role("button", name="开始说话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="说完了，发送").click()
    expect(page.locator("li.turn").last.locator(".asked .words")).to_have_text("你能听见我说话吗？")
    (recording,) = web.world.files.values()
    assert wav_facts(recording) == (1, 16_000, 16)
    assert len(recording) > 16_000 * 2 * 0.5, "at least half a second of sound"
    assert any(recording[44:]), "the fake microphone beeps"


def test_space_bar_starts_and_ends_listening_but_not_while_typing(web: Web) -> None:
    page = web.go("/chat_system")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.locator(".mic.on")).to_be_visible()
    page.wait_for_timeout(1000)
    page.keyboard.press("Space")
    expect(page.locator("li.turn .steps")).to_be_visible()
    expect(page.locator(".mic.on")).to_have_count(0)
    page.get_by_label("输入问题").press("Space")
    expect(page.get_by_label("输入问题")).to_have_value(" ")


REFUSED = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{name}'))"
INSECURE = "Object.defineProperty(window, 'isSecureContext', {value: false})"


@pytest.mark.parametrize(
    ("script", "title"),
    [
        (REFUSED.format(name="NotAllowedError"), "没有麦克风权限"),
        (REFUSED.format(name="NotFoundError"), "没有找到麦克风"),
        (REFUSED.format(name="NotReadableError"), "麦克风打不开"),
        (INSECURE, "此地址不能使用麦克风"),
    ],
)
def test_without_a_microphone_it_says_why_and_what_works(web: Web, script: str, title: str) -> None:
    web.page.add_init_script(script)
    page = web.go("/chat_system")
    page.get_by_role("button", name="开始说话").click()
    dialog = page.get_by_role("dialog", name=title)
    expect(dialog).to_contain_text("也可以打字提问")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_reload_in_the_middle_loses_nothing(web: Web) -> None:
    page = web.go("/chat_system")
    turn = ask(page, "讲一讲")
    expect(turn.locator("[data-step=tts].now, [data-step=tts].done")).to_be_visible()
    page.reload()
    turn = page.locator("li.turn").last
    expect(turn.locator(".asked .words")).to_have_text("讲一讲")
    expect(turn).to_have_attribute("data-state", "succeeded")
    page.reload()
    expect(page.locator("li.turn").last.locator(".answer .words")).to_contain_text("我听到了")


def test_conversation_goes_on_and_can_be_found_again(web: Web) -> None:
    page = web.go("/chat_system")
    expect(ask(page, "第一")).to_have_attribute("data-state", "succeeded")
    expect(ask(page, "第二")).to_have_attribute("data-state", "succeeded")
    (conversation,) = web.world.conversations.values()
    assert [m["text"] for m in conversation["messages"] if m["role"] == "user"] == ["第一", "第二"]
    page.get_by_role("button", name="新的对话").click()
    expect(page.locator(".suggestion")).to_have_count(3)
    page.get_by_role("button", name="以往的对话").click()
    page.get_by_role("dialog").get_by_role("button", name="第一").first.click()
    expect(page.locator("li.turn")).to_have_count(2)


def test_a_failed_turn_tells_why_and_keeps_the_question(web: Web) -> None:
    page = web.go("/chat_system")
    turn = ask(page, "fail please")
    problem = turn.locator(".problem")
    expect(problem).to_contain_text("无法连接语言模型")
    expect(problem).to_contain_text("请检查地址和网络")
    expect(problem).to_contain_text("req-77ab02")
    expect(turn.locator(".asked .words")).to_have_text("fail please")


def test_cancel_frees_the_turn(web: Web) -> None:
    page = web.go("/chat_system")
    turn = ask(page, "很长的回答")
    turn.locator("[data-act=cancel]").click()
    expect(turn).to_have_attribute("data-state", "cancelled")
    expect(page.get_by_role("button", name="开始说话")).to_be_enabled()


def test_first_visit_greets_and_suggests(open_page: Callable[..., Web]) -> None:
    web = open_page("en")
    page = web.go("/chat_system")
    expect(page.locator(".greeting")).to_contain_text("Hello, I am Huasheng")
    page.get_by_role("button", name="Who are you?").click()
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    assert web.world.requests[0][2]["text"] == "Who are you?"


def test_chosen_avatar_and_voice_are_used_and_remembered(web: Web) -> None:
    page = web.go("/chat_system")
    page.get_by_role("button", name="形象：Eileen").click()
    page.get_by_role("dialog").get_by_text("Anna").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="音色：自动音色").click()
    page.get_by_role("dialog").get_by_text("云希").click()
    page.get_by_role("button", name="完成").click()
    page.reload()
    expect(page.get_by_role("button", name="形象：Anna")).to_be_visible()
    expect(page.get_by_role("button", name="音色：云希")).to_be_visible()
    expect(ask(page, "你好")).to_have_attribute("data-state", "succeeded")
    assert web.world.requests[0][2]["avatar_id"] == "v_anna"
    assert web.world.requests[0][2]["voice_id"] == "zm_yunxi"


def test_keyboard_alone_is_enough(web: Web) -> None:
    page = web.go("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/chat_system":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="实时对话", level=1)).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.type("键盘提问")
    page.keyboard.press("Enter")
    turn = page.locator("li.turn").last
    expect(turn).to_have_attribute("data-state", "succeeded")
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.dataset.act") == "replay":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")


def test_a_video_that_breaks_off_is_asked_for_again(web: Web) -> None:
    web.refusals_expected = True
    web.world.breaks = 1
    page = web.go("/chat_system")
    turn = ask(page, "你好")
    expect(turn).to_have_attribute("data-state", "succeeded")
    web.until("document.querySelector('.stage .answer').currentTime > 3")
    expect(page.locator(".stage")).to_have_attribute("data-state", "idle")


def test_asking_again_after_a_failure_sends_the_same_question(web: Web) -> None:
    page = web.go("/chat_system")
    turn = ask(page, "fail once")
    turn.get_by_role("button", name="重试").click()
    expect(page.locator("li.turn")).to_have_count(2)
    expect(page.locator("li.turn .problem")).to_have_count(2)
    assert [r[2]["text"] for r in web.world.requests] == ["fail once", "fail once"]
    assert web.world.requests[0][1] != web.world.requests[1][1], "a new act has a new key"
