"""Dubbing on the page before the real gateway with accounts: a statement is asked for, and the film is made."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.test_dubbing import FITS, choose
from tests.e2e.web import Web, sync_api
from tests.fakes.accounts_world import AccountsWorld
from tests.fakes.dubbing import SEGMENTS, film, translator

expect = sync_api.expect


def test_with_accounts_a_film_is_dubbed_after_a_statement(house: AccountsWorld, visit: Callable[..., Web]) -> None:
    fakes = house.world.fakes
    fakes.asr.segments = list(SEGMENTS)
    fakes.asr.text = "".join(text for text, _, _ in SEGMENTS)
    fakes.llm.translate = translator(lambda text, _most: f"Translated {len(text)}.")
    fakes.tts.follows_speed = True
    web = visit(house, house.ann)
    page = web.go("/dubbing")
    choose(page, "talk.mp4", "video/mp4", film())
    expect(page.locator(".film-card")).to_contain_text("talk.mp4")
    page.get_by_role("button", name="Translate").click()
    expect(page.get_by_role("radio", name="This is me")).to_be_focused()  # the browser asks for one
    page.get_by_role("radio", name="This is me").check()
    page.get_by_label("The film shall speak").select_option("en")
    page.get_by_role("button", name="Translate").click()
    expect(page.locator(".sentences tbody tr")).to_have_count(3)
    first = page.locator(".sentences tbody tr").first
    first.locator("textarea").fill("Hello.")
    page.keyboard.press("Control+Enter")
    expect(first.locator(".fit")).to_contain_text("0.6 s of 2.2 s")
    page.reload()
    expect(first.locator("textarea")).to_have_value("Hello.")
    page.get_by_role("button", name="Make the film").click()
    expect(page.locator(".dubbing-pair video")).to_have_count(2)
    expect(page.get_by_text("The old voice was taken out of the sound")).to_be_visible()
    assert page.evaluate(FITS)
    web.go("/jobs")
    expect(page.locator("li.job").first.get_by_role("link").first).to_have_text("Video · Hello.")
    expect(page.get_by_role("link", name="Dubbing into English")).to_be_visible()
