"""Sharing and consent on the page, before the real gateway."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.axe_core import violations
from tests.e2e.browsers import Visit
from tests.fakes import media, web_media
from tests.fakes.accounts_world import AccountsWorld


def share(house: AccountsWorld, person: Any, kind: str, key: str, audience: str) -> dict[str, Any]:
    made = house.do(person.post("shares", {"kind": kind, "id": key, "audience": audience}))
    assert made.status_code == 201, made.text
    row: dict[str, Any] = made.json()
    return row


def choose(page: Any, place: Any, file: Any) -> None:
    with page.expect_file_chooser() as chooser:
        place.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)


def test_a_video_is_shared_by_a_link_seen_taken_and_withdrawn(house: AccountsWorld, visit: Visit) -> None:
    owner, guest = house.member("lea"), house.member("mia")
    house.video(owner, "Good morning, all of you")
    web = visit(house, owner)
    page = web.go("/video_generation")
    page.locator(".tile").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Share").click()
    card = page.locator("[data-audience=link]")
    card.get_by_label("For how long").select_option("7")
    card.get_by_role("button", name="Make a link").click()
    address = card.get_by_label("Address of the link").input_value()
    assert address.startswith("http") and "/shared/sh_" in address
    path = "/shared/" + address.split("/shared/")[1]

    stranger = visit(house)
    seen = stranger.go(path)
    expect(seen.get_by_role("heading", level=2)).to_have_text("Good morning, all of you")
    expect(seen.get_by_text("Shared by lea")).to_be_visible()
    stranger.until("document.querySelector('video.player').duration > 1")
    expect(seen.get_by_role("button", name="Take into my lists")).to_have_count(0)
    sign_in = seen.get_by_role("main").get_by_role("link", name="Sign in")
    expect(sign_in).to_have_attribute("href", "/sign-in?next=" + path.replace("/", "%2F"))

    taking = visit(house, guest)
    there = taking.go(path)
    there.get_by_role("button", name="Take into my lists").click()
    there.get_by_role("link", name="Show it there").click()
    tiles = there.locator("section", has_text="Shared with me").locator(".tile")
    expect(tiles).to_have_count(1)
    expect(tiles).to_contain_text("Shared by lea")
    tiles.click()
    taking.until("document.querySelector('dialog video').duration > 1")

    card.get_by_role("button", name="Withdraw").click()
    expect(card.get_by_role("button", name="Make a link")).to_be_visible()
    seen.reload()
    expect(seen.locator(".empty")).to_contain_text("withdrawn")
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Video")
    expect(there.locator(".empty")).to_be_visible()
    expect(tiles).to_have_count(0)


def test_members_see_whose_it_is_and_cannot_delete_it(house: AccountsWorld, visit: Visit) -> None:
    owner, other = house.member("nia"), house.member("oli")
    avatar, voice = house.avatar(owner, "Teacher"), house.voice(owner, "Nia's voice")
    web = visit(house, owner)
    page = web.go("/avatars")
    page.get_by_role("button", name="Share “Teacher”").click()
    card = page.locator("[data-audience=members]")
    card.get_by_role("button", name="Share with all members").click()
    expect(card.locator(".pill")).to_have_text("Shared")
    share(house, owner, "voice", voice, "members")
    assert [s["resource_id"] for s in house.get(owner, "shares")["items"] if s["kind"] == "avatar"] == [avatar]

    theirs = visit(house, other)
    there = theirs.go("/avatars")
    person = there.locator(".person", has_text="Teacher")
    expect(person).to_contain_text("Shared by nia")
    expect(person.get_by_role("button", name="Delete")).to_have_count(0)
    expect(person.get_by_role("button", name="Share")).to_have_count(0)
    there = theirs.go("/voices")
    expect(there.locator("li.voice", has_text="Nia's voice")).to_contain_text("Shared by nia")
    expect(there.locator(".own-voice")).to_have_count(0)

    page = web.go("/account")
    rows = page.locator("section", has_text="What I share").locator("li")
    expect(rows).to_have_count(2)
    rows.filter(has_text="Teacher").get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(rows).to_have_count(1)
    there = theirs.go("/avatars")
    expect(there.locator(".person")).not_to_have_count(0)
    expect(there.locator(".person", has_text="Teacher")).to_have_count(0)


def test_an_avatar_needs_a_statement_and_goes_with_it(house: AccountsWorld, visit: Visit) -> None:
    pia = house.member("pia")
    web = visit(house, pia)
    page = web.go("/avatars")
    choose(page, page.locator(".drop"), {"name": "pia.jpg", "mimeType": "image/jpeg", "buffer": web_media.thumbnail()})
    web.until("document.querySelector('img.source-preview')?.naturalWidth > 0")
    create = page.get_by_role("button", name="Create avatar")
    create.click()
    assert house.get(pia, "jobs?kind=avatar")["items"] == []
    page.get_by_label("I have the written consent").check()
    create.click()
    card = page.locator(".person", has_text="pia")
    expect(card).to_be_visible()
    (avatar,) = [a for a in house.get(pia, "avatars")["items"] if not a["is_builtin"]]
    card.get_by_role("button", name="Details of pia").click()
    expect(page.locator("dialog .consent-facts")).to_contain_text("I have the written consent")
    expect(page.locator("dialog .consent-facts")).to_contain_text("stated by pia")
    made = house.do(pia.post("videos", {"text": "Hello", "avatar_id": avatar["id"]}))
    assert made.status_code == 202, made.text

    page = web.go("/account")
    page.get_by_role("button", name="Withdraw consent for “pia”").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the avatar, and the models trained on it")
    dialog.get_by_role("button", name="Withdraw and delete").click()
    expect(page.locator("[data-consent]")).to_contain_text("Consent withdrawn")
    expect(page.locator("[data-consent] button")).to_have_count(0)
    assert [a["id"] for a in house.get(pia, "avatars")["items"] if a["id"] == avatar["id"]] == []
    page = web.go("/jobs")
    expect(page.locator("li.job", has_text="Hello")).to_contain_text("Consent withdrawn")


def test_a_cloned_voice_needs_a_statement_in_place_of_the_tick(house: AccountsWorld, visit: Visit) -> None:
    rob = house.member("rob")
    house.voice(rob, "First")  # from now on voices can be cloned here
    web = visit(house, rob)
    page = web.go("/voices")
    expect(page.get_by_label("This is me.")).to_be_visible()
    expect(page.locator(".clone input[type=checkbox]")).to_be_hidden()
    choose(page, page.locator(".clone"), {"name": "v.wav", "mimeType": "audio/wav", "buffer": media.wav(media.tone(5))})
    page.get_by_label("Name", exact=True).fill("Second")
    page.get_by_label("Whose voice it is").fill("Rob")
    page.get_by_role("button", name="Clone voice").click()
    assert [v["name"] for v in house.get(rob, "voices")["items"] if v["is_cloned"]] == ["First"]
    page.get_by_label("This is me.").check()
    page.get_by_role("button", name="Clone voice").click()
    card = page.locator(".own-voice", has_text="Second")
    expect(card.locator(".consent-facts")).to_contain_text("This is me.")


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "light", 390), ("en", "dark", 1280)])
def test_axe_finds_nothing(house: AccountsWorld, visit: Visit, axe: str, lang: str, theme: str, width: int) -> None:
    person, other = house.member(f"sue{lang}"), house.member(f"tom{lang}")
    avatar = house.avatar(person, "Mine")
    shared = share(house, person, "avatar", avatar, "link")
    web = visit(house, person, lang=lang, width=width, theme=theme)
    wrong: dict[str, list[str]] = {}

    def look(state: str, at: Any) -> None:
        if found := violations(at, axe):
            wrong[state] = found
        assert at.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state

    page = web.go("/avatars")
    card = page.locator(".person", has_text="Mine")
    card.locator("button", has=page.locator("use[href='#i-share']")).click()
    expect(page.locator("dialog .share-card")).to_have_count(2)
    look("share", web)
    page.keyboard.press("Escape")
    card.locator("button", has=page.locator("use[href='#i-info']")).click()
    expect(page.locator("dialog .consent-text")).to_be_visible()
    look("details", web)
    page = web.go("/account")
    page.locator("[data-consent] button").click()
    look("withdrawal", web)
    guest = visit(house, other, lang=lang, width=width, theme=theme)
    guest.go("/shared/" + shared["link"].split("/shared/")[1])
    look("shared", guest)
    assert wrong == {}
