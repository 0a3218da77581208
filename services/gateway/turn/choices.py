"""Who answers a question: the avatar that is drawn and the voice that speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from services.common.pronunciation import Pronunciation
from services.gateway.turn.idle_position import IdlePosition


@dataclass(frozen=True)
class VisibleMark:
    """The words in the picture that say that it was made by a machine."""

    language: str = ""
    """BCP 47, the viewer's; empty for the question's."""
    throughout: bool = False
    """Whether small ones follow those at the start."""


@dataclass(frozen=True)
class AvatarChoice:
    """Who is drawn and how; empty means the render service's default."""

    owner: str
    avatar_id: str = ""
    engine: str = ""
    model_id: str = ""
    device: str = ""
    max_side_px: int = 0
    is_live: bool = False
    single_pictures: bool = False
    """Each picture by itself and no sound, instead of fragmented MP4."""
    idle: IdlePosition | None = None
    """The loop on the user's screen; without it the video starts on the loop's first frame."""
    mark: VisibleMark | None = None
    """Burned into the video; none in a live conversation, where the page shows it."""
    restores: bool = False
    """The operator's face restorer goes over the drawn face; not live."""

    @classmethod
    def of_params(cls, owner: str, params: dict[str, Any]) -> AvatarChoice:
        """The choice in the parameters of a job."""
        return cls(
            owner,
            avatar_id=params.get("avatar_id") or "",
            engine=params.get("engine") or "",
            model_id=params.get("model") or "",
            device=params.get("device") or "",
            max_side_px=params.get("max_side_px") or 0,
            restores=bool(params.get("restore")),
        )


@dataclass(frozen=True)
class VoiceChoice:
    """Who speaks; empty means the default of the text's language."""

    owner: str
    voice_id: str = ""
    engine: str = ""
    language: str = ""
    speed: float = 0.0
    sampling: dict[str, Any] = field(default_factory=dict)
    """Fields of the tts service's ``Sampling``; the engine refuses those it does not support."""
    no_fallback: bool = False
    """No other engine and no other voice may take over."""
    dictionary: tuple[Pronunciation, ...] = ()
    """How the owner wants words said."""

    @classmethod
    def of_params(cls, owner: str, params: dict[str, Any], dictionary: Iterable[Pronunciation] = ()) -> VoiceChoice:
        """The choice in the parameters of a job or a speech request."""
        sampling = dict(params.get("synthesis") or {})
        return cls(
            owner,
            voice_id=params.get("voice_id") or "",
            engine=(params.get("engines") or {}).get("tts") or "",
            speed=sampling.pop("speed", 0.0),
            sampling=sampling,
            no_fallback=not params.get("fallback", True),
            dictionary=tuple(dictionary),
        )
