"""Who one is, what one shares and stated, and what admins do. What needs a signed-in person stays on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from huasheng._async.download import download
from huasheng._async.transport import AsyncTransport
from huasheng._protocol import Call, at, given, items, model, nothing
from huasheng.accounts import (
    Audience,
    AuditRow,
    BrowserToken,
    ConsentChallenge,
    ConsentRecord,
    ConsentTexts,
    Me,
    Role,
    Share,
    SharedKind,
    SharedThing,
    UsageRow,
    User,
    UserLink,
)
from huasheng.batches import StorageUse


class AsyncAccount:
    """The person or key that asks."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def me(self) -> Me:
        """Who asks, with limits and what is used."""
        return await self._transport.call(Call("GET", at("me"), model(Me)))

    async def storage(self) -> StorageUse:
        """What is stored, by kind."""
        return await self._transport.call(Call("GET", at("me", "storage"), model(StorageUse)))

    async def usage(self, *, days: int = 30) -> list[UsageRow]:
        """What was used in the last days, today's among them."""
        return await self._transport.call(Call("GET", at("usage"), items(model(UsageRow)), params=given(days=days)))


class AsyncTokens:
    """Tokens for pages elsewhere."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, *, origins: Sequence[str], avatar_id: str = "", minutes: float = 10, turns: int = 30
    ) -> BrowserToken:
        """A token with which pages of these origins (``https://shop.example``) may talk with one avatar.

        ``avatar_id``: empty for the built-in one. Needs the scope ``live``. Raises ``NotFoundError``, ``RefusedError``.
        """
        body = given(origins=list(origins), avatar_id=avatar_id, minutes=minutes, turns=turns)
        return await self._transport.call(Call("POST", at("tokens"), model(BrowserToken), body=body))


class AsyncShares:
    """What is shared, by one and with one."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, *, kind: SharedKind, id: str, audience: Audience, days: float | None = None) -> Share:
        """Share an avatar, voice, model or video; the same again changes its time. ``days``: None until withdrawn.

        Raises ``NotFoundError``; ``RefusedError`` ``builtin-stays``.
        """
        body = given(kind=kind, id=id, audience=audience, days=days)
        return await self._transport.call(Call("POST", at("shares"), model(Share), body=body))

    async def with_me(self, *, kind: SharedKind | None = None) -> list[SharedThing]:
        """What others share with one."""
        query = given(kind=kind)
        return await self._transport.call(Call("GET", at("shares", "with-me"), items(model(SharedThing)), params=query))

    async def withdraw(self, share_id: str) -> None:
        """Stop sharing, or take what another shares by a link out of one's lists. Raises ``NotFoundError``."""
        await self._transport.call(Call("DELETE", at("shares", share_id), nothing))

    async def open(self, token: str) -> SharedThing:
        """What a link shares; ``token`` is its last part. Raises ``RefusedError`` ``link-used``."""
        return await self._transport.call(Call("GET", at("shared", token), model(SharedThing)))

    async def take(self, token: str) -> SharedThing:
        """Take what a link shares into one's lists. Raises ``RefusedError`` ``link-used``."""
        return await self._transport.call(Call("POST", at("shared", token), model(SharedThing)))

    async def list(self) -> list[Share]:
        """What one shares."""
        return await self._transport.call(Call("GET", at("shares"), items(model(Share))))


class AsyncConsents:
    """Statements about faces and voices."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def texts(self) -> ConsentTexts:
        """What one may state, and whether one must."""
        return await self._transport.call(Call("GET", at("consents", "texts"), model(ConsentTexts)))

    async def list(self) -> list[ConsentRecord]:
        """What one stated, withdrawn statements too."""
        return await self._transport.call(Call("GET", at("consents"), items(model(ConsentRecord))))

    async def challenge(self) -> ConsentChallenge:
        """A new number for a consent clip, good once and for ten minutes.

        Raises ``RefusedError`` ``consent-clip-off``, ``consent-too-many``.
        """
        return await self._transport.call(Call("POST", at("consents", "challenges"), model(ConsentChallenge)))

    async def download_clip(self, consent_id: str, path: str | Path) -> Path:
        """Save the consent clip of a statement. Raises ``NotFoundError`` where none was kept."""
        return await download(self._transport, at("consents", consent_id, "clip"), path)

    async def withdraw(self, consent_id: str) -> ConsentRecord:
        """Withdraw consent: the face or voice, its models and its source file are deleted for good.

        Raises ``NotFoundError``; ``ServerError`` ``service-down``, then it may be withdrawn again.
        """
        path = at("consents", consent_id, "withdrawal")
        return await self._transport.call(Call("POST", path, model(ConsentRecord)))


class AsyncUsers:
    """The people of the installation; needs an admin's key with the scope ``admin``."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, *, name: str, role: Role = "member", display_name: str = "") -> UserLink:
        """Let a person in; send them the link. Raises ``RefusedError`` ``name-taken``."""
        body = given(name=name, role=role, display_name=display_name)
        return await self._transport.call(Call("POST", at("users"), model(UserLink), body=body, is_once=True))

    async def change(
        self,
        user_id: str,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        display_name: str | None = None,
        limits: Mapping[str, float] | None = None,
    ) -> User:
        """Change a person; what is None stays. ``limits`` replaces all of them. Raises ``NotFoundError``;
        ``RefusedError`` ``last-admin``."""
        body = given(role=role, disabled=disabled, display_name=display_name, limits=limits)
        return await self._transport.call(Call("PATCH", at("users", user_id), model(User), body=body))

    async def remove(self, user_id: str) -> None:
        """Remove a person and all that is theirs, for good. Raises as ``change``; ``ServerError`` ``service-down``."""
        await self._transport.call(Call("DELETE", at("users", user_id), nothing))

    async def password_link(self, user_id: str) -> UserLink:
        """A link with which the person chooses a new password; earlier links end. Raises ``NotFoundError``."""
        return await self._transport.call(Call("POST", at("users", user_id, "password-link"), model(UserLink)))

    async def sign_out(self, user_id: str) -> None:
        """Sign a person out everywhere. Raises ``NotFoundError``."""
        await self._transport.call(Call("DELETE", at("users", user_id, "sessions"), nothing))

    async def usage(self, *, days: int = 30) -> list[UsageRow]:
        """What everybody used in the last days."""
        query = given(days=days)
        return await self._transport.call(Call("GET", at("users", "usage"), items(model(UsageRow)), params=query))

    async def list(self) -> list[User]:
        """Everybody, with their limits and what they use."""
        return await self._transport.call(Call("GET", at("users"), items(model(User))))


class AsyncAudit:
    """Who did what; needs an admin's key with the scope ``admin``."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self, *, limit: int = 50, before: int | None = None, user_id: str | None = None, action: str | None = None
    ) -> list[AuditRow]:
        """The newest first; ``before`` an id: older ones than that. ``action`` as in ``POST /api/v1/videos``."""
        query = given(limit=limit, before=before, user_id=user_id, action=action)
        return await self._transport.call(Call("GET", at("audit"), items(model(AuditRow)), params=query))
