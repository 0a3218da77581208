"""What job rows keep of avatars, models and engines, in the form in which the API shows it.

A row keeps storage keys (``x_key``) where an answer has links (``x_url``): links expire, rows stay.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel

from services.common.storage import Storage
from services.gateway.catalogue.avatars import BUILTIN
from services.gateway.media.signing import Signer
from services.gateway.store.avatar_voices import NO_VOICE
from services.gateway.store.db import Row
from services.gateway.turn import events


def iso(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Fallback(BaseModel):
    """An engine that was passed over, and the one that did its work."""

    service: Literal["asr", "llm", "tts"]
    wanted: str
    used: str
    reason: str
    wanted_voice: str | None
    used_voice: str | None

    @classmethod
    def of(cls, event: events.Fallback) -> Fallback:
        """The fallback of a turn's event."""
        return cls.model_validate(
            {**vars(event), "wanted_voice": event.wanted_voice or None, "used_voice": event.used_voice or None}
        )


class TextWarning(BaseModel):
    """Words that were not said, since the voice does not speak their script, or not said as the dictionary has it."""

    reason: Literal[
        "left-out",
        "entry-ignored",
        "not-checked",
        "pause-clamped",
        "rate-clamped",
        "ssml-unknown",
        "not-shown",
        "enlarged",
        "voice-removed",
        "background-ducked",
    ]
    """``entry-ignored``: the engine cannot follow the dictionary's entry for this word. ``not-checked``: what was left
    out of this speech is not known. ``pause-clamped``, ``rate-clamped``: out of range as written, brought into it.
    ``ssml-unknown``: SSML that is not followed; its words are said. ``not-shown``: characters that captions in the
    picture leave out. ``enlarged``: an avatar (``text`` is its name) that is shown at more than twice the size of its
    own pixels. ``voice-removed``: the voice was taken out of a dubbed film's own sound, which stays beneath.
    ``background-ducked``: that sound goes down while somebody speaks, since nothing here can take the voice out."""
    text: str
    script: str

    @classmethod
    def of(cls, message: Any) -> TextWarning:
        """The warning of the tts service or of a turn's event."""
        return cls(reason=message.reason, text=message.text, script=message.script)


class Clause(BaseModel):
    """A stretch of an answer's speech, as written, and when it is spoken."""

    index: int
    text: str
    start_s: float
    end_s: float


class FaceBox(BaseModel):
    """Where the face is, forehead to chin, in shares of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, message: Any) -> FaceBox:
        """The box of the render service."""
        return cls(left=message.left, top=message.top, right=message.right, bottom=message.bottom)


class AvatarReport(BaseModel):
    """What preparation found."""

    face_fraction: float
    face_width_px: float
    mouth_coverage: float
    warnings: list[str]
    missing_shapes: list[str]
    mouth_pictures: int
    covered_frames: int
    blurred_frames: int
    face_box: FaceBox | None

    @classmethod
    def of(cls, message: Any) -> AvatarReport:
        """The report of the render service."""
        return cls(
            face_fraction=round(message.face_fraction, 4),
            face_width_px=round(message.face_width_px, 1),
            mouth_coverage=round(message.mouth_coverage, 4),
            warnings=list(message.warnings),
            missing_shapes=list(message.missing_shapes),
            mouth_pictures=message.mouth_pictures,
            covered_frames=message.covered_frames,
            blurred_frames=message.blurred_frames,
            face_box=FaceBox.of(message.face_box) if message.HasField("face_box") else None,
        )


class Stated(BaseModel):
    """What was stated about the person: by whom and when; all of it is in ``GET /consents``."""

    id: str
    statement: str
    given_by: str
    recorded_at: str

    @classmethod
    def of(cls, row: Row | None) -> Stated | None:
        """From the row of a consent."""
        if row is None:
            return None
        return cls(**{n: row[n] for n in ("id", "statement", "given_by")}, recorded_at=iso(row["recorded_at"]))


class Avatar(BaseModel):
    """A prepared person."""

    id: str
    avatar_id: str
    name: str
    owner: str
    is_builtin: bool
    is_shared: bool = False
    """Another person's, who shares it; ``id`` is that of the share."""
    engine: str
    kind: str
    width: int
    height: int
    fps: float
    frames: int
    thumbnail_url: str | None
    idle_url: str | None
    created_at: str
    voice_id: str | None
    lost_voice: str | None
    report: AvatarReport
    consent: Stated | None = None

    @classmethod
    def of(cls, message: Any, storage: Storage, link: Callable[[str], str], voice: Row = NO_VOICE) -> Avatar:
        """An avatar of the render service. ``link`` makes a link of a storage key; ``voice`` is its chosen one."""
        return cls(
            id=message.avatar_id,
            avatar_id=message.avatar_id,
            name=message.name,
            owner=message.owner,
            is_builtin=message.owner == BUILTIN,
            engine=message.engine,
            kind=message.kind,
            width=message.width,
            height=message.height,
            fps=message.fps,
            frames=message.frames,
            thumbnail_url=_link(message.thumbnail_uri, storage, link),
            idle_url=_link(message.idle_uri, storage, link),
            created_at=iso(message.created_at),
            voice_id=voice["voice_id"],
            lost_voice=voice["lost_voice"],
            report=AvatarReport.of(message.report),
        )


