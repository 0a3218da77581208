"""Which changes stand in the audit log, and what is known of the one that is being made."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from services.gateway.accounts.principal import Principal

SAFE = ("GET", "HEAD", "OPTIONS")
UNLOGGED = {
    "PUT /api/v1/drafts/{draft_id}": "saved as one types",
    "POST /api/v1/batches/check": "looks at a table and keeps nothing; asked as one types",
    "POST /api/v1/speech/preview": "shows how a text is said and keeps nothing; asked as one types",
    "POST /api/v1/videos/preview": "heard for an hour by whoever asked; asked again and again for one scene",
    "POST /api/v1/password-links/open": "looks at a link, which stays good",
    "POST /api/v1/verify": "keeps nothing, and strangers may ask",
}
"""Calls that are no GET and have no line, and why."""
OWN_WORDS = {
    "POST /api/v1/sign-in": "sign-in",
    "POST /api/v1/set-up": "set-up",
    "POST /api/v1/password-links/use": "password by link",
    "DELETE /api/v1/me": "account removed",
}
"""Calls whose line the route itself writes, by the action in it: nobody is signed in before, or after."""
LOOKS = ("GET /api/v1/me/export", "GET /api/v1/consents/{consent_id}/clip")
"""Downloads that have a line like a change: all of a person's things, and a face that was filmed for a statement."""


def is_logged(rule: str) -> bool:
    """Whether a call (``POST /api/v1/videos``) that succeeds has a line by itself."""
    if rule.partition(" ")[0] in SAFE:
        return rule in LOOKS
    return rule not in UNLOGGED and rule not in OWN_WORDS


@dataclass
class Act:
    """A call at work."""

    who: Principal
    address: str
    things: list[str] = field(default_factory=list)
    """What it was done to, a line each; none: what the path or ``Location`` names."""


current: ContextVar[Act | None] = ContextVar("act", default=None)
"""Of the request or live conversation that the code runs for; None in jobs, and without accounts."""


def note(*things: str) -> None:
    """Ids for the audit log, a line each, where the path does not have them; never contents."""
    if act := current.get():
        act.things += things


def things_of(act: Act, path: Mapping[str, Any], location: str) -> list[str]:
    """What the lines of a call that succeeded name. Words of the dictionary and the secrets of links do not stand in
    them."""
    if act.things:
        return act.things
    named = {k: str(v) for k, v in path.items() if k != "word"}
    if "token" in named:
        named["token"] = named["token"].partition(".")[0]
    return [",".join(named.values()) or location.rsplit("/", 1)[-1] or "-"]
