"""The Dubbing page: a film, its script as it is written, the table of sentences, and the film that is made of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.axe_core import violations
from tests.e2e.test_axe import STILL
from tests.e2e.web import Web, sync_api
from tests.fakes import web_dubbing, web_facts, web_media

expect = sync_api.expect
FITS = "document.documentElement.scrollWidth <= innerWidth"


def choose(page: Any, name: str, mime: str, data: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator(".film-field .drop button").click()
    chooser.value.set_files({"name": name, "mimeType": mime, "buffer": data})


def start(web: Web, name: str = "talk.mp4") -> Any:
    """Translates a film; a language model is connected."""
    web.world.engines.append(web_dubbing.MODEL)
    page = web.go("/dubbing")
    choose(page, name, "video/mp4", web_media.movie(2.0))
    page.get_by_role("button", name="开始翻译").click()
    return page


def table(web: Web) -> Any:
    page = start(web)
    expect(page.locator(".sentences tbody tr")).to_have_count(4)
    return page


def row(page: Any, n: int) -> Any:
    return page.locator(".sentences tbody tr").nth(n - 1)


def make(page: Any) -> None:
    page.get_by_role("button", name="制作成片").click()


def asked(web: Web, kind: str) -> list[Any]:
    return [body for what, _, body in web.world.requests if what == kind]


def test_from_a_film_to_the_dubbed_one_with_reloads_on_the_way(web: Web) -> None:
    web.world.engines.append(web_dubbing.MODEL)
    page = web.go("/video_generation")
    page.get_by_role("link", name="视频译制").click()
    expect(page.get_by_text("还没有译制")).to_be_visible()
    expect(page.get_by_role("button", name="开始翻译")).to_be_disabled()
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    expect(page.locator(".film-card")).to_contain_text("talk.mp4")
    page.reload()  # the address names the film
    expect(page.locator(".film-card")).to_contain_text("talk.mp4")
    web.world.held = {"tts-1"}
    page.get_by_role("button", name="开始翻译").click()
    lines = page.locator(".script-row")
    expect(lines).to_have_count(4)
    expect(lines.nth(0)).to_contain_text("2.4 秒")
    expect(lines.nth(1)).to_contain_text("尚未配音")
    page.reload()
    expect(lines.nth(0)).to_contain_text("Hello everyone")
    expect(page.get_by_text("已配音 1 句")).to_be_visible()
    web.world.held.clear()
    expect(row(page, 1)).to_contain_text("合适")
    expect(row(page, 2)).to_contain_text("加快，1.12 倍速")
    expect(row(page, 3)).to_contain_text("太长，超出 1.1 秒")
    expect(row(page, 4)).to_contain_text("0.85 倍速")
    make(page)
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    expect(page.get_by_text("300 帧里有 24 帧")).to_be_visible()
    assert page.get_by_role("link", name="下载").get_attribute("href").endswith("download=1")
    (sent,) = asked(web, "videos")
    assert sent["dubbing"]["background"] == "keep" and not sent["subtitles"]["burn"]
    assert [s["text"] for s in sent["dubbing"]["sentences"]] == [s[3] for s in web_dubbing.SAID]
    assert set(sent) == {"dubbing", "subtitles"}
    page.reload()
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    page.get_by_role("link", name="所有译制").click()
    page.locator("li.job").get_by_role("link", name="译制成英文").first.click()
    expect(page.locator(".dubbing-pair video")).to_have_count(2)  # the last film of the table


def test_without_a_language_model_it_is_said_before_anything_is_uploaded(web: Web) -> None:
    page = web.go("/dubbing")
    expect(page.get_by_role("alert")).to_contain_text("译制需要语言模型")
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    expect(page.locator(".film-card")).to_be_visible()
    button = page.get_by_role("button", name="开始翻译")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("译制需要语言模型，目前没有接入。")
    page.get_by_text("怎样接入").click()
    expect(page.get_by_label("云端模型（智谱）")).to_have_value("LLM_ENGINES=zhipu,faq LLM_ZHIPU_API_KEY=… make run")


@pytest.mark.parametrize(
    ("name", "mime", "words"),
    [("voice.wav", "audio/wav", "不是视频"), ("mute.mp4", "video/mp4", "没有声音")],
)
def test_what_is_no_film_with_speech_is_refused_at_once(web: Web, name: str, mime: str, words: str) -> None:
    page = web.go("/dubbing")
    choose(page, name, mime, web_media.speech() if mime == "audio/wav" else web_media.movie(2.0, sound=False))
    expect(page.locator(".film-field").get_by_role("alert")).to_contain_text(words)
    expect(page.locator(".film-field .drop")).to_be_visible()


def test_an_earlier_film_and_a_long_one(web: Web) -> None:
    page = web.go("/dubbing")
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    expect(page.locator(".film-card")).to_be_visible()
    page.get_by_role("button", name="换一个文件").click()
    page.get_by_text("以前上传的视频").click()
    page.get_by_role("button", name="talk.mp4").click()
    expect(page.locator(".film-card")).to_be_visible()
    for asset in web.world.assets.values():
        asset["duration_s"] = 301.0
    page.reload()
    expect(page.locator(".film-field").get_by_role("alert")).to_contain_text("5:01")


def test_names_are_typed_and_pasted_and_checked_in_what_is_written(web: Web) -> None:
    web.world.engines.append(web_dubbing.MODEL)
    mine = {"name": "我的", "language": "zh-CN", "consent": "self", "consent_by": ""}
    web.world.voices.append(web_facts.cloned("me", mine, []))
    page = web.go("/dubbing")
    page.get_by_role("button", name="添加术语").click()
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.setData("text/plain", "画声\\tHuasheng\\n数字人\\tavatar\\n");
      const options = { clipboardData: data, bubbles: true, cancelable: true };
      document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
    }""")
    expect(page.get_by_label("术语 2：译作")).to_have_value("avatar")
    expect(page.get_by_label("术语 2：译作")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("再见")
    page.keyboard.press("Tab")
    page.keyboard.type("goodbye")
    page.get_by_role("button", name="音色：").click()
    voices = page.get_by_role("dialog").get_by_role("radio")
    assert voices.nth(1).get_attribute("value") == "me"  # one's own first, then those of the language
    assert voices.nth(2).get_attribute("value") == "af_heart"
    voices.nth(1).check(force=True)
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_label("术语 3：原文")).to_have_value("再见")
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    page.get_by_role("button", name="开始翻译").click()
    expect(row(page, 2)).to_contain_text("“数字人”在这里应译作“avatar”")
    (sent,) = asked(web, "dubbings")
    assert sent["voice_id"] == "me" and sent["language"] == "en"
    assert sent["glossary"] == [
        {"source": "画声", "target": "Huasheng"},
        {"source": "数字人", "target": "avatar"},
        {"source": "再见", "target": "goodbye"},
    ]
    row(page, 2).locator("textarea").fill("Let us talk about the avatar.")
    expect(row(page, 2).locator(".sentence-warnings li")).to_have_count(0)


