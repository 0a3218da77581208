"""Tables of people and what they may do. Secrets are kept as hashes only."""

from __future__ import annotations

import sqlalchemy as sa

from services.gateway.store.db import meta

users = sa.Table(
    "users",
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False, unique=True),  # of their rows and files, in all services
    sa.Column("name", sa.String(64), nullable=False, unique=True),  # to sign in with, in lower case
    sa.Column("display_name", sa.String(80), nullable=False),
    sa.Column("role", sa.String(8), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False, default=""),  # empty: no password yet, or OIDC only
    sa.Column("subject", sa.String(400), unique=True),  # issuer and subject of OpenID Connect
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("limits", sa.JSON, nullable=False),  # where they differ from the installation's
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("last_seen_at", sa.Float),
)


def _of_user() -> sa.Column[str]:
    return sa.Column("user_id", sa.String(40), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


sessions = sa.Table(
    "sessions",
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),  # of the cookie
    _of_user(),
    sa.Column("agent", sa.String(200), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("last_used_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Index("sessions_user", "user_id"),
)

api_keys = sa.Table(
    "api_keys",
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("prefix", sa.String(16), nullable=False, unique=True),  # the part that is shown
    sa.Column("hash", sa.String(64), nullable=False),
    _of_user(),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float),
    sa.Column("last_used_at", sa.Float),
    sa.Index("api_keys_user", "user_id"),
)

browser_tokens = sa.Table(
    "browser_tokens",  # for a page elsewhere that may talk with one avatar for some minutes
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    _of_user(),
    sa.Column("key_id", sa.String(40)),  # the key that made it: it ends with that
    sa.Column("avatar_id", sa.String(80), nullable=False),
    sa.Column("origins", sa.JSON, nullable=False),
    sa.Column("turns_left", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Index("browser_tokens_user", "user_id"),
)

invitations = sa.Table(
    "invitations",  # one-time links: the first admin, a new person, a new password
    meta,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(8), nullable=False),
    sa.Column("user_id", sa.String(40), sa.ForeignKey("users.id", ondelete="CASCADE")),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)

failures = sa.Table(
    "sign_in_failures",
    meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("subject", sa.String(80), nullable=False),  # a hash of name or address
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("sign_in_failures_subject", "subject", "at"),
)

shares = sa.Table(
    "shares",
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("resource_id", sa.String(80), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("audience", sa.String(8), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float),
    sa.Index("shares_owner", "owner", "kind", "resource_id"),
)

share_guests = sa.Table(
    "share_guests",  # who took a link's thing into their own list
    meta,
    sa.Column("share_id", sa.String(40), sa.ForeignKey("shares.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("owner", sa.String(64), primary_key=True),
)

audit = sa.Table(
    "audit",  # rows are only added
    meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),  # their name at that time
    sa.Column("actor_id", sa.String(40), nullable=False),
    sa.Column("via", sa.String(16), nullable=False),
    sa.Column("action", sa.String(120), nullable=False),  # a method and a route, or words
    sa.Column("object", sa.String(120), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Index("audit_at", "at"),
)

usage = sa.Table(
    "usage",
    meta,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("key_id", sa.String(40), primary_key=True),  # empty: not by a key
    sa.Column("day", sa.String(10), primary_key=True),  # in UTC
    sa.Column("metric", sa.String(16), primary_key=True),
    sa.Column("amount", sa.Float, nullable=False),
)

consent_challenges = sa.Table(
    "consent_challenges",  # numbers to say in a consent clip; rows are deleted after a day
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("number", sa.String(8), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("used_at", sa.Float),
    sa.Index("consent_challenges_owner", "owner", "created_at"),
)

consents = sa.Table(
    "consents",  # stay when the file, and the person who gave them, are gone
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("given_by", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("resource_id", sa.String(80), nullable=False),
    sa.Column("statement", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("text_version", sa.String(16), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("clip", sa.JSON),
    sa.Column("recorded_at", sa.Float, nullable=False),
    sa.Column("withdrawn_at", sa.Float),
    sa.Index("consents_resource", "owner", "kind", "resource_id"),
)

live_endings = sa.Table(
    "live_endings",  # rows are deleted after an hour
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("what", sa.JSON, nullable=False),
)
