"""The consent clip on the page, before the real gateway: filmed with the browser's made-up camera, refused, chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.axe_core import violations
from tests.e2e.browsers import Visit
from tests.fakes import media
from tests.fakes.accounts_world import AccountsWorld, accounts_world
from tests.fakes.waiting import wait_until

DENIED = """navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountsWorld]:
    with accounts_world(tmp_path_factory.mktemp("strict"), GATEWAY_CONSENT_CLIP="required") as world:
        yield world


def form(page: Any) -> Any:
    """The form of a new avatar, with a picture and the statement that it is oneself."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").first.click()
    chooser.value.set_files({"name": "me.png", "mimeType": "image/png", "buffer": media.png(media.portrait())})
    naming = page.locator("form.naming")
    naming.get_by_label("This is me.").check()
    return naming


def heard(house: AccountsWorld, clip: Any, right: bool = True) -> None:
    """Asks for the number; the recogniser will hear it, or another one."""
    clip.get_by_role("button", name="Get the number").click()
    words = clip.locator(".clip-sentence").inner_text()
    house.world.fakes.asr.text = words if right else "My number is 12."


def film(clip: Any) -> None:
    clip.get_by_role("button", name="Open the camera").click()
    clip.get_by_role("button", name="Start recording").click()
    expect(clip.get_by_text("0:02")).to_be_visible()
    clip.get_by_role("button", name="End recording").click()
    expect(clip.get_by_text("The clip is uploaded")).to_be_visible()


def test_a_person_films_the_number_after_a_refusal(strict: AccountsWorld, visit: Visit, axe: str) -> None:
    bob = strict.member("bob")
    web = visit(strict, bob)
    naming = form(web.go("/avatars"))
    clip = naming.get_by_role("group", name="Consent clip")
    heard(strict, clip, right=False)
    assert violations(web, axe) == []
    film(clip)
    naming.get_by_role("button", name="Create").click()
    expect(naming.locator("[data-reason=consent-number]")).to_contain_text("Ask for a new number")
    heard(strict, clip)
    film(clip)
    naming.get_by_role("button", name="Create").click()
    expect(naming).to_have_count(0)
    (record,) = strict.get(bob, "consents")["items"]
    assert record["clip"]["verdict"]["wrong_digits"] == 0
    wait_until(lambda: [a["name"] for a in strict.get(bob, "assets")["items"]] == ["me.png"])  # both clips go


def test_without_a_camera_a_file_is_chosen_and_made_up_faces_need_none(
    strict: AccountsWorld, visit: Visit, tmp_path: Path
) -> None:
    eve = strict.member("eve")
    web = visit(strict, eve, width=390)
    web.page.add_init_script(DENIED)
    naming = form(web.go("/avatars"))
    naming.get_by_label("made up", exact=False).check()
    clip = naming.get_by_role("group", name="Consent clip")
    expect(clip).to_have_count(0)
    naming.get_by_label("This is me.").check()
    heard(strict, clip)
    clip.get_by_role("button", name="Open the camera").click()
    expect(clip.get_by_text("Allow them with the icon beside the address")).to_be_visible()
    file = tmp_path / "me.mp4"
    file.write_bytes(media.video(media.rocking(1.5, 128), sound=media.tone(1.5)))
    with web.page.expect_file_chooser() as chooser:
        clip.get_by_role("button", name="Choose a video file").click()
    chooser.value.set_files(file)
    clip.get_by_role("button", name="Record again").click()
    with web.page.expect_file_chooser() as chooser:
        clip.get_by_role("button", name="Choose a video file").click()
    chooser.value.set_files(file)
    expect(clip.get_by_text("The clip is uploaded")).to_be_visible()
    naming.get_by_role("button", name="Create").click()
    expect(naming).to_have_count(0)
    (record,) = strict.get(eve, "consents")["items"]
    assert record["clip"]["kept"] == "hash"