def test_sentences_are_corrected_heard_left_out_and_kept(web: Web) -> None:
    page = table(web)
    third = row(page, 3)
    page.get_by_role("button", name="下一句太长的").click()
    expect(third.locator("textarea")).to_be_focused()
    third.locator("textarea").fill("They speak.")
    expect(third).to_contain_text("试听后可知时长")
    page.keyboard.press("Control+Enter")
    expect(third).to_contain_text("1 秒 / 可用 1.6 秒")
    (spoken,) = asked(web, "preview")
    assert (spoken["text"], spoken["voice_id"], spoken["language"]) == ("They speak.", "af_heart", "en")
    expect(page.get_by_role("button", name="下一句太长的")).to_be_hidden()
    page.get_by_role("button", name="第 1 句不配音").click()
    expect(row(page, 1).locator("textarea")).to_be_disabled()
    expect(row(page, 1)).to_contain_text("不配音")
    page.reload()
    expect(third.locator("textarea")).to_have_value("They speak.")
    expect(third).to_contain_text("1 秒 / 可用 1.6 秒")
    expect(page.get_by_role("button", name="第 1 句不配音")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("译文下面显示原文").check()
    page.get_by_label("保留背景声").uncheck()
    page.get_by_label("把字幕放进画面").check()
    make(page)
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    (sent,) = asked(web, "videos")
    said = [s["translation"] for s in sent["dubbing"]["sentences"]]
    assert said[0] == "" and said[2] == "They speak."
    assert sent["dubbing"]["second"] and sent["dubbing"]["background"] == "drop" and sent["subtitles"]["burn"]
    page.get_by_role("button", name="第 3 句恢复最初的译文").click()
    expect(third.locator("textarea")).to_have_value(web_dubbing.SAID[2][4])
    page.get_by_role("button", name="放弃所有修改").click()
    page.get_by_role("dialog").get_by_role("button", name="放弃所有修改").click()
    expect(row(page, 1).locator("textarea")).to_be_enabled()
    for n in range(1, 5):
        page.get_by_role("button", name=f"第 {n} 句不配音").click()
    expect(page.get_by_role("button", name="制作成片")).to_be_disabled()


def test_the_keyboard_goes_from_row_to_row_and_the_film_plays_a_sentence(web: Web) -> None:
    page = table(web)
    row(page, 1).locator("textarea").focus()
    page.keyboard.press("Enter")
    expect(row(page, 2).locator("textarea")).to_be_focused()
    page.keyboard.press("Shift+Enter")
    expect(row(page, 1).locator("textarea")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="试听第 1 句")).to_be_focused()
    page.get_by_role("button", name="第 1 句：从 0:00 播放原视频").click()
    web.until("document.querySelector('.dubbing-film video').currentTime > 0.5")
    expect(row(page, 1)).to_have_class("now")


