"""What requests about dubbing say: the script of a film, and the film that is made of it. See docs/dubbing.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from services.gateway.api.requests import Body, ConsentRequest, EngineChoice, Id, Speaks

MAX_TERMS, MAX_TERM = 200, 100
MAX_SENTENCES, MAX_SENTENCE = 600, 1000
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class Term(Body):
    """A name or term, and how it is translated."""

    source: str = Field(min_length=1, max_length=MAX_TERM)
    target: str = Field(min_length=1, max_length=MAX_TERM)


class DubbingRequest(Speaks):
    """Recognise what is said in a film, and translate it for the person to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"film_asset_id": "a_01m3…", "language": "en"}]})
    film_asset_id: str = Field(max_length=80)
    language: str = Field(max_length=16, pattern=LANGUAGE, description="BCP 47, that the film shall speak")
    source_language: str | None = Field(
        default=None, max_length=16, pattern=LANGUAGE, description="that it speaks now; left out: recognised"
    )
    voice_id: str | None = Id
    glossary: list[Term] = Field(default_factory=list, max_length=MAX_TERMS)
    engines: EngineChoice | None = None
    consent: ConsentRequest | None = Field(default=None, description="about the person shown; required with accounts")


class DubbedSentence(Body):
    """A sentence of a script, as corrected; times in seconds of the film. Without a translation it is left silent."""

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    text: str = Field(default="", max_length=MAX_SENTENCE)
    translation: str = Field(max_length=MAX_SENTENCE)

    @model_validator(mode="after")
    def _forward(self) -> DubbedSentence:
        if self.end_s <= self.start_s:
            raise ValueError("a sentence ends after it starts")
        return self


class Dubbing(Body):
    """A film that speaks a script."""

    job_id: str = Field(max_length=80, description="of the script")
    sentences: Annotated[list[DubbedSentence], Field(min_length=1, max_length=MAX_SENTENCES)] | None = Field(
        default=None, description="as corrected; left out: as the script has them"
    )
    voice_id: str | None = Id
    background: Literal["keep", "drop"] = Field(default="keep", description="what else is heard in the film")
    second: bool = Field(default=False, description="subtitles show the original beneath")


WITH_DUBBING = ("dubbing", "engines", "fallback", "subtitles", "sound", "restore")
"""Fields of a video's request that go with a dubbing; all others would change its pictures or words."""


def check_with_dubbing(given: dict[str, Any], unset: dict[str, Any]) -> None:
    """Raises ``ValueError`` for what does not go with a dubbing. ``unset``: the values of fields that were left out."""
    wrong = [name for name, value in given.items() if name not in WITH_DUBBING and value != unset.get(name)]
    if wrong:
        raise ValueError(f"not with dubbing: {', '.join(wrong)}")
    if (given.get("sound") or {}).get("music"):
        raise ValueError("not with dubbing: sound.music")
    subtitles = given.get("subtitles")
    if isinstance(subtitles, dict) and subtitles.get("second_language"):
        raise ValueError("with dubbing, dubbing.second shows the original sentences: subtitles.second_language is not")
