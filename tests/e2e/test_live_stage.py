"""The face in a live conversation: hair, chin and mouth stay free, on the stage and on the whole screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_framing import FACES, LONG_CAPTION, PLACE, open_chat

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
