"""A page in a browser, for tests."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.fakes.web_script import World

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup-dev")

# Chromium drops every connection when a network interface appears or goes, as when containers start beside the tests
DISTURBED = "net::ERR_NETWORK_CHANGED"


class Web:
    """One browser page, and what it complained about."""

    def __init__(self, page: Any, base: str, world: World | None) -> None:
        self.page = page
        self._base = base
        self._world = world
        self.errors: list[str] = []
        self.refusals_expected = False
        page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    @property
    def world(self) -> World:
        assert self._world is not None, "the real system has no World"
        return self._world

    def go(self, path: str) -> Any:
        self.page.goto(self._base + path)
        try:
            self.page.wait_for_selector("h1")
        except sync_api.TimeoutError:
            if not any(DISTURBED in e for e in self.errors):
                raise
            self.page.reload()
            self.page.wait_for_selector("h1")
        return self.page

    def until(self, script: str, timeout_s: float = 60) -> None:
        """Waits for a script to be true; the page's policy forbids the browser-side way of waiting."""
        deadline = time.monotonic() + timeout_s
        while not self.page.evaluate(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            self.page.wait_for_timeout(50)

    def complaints(self) -> list[str]:
        """Console errors, less the browser's own lines about refusals that the test asked for."""
        own = [e for e in self.errors if DISTURBED not in e]
        return [e for e in own if not (self.refusals_expected and e.startswith("Failed to load resource"))]
