"""The bodies of requests."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.common.characters import check_json
from services.gateway.accounts.consents import Statement

Id = Field(default=None, max_length=80)
MAX_PERSONA = 2000
"""Longest persona, in characters."""


class Body(BaseModel):
    """A request; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, raw: Any) -> Any:
        check_json(raw)
        return raw


class ConsentRequest(Body):
    """What one states about the person in a file: it is oneself, one has their written consent, or it is nobody.

    With a consent clip: the challenge whose number is said in it, and the uploaded film.
    """

    statement: Statement
    challenge_id: str | None = Id
    clip_asset_id: str | None = Id

    @model_validator(mode="after")
    def _whole(self) -> ConsentRequest:
        if (self.challenge_id is None) != (self.clip_asset_id is None):
            raise ValueError("challenge_id and clip_asset_id go together")
        return self


class AvatarRequest(Body):
    """Prepare a person from an uploaded video or portrait."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"asset_id": "a_01m3…", "name": "我"}]})
    asset_id: str = Field(max_length=80)
    name: str = Field(min_length=1, max_length=80)
    engine: str | None = Id
    consent: ConsentRequest | None = Field(default=None, description="required with accounts")


class TrainingRequest(Body):
    """Train a model of the person in a video; the same request again continues it. Without ``steps`` it takes the
    engine's own number (``default_steps`` of ``GET /engines``); 3000 to 10000 are advised for atlas and joygen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"video_asset_id": "a_01m3…", "steps": 5000}]})
    video_asset_id: str = Field(max_length=80)
    engine: str | None = Id
    steps: int | None = Field(default=None, ge=100, le=100_000)
    device: str | None = Id
    name: str | None = Field(default=None, min_length=1, max_length=80)
    consent: ConsentRequest | None = Field(default=None, description="required with accounts")


class Synthesis(Body):
    """How to speak. What is left out is as the operator set it; what a voice's engine does not follow is refused."""

    speed: float | None = Field(default=None, ge=0.5, le=2)
    seed: int | None = Field(default=None, ge=-1, le=2**31 - 1, description="-1 for a new one each time")
    temperature: float | None = Field(default=None, ge=0.01, le=2, description="lower is steadier, higher livelier")
    top_k: int | None = Field(default=None, ge=1, le=100)
    top_p: float | None = Field(default=None, ge=0.01, le=1)
    repetition_penalty: float | None = Field(default=None, ge=1, le=2)
    split: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"] | None = Field(
        default=None,
        description="split again: not, four sentences, about 50 characters, 。, full stops, all punctuation",
    )


class EngineChoice(Body):
    """Engines that are asked first; left out, the first of each service's settings, or the voice's. See fallback."""

    asr: str | None = Field(default=None, max_length=40)
    llm: str | None = Field(default=None, max_length=40)
    llm_model: str | None = Field(
        default=None, max_length=200, description="one of the models that the first language engine may be asked for"
    )
    tts: str | None = Field(default=None, max_length=40)


class Speaks(Body):
    """What is said, and by which engine."""

    synthesis: Synthesis | None = None
    fallback: bool = Field(
        default=True, description="another engine may take over from one that cannot; the answer says so"
    )

    def params(self) -> dict[str, Any]:
        """The parameters of a job; ``synthesis`` has only the fields that were given."""
        given = self.synthesis.model_dump(exclude_none=True) if self.synthesis else {}
        return self.model_dump() | {"synthesis": given}


class _Speech(Speaks):
    engines: EngineChoice | None = None
    audio_asset_id: str | None = Id
    text: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> _Speech:
        if (self.audio_asset_id is None) == (self.text is None):
            raise ValueError("give either audio_asset_id or text")
        return self


class DialogueRequest(_Speech):
    """Ask a question, typed or recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "你是谁？"}, {"audio_asset_id": "a_01m3…"}]})
    avatar_id: str | None = Id
    voice_id: str | None = Id
    conversation_id: str | None = Id
    engine: str | None = Id
    model: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    persona: str | None = Field(default=None, max_length=MAX_PERSONA)
    idle_frame: int | None = Field(default=None, ge=0, le=1_000_000)


class SpeechRequest(Speaks):
    """Say a text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello there.", "voice_id": None}]})
    text: str
    voice_id: str | None = Id
    engine: str | None = Field(default=None, max_length=40, description="asked first; left out: the voice's")
    language: str | None = Field(default=None, max_length=16)
    speed: float | None = Field(default=None, ge=0.5, le=2.0, description="the same as synthesis.speed")

    @model_validator(mode="after")
    def _one_speed(self) -> SpeechRequest:
        if self.speed is not None and self.synthesis and self.synthesis.speed is not None:
            raise ValueError("give speed once")
        return self


class PreviewRequest(Body):
    """Ask how a text will be said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "血压120/80mmHg。", "voice_id": None}]})
    text: str
    voice_id: str | None = Id
    language: str | None = Field(default=None, max_length=16)


class SayRequest(Body):
    """How to say a word: pinyin with tone numbers (zh), or IPA between slashes or other words (en)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"say": "chong2 qing4", "language": "zh"}]})
    say: str = Field(max_length=120)
    language: Literal["zh", "en"]


class ImportRequest(Body):
    """The lines of a CSV file: word, how to say it, language (may be left out)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"csv": "重庆,chong2 qing4,zh"}]})
    csv: str = Field(max_length=200_000)


class VoiceName(Body):
    """Rename a voice."""

    name: str = Field(min_length=1, max_length=80)


class AvatarVoice(Body):
    """Choose the voice of an avatar; null for the default of the language."""

    voice_id: str | None = Field(max_length=80)
