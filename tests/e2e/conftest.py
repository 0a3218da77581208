"""Real Chromium before the real page; behind it the scripted API, or the real system."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from tests.e2e.axe_core import axe as axe
from tests.e2e.browsers import house as house
from tests.e2e.browsers import visit as visit
from tests.e2e.web import Web as Web
from tests.fakes.web_api import app
from tests.fakes.web_script import World

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup-dev")

ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--process-per-site",  # pages of a profile share a process, and with it the modules that it has compiled
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PACE = 0.4
sync_api.expect.set_options(timeout=60_000)  # a busy machine is not a fault of the page


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_api.sync_playwright() as p:
        try:
            chromium = p.chromium.launch(executable_path=path, args=ARGS)
        except sync_api.Error as e:
            pytest.skip(f"no Chromium here: {e.message.splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, Any]]:
    """The scripted API on a free port; each test puts its own World into it."""
    fake = app(World())
    config = uvicorn.Config(fake, port=0, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the fake server did not start"
        time.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", fake
    running.should_exit = True
    thread.join(5)


class Profile:
    """A browser profile that one test after the other uses, emptied in between.

    A page in it that never closes keeps its renderer process, where the 150 modules of the page lie compiled: a third
    of what a page costs in a new process.
    """

    def __init__(self, browser: Any, origin: str, options: dict[str, Any]) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(60_000)
        self._origin = origin
        self._keeper = self.context.new_page()
        self._keeper.goto(origin + "/static/favicon.svg")
        self._devtools = self.context.new_cdp_session(self._keeper)

    def empty(self) -> None:
        """Closes all pages and removes what they stored.

        The browser's cache stays: only the page's own files may be kept (by their hash), nothing that a World gives.
        """
        for page in self.context.pages:
            if page != self._keeper:
                page.goto("about:blank")  # it saves its draft as it goes
                page.close()
        self._keeper.evaluate("fetch('/api/v1/drafts').then((answer) => answer.text(), () => '')")  # it came before
        self._keeper.evaluate("localStorage.clear()")  # in the pages' own process: after what they wrote last
        self._devtools.send("Storage.clearDataForOrigin", {"origin": self._origin, "storageTypes": "all"})
        self.context.clear_cookies()


@pytest.fixture(scope="session")
def profiles(browser: Any) -> Iterator[dict[str, Profile]]:
    """Emptied profiles by their options. A new one costs several times as much processor time as a page in one."""
    kept: dict[str, Profile] = {}
    yield kept
    for profile in kept.values():
        profile.context.close()


@pytest.fixture
def open_page(browser: Any, profiles: dict[str, Profile], server: tuple[str, Any]) -> Iterator[Callable[..., Web]]:
    """Opens pages in emptied profiles, of which no two are the same; afterwards none may have complained."""
    base, fake = server
    fake.state.world = World(pace=PACE)
    opened: list[tuple[str, Profile, Web]] = []

    def opening(
        lang: str = "zh", width: int = 1280, height: int = 860, color_scheme: str = "light", **more: Any
    ) -> Web:
        options = {"locale": "zh-CN" if lang == "zh" else "en-US", **more}
        key = repr(sorted(options.items()))
        profile = profiles.pop(key, None) or Profile(browser, base, options)
        page = profile.context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        opened.append((key, profile, Web(page, base, fake.state.world)))
        return opened[-1][2]

    yield opening
    complaints = [c for _, _, web in opened for c in web.complaints()]
    for key, profile, _ in opened:
        if complaints or key in profiles:
            profile.context.close()
            continue
        profile.empty()
        profiles[key] = profile
    assert complaints == []


@pytest.fixture
def web(open_page: Callable[..., Web]) -> Web:
    """A Chinese desktop page."""
    return open_page()


@pytest.fixture
def real(browser: Any, request: pytest.FixtureRequest) -> Iterator[Web]:
    """The page of the real system: the one at HUASHENG_URL, or one of our own."""
    base = os.environ.get("HUASHENG_URL") or request.getfixturevalue("system").url
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 860})
    context.set_default_timeout(120_000)
    web = Web(context.new_page(), base.rstrip("/"), None)
    yield web
    complaints = web.complaints()
    context.close()
    assert complaints == []
