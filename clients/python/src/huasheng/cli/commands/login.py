"""``huasheng login`` and ``logout``: the address and the key, kept for this user only."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from huasheng import _login
from huasheng._protocol import DEFAULT_URL
from huasheng._sync.client import Huasheng
from huasheng.cli.exits import UsageError
from huasheng.cli.session import Session


def login(session: Session) -> None:
    """Store the gateway's address and an API key, after they were tried.

    Asks for both on a terminal, the key unseen. In a pipe: `huasheng login --url URL < file-with-the-key`. The key is
    kept in a file that only you can read, is sent to that address only, and is never printed.
    """
    url, key = _asked(session) if sys.stdin.isatty() else _piped(session)
    try:
        address = _login.plain(url)
    except ValueError as e:
        raise UsageError(str(e)) from None
    if not (key or "").isascii() or " " in (key or ""):
        raise UsageError("this is no API key: keys are letters and digits in one word")
    for name in ("HUASHENG_API_KEY", "HUASHENG_TOKEN"):  # what is tried is what is stored
        if os.environ.pop(name, None):
            session.note(f"{name} is set; it goes before what is stored now")
    with Huasheng(address, api_key=key, language=session.language) as hs:
        me = hs.account.me()
    path = _login.save(_login.Login(address, key))
    who = f"{me.name} at {address}, may: {', '.join(me.scopes)}" if me.accounts else f"{address} (without accounts)"
    data: dict[str, Any] = {"url": address, "name": me.name, "scopes": me.scopes, "accounts": me.accounts}
    session.show(f"{who}\nstored in {path}", {**data, "file": str(path)})


def logout(session: Session) -> None:
    """Forget the stored address and key. The key itself stays valid: revoke it on your account page."""
    was_there = _login.forget()
    session.show("forgotten" if was_there else "nothing was stored", {"was_stored": was_there})


def _asked(session: Session) -> tuple[str, str | None]:
    try:
        url = session.url or input(f"Address of the gateway [{_login.plain(DEFAULT_URL)}]: ").strip() or DEFAULT_URL
        key = getpass.getpass("API key (nothing where there are no accounts): ").strip()
    except EOFError:
        raise UsageError("nothing was entered") from None
    return url, key or None


def _piped(session: Session) -> tuple[str, str | None]:
    url = session.url or os.environ.get("HUASHENG_URL")
    if not url:
        raise UsageError("name the gateway: --url or HUASHENG_URL")
    return url, sys.stdin.readline().strip() or None
