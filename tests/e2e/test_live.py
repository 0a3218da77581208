"""Live conversation: pictures and sound as they come, captions, stopping, coming back, no microphone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from services.common.errors import HuashengError, problem
from services.gateway.live import messages as m
from tests.e2e.conftest import Web
from tests.fakes.web_live import CLAUSES, SECONDS

DRAWN = """(() => {
  const canvas = document.querySelector("canvas.live-picture.on");
  if (!canvas) return "";
  const copy = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 90, 140, 76, 40, 0, 0, 76, 40);
  const {data} = copy.getImageData(0, 0, 76, 40);
  return [...data].reduce((sum, value, i) => (sum * 31 + value * (i % 7)) % 1000003, 0);
})()"""
CAPTIONS = """(() => {
  window.captions = [];
  new MutationObserver(() => window.captions.push(document.querySelector(".caption").textContent))
    .observe(document.querySelector(".caption"), { childList: true, characterData: true, subtree: true });
})()"""


TIMES = """(() => {
  window.times = [];
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
    if (image instanceof VideoFrame) window.times.push(image.timestamp);
    return draw.call(this, image, ...rest);
  };
})()"""


def talk(web: Web) -> Any:
    """Begins a live conversation."""
    page = web.go("/chat_system")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    return page


def ask(page: Any, text: str) -> Any:
    page.get_by_label("输入问题").fill(text)
    page.keyboard.press("Enter")
    return page.locator("li.turn").last


def played(web: Web, gen: int) -> list[int]:
    return [p["us"] for p in web.world.live.of("played") if p["gen"] == gen]


def wait(web: Web, true: Callable[[], Any], what: str) -> None:
    for _ in range(600):
        if true():
            return
        web.page.wait_for_timeout(50)
    raise AssertionError(what)


def test_an_answer_is_drawn_and_heard_with_its_captions(web: Web) -> None:
    page = talk(web)
    page.evaluate(CAPTIONS)
    turn = ask(page, "你是谁？")
    expect(turn.locator(".asked .words")).to_have_text("你是谁？")
    expect(page.locator(".stage")).to_have_attribute("data-state", "speaking")
    seen = set()
    for _ in range(40):
        seen.add(page.evaluate(DRAWN))
        page.wait_for_timeout(30)
    assert len(seen - {""}) > 4, "the pictures move"
    expect(turn.locator(".answer .words")).to_have_text("".join(text for text, *_ in CLAUSES))
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    expect(page.locator(".live-picture.on")).to_have_count(0)
    assert [c for c in page.evaluate("window.captions") if c] == [text for text, *_ in CLAUSES]
    reports = played(web, 1)
    assert reports == sorted(reports) and len(reports) > 8 and reports[-1] == 3_000_000
    assert web.world.live.of("played")[-1]["is_end"]
    turn.get_by_text("用时").click()
    expect(turn.locator(".times")).to_contain_text("512 ms")
    expect(page.get_by_label("输入问题")).to_have_value("")
    assert web.world.requests == [], "the ordinary chat was not asked"


def test_pictures_that_lead_from_the_loop_to_the_answer_are_not_shown(web: Web) -> None:
    page = talk(web)
    page.evaluate(TIMES)
    ask(page, "你是谁？")
    wait(web, lambda: played(web, 1) and played(web, 1)[-1] == 3_000_000, "not played to its end")
    times = page.evaluate("window.times")
    assert times[0] >= 0 and times == sorted(times) and times[-1] >= 2_800_000  # a busy page may leave some out


HIDDEN = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.isHidden})"


def test_an_answer_in_a_hidden_tab_is_heard_and_seen_from_when_it_is_shown_again(web: Web) -> None:
    page = talk(web)
    page.evaluate(TIMES)
    page.evaluate(HIDDEN)
    page.evaluate("window.isHidden = true")
    ask(page, "你是谁？")
    wait(web, lambda: played(web, 1) and played(web, 1)[-1] > 1_000_000, "it is not heard")
    assert page.evaluate("window.times") == []
    page.evaluate("window.isHidden = false")
    wait(web, lambda: played(web, 1)[-1] == 3_000_000, "not played to its end")
    times = page.evaluate("window.times")
    assert times and times[0] > 500_000 and times == sorted(times)


def test_the_microphone_is_sent_as_16_khz_frames(web: Web) -> None:
    talk(web)
    live = web.world.live
    wait(web, lambda: len(live.microphone) > 16_000 * 2 * 2, "no sound came")
    assert any(live.microphone), "the fake microphone beeps"
    (hello,) = live.of("hello")
    assert hello["can"] == ["webcodecs"] and hello["listening"] == "auto" and hello["avatar_id"]
    web.page.get_by_role("button", name="关闭麦克风").click()
    wait(web, lambda: live.of("listen") and live.of("listen")[-1]["mode"] == "off", "not told")
    count = len(live.microphone)
    web.page.wait_for_timeout(500)
    assert len(live.microphone) - count < 16_000 * 2 * 0.3


@pytest.mark.parametrize("how", ["Escape", "Space", "face", "button", "send"])
def test_stopping_is_heard_and_seen_at_once(web: Web, how: str) -> None:
    page = talk(web)
    turn = ask(page, "说长一点")
    expect(turn.locator(".answer .words")).to_contain_text("我是画声")
    if how == "face":
        page.locator(".stage").click(position={"x": 200, "y": 300})
    elif how == "button":
        page.locator(".live-controls").get_by_role("button", name="停止回答").click()
    elif how == "send":
        page.locator(".compose-box").get_by_role("button", name="停止回答").click()
    else:
        page.locator("h1").click()
        page.keyboard.press(how)
    expect(page.locator(".live-picture.on")).to_have_count(0, timeout=2000)
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    wait(web, lambda: web.world.live.of("interrupt"), "the server was not told")
    (told,) = web.world.live.of("interrupt")
    assert told["gen"] == 1 and 1_000_000 < told["heard_us"] < SECONDS * 1_000_000
    heard = "".join(text for text, start, _ in CLAUSES if start * 1e6 < told["heard_us"])
    expect(turn.locator(".answer .words")).to_have_text(heard)
    turn.get_by_text("用时").click()
    expect(turn.locator(".times dt")).to_have_count(2)  # what did not happen is not there
    expect(turn.locator(".times")).to_contain_text("420 ms")
    page.get_by_role("button", name="接着说").click()
    wait(web, lambda: [a["what"] for a in web.world.live.of("again")] == ["continue"], "not asked")
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)


def test_hold_shows_the_loop_and_resume_goes_on_where_it_was(web: Web) -> None:
    page = talk(web)
    ask(page, "你好")
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)
    wait(web, lambda: max(played(web, 1), default=0) > 500_000, "nothing is heard")
    web.world.live.tell(m.Hold(gen=1), m.StateMessage(state="held"))
    expect(page.locator(".live-picture.on")).to_have_count(0)
    page.wait_for_timeout(400)
    at = played(web, 1)[-1]
    page.wait_for_timeout(800)
    assert played(web, 1)[-1] == at, "it stands still"
    web.world.live.tell(m.Resume(gen=1), m.StateMessage(state="speaking"))
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)
    wait(web, lambda: played(web, 1)[-1] == 3_000_000, "it does not go on")


def test_a_lost_connection_is_taken_up_again(web: Web) -> None:
    page = talk(web)
    turn = ask(page, "你好")
    wait(web, lambda: max(played(web, 1), default=0) > 300_000, "nothing is heard")
    web.world.live.lose()
    wait(web, lambda: len(web.world.live.of("hello")) == 2, "it did not come back")
    back = web.world.live.of("hello")[1]
    assert back["session"] == "l_1" and back["last"]["gen"] == 1 and back["last_seq"] > 0
    wait(web, lambda: played(web, 1)[-1] == 3_000_000, "the answer is not heard to its end")
    expect(turn.locator(".answer .words")).to_have_text("".join(text for text, *_ in CLAUSES))


def test_what_is_said_is_written_and_the_conversation_goes_on_in_the_chat(web: Web) -> None:
    page = talk(web)
    live = web.world.live
    live.tell(m.StateMessage(state="hearing"), m.Partial(text="你能"))
    turn = page.locator("li.turn").last
    expect(turn.locator(".asked .words")).to_have_text("你能")
    live.tell(m.SpeechEnded(at_us=1), m.Final(text="你能听见吗？", language="zh"))
    expect(turn.locator(".asked .words")).to_have_text("你能听见吗？")
    wait(web, lambda: live.of("idle"), "the frame of the loop was not told")
    page.get_by_role("button", name="结束通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "idle")
    wait(web, lambda: live.of("bye"), "no good-bye")
    assert "c=c_live" in page.url
    expect(page.get_by_role("button", name="开始说话")).to_be_enabled()
    page.get_by_label("输入问题").fill("再问")
    page.keyboard.press("Enter")
    expect(page.locator("li.turn").last).to_have_attribute("data-state", "succeeded")
    assert web.world.requests[0][2]["conversation_id"] == "c_live"


REFUSED = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{name}'))"


@pytest.mark.parametrize(
    ("name", "title"), [("NotAllowedError", "没有麦克风权限"), ("NotFoundError", "没有找到麦克风")]
)
def test_without_a_microphone_it_says_why_and_typing_works(web: Web, name: str, title: str) -> None:
    web.page.add_init_script(REFUSED.format(name=name))
    page = talk(web)
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(title)
    expect(notice).to_contain_text("打字")
    assert web.world.live.of("hello")[0]["listening"] == "off"
    ask(page, "你好")
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)


def test_a_full_machine_is_told_with_what_to_do(web: Web) -> None:
    web.world.live.refusal = m.Error(fatal=True, problem=problem(HuashengError("live-full"), "zh", "req-1"))
    page = web.go("/chat_system")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    page.get_by_role("button", name="实时通话").click()
    card = page.locator(".live-notice .problem")
    expect(card).to_be_visible()
    web.world.live.refusal = None
    card.get_by_role("button", name="重试").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")


NO_H264 = "VideoDecoder.isConfigSupported = async () => ({supported: false})"


@pytest.mark.parametrize("script", ["delete window.VideoDecoder", NO_H264])
def test_without_webcodecs_it_plays_by_media_source(web: Web, script: str) -> None:
    web.page.add_init_script(script)
    page = talk(web)
    assert web.world.live.of("hello")[0]["can"] == ["mse"]
    ask(page, "你好")
    expect(page.locator("video.live-picture.on")).to_have_count(1)
    wait(web, lambda: web.world.live.of("played") and web.world.live.of("played")[-1]["is_end"], "not to its end")
    expect(page.locator(".live-picture.on")).to_have_count(0)


def test_without_any_player_the_chat_stays(web: Web) -> None:
    web.page.add_init_script("delete window.VideoDecoder; delete window.MediaSource; delete window.ManagedMediaSource")
    page = web.go("/chat_system")
    page.get_by_role("button", name="实时通话").click()
    expect(page.get_by_role("alert")).to_contain_text("不能实时通话")
    expect(page.get_by_role("button", name="开始说话")).to_be_enabled()


def test_push_to_talk_listens_while_space_is_held(web: Web) -> None:
    page = talk(web)
    page.get_by_role("button", name="通话设置").click()
    page.get_by_label("按住空格键或按钮说话").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="按住说话")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.down("Space")
    page.keyboard.up("Space")
    live = web.world.live
    wait(web, lambda: len(live.of("talk")) == 2, "not told")
    assert live.of("listen")[-1]["mode"] == "push"
    assert [talked["on"] for talked in live.of("talk")] == [True, False]


UNPLUGGED = """(() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    window.unplug = () => stream.getAudioTracks()[0].dispatchEvent(new Event("ended"));
    return stream;
  };
})()"""


def test_an_unplugged_microphone_is_told_and_can_be_tried_again(web: Web) -> None:
    web.page.add_init_script(UNPLUGGED)
    page = talk(web)
    page.evaluate("window.unplug()")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("麦克风断开了")
    wait(web, lambda: web.world.live.of("listen")[-1]["mode"] == "off", "not told")
    notice.get_by_role("button", name="重试").click()
    wait(web, lambda: web.world.live.of("listen")[-1]["mode"] == "auto", "not opened again")
    expect(notice).to_have_count(0)


def test_words_that_go_on_after_an_early_answer_stay_one_question(web: Web) -> None:
    page = talk(web)
    live = web.world.live
    live.tell(m.Final(text="我想问一下。", language="zh"))
    live.tell(m.Interrupted(gen=1, heard_us=0, heard="", reason="speech"), m.Partial(text="我想问一下，你"))
    live.tell(m.Final(text="我想问一下，你是谁？", language="zh", joined=True))
    turn = page.locator("li.turn").last
    expect(turn.locator(".asked .words")).to_have_text("我想问一下，你是谁？")
    expect(page.locator("li.turn")).to_have_count(1)
    expect(page.locator(".broken:not(:empty)")).to_have_count(0)


def test_a_forgotten_session_begins_anew_in_the_same_conversation(web: Web) -> None:
    page = talk(web)
    ask(page, "你好")
    wait(web, lambda: max(played(web, 1), default=0) > 300_000, "nothing is heard")
    web.world.live.forgets = True
    web.world.live.lose()
    wait(web, lambda: len(web.world.live.sessions) == 2, "it did not come back")
    assert web.world.live.of("hello")[1]["conversation_id"] == "c_live"
    expect(page.locator(".live-picture.on")).to_have_count(0)
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    ask(page, "还在吗？")
    expect(page.locator("canvas.live-picture.on")).to_have_count(1)


DETECT = """async () => {
  const {VoiceDetector} = await import("/static/js/live/live_microphone.js");
  const detector = new VoiceDetector();
  const runs = (levels) => levels.map((db) => detector.add(db));
  const hum = runs(Array(300).fill(-52)).some(Boolean);
  const click = runs([-20, -52, -52]).some(Boolean);
  const voice = runs([-25, -22, -24]).at(-1);
  const pause = runs(Array(10).fill(-52)).at(-1);
  const over = runs(Array(20).fill(-52)).at(-1);
  return [hum, click, voice, pause, over];
}"""


def test_loudness_tells_voice_from_hum_and_clicks(web: Web) -> None:
    assert web.go("/chat_system").evaluate(DETECT) == [False, False, True, True, False]
