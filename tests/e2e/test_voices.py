"""Voices of one's own: from a recording to a video in that voice, and every way in which it may go wrong."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_making import choose
from tests.e2e.test_pages import NAMELESS
from tests.fakes import web_facts, web_media


@pytest.fixture
def cloning(web: Web) -> Web:
    web.world.can_clone = True
    return web


def own(web: Web, clips: int = 1) -> None:
    fields = {"name": "Anna 的声音", "language": "zh-CN", "consent": "x", "consent_by": "Anna"}
    web.world.voices.append(
        web_facts.cloned("v_1", fields, [web_facts.clip(n + 1, f"第 {n + 1} 段。") for n in range(clips)])
    )


def fill_in(page: Any, name: str) -> None:
    page.get_by_label("名字").fill(name)
    page.get_by_label("这是谁的声音").fill("小明")
    page.get_by_label("已同意在此克隆").check()


def sounds(web: Web, button: Any) -> None:
    """Pressed, it plays, and is over by itself."""
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_a_voice_from_its_making_to_its_end(cloning: Web) -> None:
    web, page = cloning, cloning.go("/voices")
    expect(page.locator(".own-voice")).to_have_count(0)
    choose(page, "me.wav", "audio/wav", web_media.speech())
    fill_in(page, "我的声音")
    page.get_by_role("button", name="克隆音色").click()
    made = page.locator(".own-voice")
    expect(made).to_contain_text("我的声音")
    expect(made).to_contain_text("小明 已同意")
    sent = web.world.requests[0][2]
    assert sent["consent"].startswith("这是我本人的声音") and (sent["language"], sent["consent_by"]) == (
        "zh-CN",
        "小明",
    )

    # heard
    sounds(web, made.get_by_role("button", name="试听 我的声音"))
    made.get_by_text("试说一句").click()
    made.get_by_label("要说的话").fill("今天天气真好")
    made.get_by_role("button", name="说", exact=True).click()
    expect(made.get_by_role("button", name="说", exact=True)).to_be_enabled()
    voice_id = web.world.voices[-1]["voice_id"]
    assert web.world.requests[-1][2] == {"text": "今天天气真好", "voice_id": voice_id, "fallback": False}

    # renamed, with the keyboard alone
    made.get_by_role("button", name="重命名“我的声音”").focus()
    page.keyboard.press("Enter")
    expect(made.get_by_label("新名字")).to_be_focused()
    page.keyboard.type("不要这个")
    page.keyboard.press("Escape")
    expect(made.get_by_role("button", name="重命名“我的声音”")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("小明")
    page.keyboard.press("Enter")
    expect(made.get_by_role("button", name="重命名“小明”")).to_be_focused()
    assert web.world.voices[-1]["name"] == "小明"

    # the avatar's voice, and used in a video that names none
    web.go("/avatars")
    person = page.locator(".person", has_text="Anna")
    person.get_by_role("button", name="Anna 的音色：自动音色").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("label", has_text="小明").click()
    expect(person.get_by_role("button", name="Anna 的音色：小明")).to_be_visible()
    dialog.get_by_role("button", name="完成").click()
    page.goto(page.url.replace("/avatars", "/video_generation?avatar=v_anna"))
    expect(page.get_by_role("button", name="音色：小明（形象的音色）")).to_be_visible()
    page.get_by_role("button", name="音色：小明（形象的音色）").click()
    page.get_by_role("dialog").locator("label", has_text="小明").click()
    page.keyboard.press("Escape")
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_role("button", name="生成视频").click()
    expect(page.locator("video.player")).to_be_visible()
    assert web.world.requests[-1][2]["voice_id"] == voice_id

    # deleted: who uses it is told before, and shown after
    web.go("/voices")
    made.get_by_role("button", name="删除音色“小明”").click()
    expect(page.get_by_role("dialog")).to_contain_text("Anna 正在使用它")
    page.get_by_role("dialog").get_by_role("button", name="保留").click()
    expect(made).to_have_count(1)
    made.get_by_role("button", name="删除音色“小明”").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(made).to_have_count(0)
    web.go("/avatars")
    expect(page.locator(".person", has_text="Anna")).to_contain_text("音色“小明”已删除，现用自动音色")


def test_a_recording_taken_here(cloning: Web) -> None:
    web, page = cloning, cloning.go("/voices")
    # too short: told before anything is sent
    page.get_by_role("button", name="开始录音").click()
    expect(page.get_by_text(re.compile("还需 [123] 秒"))).to_be_visible()
    page.get_by_role("button", name="结束录音").click()
    expect(page.locator(".take .note")).to_contain_text("至少需要 3 秒")
    fill_in(page, "小明")
    expect(page.get_by_role("button", name="克隆音色")).to_be_disabled()
    # long enough
    page.get_by_role("button", name="开始录音").click()
    expect(page.get_by_text(re.compile("够了，还可录 [1-7] 秒"))).to_be_visible()
    expect(page.get_by_role("progressbar", name="录音进度")).to_have_attribute("aria-valuenow", re.compile("^[3-9]"))
    expect(page.get_by_role("meter", name="音量")).to_be_visible()
    page.get_by_role("button", name="结束录音").click()
    expect(page.locator(".take .chosen")).to_contain_text(re.compile(r"[3-9](\.\d)? 秒"))
    page.get_by_role("button", name="克隆音色").click()
    expect(page.locator(".own-voice")).to_contain_text("小明")
    with wave.open(io.BytesIO(web.world.files["recording"])) as w:
        assert (w.getframerate(), w.getnchannels()) == (48_000, 1)
    assert web.world.voices[-1]["name"] == "小明"


def test_weights_are_chosen_where_the_operator_offers_several(cloning: Web) -> None:
    cloning.world.weights = ["calm", "lively"]
    page = cloning.go("/voices")
    choose(page, "me.wav", "audio/wav", web_media.speech())
    fill_in(page, "小明")
    page.get_by_label("模型权重").select_option("lively")
    page.get_by_role("button", name="克隆音色").click()
    expect(page.locator(".own-voice")).to_contain_text("小明")
    assert cloning.world.requests[-1][2]["weights"] == "lively"


def test_several_recordings(cloning: Web) -> None:
    own(cloning)
    page = cloning.go("/voices")
    voice = page.locator(".own-voice")
    voice.get_by_text("录音（1）").click()
    expect(voice.get_by_role("button", name="最后一段录音不能移除")).to_be_disabled()
    with page.expect_file_chooser() as chooser:
        voice.get_by_role("button", name="选择文件").click()
    chooser.value.set_files({"name": "two.wav", "mimeType": "audio/wav", "buffer": web_media.speech()})
    voice.get_by_role("button", name="添加这段录音").click()
    expect(voice.get_by_text("录音（2）")).to_be_visible()
    expect(voice.locator(".clip-row")).to_have_count(2)
    sounds(cloning, voice.get_by_role("button", name="播放第 2 段录音"))
    voice.get_by_role("button", name="移除第 1 段录音").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(voice.locator(".clip-row")).to_have_count(1)
    assert len(cloning.world.voices[-1]["clips"]) == 1


def test_what_is_refused_says_why(cloning: Web) -> None:
    cloning.refusals_expected = True
    own(cloning, clips=5)
    page = cloning.go("/voices")
    voice = page.locator(".own-voice")
    page.locator(".clone").get_by_role("button", name="选择文件")
    with page.expect_file_chooser() as chooser:
        page.locator(".clone").get_by_role("button", name="选择文件").click()
    chooser.value.set_files({"name": "noise.wav", "mimeType": "audio/wav", "buffer": web_media.speech()})
    fill_in(page, "小明")
    page.get_by_role("button", name="克隆音色").click()
    expect(page.locator(".clone .problem")).to_contain_text("录音噪声过大")
    expect(page.get_by_label("名字")).to_have_value("小明")  # nothing is lost
    expect(page.get_by_role("button", name="克隆音色")).to_be_enabled()

    cloning.world.speech_fails = True
    voice.get_by_role("button", name="试听 Anna 的声音").click()
    expect(voice.locator(".problem")).to_have_attribute("data-reason", "tts-unreachable")
    voice.get_by_text("试说一句").click()
    voice.get_by_label("要说的话").fill("fail")
    voice.get_by_role("button", name="说", exact=True).click()
    expect(voice.locator("[data-reason=tts-slow]")).to_be_visible()
    voice.get_by_role("button", name="重命名").click()
    page.keyboard.type("taken")
    page.keyboard.press("Enter")
    expect(voice.locator("[data-reason=service-down]")).to_be_visible()
    expect(voice.get_by_label("新名字")).to_be_focused()
    voice.get_by_text("录音（5）").click()
    expect(voice).to_contain_text("已有 5 段录音")


def test_without_an_engine_that_clones_it_is_said_up_front(open_page: Callable[..., Web]) -> None:
    page = open_page("en").go("/voices")
    why = page.locator("[data-reason=cloning-unavailable]")
    expect(why).to_contain_text("The kokoro engine cannot clone voices.")
    expect(why).to_contain_text("Install GPT-SoVITS and set TTS_ENGINES=kokoro,gpt_sovits")
    expect(page.get_by_role("button", name="Start recording")).to_have_count(0)
    expect(page.get_by_role("button", name="Clone voice")).to_have_count(0)


def test_it_fits_a_phone(open_page: Callable[..., Web]) -> None:
    web = open_page("en", 360, 740)
    web.world.can_clone = True
    own(web, clips=3)
    page = web.go("/voices")
    page.get_by_text("Recordings (3)").click()
    page.get_by_text("Say something").click()
    page.get_by_role("button", name="Rename").click()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.get_by_label("New name").bounding_box()["width"] > 120


def test_in_a_conversation_the_avatars_voice_speaks_where_none_is_chosen(web: Web) -> None:
    web.world.avatars[0]["voice_id"] = "zm_yunxi"
    page = web.go("/chat_system")
    chip = page.get_by_role("button", name="云希（形象的音色）")
    expect(chip).to_be_visible()
    chip.click()
    page.get_by_role("dialog").locator("label", has_text="晓伊").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="晓伊")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="晓伊")).to_be_visible()
