"""The face in a live conversation: hair, chin and mouth stay free, on the stage and on the whole screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_framing import FACES, LONG_CAPTION, PLACE, open_chat
from tests.e2e.test_live import REFUSED
from tests.fakes import web_facts, web_media

ABOVE = 0.45
"""Room for the hair above the face box, in shares of its height, as ``js/chat/framing.js`` keeps it."""
MOUTH = 0.85
"""Lower edge of the lips within the face box, in shares of its height."""


def face_of(page: Any, shape: str) -> dict[str, float]:
    """Where the parts of the head are, in CSS pixels from the top left of the stage."""
    left, top, right, bottom = FACES[shape]["face"]
    place = page.evaluate(PLACE, ".stage > img")
    tall = bottom - top
    return {
        "hair": max(0, top - ABOVE * tall) * place["height"] + place["top"],
        "mouth": (top + MOUTH * tall) * place["height"] + place["top"],
        "chin": bottom * place["height"] + place["top"],
        "left": left * place["width"] + place["left"],
        "right": right * place["width"] + place["left"],
        "stage_width": place["stage"][0],
        "stage_height": place["stage"][1],
    }


def check(page: Any, shape: str) -> None:
    face = face_of(page, shape)
    assert face["hair"] >= -1, face
    assert face["left"] >= -1, face
    assert face["right"] <= face["stage_width"] + 1, face
    controls = page.evaluate(PLACE, ".live-controls")
    assert face["chin"] <= controls["top"], (face, controls)
    caption = page.evaluate(LONG_CAPTION)
    assert caption["top"] > face["mouth"], (face, caption)


@pytest.mark.parametrize("shape", ["portrait", "landscape", "square"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1440, 900)])
def test_the_head_is_free_on_the_stage_and_on_the_whole_screen(
    open_page: Callable[..., Web], width: int, height: int, shape: str
) -> None:
    page = open_chat(open_page, width, height, shape)
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    check(page, shape)
    page.get_by_role("button", name="全屏看（F）").click()
    expect(page.locator(".stage.immersive")).to_be_visible()
    page.wait_for_timeout(300)  # the stage is framed anew after its size has changed
    face = face_of(page, shape)
    assert [face["stage_width"], face["stage_height"]] == page.evaluate("[innerWidth, innerHeight]")
    check(page, shape)


LONGEST = {
    "zh": "如果你想把自己拍的一段视频做成会说话的数字人，"
    "请先准备一段正对镜头、光线均匀、没有遮挡、至少十秒钟的清楚的录像吧。",
    "en": "If you would like to turn a clip of your own into a person who talks, "
    "please prepare an evenly lit recording.",
}
"""As long as clauses become: 60 characters, Latin ones counted as half."""
BUTTONS = {"zh": ("实时通话", "全屏看（F）"), "en": ("Talk live", "Fill the screen (F)")}
BOXES = """(text) => {
  document.querySelector(".caption").textContent = text;
  return Object.fromEntries([".caption", ".live-notices", ".live-controls", ".stage", ".composer"].map((name) => {
    const {left, top, right, bottom} = document.querySelector(name).getBoundingClientRect();
    return [name, {left, top, right, bottom}];
  }));
}"""


def apart(one: dict[str, float], two: dict[str, float]) -> bool:
    """Whether two boxes have no point in common."""
    beside = one["right"] <= two["left"] or two["right"] <= one["left"]
    return beside or one["bottom"] <= two["top"] or two["bottom"] <= one["top"]


@pytest.mark.parametrize(("lang", "color_scheme"), [("zh", "light"), ("en", "dark")])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 640), (1280, 800)])
def test_no_note_covers_the_caption_and_the_longest_caption_not_the_mouth(
    open_page: Callable[..., Web], width: int, height: int, lang: str, color_scheme: str
) -> None:
    start, fill = BUTTONS[lang]
    web = open_page(lang, width, height, color_scheme)
    web.page.add_init_script(REFUSED.format(name="NotAllowedError"))
    web.world.avatars = web.world.avatars[:1]
    page = web.go("/chat_system")
    expect(page.locator(".stage-pickers .chip").first).to_contain_text("Eileen")
    page.get_by_role("button", name=start).click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    expect(page.get_by_role("alert")).to_be_visible()
    for is_immersive in (False, True):
        if is_immersive:
            page.get_by_role("button", name=fill).click()
            expect(page.locator(".stage.immersive")).to_be_visible()
            page.wait_for_timeout(300)  # the stage is framed anew after its size has changed
        boxes = page.evaluate(BOXES, LONGEST[lang])
        note, caption = boxes[".live-notices"], boxes[".caption"]
        assert apart(note, caption) and apart(caption, boxes[".live-controls"]), boxes
        mouth = face_of(page, "square")["mouth"] + boxes[".stage"]["top"]
        assert caption["top"] > mouth, (mouth, boxes)
        if not is_immersive:
            assert apart(note, boxes[".stage"]) and apart(note, boxes[".composer"]), boxes


CANVAS = """() => {
  const canvas = document.querySelector("canvas.live-picture");
  return [devicePixelRatio, canvas.width, canvas.height, canvas.getBoundingClientRect().width];
}"""


@pytest.mark.parametrize("ratio", [2, 3])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_a_dense_screen_gets_every_pixel_of_the_picture_and_enlarges_none(
    open_page: Callable[..., Web], width: int, height: int, ratio: int
) -> None:
    web = open_page("zh", width, height, device_scale_factor=ratio)
    avatar = web_facts.avatar("v_it", "Eileen", [])
    web.world.avatars = [avatar | {"width": web_media.SIZE, "height": web_media.SIZE}]
    page = web.go("/chat_system")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    page.get_by_label("输入问题").fill("你好")
    page.keyboard.press("Enter")
    expect(page.locator("canvas.live-picture.on")).to_be_visible()
    found, across, down, shown = page.evaluate(CANVAS)
    assert (found, across, down) == (ratio, web_media.SIZE, web_media.SIZE)
    assert shown <= web_media.SIZE + 1
    assert page.evaluate(PLACE, ".stage > img") == page.evaluate(PLACE, "canvas.live-picture"), "one lies on the other"
