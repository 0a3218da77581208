"""Browsers of people with accounts, before the real gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.web import Web
from tests.fakes.accounts_world import AccountsWorld, accounts_world
from tests.fakes.people import Person

Visit = Callable[..., Web]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountsWorld]:
    with accounts_world(tmp_path_factory.mktemp("house"), GATEWAY_LIMIT_STORED_MB="500") as world:
        yield world


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens browsers, signed in as somebody or not; afterwards none may have complained."""
    opened: list[tuple[Any, Web]] = []

    def opening(
        house: AccountsWorld, person: Person | None = None, lang: str = "en", width: int = 1280, theme: str = "light"
    ) -> Web:
        context = browser.new_context(
            locale="zh-CN" if lang == "zh" else "en-US",
            viewport={"width": width, "height": 860},
            color_scheme=theme,
        )
        context.set_default_timeout(60_000)
        if person:
            context.add_cookies([house.cookie(person)])
        web = Web(context.new_page(), house.url, None)
        web.refusals_expected = True  # nobody is signed in, or a password is wrong
        opened.append((context, web))
        return web

    yield opening
    complaints = [c for _, web in opened for c in web.complaints()]
    for context, _ in opened:
        context.close()
    assert complaints == []
