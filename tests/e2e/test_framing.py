"""The face on the stage: framed by its measured box at every size, whatever the shape of the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.fakes import web_facts

PLACE = """(selector) => {
  const stage = document.querySelector(".stage").getBoundingClientRect();
  const el = document.querySelector(selector).getBoundingClientRect();
  return {stage: [stage.width, stage.height], left: el.left - stage.left, top: el.top - stage.top,
          width: el.width, height: el.height};
}"""
LONG_CAPTION = """() => {
  const caption = document.querySelector(".caption");
  caption.textContent = "这是一句比较长的字幕，用来看它会不会盖住嘴。";
  return {top: caption.getBoundingClientRect().top - document.querySelector(".stage").getBoundingClientRect().top};
}"""
FACES: dict[str, dict[str, Any]] = {
    "portrait": {"width": 1080, "height": 1920, "face": (0.3, 0.2, 0.6, 0.4)},
    "landscape": {"width": 1280, "height": 720, "face": (0.6, 0.1, 0.8, 0.55)},
    "square": {"width": 512, "height": 512, "face": (0.29, 0.2, 0.71, 0.73)},
    "tiny": {"width": 256, "height": 256, "face": (0.3, 0.05, 0.7, 0.9)},
}


def open_chat(open_page: Callable[..., Web], width: int, height: int, shape: str) -> Any:
    web = open_page("zh", width, height)
    avatar = web_facts.avatar("v_it", "Eileen", [])
    spec = FACES[shape]
    left, top, right, bottom = spec["face"]
    avatar |= {"width": spec["width"], "height": spec["height"]}
    avatar["report"]["face_box"] = {"left": left, "top": top, "right": right, "bottom": bottom}
    web.world.avatars = [avatar]
    page = web.go("/chat_system")
    expect(page.get_by_role("button", name="形象：Eileen")).to_be_visible()
    return page


@pytest.mark.parametrize("shape", FACES)
def test_hair_and_chin_are_seen_and_nothing_is_enlarged(open_page: Callable[..., Web], shape: str) -> None:
    page = open_chat(open_page, 360, 800, shape)
    spec = FACES[shape]
    left, top, right, bottom = spec["face"]
    for width, height in ((360, 800), (768, 1024), (1024, 640), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        place = page.evaluate(PLACE, ".stage > img")
        stage_width, stage_height = place["stage"]
        assert place["width"] <= spec["width"] + 1, (width, place)
        assert place["width"] / place["height"] == pytest.approx(spec["width"] / spec["height"], rel=0.01)
        hair = max(0, top - 0.45 * (bottom - top)) * place["height"] + place["top"]
        chin = bottom * place["height"] + place["top"]
        assert hair >= -1, (width, place)
        assert chin <= stage_height + 1, (width, place)
        assert left * place["width"] + place["left"] >= -1, (width, place)
        assert right * place["width"] + place["left"] <= stage_width + 1, (width, place)


@pytest.mark.parametrize(("width", "height"), [(360, 800), (768, 1024), (1440, 900)])
def test_captions_are_not_on_the_mouth(open_page: Callable[..., Web], width: int, height: int) -> None:
    page = open_chat(open_page, width, height, "square")
    page.get_by_role("button", name="实时通话").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    caption = page.evaluate(LONG_CAPTION)
    place = page.evaluate(PLACE, ".stage > img")
    mouth = (0.73 - 0.05) * place["height"] + place["top"]
    assert caption["top"] > mouth, (caption, place)
