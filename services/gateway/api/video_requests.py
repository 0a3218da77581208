"""The body of ``POST /videos``: one text or recording, or scenes, with what a whole video may have."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from services.gateway.api.dubbing_requests import Dubbing, check_with_dubbing
from services.gateway.api.requests import EngineChoice, Id, Speaks
from services.gateway.api.studio_requests import MAX_SCENES, Scene, Studio, Subtitles
from services.gateway.studio.script import has_markup

_WHOLE = {*Studio.model_fields, "scenes"} - {"subtitles"}
"""Fields that make a request one for the studio when they are given."""
_OF_SCENES = ("avatar_id", "model", "voice_id", "language", "synthesis", "background", "framing")


class VideoRequest(Speaks, Studio):
    """Make the avatar say a text or a recording; or several avatars, scene by scene (docs/studio.md); or the person of
    a film another language (docs/dubbing.md)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"avatar_id": "builtin", "text": "大家好，我是画声。", "subtitles": True},
                {
                    "scenes": [{"text": "大家好。[pause 0.5]我是画声。"}, {"text": "再见。", "framing": "head"}],
                    "format": {"ratio": "9:16"},
                    "subtitles": {"burn": True},
                },
            ]
        }
    )
    engines: EngineChoice | None = None
    audio_asset_id: str | None = Id
    text: str | None = None
    scenes: list[Scene] | None = Field(default=None, min_length=1, max_length=MAX_SCENES)
    dubbing: Dubbing | None = None
    avatar_id: str | None = Id
    voice_id: str | None = Id
    engine: str | None = Id
    model: str | None = Id
    device: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    restore: bool = Field(
        default=False, description="the operator's face restorer goes over the drawn face: restorer of GET /engines"
    )
    max_side_px: int | None = Field(default=None, ge=64, le=4096, description="not with options of the studio")

    @model_validator(mode="after")
    def _one_of(self) -> VideoRequest:
        if sum(x is not None for x in (self.audio_asset_id, self.text, self.scenes, self.dubbing)) != 1:
            raise ValueError("give one of audio_asset_id, text, scenes, dubbing")
        if self.dubbing is not None:
            unset = {name: f.get_default(call_default_factory=True) for name, f in type(self).model_fields.items()}
            check_with_dubbing(self.model_dump(), unset)
            return self
        if self.synthesis and self.audio_asset_id is not None:
            raise ValueError("synthesis goes with text: a recording is not spoken again")
        if self.is_studio and self.max_side_px is not None:
            raise ValueError("max_side_px goes without options of the studio: format says the size")
        backgrounds = [s.background for s in self.scenes or () if s.background]
        if any(b.kind == "transparent" for b in backgrounds):
            raise ValueError("a transparent background is for the whole video")
        if backgrounds and self.background and self.background.kind == "transparent":
            raise ValueError("a transparent video has no backgrounds of single scenes")
        return self

    @property
    def is_studio(self) -> bool:
        """Whether it asks for more than one text or recording and plain subtitles."""
        is_asked = isinstance(self.subtitles, Subtitles) or any(getattr(self, name) is not None for name in _WHOLE)
        return is_asked or has_markup(self.text or "")

    def params(self) -> dict[str, Any]:
        """The parameters of a job. For the studio always with ``scenes``, each with what the whole video says."""
        given = super().params()
        if self.dubbing is not None:
            return given
        given.pop("dubbing")
        if not self.is_studio:
            return {k: v for k, v in given.items() if k not in _WHOLE}
        whole = Scene.model_construct(text=self.text, audio_asset_id=self.audio_asset_id, pause_s=0.0)
        scenes = self.scenes or [whole]
        return given | {"scenes": [self._scene(s) for s in scenes]}

    def _scene(self, scene: Scene) -> dict[str, Any]:
        own = scene.model_dump()
        drawn = ("avatar_id", "model") if scene.avatar_id or scene.model else ()
        for name in _OF_SCENES:
            if own.get(name) is None and name not in drawn:
                value = getattr(self, name)
                own[name] = value.model_dump() if hasattr(value, "model_dump") else value
        spoken = own["synthesis"] or {} if own["text"] is not None else {}
        return own | {"synthesis": {k: v for k, v in spoken.items() if v is not None}}


class ScenePreviewRequest(Scene):
    """Speak one scene."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "大家好。[pause 0.5]我是画声。"}]})
    engines: EngineChoice | None = None
    fallback: bool = Field(default=True, description="another engine may take over from one that cannot")

    def params(self) -> dict[str, Any]:
        """The parameters as those of a job have them, for the one scene."""
        scene = Scene.model_validate(self.model_dump(exclude={"engines", "fallback"}))
        engines = self.engines.model_dump() if self.engines else None
        return VideoRequest.model_validate({"scenes": [scene], "engines": engines, "fallback": self.fallback}).params()
