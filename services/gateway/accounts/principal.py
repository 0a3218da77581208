"""Who makes a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LOCAL_OWNER = "local"
"""Owner of everything while accounts are off; with accounts, the owner of the first admin's things."""
Scope = Literal["read", "create", "live", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "create", "live", "admin")
Via = Literal["local", "session", "key", "token"]


@dataclass(frozen=True)
class Principal:
    """A person or a program, as the request's credential shows."""

    user_id: str
    owner: str
    """Of the rows and files that they make and see."""
    name: str
    is_admin: bool
    via: Via
    credential_id: str = ""
    """Id of the session, key or token."""
    scopes: frozenset[Scope] = frozenset(SCOPES)
    limits: dict[str, float] = field(default_factory=dict, hash=False)
    """Where they differ from the installation's, by name; those of the key before those of the user."""
    avatar_id: str = ""
    """The only avatar that a browser token may talk with."""
    origins: tuple[str, ...] = ()
    """Where a browser token's page may be."""

    @property
    def key_id(self) -> str:
        """Id of the API key; empty for others."""
        return self.credential_id if self.via == "key" else ""

    def may(self, scope: Scope) -> bool:
        """Whether the credential reaches so far. ``admin`` also takes the role."""
        return scope in self.scopes and (scope != "admin" or self.is_admin)


LOCAL = Principal("", LOCAL_OWNER, "local", is_admin=True, via="local")
"""The one user while accounts are off."""
