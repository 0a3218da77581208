"""What the studio's requests say: scenes, formats, backgrounds, subtitles, sound. See docs/studio.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.gateway.api.requests import Body, Id, Synthesis

MAX_SCENES, MAX_PAUSE_S = 200, 10.0
MAX_CUES = 2000
RATIOS = {"9:16": (9, 16), "1:1": (1, 1), "16:9": (16, 9), "4:5": (4, 5)}
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Framing = Literal["auto", "head", "bust", "whole"]
Key = Annotated[str, Field(pattern=r"^(auto|#[0-9A-Fa-f]{6})$", description="a ground of one colour is taken out")]


class Keep(Body):
    """The source's own background."""

    kind: Literal["keep"] = "keep"


class Blur(Body):
    """The source's own, blurred."""

    kind: Literal["blur"]
    strength: float = Field(default=0.5, gt=0, le=1)
    key: Key | None = None


class PlainColour(Body):
    """One colour."""

    kind: Literal["colour"]
    colour: Colour
    key: Key | None = None


class FromFile(Body):
    """An uploaded picture or film, which covers the whole frame; a film runs from its start, again and again."""

    kind: Literal["picture", "film"]
    asset_id: str = Field(max_length=80)
    key: Key | None = None


class Transparent(Body):
    """No background; for a whole video in a container that has transparency."""

    kind: Literal["transparent"]
    key: Key | None = None


Background = Annotated[Keep | Blur | PlainColour | FromFile | Transparent, Field(discriminator="kind")]


class CueText(Body):
    """One subtitle as edited; times in seconds from the start of its scene."""

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    text: str = Field(max_length=400)
    second: str | None = Field(default=None, max_length=400)

    @model_validator(mode="after")
    def _forward(self) -> CueText:
        if self.end_s <= self.start_s:
            raise ValueError("a cue ends after it starts")
        return self


class Scene(Body):
    """One avatar that says one text or recording."""

    text: str | None = None
    audio_asset_id: str | None = Id
    avatar_id: str | None = Id
    model: str | None = Id
    voice_id: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    synthesis: Synthesis | None = None
    background: Background | None = None
    framing: Framing | None = None
    pause_s: float = Field(default=0.4, ge=0, le=MAX_PAUSE_S)
    cues: list[CueText] | None = Field(default=None, max_length=MAX_CUES)

    @model_validator(mode="after")
    def _one_of(self) -> Scene:
        if (self.audio_asset_id is None) == (self.text is None):
            raise ValueError("a scene has either text or audio_asset_id")
        if self.synthesis and self.text is None:
            raise ValueError("synthesis goes with text: a recording is not spoken again")
        return self


class Format(Body):
    """Size, rate and container of a video."""

    ratio: Literal["source", "9:16", "1:1", "16:9", "4:5"] | None = None
    width: int | None = Field(default=None, ge=64, le=3840, multiple_of=2)
    height: int | None = Field(default=None, ge=64, le=3840, multiple_of=2)
    resolution: int | None = Field(default=None, ge=240, le=2160, multiple_of=2, description="the short side in pixels")
    fps: float | None = Field(default=None, ge=10, le=60)
    quality: Literal["draft", "standard", "high"] = "standard"
    container: Literal["mp4", "webm", "mov"] = "mp4"

    @model_validator(mode="after")
    def _one_size(self) -> Format:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        if self.width is not None and (self.ratio or self.resolution):
            raise ValueError("give either width and height, or ratio and resolution")
        return self


def _vtt() -> list[Literal["srt", "vtt", "ass"]]:
    return ["vtt"]


class Subtitles(Body):
    """Files of subtitles, and words in the picture."""

    files: list[Literal["srt", "vtt", "ass"]] = Field(default_factory=_vtt)
    burn: bool = False
    size: Literal["small", "medium", "large"] = "medium"
    place: Literal["auto", "bottom", "top"] = "auto"
    highlight: bool = False
    second_language: str | None = Field(default=None, max_length=16)


class Music(Body):
    """Music or ambience beneath the speech, repeated where it is shorter than the video."""

    asset_id: str = Field(max_length=80)
    level_db: float = Field(default=-20, ge=-40, le=0, description="against the speech, where nobody speaks")
    duck_db: float = Field(default=12, ge=0, le=40, description="how much lower it is under speech")
    fade_in_s: float = Field(default=1, ge=0, le=30)
    fade_out_s: float = Field(default=2, ge=0, le=30)


class Sound(Body):
    """The sound of a whole video."""

    loudness_lufs: float | None = Field(default=-16, ge=-31, le=-10)
    music: Music | None = None


class Logo(Body):
    """A picture in a corner."""

    asset_id: str = Field(max_length=80)
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-right"
    width: float = Field(default=0.12, ge=0.02, le=0.5, description="share of the video's width")
    opacity: float = Field(default=1, ge=0.05, le=1)


class Studio(Body):
    """What a whole video may have besides its words."""

    format: Format | None = None
    background: Background | None = None
    framing: Framing | None = None
    subtitles: bool | Subtitles = False
    sound: Sound | None = None
    intro_asset_id: str | None = Id
    outro_asset_id: str | None = Id
    logo: Logo | None = None
    from_job_id: str | None = Id

    @model_validator(mode="after")
    def _transparency(self) -> Studio:
        container = self.format.container if self.format else "mp4"
        is_transparent = bool(self.background and self.background.kind == "transparent")
        if is_transparent != (container != "mp4"):
            raise ValueError("a transparent background goes with the containers webm and mov, and they with it")
        if is_transparent and (self.intro_asset_id or self.outro_asset_id):
            raise ValueError("a transparent video has no intro and no outro")
        return self
