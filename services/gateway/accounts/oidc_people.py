"""Who somebody is here whom the OpenID provider has named, and what they may do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from services.common.errors import HuashengError
from services.gateway.accounts.oidc_provider import NAMES, subject
from services.gateway.accounts.stores import Accounts
from services.gateway.accounts.users import Role
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Row

_NOT_IN_NAMES = re.compile(r"[^\w.@+-]+")
UNKNOWN = "(unknown)"
"""In the audit log: names of people who are not let in are not kept."""
LONGEST_NAME = 50
"""Characters that a name may have before its suffix."""


def let_in(accounts: Accounts, settings: GatewaySettings, claims: Mapping[str, Any], address: str) -> Row:
    """The person of the claims, made at their first sign-in; their role follows their groups. Synchronous.

    Raises ``not-a-member``, ``account-closed``.
    """
    try:
        user = _person(accounts, settings, claims, address)
    except HuashengError as e:
        known = accounts.users.of_subject(subject(claims))
        accounts.audit.add("sign-in refused", e.slug, user=known, name=UNKNOWN, address=address)
        raise
    accounts.audit.add("sign-in", "openid", user=user, address=address)
    return user


def _person(accounts: Accounts, settings: GatewaySettings, claims: Mapping[str, Any], address: str) -> Row:
    groups = groups_of(claims, settings.oidc_groups_claim)
    may_come_in = not settings.oidc_member_group or settings.oidc_member_group in groups
    role: Role | None = None
    if settings.oidc_admin_group:
        role = "admin" if settings.oidc_admin_group in groups and may_come_in else "member"
    user = accounts.users.of_subject(subject(claims))
    if user and role and role != user["role"]:  # also of those who are refused below: they may have sessions and keys
        user = accounts.users.set_role(user["id"], role)
        accounts.audit.add(f"{role} by provider", user["id"], user=user, address=address)
    if not may_come_in:
        if user:
            accounts.sessions.end_all(user["id"])
        raise HuashengError("not-a-member")
    user = user or _create(accounts, claims, role or "member", address)
    if user["disabled"]:
        raise HuashengError("account-closed")
    return user


def _create(accounts: Accounts, claims: Mapping[str, Any], role: Role, address: str) -> Row:
    """A new person, never one who is there: a name at the provider proves nothing about a name here."""
    known_as, shown = subject(claims), "".join(c for c in str(claims.get("name") or "") if c.isprintable())
    for name in _names(claims):
        is_first = role == "admin" and not accounts.users.has_admin()
        try:
            user = accounts.users.create(name, role, display_name=shown, subject=known_as, is_first=is_first)
        except HuashengError as e:
            if e.slug not in ("name-taken", "link-used"):  # link-used: another first admin was quicker
                raise
            if found := accounts.users.of_subject(known_as):  # the same person in another window
                return found
            continue
        accounts.audit.add("person by provider", user["id"], user=user, address=address)
        return user
    raise AssertionError("names do not end")


def _names(claims: Mapping[str, Any]) -> Iterator[str]:
    """Names to try: the first claim that makes one, then with a number, then with random letters."""
    found = (_NOT_IN_NAMES.sub("-", str(claims.get(n) or "").strip().casefold()).strip("-") for n in NAMES)
    name = next((n[:LONGEST_NAME] for n in found if len(n) > 1), "user")
    yield name
    for number in range(2, 10):
        yield f"{name}-{number}"
    while True:
        yield f"{name}-{secrets.token_hex(4)}"


def groups_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The names of a person's groups; providers give a list, or one name alone."""
    found = claims.get(claim)
    if isinstance(found, str):
        return frozenset([found])
    return frozenset(g for g in found if isinstance(g, str)) if isinstance(found, list) else frozenset()
