"""One turn and one video through the real system, as a person would."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tools.demo import QUESTION

RECORDER = (Path(__file__).parents[2] / "benchmarks" / "live_page.js").read_text(encoding="utf-8")


def test_a_typed_question_is_answered_by_a_video(real: Web) -> None:
    page = real.go("/chat_system")
    page.get_by_label("输入问题").fill("你是谁？")
    page.keyboard.press("Enter")
    turn = page.locator("li.turn").last
    expect(turn).to_have_attribute("data-state", "succeeded", timeout=120_000)
    expect(turn.locator(".answer .words")).to_contain_text("画声")
    expect(turn.locator(".steps .done")).to_have_count(3)
    real.until("document.querySelector('.stage .answer').currentTime > 0.3", 60)


def test_a_text_becomes_a_video(real: Web) -> None:
    page = real.go("/video_generation")
    page.get_by_label("要说的话").fill("大家好，欢迎来到画声。")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("video.player")).to_be_visible(timeout=120_000)
    real.until("document.querySelector('video.player').duration > 1", 60)


def test_every_list_loads(real: Web) -> None:
    for path in ("/", "/avatars", "/voices", "/jobs", "/system", "/model_training"):
        page = real.go(path)
        real.until("!document.querySelector('[aria-busy]')", 60)
        # jobs that failed tell their problem inside their own card; a list that failed has one of its own
        expect(page.locator(".problem:not(.job .problem)")).to_have_count(0)


def test_a_live_conversation_answers_with_moving_pictures(real: Web) -> None:
    page = real.go("/chat_system")
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    page.get_by_label("输入问题").fill("你是谁？")
    page.keyboard.press("Enter")
    expect(page.locator("canvas.live-picture.on")).to_be_visible(timeout=120_000)
    expect(page.locator(".caption")).not_to_be_empty()
    turn = page.locator("li.turn").last
    expect(turn.locator(".answer .words")).to_contain_text("画声", timeout=120_000)
    expect(turn.locator(".times")).to_be_visible(timeout=120_000)  # heard to its end
    page.get_by_role("button", name="结束通话").click()
    page.reload()
    expect(page.locator("li.turn").last.locator(".answer .words")).to_contain_text("画声")


def test_a_spoken_question_is_heard_and_answered(real: Web) -> None:
    real.page.add_init_script(RECORDER)  # a microphone that says what it is given
    page = real.go("/chat_system")
    page.get_by_role("button", name="实时通话").click()
    real.until("liveLog.some((e) => e.message?.type === 'timings')", 120)  # greeted
    mark = page.evaluate("liveLog.length")
    page.evaluate("(sound) => saySound(sound)", base64.b64encode(QUESTION.read_bytes()).decode())
    turn = page.locator("li.turn").last
    expect(turn.locator(".asked .words")).to_contain_text("你好", timeout=120_000)
    real.until(f"liveLog.slice({mark}).some((e) => e.what === 'drawn' && e.pts > 500_000)", 120)
    real.until(f"liveLog.slice({mark}).some((e) => e.message?.type === 'timings')", 120)
    expect(turn.locator(".answer .words")).not_to_be_empty()
    assert not page.evaluate("liveLog.some((e) => e.message?.type === 'error')")
