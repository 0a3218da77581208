"""The answer of a verification."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from services.gateway.marks.verifier import Evidence


class MadeHere(BaseModel):
    """What the file is, or was taken from. The job is named to its owner only."""

    at: str
    kind: Literal["video", "dialogue", "turn", "speech", "sample", "training"]
    engine: str
    is_sound_made: bool = Field(description="false: the speech is a recording that somebody brought")
    visible_mark: Literal["start", "throughout", "off"] | None = Field(description="null for speech without pictures")
    is_mine: bool
    job_id: str | None
    job_url: str | None


class VerifiedMatch(BaseModel):
    """How the content was found again."""

    share: float = Field(description="part of the file's speech that was found, 0 to 1")
    speed: float = Field(description="how much faster the file runs than what was made")
    offset_s: float = Field(description="where in what was made the file begins")
    pictures: bool | None = Field(description="whether the pictures are alike; null without pictures")


class VerifiedLabel(BaseModel):
    """The label of GB 45438-2025 in the file."""

    fields: dict[str, str]
    is_ours: bool = Field(description="written by this installation; a label can be copied to another file")


class VerifiedManifest(BaseModel):
    """The C2PA manifest in the file."""

    state: Literal["valid", "changed"]
    is_ours: bool = Field(description="signed by this installation")
    signer: str
    generator: str
    source_type: str
    ingredients: list[str]
    problems: list[str] = Field(description="codes of C2PA of what does not hold")


class Verification(BaseModel):
    """Whether a file was made here, and what its marks say."""

    made_here: bool
    evidence: Evidence = Field(
        description="file: published so; signature: of this installation, and it holds; content: pictures and sound; "
        "sound: the sound alone; label: only a label of this installation; none"
    )
    unchanged: bool | None = Field(description="null where it is not known")
    kind: str = Field(description="video, audio or image")
    content_type: str
    duration_s: float | None
    made: MadeHere | None = Field(description="null where nothing is known of it (any more)")
    match: VerifiedMatch | None
    label: VerifiedLabel | None
    manifest: VerifiedManifest | None
