"""Where another engine did the work, the page says who, instead of whom, and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web

LLM = {"service": "llm", "wanted": "zhipu", "used": "faq", "reason": "llm-unreachable"}
TTS = {"service": "tts", "wanted": "gpt_sovits", "used": "kokoro", "reason": "engine-slow"}
FALLBACKS = [
    {**LLM, "wanted_voice": None, "used_voice": None},
    {**LLM, "wanted": "openai", "reason": "llm-quota", "wanted_voice": None, "used_voice": None},
    {**TTS, "wanted_voice": "v_gone", "used_voice": "zf_xiaoxiao"},
]
ANSWERED = {
    "zh": "由 faq 回答：无法连接 zhipu，openai 的额度已用尽。",
    "en": "Answered by faq: zhipu could not be reached, the quota of openai is used up.",
}
SPOKEN = {
    "zh": "由 kokoro 朗读：gpt_sovits 响应过慢。音色由“v_gone”改为“晓晓”。",
    "en": "Spoken by kokoro: gpt_sovits took too long. You hear the voice 晓晓 in place of v_gone.",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_note_stays_with_the_answer(open_page: Callable[..., Web], lang: str) -> None:
    web = open_page(lang)
    web.world.fallbacks = FALLBACKS
    page = web.go("/chat_system")
    page.get_by_label({"zh": "输入问题", "en": "Write a question"}[lang]).fill({"zh": "你好", "en": "Hello"}[lang])
    page.keyboard.press("Enter")
    turn = page.locator("li.turn").last
    note = turn.get_by_role("note")
    expect(note).to_contain_text(ANSWERED[lang])  # before anything is spoken, and after
    expect(turn).to_have_attribute("data-state", "succeeded")
    whole = ANSWERED[lang] + {"zh": "", "en": " "}[lang] + SPOKEN[lang]
    expect(note).to_have_text(whole)
    page.reload()
    expect(page.locator("li.turn").last.get_by_role("note")).to_have_text(whole)


def test_videos_and_jobs_tell_it(web: Web) -> None:
    web.world.fallbacks = FALLBACKS
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("#making .result").get_by_role("note")).to_have_text(SPOKEN["zh"])
    page = web.go("/jobs")
    expect(page.locator("li.job").first.get_by_role("note")).to_have_text(SPOKEN["zh"])


def test_without_a_fallback_there_is_no_note(web: Web) -> None:
    page = web.go("/chat_system")
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    turn = page.locator("li.turn").last
    expect(turn).to_have_attribute("data-state", "succeeded")
    expect(turn.get_by_role("note")).to_have_count(0)


def test_the_system_page_shows_an_engine_at_rest(web: Web) -> None:
    web.world.resting = "zhipu"
    card = web.go("/system").locator(".engines .card", has_text="zhipu")
    expect(card.locator(".pill.warn")).to_have_text("暂缓使用")
    expect(card).to_contain_text("12 秒后重试")
    expect(card).to_contain_text("does not answer")
