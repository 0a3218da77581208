"""Whether a file was made here: what ``verify`` answers."""

from __future__ import annotations

from datetime import datetime

from huasheng.models import Answer


class MadeHere(Answer):
    """What the file is, or was taken from. The job is named to its owner only."""

    at: datetime
    kind: str
    engine: str
    is_sound_made: bool
    """False: the speech is a recording that somebody brought."""
    visible_mark: str | None
    is_mine: bool
    job_id: str | None
    job_url: str | None


class VerifiedMatch(Answer):
    """How the content was found again."""

    share: float
    """Part of the file's speech that was found, 0 to 1."""
    speed: float
    offset_s: float
    pictures: bool | None


class VerifiedLabel(Answer):
    """The label of GB 45438-2025 in the file."""

    fields: dict[str, str]
    is_ours: bool


class VerifiedManifest(Answer):
    """The C2PA manifest in the file."""

    state: str
    """``valid``, or ``changed`` since it was signed."""
    is_ours: bool
    signer: str
    generator: str
    source_type: str
    ingredients: list[str]
    problems: list[str]


class Verification(Answer):
    """Whether a file was made here, and what its marks say."""

    made_here: bool
    evidence: str
    """``file``, ``signature``, ``content``, ``sound``, ``label`` or ``none``."""
    unchanged: bool | None
    kind: str
    content_type: str
    duration_s: float | None
    made: MadeHere | None
    match: VerifiedMatch | None
    label: VerifiedLabel | None
    manifest: VerifiedManifest | None
