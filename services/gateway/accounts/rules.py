"""What every route needs. A route without a rule is closed to all but admins, and fails a test."""

from __future__ import annotations

import re
from enum import Enum


class Need(Enum):
    """What a request must show."""

    NOTHING = "nothing"
    READ = "read"
    CREATE = "create"
    LIVE = "live"
    ADMIN = "admin"
    PERSON = "person"
    """Signed in with a browser: no key may change passwords or make keys."""
    OPEN = "open"
    """Anybody may, a few times a minute from one address; whoever is known gets more."""
    LINK_OR_READ = "link-or-read"
    """A signed link, which the route checks, or ``read``."""
    SCRAPE = "scrape"
    """Figures of the whole installation, for monitoring: the scope ``admin``, or a caller on this machine."""


API = "/api/v1"
RULES: dict[Need, tuple[str, ...]] = {
    Need.NOTHING: (
        "GET /healthz",
        "GET /readyz",
        "GET /openapi.json",
        "GET /docs",
        "GET /docs/{name}",
        "GET /static/{name:path}",
        f"GET {API}/media/{{key:path}}",  # the link's signature is checked by the route
        f"GET {API}/sign-in",
        f"POST {API}/sign-in",
        f"GET {API}/sign-in/oidc",
        f"GET {API}/sign-in/oidc/callback",
        f"POST {API}/set-up",
        f"POST {API}/password-links/open",
        f"POST {API}/password-links/use",
        f"GET {API}/shared/{{token}}",
        f"GET {API}/shared/{{token}}/file",
    ),
    Need.OPEN: (f"POST {API}/verify",),
    Need.LINK_OR_READ: (f"GET {API}/assets/{{asset_id}}/content",),
    Need.SCRAPE: ("GET /metrics",),
    Need.READ: (
        f"GET {API}/assets",
        f"GET {API}/assets/{{asset_id}}",
        f"GET {API}/avatars",
        f"GET {API}/avatars/{{avatar_id}}",
        f"GET {API}/batches",
        f"GET {API}/batches/{{batch_id}}",
        f"GET {API}/batches/{{batch_id}}/zip",
        f"GET {API}/batches/{{batch_id}}/report.csv",
        f"GET {API}/conversations",
        f"GET {API}/conversations/{{conversation_id}}",
        f"GET {API}/consents",
        f"GET {API}/consents/texts",
        f"GET {API}/consents/{{consent_id}}/clip",
        f"GET {API}/devices",
        f"GET {API}/drafts",
        f"GET {API}/drafts/{{draft_id}}",
        f"GET {API}/engines",
        f"GET {API}/events",
        f"GET {API}/jobs",
        f"GET {API}/jobs/{{job_id}}",
        f"GET {API}/jobs/{{job_id}}/events",
        f"GET {API}/jobs/{{job_id}}/video",
        f"GET {API}/me",
        f"GET {API}/me/storage",
        f"GET {API}/models",
        f"GET {API}/models/{{model_id}}",
        f"GET {API}/pronunciations",
        f"GET {API}/pronunciations/export",
        f"GET {API}/shares",
        f"GET {API}/shares/with-me",
        f"GET {API}/shares/{{share_id}}/file",
        f"GET {API}/system",
        f"GET {API}/usage",
        f"GET {API}/videos",
        f"GET {API}/videos/tags",
        f"GET {API}/voices",
        f"GET {API}/voices/{{voice_id}}/sample",
    ),
    Need.CREATE: (
        "POST /upload_file",
        f"POST {API}/assets",
        f"DELETE {API}/assets/{{asset_id}}",
        f"POST {API}/avatars",
        f"PATCH {API}/avatars/{{avatar_id}}",
        f"DELETE {API}/avatars/{{avatar_id}}",
        f"PUT {API}/conversations/{{conversation_id}}/answers/{{job_id}}/rating",
        f"DELETE {API}/conversations/{{conversation_id}}",
        f"POST {API}/consents/challenges",
        f"POST {API}/consents/{{consent_id}}/withdrawal",
        f"POST {API}/batches",
        f"POST {API}/batches/check",
        f"POST {API}/batches/{{batch_id}}/retry",
        f"DELETE {API}/batches/{{batch_id}}",
        f"POST {API}/dialogues",
        f"POST {API}/drafts",
        f"POST {API}/dubbings",
        f"PUT {API}/drafts/{{draft_id}}",
        f"DELETE {API}/drafts/{{draft_id}}",
        f"DELETE {API}/jobs/{{job_id}}",
        f"DELETE {API}/models/{{model_id}}",
        f"POST {API}/pronunciations/import",
        f"PUT {API}/pronunciations/{{word}}",
        f"DELETE {API}/pronunciations/{{word}}",
        f"POST {API}/shared/{{token}}",
        f"POST {API}/shares",
        f"DELETE {API}/shares/{{share_id}}",
        f"POST {API}/speech",
        f"POST {API}/speech/preview",
        f"POST {API}/trainings",
        f"POST {API}/transcriptions",
        f"POST {API}/videos",
        f"PATCH {API}/videos/{{job_id}}",
        f"POST {API}/videos/bulk",
        f"POST {API}/videos/preview",
        f"POST {API}/voices",
        f"POST {API}/voices/{{voice_id}}/clips",
        f"DELETE {API}/voices/{{voice_id}}/clips/{{clip_id}}",
        f"PATCH {API}/voices/{{voice_id}}",
        f"DELETE {API}/voices/{{voice_id}}",
    ),
    Need.LIVE: (f"POST {API}/tokens", f"WS {API}/live"),
    Need.PERSON: (
        f"DELETE {API}/sign-in",
        f"PATCH {API}/me",
        f"DELETE {API}/me",
        f"GET {API}/me/export",
        f"GET {API}/me/keys",
        f"POST {API}/me/keys",
        f"DELETE {API}/me/keys/{{key_id}}",
        f"PUT {API}/me/password",
        f"GET {API}/me/sessions",
        f"DELETE {API}/me/sessions",
        f"DELETE {API}/me/sessions/{{session_id}}",
    ),
    Need.ADMIN: (
        f"GET {API}/audit",
        f"GET {API}/users",
        f"POST {API}/users",
        f"PATCH {API}/users/{{user_id}}",
        f"DELETE {API}/users/{{user_id}}",
        f"POST {API}/users/{{user_id}}/password-link",
        f"DELETE {API}/users/{{user_id}}/sessions",
        f"GET {API}/users/usage",
    ),
}
_PARAMETER = re.compile(r"\{\w+(:path)?\}")


def _pattern(template: str) -> re.Pattern[str]:
    parts, end = [], 0
    for found in _PARAMETER.finditer(template):
        parts += [re.escape(template[end : found.start()]), ".+" if found.group(1) else "[^/]+"]
        end = found.end()
    return re.compile("".join(parts) + re.escape(template[end:]))


_EXACT = {rule: need for need, rules in RULES.items() for rule in rules if "{" not in rule}
_PATTERNS = [(_pattern(rule), rule, need) for need, rules in RULES.items() for rule in rules if "{" in rule]


def need_of(method: str, path: str) -> Need:
    """What a request of ``method`` to ``path`` must show. The pages themselves hold nothing and are open."""
    return rule_of(method, path)[1]


def rule_of(method: str, path: str) -> tuple[str, Need]:
    """The method and the route's template, and what it needs; ``GET ?`` for a path without a rule."""
    asked = f"{'GET' if method == 'HEAD' else method} {path}"
    if (exact := _EXACT.get(asked)) is not None:
        return asked, exact
    for pattern, rule, need in _PATTERNS:
        if pattern.fullmatch(asked):
            return rule, need
    need = Need.NOTHING if not path.startswith("/api/") and method in ("GET", "HEAD") else Need.ADMIN
    return f"{method} ?", need
