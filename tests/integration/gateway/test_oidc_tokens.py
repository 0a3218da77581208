"""What an OpenID provider may say, and what of it is believed."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from services.common.errors import HuashengError
from services.gateway.accounts import oidc_provider
from services.gateway.accounts.oidc_pending import Pending, PendingSignIns
from services.gateway.accounts.oidc_provider import Provider
from services.gateway.accounts.oidc_sign_in import CALLBACK
from services.gateway.settings import GatewaySettings
from tests.fakes import oidc_issuer, people
from tests.fakes.oidc_issuer import Issuer
from tests.integration.gateway.conftest import open_world

PENDING: Pending = PendingSignIns(b"k" * 32).begin("/")[1]
BACK = "http://127.0.0.1:5001" + CALLBACK
NONCE = PENDING.nonce


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with oidc_issuer.issuer() as found:
        yield found


def provider(issuer: Issuer, **more: Any) -> Provider:
    given = {"oidc_client_id": "huasheng", "oidc_client_secret": "s:c r", "auth": "accounts", **more}
    return Provider(GatewaySettings(oidc_issuer=issuer.url, **given))


async def claims(of: Provider, issuer: str = "") -> dict[str, Any]:
    return await of.claims("the-code", issuer, PENDING, BACK)


async def reason(of: Provider, issuer: str = "") -> str:
    with pytest.raises(HuashengError) as refused:
        await claims(of, issuer)
    return refused.value.slug


async def test_a_good_token_is_believed(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE))
    found = await claims(provider(issuer), issuer.url)
    assert oidc_provider.subject(found) == f"{issuer.url}|1"
    assert found["groups"] == ["staff"]
    form = issuer.forms[0]
    assert form["grant_type"] == "authorization_code" and form["code"] == "the-code" and form["redirect_uri"] == BACK
    assert form["code_verifier"] == PENDING.verifier
    shown = next(h["Authorization"] for h in issuer.headers if "Authorization" in h)
    assert base64.b64decode(shown.removeprefix("Basic ")) == b"huasheng:s%3Ac%20r"
    assert "/me" not in issuer.asked, "the token had all that is needed"


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://other.example"},
    "no issuer": {"iss": None},
    "for another client": {"aud": "other"},
    "for another client, through this one": {"aud": "other", "azp": "huasheng"},
    "for two, handed to the other": {"aud": ["huasheng", "other"], "azp": "other"},
    "for nobody": {"aud": None},
    "over": {"exp": NOW - 3600},
    "never over": {"exp": None},
    "over in words": {"exp": "tomorrow"},
    "from the future": {"iat": NOW + 7200},
    "about nobody": {"sub": None},
    "about an empty name": {"sub": ""},
    "about a number": {"sub": 7},
    "about too long a name": {"sub": "s" * 500},
    "about what no database keeps": {"sub": "a\x00b"},
    "for another access token": {"at_hash": "AAAA"},
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_token_with_a_wrong_claim_is_refused(issuer: Issuer, what: str) -> None:
    issuer.says(issuer.claims(NONCE, **WRONG[what]))
    assert await reason(provider(issuer)) == "provider-untrusted"


def _other_key(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE), oidc_issuer.key("first"))


def _changed(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE))
    head, body, signature = issuer.token["id_token"].split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "==")) | {"sub": "2"}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    issuer.token["id_token"] = f"{head}.{body}.{signature}"


def _unsigned(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE))
    body = issuer.token["id_token"].split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "first"}).encode()).decode().rstrip("=")
    issuer.token["id_token"] = f"{head}.{body}."


def _by_secret(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE), OctKey.import_key("s:c r" * 10), alg="HS256")


def _by_published_key_as_secret(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE))
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').decode().rstrip("=")
    signed = f"{head}.{issuer.token['id_token'].split('.')[1]}"
    mac = hmac.digest(ECKey.import_key(issuer.published[0]).as_pem(private=False), signed.encode(), "sha256")
    issuer.token["id_token"] = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _unknown_key(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE), oidc_issuer.key("other"), kid="other")


def _key_for_something_else(issuer: Issuer) -> None:
    issuer.published[0]["use"] = "enc"
    issuer.says(issuer.claims(NONCE))


def _missing(issuer: Issuer) -> None:
    issuer.token = {"access_token": "at", "token_type": "Bearer"}


def _no_token(issuer: Issuer) -> None:
    issuer.token = {"access_token": "at", "token_type": "Bearer", "id_token": "a.b.c"}


@pytest.mark.parametrize(
    "forge",
    [
        _other_key,
        _changed,
        _unsigned,
        _by_secret,
        _by_published_key_as_secret,
        _unknown_key,
        _key_for_something_else,
        _missing,
        _no_token,
    ],
)
async def test_a_forged_token_is_refused(issuer: Issuer, forge: Callable[[Issuer], None]) -> None:
    forge(issuer)
    assert await reason(provider(issuer)) == "provider-untrusted"


async def test_new_keys_are_asked_for_once_and_kept(issuer: Issuer) -> None:
    asked = provider(issuer)
    issuer.says(issuer.claims(NONCE))
    await claims(asked)
    await claims(asked)
    assert issuer.asked.count("/jwks") == issuer.asked.count("/.well-known/openid-configuration") == 1
    issuer.key = oidc_issuer.key("second")
    issuer.published.append({"kty": "AKP", "alg": "ML-DSA-44", "kid": "of a kind that is not known", "pub": "AA"})
    issuer.published.append(issuer.key.as_dict(private=False))
    issuer.says(issuer.claims(NONCE))
    await claims(asked)
    await claims(asked)
    assert issuer.asked.count("/jwks") == 2
    issuer.key = RSAKey.generate_key(2048, {"kid": "third"})
    issuer.published = [issuer.key.as_dict(private=False)]
    issuer.says(issuer.claims(NONCE), alg="RS256")
    assert (await claims(asked))["sub"] == "1"


async def test_what_the_token_lacks_comes_from_the_user_info(issuer: Issuer) -> None:
    asked = provider(issuer, oidc_member_group="staff")
    issuer.says(issuer.claims(NONCE, groups=None))
    issuer.user_info = {"sub": "1", "groups": ["staff"], "preferred_username": "other"}
    found = await claims(asked)
    assert (found["groups"], found["preferred_username"]) == (["staff"], "ann"), "the signed claim counts"
    assert issuer.headers[-1]["Authorization"] == "Bearer at"
    issuer.user_info["sub"] = "2"
    assert await reason(asked) == "provider-untrusted"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("how", ["500", "page", "list"])
async def test_an_answer_that_is_none_is_a_provider_that_is_down(issuer: Issuer, path: str, how: str) -> None:
    issuer.says(issuer.claims(NONCE))
    answers = issuer.answer
    issuer.status[path] = 500 if how == "500" else 200
    broken: Any = [] if how == "list" else b"<html>"
    issuer.answer = lambda asked: broken if asked == path else answers(asked)  # type: ignore[method-assign]
    assert await reason(provider(issuer)) == "provider-down"


async def test_a_refused_code_is_told_apart(issuer: Issuer) -> None:
    issuer.status["/token"], issuer.token = 400, {"error": "invalid_grant", "error_description": "of ann"}
    assert await reason(provider(issuer)) == "provider-refused"


async def test_a_provider_that_does_not_answer_is_left(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert oidc_provider.DEADLINE_S == 10
    monkeypatch.setattr(oidc_provider, "DEADLINE_S", 0.3)
    asked = provider(issuer)
    issuer.silent.set()
    together = await asyncio.gather(*(reason(asked) for _ in range(3)))
    assert together == ["provider-down"] * 3, "who waits for the same answer waits no longer"
    issuer.silent.clear()
    monkeypatch.setattr(oidc_provider, "DEADLINE_S", 10)
    issuer.says(issuer.claims(NONCE))
    assert (await claims(asked))["sub"] == "1"


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://other.example/token"},
        {"jwks_uri": "file:///etc/x"},
    ],
)
async def test_a_provider_that_sends_elsewhere_is_not_believed(issuer: Issuer, changed: dict[str, str]) -> None:
    issuer.description |= changed
    assert await reason(provider(issuer)) == "provider-untrusted"
    assert "/token" not in issuer.asked, "no code and no secret went out"


async def test_who_sent_the_browser_back_is_compared(issuer: Issuer) -> None:
    issuer.says(issuer.claims(NONCE))
    assert await reason(provider(issuer), "https://other.example") == "provider-untrusted"
    issuer.description["authorization_response_iss_parameter_supported"] = True
    assert await reason(provider(issuer)) == "provider-untrusted"
    assert "/token" not in issuer.asked


async def test_the_secret_is_shown_as_the_provider_wants_it(issuer: Issuer) -> None:
    issuer.description["token_endpoint_auth_methods_supported"] = ["client_secret_post", "private_key_jwt"]
    issuer.says(issuer.claims(NONCE))
    await claims(provider(issuer))
    await claims(provider(issuer, oidc_client_secret=None))
    first, second = issuer.forms
    assert (first["client_id"], first["client_secret"]) == ("huasheng", "s:c r")
    assert second["client_id"] == "huasheng" and "client_secret" not in second
    assert not any("Authorization" in h for h in issuer.headers)


async def test_a_wrong_nonce_ends_on_the_sign_in_page(issuer: Issuer, tmp_path: Path) -> None:
    setup = {"GATEWAY_AUTH": "accounts", "GATEWAY_OIDC_ISSUER": issuer.url, "GATEWAY_OIDC_CLIENT_ID": "huasheng"}
    async with open_world(tmp_path, **setup) as world, people.browser(world) as http:
        for changed, page in (
            ({}, "/voices"),
            ({"nonce": "of another sign-in"}, "/sign-in?problem=provider-untrusted"),
        ):
            sent = await http.get("/api/v1/sign-in/oidc", params={"next": "/voices"})
            address = httpx.URL(sent.headers["location"]).params
            issuer.says(issuer.claims(address["nonce"], **changed))
            answer = await http.get(CALLBACK, params={"state": address["state"], "code": "c"})
            assert answer.headers["location"] == page
            assert ("huasheng_session=" in str(answer.headers.get_list("set-cookie"))) is (not changed)
        assert address["code_challenge_method"] == "S256" and len(address["code_challenge"]) == 43
        assert "Traceback" not in world.gateway.log