class Curve(BaseModel):
    """Mouth opening over the held-out part of a clip, in distances between the eyes."""

    rate_hz: float
    start_s: float
    real: list[float]
    before: list[float]
    after: list[float]

    @classmethod
    def of(cls, message: Any) -> Curve:
        """The curve of the render service."""
        return cls(
            rate_hz=round(message.rate_hz, 3),
            start_s=round(message.start_s, 3),
            real=[round(v, 4) for v in message.real],
            before=[round(v, 4) for v in message.before],
            after=[round(v, 4) for v in message.after],
        )


class Model(BaseModel):
    """A model that draws."""

    id: str
    model_id: str
    name: str
    owner: str
    is_builtin: bool
    is_shared: bool = False
    engine: str
    avatar_id: str | None
    steps: int
    training_id: str | None
    before: dict[str, float]
    after: dict[str, float]
    warnings: list[str]
    offset_ms: float
    curve: Curve | None
    preview_url: str | None
    before_video_url: str | None
    after_video_url: str | None
    created_at: str

    @classmethod
    def of(cls, message: Any, storage: Storage, link: Callable[[str], str]) -> Model:
        """A model of the render service. ``link`` makes a link of a storage key."""
        return cls(
            id=message.model_id,
            model_id=message.model_id,
            name=message.name,
            owner=message.owner,
            is_builtin=message.owner == BUILTIN,
            engine=message.engine,
            avatar_id=message.avatar_id or None,
            steps=message.steps,
            training_id=message.training_id or None,
            before={k: round(v, 4) for k, v in sorted(message.before.items())},
            after={k: round(v, 4) for k, v in sorted(message.after.items())},
            warnings=list(message.warnings),
            offset_ms=round(message.offset_ms, 1),
            curve=Curve.of(message.curve) if message.HasField("curve") else None,
            preview_url=_link(message.preview_uri, storage, link),
            before_video_url=_link(message.before_video_uri, storage, link),
            after_video_url=_link(message.after_video_uri, storage, link),
            created_at=iso(message.created_at),
        )


def _link(uri: str, storage: Storage, link: Callable[[str], str]) -> str | None:
    return link(storage.key(uri)) if uri else None


def avatar_record(message: Any, storage: Storage) -> dict[str, Any]:
    """An avatar as a job's result keeps it."""
    return _with_keys(Avatar.of(message, storage, _same))


def model_record(message: Any, storage: Storage) -> dict[str, Any]:
    """A model as a job's result keeps it."""
    return _with_keys(Model.of(message, storage, _same))


def _same(key: str) -> str:
    return key


def _with_keys(model: BaseModel) -> dict[str, Any]:
    """The fields of a model that was built with keys in place of links, named accordingly."""
    return {k.removesuffix("_url") + "_key" if k.endswith("_url") else k: v for k, v in model.model_dump().items()}


def with_links(record: dict[str, Any], signer: Signer) -> dict[str, Any]:
    """Every ``x_key`` (a storage key or None) becomes ``x_url``, in nested dictionaries as well; so do the values of a
    dictionary ``x_keys``."""
    out = {}
    for k, v in record.items():
        if k.endswith("_keys"):
            out[k.removesuffix("_keys") + "_urls"] = {name: signer.media(key) for name, key in v.items()}
            continue
        if isinstance(v, dict):
            v = with_links(v, signer)
        if k.endswith("_key"):
            k, v = k.removesuffix("_key") + "_url", signer.media(v) if v else None
        out[k] = v
    return out
