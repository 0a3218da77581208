"""The studio: scenes are added, split, moved, heard and taken back, and become one video."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Web
from tests.fakes import web_media

ORDER = "[...document.querySelectorAll('.scene textarea')].map((area) => area.value)"
SPOKEN = "document.querySelector('[role=status].sr').textContent"


def write(web: Web, *texts: str) -> Page:
    """A page with scenes that say these words."""
    page: Page = web.go("/video_generation")
    expect(page.locator(".face-card").first).to_be_visible()
    page.get_by_label("要说的话").fill(texts[0])
    for words in texts[1:]:
        page.get_by_role("button", name="添加场景").click()
        page.keyboard.type(words)
    expect(page.locator(".scene")).to_have_count(len(texts))
    return page


def scene(page: Page, number: int) -> Locator:
    return page.locator(".scene").nth(number - 1)


def made(web: Web) -> Any:
    """The last request for a video."""
    return [body for kind, _, body in web.world.requests if kind == "videos"][-1]


def generate(page: Page) -> None:
    page.get_by_role("button", name="生成视频").click()


def test_a_single_scene_is_a_plain_text_box(web: Web) -> None:
    page = write(web, "大家好")
    expect(page.locator(".scene-head")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("删除场景"))).to_have_count(0)
    expect(page.locator(".scene-options")).not_to_have_attribute("open", "")
    page.get_by_role("button", name="添加场景").click()
    expect(page.locator(".scene-head").first).to_be_visible()
    expect(page.get_by_label("场景 2 要说的话")).to_be_focused()


def test_a_scene_is_split_at_the_caret_by_button_and_by_key(web: Web) -> None:
    page = write(web, "第一句。第二句。第三句。")
    area = page.get_by_label("要说的话")
    area.evaluate("(a) => { a.focus(); a.setSelectionRange(4, 4); }")
    page.get_by_role("button", name="从这里分开").click()
    assert page.evaluate(ORDER) == ["第一句。", "第二句。第三句。"]
    expect(page.get_by_label("场景 2 要说的话")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ControlOrMeta+Enter")
    assert page.evaluate(ORDER) == ["第一句。", "第二句。", "第三句。"]
    web.until(f"{SPOKEN} === '场景 2 已分开，光标在场景 3'")
    page.keyboard.press("End")
    page.keyboard.press("ControlOrMeta+Enter")  # nothing is behind the caret: an empty scene follows
    assert page.evaluate(ORDER) == ["第一句。", "第二句。", "第三句。", ""]


def test_scenes_are_moved_by_keys_and_it_is_announced(web: Web) -> None:
    page = write(web, "甲", "乙", "丙")
    page.get_by_label("场景 3 要说的话").focus()
    page.keyboard.press("Alt+ArrowUp")
    assert page.evaluate(ORDER) == ["甲", "丙", "乙"]
    web.until(f"{SPOKEN} === '现在是场景 2，共 3 个'")
    expect(page.get_by_label("场景 2 要说的话")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    web.until(f"{SPOKEN} === '已经是第一个场景'")
    assert page.evaluate(ORDER) == ["丙", "甲", "乙"]
    page.get_by_role("button", name=re.compile("移动场景 1")).focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(ORDER) == ["甲", "丙", "乙"]


def test_scenes_are_dragged_and_escape_puts_them_back(web: Web) -> None:
    page = write(web, "甲", "乙", "丙")
    page.set_viewport_size({"width": 1280, "height": 1600})

    def drag(number: int, onto: int) -> None:
        handle, goal = scene(page, number).locator(".handle"), scene(page, onto)
        handle.scroll_into_view_if_needed()
        handle.hover()
        page.mouse.down()
        box = goal.bounding_box()
        assert box
        edge = box["y"] + (box["height"] * 0.8 if onto > number else 20)
        page.mouse.move(box["x"] + 40, edge, steps=8)

    drag(1, 3)
    expect(page.locator(".scene.dragged")).to_have_count(1)
    page.mouse.up()
    assert page.evaluate(ORDER) == ["乙", "丙", "甲"]
    expect(scene(page, 3).get_by_role("heading")).to_have_text("场景 3")
    drag(3, 1)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.evaluate(ORDER) == ["乙", "丙", "甲"]
    expect(page.locator(".scene.dragged")).to_have_count(0)


def test_a_finger_drags_a_scene(open_page: Callable[..., Web]) -> None:
    web = open_page("zh", 390, 844, has_touch=True)
    page = write(web, "甲", "乙")
    page.evaluate("scrollTo(0, document.querySelector('.scene').offsetTop - 80)")
    start = scene(page, 1).locator(".handle").bounding_box()
    goal = scene(page, 2).bounding_box()
    assert start and goal
    touch = page.context.new_cdp_session(page)
    x, y = start["x"] + 10, start["y"] + 10
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    end = min(goal["y"] + goal["height"] * 0.75, 740)
    for part in (0.3, 0.6, 1.0):
        point = {"x": x, "y": y + (end - y) * part}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate(ORDER) == ["乙", "甲"]


def test_a_deleted_scene_comes_back(web: Web) -> None:
    page = write(web, "甲", "乙", "丙")
    page.get_by_role("button", name="删除场景 2").click()
    assert page.evaluate(ORDER) == ["甲", "丙"]
    expect(page.get_by_role("button", name="撤销")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate(ORDER) == ["甲", "乙", "丙"]
    expect(page.get_by_role("button", name="撤销")).to_have_count(0)


def test_a_scene_is_heard_and_its_subtitles_are_edited(web: Web) -> None:
    page = write(web, "大家好。欢迎。", "再见。")
    scene(page, 1).get_by_role("button", name="试听").click()
    table = page.get_by_role("table", name=re.compile("字幕"))
    expect(table.locator("tbody tr")).to_have_count(2)
    web.until("document.querySelector('.sound-play.playing, .cues tr.now') !== null")
    table.get_by_label("第 2 行：文字").fill("欢迎您。")
    table.get_by_label("第 2 行：结束秒数").fill("1.25")
    table.get_by_role("button", name="在第 2 行后添加一行").click()
    table.get_by_label("第 3 行：文字").fill("谢谢。")
    table.get_by_role("button", name="删除第 1 行").click()
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    spoken = [body for kind, _, body in web.world.requests if kind == "preview"]
    assert spoken == [{"avatar_id": "builtin", "text": "大家好。欢迎。", "pause_s": 0.4}]
    assert made(web)["scenes"][0]["cues"] == [
        {"start_s": 0.5, "end_s": 1.25, "text": "欢迎您。", "second": None},
        {"start_s": 1.25, "end_s": 2.75, "text": "谢谢。"},
    ]
    page.get_by_label("场景 1 要说的话").fill("全都变了。")
    expect(scene(page, 1)).to_contain_text("字幕是按之前的文字修改的")
    scene(page, 1).locator(".note").get_by_role("button", name="重新生成").click()
    expect(scene(page, 1).locator(".note")).to_be_hidden()


def test_all_that_was_chosen_is_sent(web: Web) -> None:
    page = write(web, "大家好", "再见")
    second = scene(page, 2)
    second.locator(".scene-options summary").click()
    second.get_by_label("人物").select_option("v_anna")
    second.get_by_label("语速").fill("1.25")
    second.get_by_label("说完后停顿（秒）").fill("2")
    second.get_by_label("取景").select_option("head")
    second.get_by_label("背景", exact=True).select_option("colour")
    second.get_by_label("如何分出人物").select_option("auto")
    page.locator(".whole-picture > summary").click()
    frame = page.locator(".frame")
    page.get_by_role("button", name="9:16").click()
    expect(frame).to_have_attribute("aria-label", "画面示意，1080 × 1920 像素")
    page.get_by_label("短边").select_option("720")
    page.get_by_label("质量").select_option("high")
    page.locator(".whole-picture").get_by_label("背景", exact=True).select_option("blur")
    page.locator(".whole-captions > summary").click()
    page.get_by_label("显示在画面中").check()
    expect(frame.locator(".frame-caption")).to_be_visible()
    page.get_by_label("大小").select_option("large")
    page.locator(".whole-sound > summary").click()
    choose(page, "配乐: 选择声音文件", "song.wav", "audio/wav", web_media.speech())
    page.get_by_label("相对说话声的音量").fill("-12")
    page.locator(".whole-edges > summary").click()
    choose(page, "片头: 选择视频", "intro.mp4", "video/mp4", web_media.movie(2.0, sound=False))
    choose(page, "标志: 选择图片", "logo.jpg", "image/jpeg", web_media.thumbnail())
    expect(frame.locator(".frame-logo")).to_have_count(1)
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    by_name = {a["name"]: a["id"] for a in web.world.assets.values()}
    music = {"asset_id": by_name["song.wav"], "level_db": -12, "duck_db": 12, "fade_in_s": 1, "fade_out_s": 2}
    look = {"burn": True, "size": "large", "place": "auto", "highlight": True, "second_language": None}
    assert made(web) == {
        "scenes": [
            {"avatar_id": "builtin", "text": "大家好", "pause_s": 0.4},
            {
                "avatar_id": "v_anna",
                "text": "再见",
                "synthesis": {"speed": 1.25},
                "background": {"kind": "colour", "colour": "#f4efe6", "key": "auto"},
                "framing": "head",
                "pause_s": 2,
            },
        ],
        "format": {"ratio": "9:16", "resolution": 720, "quality": "high"},
        "background": {"kind": "blur", "strength": 0.5},
        "subtitles": {"files": ["srt", "vtt", "ass"], **look},
        "sound": {"loudness_lufs": -16, "music": music},
        "intro_asset_id": by_name["intro.mp4"],
        "logo": {"asset_id": by_name["logo.jpg"], "corner": "top-right", "width": 0.12, "opacity": 1},
    }


def choose(page: Page, button: str, name: str, mime: str, data: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files({"name": name, "mimeType": mime, "buffer": data})
    expect(page.get_by_role("button", name=f"不用 {name}")).to_be_visible()


def test_a_transparent_video_says_in_which_container(web: Web) -> None:
    page = write(web, "大家好")
    page.locator(".whole-picture > summary").click()
    page.locator(".whole-picture").get_by_label("背景", exact=True).select_option("transparent")
    generate(page)
    expect(page.get_by_role("link", name="下载 WEBM")).to_be_visible()
    assert made(web)["format"] == {"ratio": "source", "quality": "standard", "container": "webm"}
    page.get_by_label("透明视频的文件").select_option("mov")
    generate(page)
    expect(page.get_by_role("link", name="下载 MOV")).to_be_visible()
    expect(page.locator("#making")).to_contain_text("浏览器不能播放 ProRes")


def test_a_picture_is_wanted_for_a_background_of_a_picture(web: Web) -> None:
    page = write(web, "大家好")
    page.locator(".whole-picture > summary").click()
    page.locator(".whole-picture").get_by_label("背景", exact=True).select_option("picture")
    generate(page)
    expect(page.get_by_text("请先为背景选择文件")).to_be_visible()
    assert not web.world.requests
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="选择图片").click()
    chooser.value.set_files({"name": "talk.wav", "mimeType": "audio/wav", "buffer": web_media.speech()})
    expect(page.get_by_text("“talk.wav”不是图片")).to_be_visible()


def test_a_second_language_needs_a_language_model(web: Web) -> None:
    page = write(web, "大家好")
    page.locator(".whole-captions > summary").click()
    expect(page.get_by_text("第二语言需要语言模型")).to_be_visible()
    web.world.resting = "zhipu"  # connected, though at rest for the moment
    page.reload()
    page.locator(".whole-captions > summary").click()
    page.get_by_label("第二语言").select_option("en")
    generate(page)
    expect(page.locator("video.player")).to_be_visible()
    assert made(web)["subtitles"]["second_language"] == "en"
