"""Settings of OpenID Connect, where a sign-in may lead to, and what is read from claims."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import HuashengError, catalogue
from services.gateway.accounts.oidc_pending import PendingSignIns, own_path
from services.gateway.accounts.oidc_people import _names, groups_of
from services.gateway.api.sign_in import SAID
from services.gateway.settings import GatewaySettings

GOOD: dict[str, Any] = {
    "auth": "accounts",
    "oidc_issuer": "https://id.example.org/realms/main/",
    "oidc_client_id": "huasheng",
    "oidc_client_secret": "s",
    "oidc_admin_group": "admins",
}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"oidc_client_secret": None},
        {"oidc_issuer": "http://127.0.0.1:8080"},
        {"oidc_issuer": "http://localhost:8080/realms/x"},
        {"host": "0.0.0.0", "public_url": "https://avatar.example.org"},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    GatewaySettings(**GOOD | changed).check_provider()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_issuer": ""}, "GATEWAY_OIDC_ISSUER is not"),
        ({"oidc_issuer": "http://id.example.org"}, "https"),
        ({"oidc_issuer": "https://id.example.org/?realm=a"}, "'?'"),
        ({"oidc_issuer": "https://me@id.example.org"}, "no user"),
        ({"auth": "local"}, "GATEWAY_AUTH=accounts"),
        ({"oidc_client_id": ""}, "GATEWAY_OIDC_CLIENT_ID"),
        ({"oidc_client_secret_file": Path("/etc/hostname")}, "not both"),
        ({"oidc_client_secret": None, "oidc_client_secret_file": Path("/nowhere/x")}, "cannot be read"),
        ({"oidc_scopes": "profile openid2"}, "openid"),
        ({"oidc_groups_claim": ""}, "GROUPS_CLAIM"),
        ({"host": "0.0.0.0"}, "GATEWAY_PUBLIC_URL"),
    ],
)
def test_settings_that_do_not_are_refused_by_name(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(SystemExit, match="GATEWAY_") as refused:
        GatewaySettings(**GOOD | changed).check_provider()
    assert named in str(refused.value)


def test_the_button_has_a_name() -> None:
    assert GatewaySettings(**GOOD).provider_name() == "id.example.org"
    assert GatewaySettings(**GOOD, oidc_name=" Our school ").provider_name() == "Our school"
    assert GatewaySettings().provider_name() is None


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        " //evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/" + "a" * 500,
    ],
)
def test_the_way_leads_to_no_other_site(page: str) -> None:
    with pytest.raises(HuashengError, match="bad-request"):
        own_path(page)


@pytest.mark.parametrize("page", ["/", "/videos", "/chat?c=1&x=%2F", "/视频", "/video#part", "/@evil.example"])
def test_pages_of_ours_are_found_again(page: str) -> None:
    signed = PendingSignIns(b"k" * 32)
    cookie, pending = signed.begin(page)
    assert pending.next == page
    assert signed.find(cookie, pending.state) == pending
    assert pending.verifier not in cookie and pending.nonce not in cookie and pending.state not in cookie
    with pytest.raises(HuashengError, match="sign-in-stale"):
        PendingSignIns(b"l" * 32).find(cookie, pending.state)
    with pytest.raises(HuashengError, match="sign-in-stale"):
        signed.find(cookie.replace(".", "1.", 1), pending.state)


def test_no_two_sign_ins_are_alike() -> None:
    signed = PendingSignIns(b"k" * 32)
    both = [signed.begin("/")[1] for _ in range(2)]
    assert len({both[0].state, both[0].nonce, both[0].verifier, both[1].state, both[1].nonce, both[1].verifier}) == 6
    assert all(len(p.verifier) == 43 for p in both), "RFC 7636 wants 43 at least"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "Ann"}, "ann"),
        ({"preferred_username": " ", "email": "Ann@Example.org"}, "ann@example.org"),
        ({"name": "李 雷"}, "李-雷"),
        ({"preferred_username": "a/../b c\x00"}, "a-..-b-c"),
        ({"preferred_username": "x" * 90}, "x" * 50),
        ({"preferred_username": "/"}, "user"),
        ({"preferred_username": ["ann"], "email": None}, "ann"),
        ({}, "user"),
    ],
)
def test_people_are_named_by_what_they_are_called(claims: dict[str, Any], name: str) -> None:
    found = _names(claims)
    assert [next(found) for _ in range(2)] == [name, f"{name}-2"]
    assert len({next(found) for _ in range(30)}) == 30, "names do not end"


@pytest.mark.parametrize(
    ("given", "groups"),
    [(["a", "b", 1], {"a", "b"}), ("a", {"a"}), ({"a": 1}, set()), (None, set()), ([], set())],
)
def test_groups_are_a_list_or_one_name(given: Any, groups: set[str]) -> None:
    assert groups_of({"groups": given}, "groups") == groups


def test_the_sign_in_page_can_say_every_reason() -> None:
    gateway = Path(__file__).parents[3] / "services" / "gateway"
    files = [*gateway.glob("accounts/oidc_*.py"), gateway / "api/sign_in_oidc.py"]
    calls = (n for f in files for n in ast.walk(ast.parse(f.read_text(encoding="utf-8"))) if isinstance(n, ast.Call))
    raised = {
        c.args[0].value
        for c in calls
        if isinstance(c.func, ast.Name) and c.func.id == "HuashengError" and isinstance(c.args[0], ast.Constant)
    }
    assert {"provider-down", "not-a-member", "sign-in-stale"} <= raised, "the reasons are found"
    assert raised - {"bad-request"} <= set(SAID)  # bad-request: only an address that somebody wrote by hand
    for slug in SAID:
        texts = (catalogue()[slug].title, catalogue()[slug].detail, catalogue()[slug].hint)
        assert "{" not in str([t[lang] for t in texts for lang in ("en", "zh")]), "the page knows no parameters"
