"""Requests and answers about people, keys and what they used."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.gateway.accounts.principal import Scope, Via
from services.gateway.accounts.users import Role
from services.gateway.api.schemas import Problem
from services.gateway.jobs.records import iso
from services.gateway.store.db import Row

Limits = dict[
    Literal["stored_mb", "queued_jobs", "minutes_per_day", "live_sessions", "requests_per_minute"],
    Annotated[float, Field(ge=0)],
]
"""Own limits by name; 0 for none. What is not named is as the installation has it."""
Password = Annotated[SecretStr, Field(max_length=500)]
Name = Annotated[str, Field(max_length=64)]
DisplayName = Annotated[str, Field(max_length=80)]
Link = Annotated[SecretStr, Field(max_length=200)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInRequest(_Request):
    """Name and password."""

    name: Name
    password: Password


class SetUpRequest(_Request):
    """The first admin; ``link`` is the part of the logged address after the ``#``."""

    link: Link
    name: Name
    password: Password
    display_name: DisplayName = ""


class LinkRequest(_Request):
    """The part of a password link after the ``#``."""

    link: Link


class NewPasswordRequest(_Request):
    """A password, with the link that allows to set it."""

    link: Link
    password: Password


class PasswordRequest(_Request):
    """Another password. ``old`` may be left out by people who never had one."""

    old: Password = SecretStr("")
    new: Password


class RemoveRequest(_Request):
    """One's own name, and the password where one has one: nothing is deleted by mistake."""

    name: Name
    password: Password = SecretStr("")


class ProfileRequest(_Request):
    """What people change about themselves."""

    display_name: Annotated[DisplayName, Field(min_length=1)]


class UserRequest(_Request):
    """A new person."""

    name: Name
    role: Role = "member"
    display_name: DisplayName = ""


class UserChange(_Request):
    """What is to be changed; the rest stays. ``limits`` replaces all of them."""

    role: Role | None = None
    disabled: bool | None = None
    display_name: Annotated[DisplayName, Field(min_length=1)] | None = None
    limits: Limits | None = None


class KeyRequest(_Request):
    """A new API key. ``limits`` are for it alone and may only be lower than one's own."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: Annotated[list[Scope], Field(min_length=1)] = ["read", "create"]
    days: Annotated[float, Field(gt=0, le=3650)] | None = None
    """How long it is good; None: until it is revoked."""
    limits: Limits = {}


class TokenRequest(_Request):
    """A token for a page elsewhere, which may talk with one avatar."""

    avatar_id: Annotated[str, Field(max_length=80)] = ""
    """Empty for the built-in avatar."""
    minutes: Annotated[float, Field(gt=0, le=60)] = 10
    turns: Annotated[int, Field(ge=1, le=1000)] = 30
    origins: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=20)]
    """Where the page may be: ``https://shop.example``."""


class SignInWays(BaseModel):
    """How one signs in here."""

    accounts: bool
    set_up: bool
    """Somebody has made the first admin."""
    provider: str | None
    """Name of the OpenID provider, for the button; None without one."""
    problem: Problem | None = None
    """What is to be said of the ``problem`` that the sign-in page's address names; absent without one."""


class PasswordLink(BaseModel):
    """Whom a password link is for."""

    name: str
    display_name: str
    is_new: bool
    """They never had a password."""


class User(BaseModel):
    """A person as admins see them: names and figures, no contents."""

    id: str
    name: str
    display_name: str
    role: Role
    disabled: bool
    has_password: bool
    has_provider: bool
    limits: dict[str, float]
    used: dict[str, float]
    created_at: str
    last_seen_at: str | None

    @classmethod
    def of(cls, row: Row, used: dict[str, float]) -> User:
        """From the row and ``Quotas.used``."""
        return cls(
            **{n: row[n] for n in ("id", "name", "display_name", "role", "disabled", "limits")},
            has_password=bool(row["password_hash"]),
            has_provider=bool(row["subject"]),
            used=used,
            created_at=iso(row["created_at"]),
            last_seen_at=iso(row["last_seen_at"]) if row["last_seen_at"] else None,
        )


class UserLink(BaseModel):
    """A person, and the one-time address at which they choose their password."""

    user: User
    link: str


class Me(BaseModel):
    """Who asks, and what they may do."""

    accounts: bool
    id: str
    name: str
    display_name: str
    role: Role
    via: Via
    scopes: list[Scope]
    has_password: bool
    limits: dict[str, float]
    """0 where there is none."""
    used: dict[str, float]


class Session(BaseModel):
    """A browser in which one is signed in."""

    id: str
    is_this: bool
    agent: str
    address: str
    created_at: str
    last_used_at: str

    @classmethod
    def of(cls, row: Row, this: str) -> Session:
        """From the row; ``this`` is the id of the session that asks."""
        return cls(
            **{n: row[n] for n in ("id", "agent", "address")},
            is_this=row["id"] == this,
            created_at=iso(row["created_at"]),
            last_used_at=iso(row["last_used_at"]),
        )


class ApiKey(BaseModel):
    """An API key without its secret."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    limits: dict[str, float]
    created_at: str
    expires_at: str | None
    last_used_at: str | None

    @classmethod
    def of(cls, row: Row) -> ApiKey:
        """From the row."""
        times = {n: iso(row[n]) if row[n] else None for n in ("created_at", "expires_at", "last_used_at")}
        return cls.model_validate(
            {n: row[n] for n in ("id", "name", "scopes", "limits")} | times | {"prefix": f"hs_{row['prefix']}"}
        )


class NewApiKey(BaseModel):
    """A key, shown this once."""

    key: str
    info: ApiKey


class BrowserToken(BaseModel):
    """A token, shown this once."""

    token: str
    avatar_id: str
    turns: int
    origins: list[str]
    expires_at: str


class UsageRow(BaseModel):
    """What one person used in a day (UTC)."""

    user_id: str
    name: str
    day: str
    metric: str
    amount: float


class AuditRow(BaseModel):
    """Who did what, when, from where."""

    id: int
    at: str
    actor: str
    actor_id: str
    via: str
    action: str
    object: str
    address: str

    @classmethod
    def of(cls, row: Row) -> AuditRow:
        """From the row."""
        values: dict[str, Any] = dict(row) | {"at": iso(row["at"])}
        return cls.model_validate(values)