def test_what_ends_before_its_film_is_shown_at_its_sentence(web: Web) -> None:
    page = table(web)
    row(page, 2).locator("textarea").fill("An endless sentence.")
    make(page)
    expect(row(page, 2).locator(".problem")).to_have_attribute("data-reason", "dubbing-too-long")
    expect(row(page, 2).locator("textarea")).to_be_focused()
    expect(page.get_by_text("请看标出的那句话")).to_be_visible()
    row(page, 2).locator("textarea").fill("Short.")
    make(page)
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    expect(row(page, 2).locator(".problem")).to_have_count(0)
    page.get_by_role("button", name="修改后重新制作").click()
    expect(row(page, 1).locator("textarea")).to_be_focused()


def test_a_film_fails_is_tried_again_and_is_cancelled(web: Web) -> None:
    page = table(web)
    row(page, 2).locator("textarea").fill("fail")
    make(page)
    expect(page.locator(".dubbing-made .problem")).to_be_visible()
    web.world.held = {"landmarks-1"}
    page.locator(".dubbing-made").get_by_role("button", name="重试").click()
    expect(page.get_by_role("button", name="制作成片")).to_be_disabled()
    page.locator(".dubbing-made").get_by_role("button", name="取消").click()
    expect(page.get_by_text("成片已取消")).to_be_visible()
    expect(page.get_by_role("button", name="制作成片")).to_be_enabled()


def test_events_may_be_faster_than_an_answer_about_the_script(web: Web) -> None:
    """What they told is not lost when the answer, which is older, comes at last."""
    web.world.held = {"asr"}

    def late(route: Any) -> None:
        answer = route.fetch()
        web.world.held = {"tts-1"}
        until = time.monotonic() + 30
        while web.world.stage != "tts-1" and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)  # the events come to the page
        route.fulfill(response=answer)

    web.page.route("**/api/v1/jobs/j_*", late, times=1)
    page = start(web)
    expect(page.locator(".script-row")).to_have_count(4)
    expect(page.get_by_text("已配音 1 句")).to_be_visible()
    web.world.held.clear()
    expect(page.locator(".sentences tbody tr")).to_have_count(4)


def test_the_face_restorer_goes_over_the_film_where_it_is_switched_on(web: Web) -> None:
    web.world.restorer = {"name": "GFPGAN 1.4", "licence": "Apache-2.0", "problem": ""}
    page = table(web)
    use = page.get_by_label("修复人脸：更清晰，绘制更慢")
    expect(use).not_to_be_checked()
    expect(page.get_by_text("使用 GFPGAN 1.4，许可：Apache-2.0")).to_be_visible()
    use.check()
    page.reload()
    expect(use).to_be_checked()
    make(page)
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    assert asked(web, "videos")[-1]["restore"] is True


def test_a_script_fails_or_is_cancelled_and_is_begun_again(web: Web) -> None:
    page = start(web, "quiet.mp4")
    expect(page.locator("main .problem").first).to_have_attribute("data-reason", "no-speech")
    page.get_by_role("link", name="修改设置后重试").click()
    expect(page.locator(".film-card")).to_contain_text("quiet.mp4")
    page.get_by_role("button", name="换一个文件").click()
    web.world.held = {"llm"}
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    page.get_by_role("button", name="开始翻译").click()
    page.locator("main").get_by_role("button", name="取消").click()
    expect(page.get_by_text("翻译已取消")).to_be_visible()


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "light", 1440), ("en", "dark", 390), ("en", "light", 360)])
def test_no_state_is_too_wide_or_violates_a_rule(
    open_page: Callable[..., Web], axe: str, lang: str, theme: str, width: int
) -> None:
    web = open_page(lang, width, 844, color_scheme=theme)
    wrong: dict[str, Any] = {}

    def look(state: str) -> None:
        web.until(STILL)
        found = violations(web, axe)
        if found or not web.page.evaluate(FITS):
            wrong[state] = found or "too wide"

    page = web.go("/dubbing")
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator(".no-model summary").click()
    look("no model")
    web.world.held = {"tts-1"}
    web.world.engines.append(web_dubbing.MODEL)
    page.reload()
    page.locator(".glossary button").last.click()
    choose(page, "talk.mp4", "video/mp4", web_media.movie(2.0))
    expect(page.locator(".film-card")).to_be_visible()
    look("form")
    page.locator("button[type=submit]").click()
    expect(page.locator(".script-row")).to_have_count(4)
    look("script")
    web.world.held = {"landmarks-1"}
    expect(page.locator(".sentences tbody tr")).to_have_count(4)
    page.locator(".sentence-tools button").nth(1).click()
    page.locator("textarea").nth(1).fill("endless" * 30)
    look("table")
    page.locator(".button.primary.large").click()
    expect(page.locator(".dubbing-made [role=progressbar]")).to_be_visible()
    look("making")
    web.world.held.clear()
    expect(page.locator(".sentences .problem")).to_be_visible()
    look("too long")
    page.locator("textarea").nth(1).fill("Short.")
    page.locator(".button.primary.large").click()
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    look("result")
    page = web.go("/dubbing")
    expect(page.locator("li.job")).to_have_count(1)
    look("list")
    assert wrong == {}
