"""Talks with an OpenID provider: where people sign in, and who came back (OpenID Connect Core 1.0, code flow).

Every call has a deadline. What the provider says is believed only when its ID token is signed by one of its keys, is
for this client, in time, and for this very sign-in.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from services.common.errors import HuashengError
from services.common.settings import secret
from services.gateway.accounts.oidc_pending import Pending
from services.gateway.settings import LOOPBACK, GatewaySettings

log = logging.getLogger("huasheng.gateway.accounts")
DEADLINE_S = 10.0
"""For each of the two steps, whatever they ask the provider for."""
KEPT_S = 3600.0
"""How long the provider's description and keys are kept; a token with an unknown key asks for the keys again."""
LEEWAY_S = 60
"""How far the provider's clock may be off."""
LONGEST_SUBJECT = 400
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Of ID tokens. Only with a key pair: never ``none``, and nothing that is signed with the client's secret."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
NAMES = ("preferred_username", "email", "name")
"""Claims that a new person is named after."""


class Provider:
    """One provider, as the settings name it."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._description: dict[str, Any] = {}
        self._keys: list[jwk.Key] = []
        self._kept_until = 0.0
        self._asking = asyncio.Lock()

    async def address(self, pending: Pending, back: str) -> str:
        """Where the browser is sent to sign in; it returns to ``back``. Raises ``provider-down``."""
        async with self._asked() as client:
            description = await self._described(client)
            found, _ = client.create_authorization_url(
                description["authorization_endpoint"],
                redirect_uri=back,
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(found)

    async def claims(self, code: str, issuer: str, pending: Pending, back: str) -> dict[str, Any]:
        """What the provider says about the person who came back with ``code``; ``iss`` and ``sub`` are who they are.

        ``issuer``: who sent them, as far as the provider adds it (RFC 9207). Raises ``provider-down``,
        ``provider-refused`` for a code that is used up or not for us, ``provider-untrusted``.
        """
        async with self._asked() as client:
            description = await self._described(client)
            is_named = description.get("authorization_response_iss_parameter_supported") is True
            if (issuer or is_named) and issuer != description["issuer"]:
                raise HuashengError("provider-untrusted")
            client.token_endpoint_auth_method = self._way_to_show_secret(description)
            given = await client.fetch_token(
                description["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                redirect_uri=back,
                code_verifier=pending.verifier,
            )
            claims = await self._checked(client, given, pending)
            return await self._with_user_info(client, str(given.get("access_token", "")), claims)

    @contextlib.asynccontextmanager
    async def _asked(self) -> AsyncIterator[AsyncOAuth2Client]:
        """A client with a deadline; what goes wrong becomes a reason."""
        settings = self._settings
        client = AsyncOAuth2Client(
            client_id=settings.oidc_client_id,
            client_secret=secret(settings.oidc_client_secret, settings.oidc_client_secret_file),
            scope=settings.oidc_scopes,
            code_challenge_method="S256",
            timeout=DEADLINE_S,
        )
        client.register_client_auth_method(("client_secret_basic", _encoded_basic))
        try:
            async with asyncio.timeout(DEADLINE_S), client:
                yield client
        except OAuthError as e:
            # the code is one of RFC 6749's; the provider's own words may name people
            log.warning("the OpenID provider refused a sign-in", extra={"error": str(e.error)[:40]})
            raise HuashengError("provider-refused") from e
        except JoseError as e:
            log.warning("an ID token was refused", extra={"error": type(e).__name__, "what": str(e)[:120]})
            raise HuashengError("provider-untrusted") from e
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as e:
            log.warning("the OpenID provider gave no usable answer", extra={"error": type(e).__name__})
            raise HuashengError("provider-down") from e

    def _way_to_show_secret(self, description: Mapping[str, Any]) -> str:
        if not secret(self._settings.oidc_client_secret, self._settings.oidc_client_secret_file):
            return "none"
        ways = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"

    async def _described(self, client: AsyncOAuth2Client) -> dict[str, Any]:
        """The provider's description of itself (OpenID Connect Discovery 1.0), with its keys."""
        async with self._asking:
            if time.monotonic() < self._kept_until:
                return self._description
            issuer = self._settings.oidc_issuer.rstrip("/")
            found = await _json(client, f"{issuer}/.well-known/openid-configuration")
            if not all(isinstance(found.get(n), str) for n in ("issuer", *ENDPOINTS)):
                raise ValueError("the description lacks something")
            if found["issuer"].rstrip("/") != issuer:
                log.error("the OpenID provider calls itself by another address than GATEWAY_OIDC_ISSUER")
                raise HuashengError("provider-untrusted")
            for name in ENDPOINTS:
                self._check_address(found[name])
            self._keys = await self._fetch_keys(client, found)
            self._description, self._kept_until = found, time.monotonic() + KEPT_S
            return found

    def _check_address(self, address: str) -> None:
        """A provider that is reached over TLS sends nobody, and no secret, elsewhere without it."""
        parts = urlsplit(address)
        is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (is_local and self._settings.oidc_issuer.startswith("http:")):
            log.error("the OpenID provider names an address without https")
            raise HuashengError("provider-untrusted")

    async def _fetch_keys(self, client: AsyncOAuth2Client, description: Mapping[str, Any]) -> list[jwk.Key]:
        """The keys that sign. One of a kind that is not known here is left out (RFC 7517, section 5)."""
        keys = []
        for found in (await _json(client, description["jwks_uri"])).get("keys", ()):
            with contextlib.suppress(JoseError, ValueError):
                if found.get("use", "sig") == "sig":
                    keys.append(jwk.import_key(found))
        return keys

    async def _checked(self, client: AsyncOAuth2Client, given: Mapping[str, Any], pending: Pending) -> dict[str, Any]:
        """The claims of the ID token. Raises ``JoseError``, ``provider-untrusted``."""
        text, description = given.get("id_token"), self._description
        if not isinstance(text, str):
            raise HuashengError("provider-untrusted")
        offered = description.get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(algorithms=[a for a in ALGORITHMS if a in offered], strict_check_header=False)
        try:
            token = jwt.decode(text, jwk.KeySet(self._keys), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):  # the provider may have new keys
            self._keys = await self._fetch_keys(client, description)
            token = jwt.decode(text, jwk.KeySet(self._keys), registry=registry)
        client_id = self._settings.oidc_client_id
        must = {
            "iss": {"essential": True, "value": description["issuer"]},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        }
        seen = {"nonce": pending.nonce, "client_id": client_id, "access_token": given.get("access_token")}
        claims = CodeIDToken(token.claims, token.header, must, seen)
        claims.validate(leeway=LEEWAY_S)
        if len(subject(claims)) > LONGEST_SUBJECT or not subject(claims).isprintable():
            raise HuashengError("provider-untrusted")
        return dict(claims)

    async def _with_user_info(
        self, client: AsyncOAuth2Client, access_token: str, claims: dict[str, Any]
    ) -> dict[str, Any]:
        """The claims, with those of the user info where the ID token lacks some that are needed here."""
        settings, address = self._settings, self._description.get("userinfo_endpoint")
        needs_groups = settings.oidc_admin_group or settings.oidc_member_group
        is_whole = any(claims.get(n) for n in NAMES) and (not needs_groups or settings.oidc_groups_claim in claims)
        if is_whole or not address or not access_token:
            return claims
        self._check_address(address)
        more = await _json(client, address, Authorization=f"Bearer {access_token}")
        if more.get("sub") != claims["sub"]:
            raise HuashengError("provider-untrusted")  # OpenID Connect Core 1.0, section 5.3.2
        return more | claims


def subject(claims: Mapping[str, Any]) -> str:
    """What a person is known by for good: names and addresses change, and may be given to somebody else."""
    return f"{claims['iss']}|{claims['sub']}"


async def _json(client: AsyncOAuth2Client, address: str, **headers: str) -> dict[str, Any]:
    """A JSON object. Raises ``httpx2.HTTPError``, ``ValueError``."""
    headers["Accept"] = "application/json"
    answer = await client.request("GET", address, headers=headers, withhold_token=True)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _encoded_basic(client: Any, _method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Name and secret are encoded as in a form before base64 (RFC 6749, section 2.3.1); the library leaves that out."""
    both = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
    headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
    return uri, headers, body
