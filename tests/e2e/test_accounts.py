"""The page with accounts, before the real gateway: signing in and out, one's own account, what admins do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.axe_core import violations
from tests.e2e.browsers import Visit
from tests.e2e.conftest import Web
from tests.fakes.accounts_world import AccountsWorld, accounts_world
from tests.fakes.people import PASSWORD


def fill_in(page: Any, name: str, password: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_and_comes_back_to_the_page(house: AccountsWorld, visit: Visit) -> None:
    web = visit(house)
    page = web.go("/jobs?state=failed")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_role("navigation").filter(visible=True)).to_have_count(0)
    fill_in(page, "ann", "not it at all")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    expect(page.get_by_label("Name", exact=True)).to_have_value("ann")
    page.get_by_role("button", name="Show password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    fill_in(page, "ann", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    assert page.url.endswith("/jobs?state=failed")
    page.get_by_role("button", name="Account: ann").click()
    expect(page.get_by_role("link", name="Administration")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Administration")).to_be_hidden()
    page.get_by_role("button", name="Account: ann").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    web.go("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(
    "next_", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(house: AccountsWorld, visit: Visit, next_: str) -> None:
    web = visit(house)
    page = web.go("/sign-in?next=" + next_)
    fill_in(page, "ann", PASSWORD)
    expect(page.get_by_role("button", name="Account: ann")).to_be_visible()
    assert page.url == house.url + "/"


def test_the_provider_has_a_button_and_its_refusals_a_text(house: AccountsWorld, visit: Visit) -> None:
    web = visit(house)

    def with_provider(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"provider": "Keycloak"})

    web.page.route("**/api/v1/sign-in?*", with_provider)
    page = web.go("/sign-in?next=/voices&problem=provider-down")
    expect(page.locator(".problem")).to_contain_text("Sign-in provider does not answer")
    link = page.get_by_role("link", name="Sign in with Keycloak")
    expect(link).to_have_attribute("href", "/api/v1/sign-in/oidc?next=%2Fvoices")
    page = web.go("/sign-in?problem=<b>nonsense</b>")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)


def test_the_first_admin_is_made_once(tmp_path: Path, visit: Visit) -> None:
    with accounts_world(tmp_path, set_up=False) as empty:
        web = visit(empty)
        page = web.go("/")
        expect(page.locator(".note")).to_contain_text("Nobody can sign in yet")
        link = empty.world.gateway.log.split("/setup#")[-1].split()[0]
        page = web.go("/setup")
        expect(page.locator(".empty")).to_contain_text("not complete")
        page.goto(f"{empty.url}/setup#{link}")
        page.reload()  # only the part after the # differs
        page.get_by_label("Name", exact=True).fill("ann")
        first, again = page.get_by_label("New password"), page.get_by_label("The same again")
        first.fill("short")
        expect(page.locator("[data-strength]")).to_have_text("Too short: at least 10 characters.")
        first.fill(PASSWORD)
        expect(page.locator("[data-strength]")).to_have_text("Very good.")
        again.fill("another one here")
        page.get_by_role("button", name="Create and sign in").click()
        expect(page.get_by_text("The two are not the same.")).to_be_visible()
        again.fill(PASSWORD)
        page.get_by_role("button", name="Create and sign in").click()
        expect(page.get_by_role("button", name="Account: ann")).to_be_visible()
        page.goto(f"{empty.url}/setup#{link}")
        expect(page.locator(".empty")).to_contain_text("has been made")
        web.page.close()


def test_an_invited_person_chooses_a_password_once(house: AccountsWorld, visit: Visit) -> None:
    admin = visit(house, house.ann)
    page = admin.go("/admin")
    page.get_by_role("button", name="Invite a person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("ann")
    dialog.get_by_role("button", name="Make the invitation").click()
    expect(dialog.get_by_role("alert")).to_contain_text("already a person named ann")
    dialog.get_by_label("Name", exact=True).fill("dora")
    dialog.get_by_role("button", name="Make the invitation").click()
    address = dialog.get_by_label("One-time link").input_value()
    dialog.get_by_role("button", name="Done").click()
    expect(page.locator("[data-user=dora]")).to_contain_text("Invited")

    web = visit(house)
    path = "/password#" + address.split("#")[1]
    page = web.go(path)
    expect(page.get_by_text("Welcome, dora.")).to_be_visible()
    page.get_by_label("New password").fill("aaaaaaaaaaaa")
    page.get_by_label("The same again").fill("aaaaaaaaaaaa")
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 5 different ones")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("button", name="Account: dora")).to_be_visible()
    page.get_by_role("button", name="Account: dora").click()
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)
    page = web.go("/admin")
    expect(page.get_by_text("This page is for administrators.")).to_be_visible()
    page = web.go(path)
    expect(page.locator(".empty")).to_contain_text("used before")


def test_when_the_session_ends_nothing_typed_is_lost(house: AccountsWorld, visit: Visit) -> None:
    erin = house.member("erin")
    web = visit(house, erin)
    page = web.go("/video_generation")
    page.get_by_label("What to say").fill("Half of a")
    sent = house.do(house.ann.http.delete(f"/api/v1/users/{erin.id}/sessions"))
    assert sent.status_code == 204
    page.get_by_label("What to say").press_sequentially(" sentence")
    page.get_by_role("button", name="Generate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Please sign in again")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("erin")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(page.locator('[data-reason="sign-in-needed"]')).to_have_count(0)
    expect(page.get_by_label("What to say")).to_have_value("Half of a sentence")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#making video.player")).to_be_visible()


def test_another_person_does_not_see_what_was_typed(house: AccountsWorld, visit: Visit) -> None:
    first, second = house.member("fay"), house.member("gus")
    web = visit(house, first)
    page = web.go("/video_generation")
    page.get_by_label("What to say").fill("a secret of fay")
    house.do(house.ann.http.delete(f"/api/v1/users/{first.id}/sessions"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    fill_in(page, "gus", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Video")
    expect(page.get_by_label("What to say")).to_have_value("")
    assert second.name == "gus"


def test_a_live_conversation_ends_with_the_session(house: AccountsWorld, visit: Visit) -> None:
    hal = house.member("hal")
    web = visit(house, hal)
    page = web.go("/chat_system")
    page.locator(".live-start").click()
    expect(page.locator(".stage")).to_have_attribute("data-state", "listening")
    house.do(house.ann.http.delete(f"/api/v1/users/{hal.id}/sessions"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Please sign in again")
    expect(page.locator(".live-notice .problem")).to_have_attribute("data-reason", "sign-in-needed")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".live-start")).to_be_visible()


def test_keys_sessions_and_profile(house: AccountsWorld, visit: Visit) -> None:
    ida = house.member("ida")
    web = visit(house, ida)
    page = web.go("/account")
    page.get_by_label("Shown name").fill("Ida B.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Account: Ida B.")).to_be_visible()

    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("robot")
    for scope in ("Read", "Create"):
        dialog.get_by_role("checkbox", name=scope).uncheck()
    dialog.get_by_role("button", name="Make the key").click()
    assert house.get(ida, "me/keys")["items"] == []
    dialog.get_by_role("checkbox", name="Live").check()
    dialog.get_by_role("button", name="Make the key").click()
    key = dialog.get_by_label("Your key").input_value()
    dialog.get_by_role("button", name="Done").click()
    (made,) = house.get(ida, "me/keys")["items"]
    assert key.startswith(made["prefix"]) and made["scopes"] == ["live"] and made["expires_at"]
    assert key not in page.content()
    page.get_by_role("button", name="Revoke the key “robot”").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No keys yet.")).to_be_visible()

    other = visit(house)
    fill_in(other.go("/sign-in"), "ida", PASSWORD)
    expect(other.page.get_by_role("button", name="Account: Ida B.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("This browser")).to_have_count(1)
    page.get_by_role("button", name="Sign out Chrome on Linux").click()
    expect(page.get_by_role("button", name="Sign out Chrome on Linux")).to_have_count(0)
    other.go("/jobs")
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Current password").fill("not this one")
    page.get_by_label("New password").fill("a better password")
    page.get_by_label("The same again").fill("a better password")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("Current password")).to_have_value("")
    expect(page.get_by_role("button", name="Account: Ida B.")).to_be_visible()


def test_one_deletes_oneself(house: AccountsWorld, visit: Visit) -> None:
    web = visit(house, house.member("jan"))
    page = web.go("/account")
    page.get_by_role("button", name="Delete me and all that is mine").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type your name, jan, to confirm").fill("john")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("write your own name")
    dialog.get_by_label("Type your name, jan, to confirm").fill("jan")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "jan" not in [u["name"] for u in house.get(house.ann, "users")["items"]]


def test_an_older_answer_does_not_replace_a_newer_one(house: AccountsWorld, visit: Visit) -> None:
    page = visit(house, house.ann).go("/admin")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "action=" in route.request.url:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/v1/audit?*", hold)
    page.get_by_role("tab", name="Audit log").click()
    page.get_by_label("Action").select_option(label="removed a person")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    with page.expect_response("**/api/v1/audit?*"):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator(".audit-table")).to_have_count(0)


def test_admins_change_close_and_remove_people(house: AccountsWorld, visit: Visit) -> None:
    kim = house.member("kim")
    web = visit(house, house.ann)
    page = web.go("/admin")
    row = page.locator("[data-user=kim]")
    row.get_by_role("button").click()
    dialog = page.get_by_role("dialog").first
    dialog.get_by_label("Role").select_option("admin")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(row).to_contain_text("Administrator")
    dialog.get_by_text("Limits", exact=True).click()
    dialog.get_by_label("Made a day (minutes)").fill("7.5")
    dialog.get_by_role("button", name="Save limits").click()
    expect(row).to_contain_text("of 7.5 min")
    dialog.get_by_role("button", name="Close the account").click()
    expect(row).to_contain_text("Closed")
    assert house.do(kim.http.get("/api/v1/me")).status_code == 401
    dialog.get_by_role("button", name="Remove…").click()
    last = page.get_by_role("dialog").last
    last.get_by_label("Type the name, kim, to confirm").fill("ann")
    last.get_by_role("button", name="Remove for good").click()
    assert "kim" in [u["name"] for u in house.get(house.ann, "users")["items"]]
    last.get_by_label("Type the name, kim, to confirm").fill("kim")
    last.get_by_role("button", name="Remove for good").click()
    expect(row).to_have_count(0)
    page.get_by_role("tab", name="Audit log").click()
    page.get_by_label("Action").select_option(label="removed a person")
    rows = page.locator(".audit-table tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("ann")


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "dark", 390), ("en", "light", 1280)])
def test_axe_finds_nothing(house: AccountsWorld, visit: Visit, axe: str, lang: str, theme: str, width: int) -> None:
    house.do(house.ann.key("read"))
    web = visit(house, house.ann, lang=lang, width=width, theme=theme)
    wrong: dict[str, list[str]] = {}

    def look(state: str, web: Web = web) -> None:
        if found := violations(web, axe):
            wrong[state] = found
        assert web.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state

    for path in ("/account", "/admin", "/admin?tab=usage", "/admin?tab=audit"):
        web.go(path)
        look(path)
    page = web.go("/account")
    page.locator(".account-button").click()
    look("menu")
    page.keyboard.press("Escape")
    page.locator("section", has=page.locator("#i-key, .rows code")).get_by_role("button").first.click()
    expect(page.locator("dialog form")).to_be_visible()
    look("new key")
    stranger = visit(house, lang=lang, width=width, theme=theme)
    for path in ("/sign-in", house.invite(f"axe-{lang}"), "/shared/none"):
        stranger.go(path)
        look(path, stranger)
    assert wrong == {}


def test_without_accounts_nothing_of_them_is_shown(web: Web) -> None:
    page = web.go("/avatars")
    expect(page.locator(".person")).to_have_count(3)
    expect(page.locator(".account-menu, .sign-in-link")).to_have_count(0)
    expect(page.get_by_role("button", name="分享")).to_have_count(0)
    for path in ("/account", "/admin", "/sign-in"):
        expect(web.go(path).locator(".empty")).to_contain_text("未启用账户")
