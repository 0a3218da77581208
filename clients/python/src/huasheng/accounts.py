"""People, keys, sharing and consent, as the gateway tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from huasheng.models import Answer

SharedKind = Literal["avatar", "voice", "model", "video"]
Audience = Literal["members", "link"]
Role = Literal["admin", "member"]
Statement = Literal["self", "written", "made-up"]
"""What is stated of the person in a file: it is oneself, their written consent is there, or it is nobody living."""


class Me(Answer):
    """Who asks, and what they may do. ``limits`` and ``used`` by name; 0 as a limit is none."""

    accounts: bool
    id: str
    name: str
    display_name: str
    role: str
    via: str
    scopes: list[str]
    has_password: bool
    limits: dict[str, float]
    used: dict[str, float]


class UsageRow(Answer):
    """What one person used in a day (UTC). ``metric``: ``video_s``, ``speech_s`` or ``live_s`` in seconds;
    ``stored_bytes`` at the end of that day."""

    user_id: str
    name: str
    day: str
    metric: str
    amount: float


class BrowserToken(Answer):
    """A token with which a page elsewhere may talk with one avatar; shown this once."""

    token: str
    avatar_id: str
    turns: int
    origins: list[str]
    expires_at: datetime


class Share(Answer):
    """Something of one's own that is shared. ``id`` is also the id under which others use it."""

    id: str
    kind: str
    resource_id: str
    name: str
    audience: str
    link: str | None
    created_at: datetime
    expires_at: datetime | None
    is_over: bool


class SharedThing(Answer):
    """Something that another person shares. ``file_url``: a video or an idle loop, for ``download``."""

    id: str
    kind: str
    name: str
    owner_name: str
    audience: str
    expires_at: datetime | None
    file_url: str | None


class ClipVerdict(Answer):
    """What was found in a consent clip. ``wrong_digits``: heard otherwise, 0 or 1; ``face_distance``: 0 is the same
    picture, people differ by more than 0.5."""

    number: str
    wrong_digits: int
    face_distance: float


class ConsentClip(Answer):
    """A consent clip that passed. ``kept``: ``hash``, or ``encrypted`` when the clip itself can be had."""

    sha256: str
    content_type: str
    verdict: ClipVerdict
    recorded_at: float
    kept: str


class ConsentChallenge(Answer):
    """A number to say in a consent clip, good once; ``sentence`` is to be read aloud, in ``language``."""

    id: str
    number: str
    sentence: str
    language: str
    expires_at: datetime


class ConsentRecord(Answer):
    """A statement about a face or a voice. ``sha256``: of the file that it was made for."""

    id: str
    kind: str
    resource_id: str
    statement: str
    text: str
    text_version: str
    given_by: str
    sha256: str
    clip: ConsentClip | None
    recorded_at: datetime
    withdrawn_at: datetime | None


class ConsentTexts(Answer):
    """What one may state, in the client's language, and whether one must. ``clip``: off, optional or required."""

    required: bool
    clip: str
    version: str
    statements: dict[str, str]


class User(Answer):
    """A person as admins see them: names and figures, no contents."""

    id: str
    name: str
    display_name: str
    role: str
    disabled: bool
    has_password: bool
    has_provider: bool
    limits: dict[str, float]
    used: dict[str, float]
    created_at: datetime
    last_seen_at: datetime | None


class UserLink(Answer):
    """A person, and the one-time address at which they choose their password."""

    user: User
    link: str


class AuditRow(Answer):
    """Who did what, when, from where."""

    id: int
    at: datetime
    actor: str
    actor_id: str
    via: str
    action: str
    object: str
    address: str
