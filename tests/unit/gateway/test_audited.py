"""Every call that changes something has its line in the audit log, and words for it on the page; made from OpenAPI."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.gateway.accounts import acts
from services.gateway.accounts.acts import LOOKS, OWN_WORDS, UNLOGGED, Act, is_logged, things_of
from services.gateway.accounts.principal import LOCAL
from services.gateway.accounts.refusals import Refusals
from services.gateway.accounts.rules import RULES, Need, rule_of
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from services.gateway.store.account_tables import audit
from tests.unit.web.test_web_files import STRING, WEB, words

GATEWAY = Path(__file__).parents[3] / "services/gateway"


def calls() -> set[str]:
    """Every call of the description, and those that it leaves out."""
    paths = create_app(GatewaySettings(), None).openapi()["paths"]  # type: ignore[arg-type]
    found = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    return found | {rule for rules in RULES.values() for rule in rules if not rule.startswith("WS ")}


CALLS = calls()
CHANGES = {c for c in CALLS if c.partition(" ")[0] not in acts.SAFE}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_change_has_words_or_a_reason(lang: str) -> None:
    known = {k.removeprefix("audit.") for k in words(lang) if k.startswith("audit.")}
    missing = {c for c in CHANGES if is_logged(c)} - known
    assert len(CHANGES) > 55 and missing == set(), "name it in the dictionaries, or in acts.UNLOGGED with a reason"
    assert set(LOOKS) | set(OWN_WORDS.values()) <= known
    assert {c for c in CHANGES if not is_logged(c)} == UNLOGGED.keys() | OWN_WORDS.keys()
    assert all(UNLOGGED.values()) and UNLOGGED.keys() | OWN_WORDS.keys() | set(LOOKS) <= CALLS


def test_the_page_offers_what_is_written() -> None:
    known = {k.removeprefix("audit.") for k in words("en") if k.startswith("audit.")}
    offered = re.findall(STRING, (WEB / "js/admin/audit_actions.js").read_text(encoding="utf-8"))
    assert {json.loads(o) for o in offered} - known == set()
    written = {
        found
        for path in GATEWAY.rglob("*.py")
        for found in re.findall(r'audit\.add[(,]\s*"([\w -]+)"', path.read_text(encoding="utf-8"))
    }
    assert {"sign-in", "refused", "turn", "live"} <= written and written - known == set()


def test_every_change_is_let_through_the_one_place_that_writes() -> None:
    """Strangers have no line: what they may call writes its own, or has a reason."""
    strangers = {r for need in (Need.NOTHING, Need.OPEN) for r in RULES[need]} & CHANGES
    assert strangers <= UNLOGGED.keys() | OWN_WORDS.keys()
    for call in CHANGES:
        method, path = call.split(" ")
        assert rule_of(method, path.replace("{", "x").replace("}", ""))[0] == call


def test_the_longest_action_fits_the_column() -> None:
    width: Any = audit.c.action.type
    assert max(map(len, CALLS)) <= width.length


def test_what_a_line_names_is_no_content_and_no_secret() -> None:
    assert things_of(Act(LOCAL, ""), {"word": "geheim"}, "") == ["-"]
    assert things_of(Act(LOCAL, ""), {"token": "sh_1.secret"}, "") == ["sh_1"]
    assert things_of(Act(LOCAL, ""), {"voice_id": "v", "clip_id": "c"}, "/x") == ["v,c"]
    assert things_of(Act(LOCAL, ""), {}, "/api/v1/jobs/j_1") == ["j_1"]
    assert things_of(Act(LOCAL, "", ["a", "b"]), {"job_id": "j"}, "/x") == ["a", "b"]


def test_the_same_refusal_is_new_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("services.gateway.accounts.refusals.time.monotonic", lambda: now[0])
    refusals = Refusals(None, None)  # type: ignore[arg-type]
    assert refusals.is_new("a") and not refusals.is_new("a") and refusals.is_new("b")
    now[0] += 61
    assert refusals.is_new("a")
